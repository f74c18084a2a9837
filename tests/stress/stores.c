/* SPDX-License-Identifier: MIT */
/*
 * stores.c - the stores a run pages to and from.
 *
 * The own store is the library's judge as well: it keeps pages in plain memory, and aborts when the
 * contract of store.h is broken: two calls for one page at once, a load of a place that was never
 * written, a place freed twice. Without KEEPS it destroys a swap place's content when it was read.
 * Flaky, it fails as it is told to; a run of pages may then be written in part, and what was
 * written before a sync that failed would not survive a crash.
 */
#include "stress.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct own {
        struct pg_store store;
        bool is_swap;
        size_t npages, page_size;
        char *pages;
        char *synced;                                  /* what a crash would leave of them */
        _Atomic unsigned char *taken, *written, *busy; /* of each page */
        _Atomic unsigned char *unsynced;               /* saved since the last sync */
        _Atomic size_t next, used;
        _Atomic uint64_t random;
};

static struct {
        _Atomic unsigned load, save, get, sync;
        _Atomic bool sync_failed; /* once at least */
} sickness;

static int data_fd = -1;

bool flaky_sync_failed(void)
{
        return atomic_load(&sickness.sync_failed);
}

void flaky_set(unsigned load, unsigned save, unsigned get, unsigned sync)
{
        atomic_store(&sickness.load, load);
        atomic_store(&sickness.save, save);
        atomic_store(&sickness.get, get);
        atomic_store(&sickness.sync, sync);
}

bool store_is_flaky(void)
{
        return options.store == STORE_FLAKY;
}

__attribute__((noreturn)) static void broken(const char *what, uint64_t offset)
{
        fail(self, "contract of a store broken: %s, offset %#llx", what,
             (unsigned long long)offset);
}

static uint64_t own_random(struct own *o)
{
        uint64_t state = atomic_fetch_add(&o->random, 0x9e3779b97f4a7c15);

        return random_next(&state);
}

static bool fails(struct own *o, _Atomic unsigned *permille)
{
        unsigned p = atomic_load(permille);

        return p > 0 && store_is_flaky() && own_random(o) % 1000 < p;
}

static void page_enter(struct own *o, size_t page, bool wait)
{
        while (atomic_exchange_explicit(&o->busy[page], 1, memory_order_acquire)) {
                if (!wait)
                        broken("two calls for one page at once", page * o->page_size);
                sched_yield();
        }
}

static void page_leave(struct own *o, size_t page)
{
        atomic_store_explicit(&o->busy[page], 0, memory_order_release);
}

static int own_get(struct pg_store *store, uint64_t *offset, bool for_fault)
{
        struct own *o = (struct own *)store;

        (void)for_fault;
        if (fails(o, &sickness.get))
                return -ENOSPC;
        for (size_t tries = 0; tries < 2 * o->npages; tries++) {
                size_t page = atomic_fetch_add(&o->next, 1) % o->npages;

                if (atomic_exchange(&o->taken[page], 1))
                        continue;
                atomic_store(&o->written[page], 0);
                atomic_fetch_add(&o->used, 1);
                *offset = page * o->page_size;
                return 0;
        }
        return -ENOSPC;
}

static void own_free(struct pg_store *store, uint64_t offset)
{
        struct own *o = (struct own *)store;
        size_t page = offset / o->page_size;

        if (!o->is_swap)
                broken("a mapped page was freed", offset);
        page_enter(o, page, false);
        memset(o->pages + offset, 0xdd, 64);
        atomic_store(&o->written[page], 0);
        page_leave(o, page);
        atomic_fetch_sub(&o->used, 1);
        if (!atomic_exchange(&o->taken[page], 0))
                broken("a place was freed that nobody has", offset);
}

static void own_use(struct own *o, size_t page, bool written)
{
        if (page >= o->npages)
                broken("beyond the end", page * o->page_size);
        page_enter(o, page, !o->is_swap);
        if (o->is_swap && !atomic_load(&o->taken[page]))
                broken("use of a place that nobody has", page * o->page_size);
        if (!written && o->is_swap && !atomic_load(&o->written[page]))
                broken("load of a place without content", page * o->page_size);
}

static int own_in(struct pg_store *store, uint64_t offset, size_t npages, void *buf)
{
        struct own *o = (struct own *)store;
        size_t first = offset / o->page_size;

        if (fails(o, &sickness.load)) {
                memset(buf, 0xee, npages * o->page_size);
                return -EIO;
        }
        for (size_t i = 0; i < npages; i++) {
                char *page = o->pages + (first + i) * o->page_size;

                own_use(o, first + i, false);
                memcpy((char *)buf + i * o->page_size, page, o->page_size);
                if (o->is_swap && !(store->ops->flags & PG_STORE_KEEPS)) {
                        memset(page, 0xbb, o->page_size);
                        atomic_store(&o->written[first + i], 0);
                }
                page_leave(o, first + i);
        }
        return 0;
}

static int own_out(struct pg_store *store, uint64_t offset, size_t npages, const void *buf)
{
        struct own *o = (struct own *)store;
        size_t first = offset / o->page_size;
        bool failing = fails(o, &sickness.save);
        size_t n = failing ? own_random(o) % npages : npages;

        for (size_t i = 0; i < n; i++) {
                own_use(o, first + i, true);
                memcpy(o->pages + (first + i) * o->page_size, (const char *)buf + i * o->page_size,
                       o->page_size);
                atomic_store(&o->written[first + i], 1);
                atomic_store(&o->unsynced[first + i], 1);
                page_leave(o, first + i);
        }
        return !failing ? 0 : own_random(o) % 2 ? -EIO : -ENOSPC;
}

static void page_sync(struct own *o, size_t page)
{
        page_enter(o, page, true);
        memcpy(o->synced + page * o->page_size, o->pages + page * o->page_size, o->page_size);
        page_leave(o, page);
}

static int own_sync(struct pg_store *store)
{
        struct own *o = (struct own *)store;
        bool failing = fails(o, &sickness.sync);

        for (size_t page = 0; page < o->npages; page++)
                if (atomic_exchange(&o->unsynced[page], 0) && !failing)
                        page_sync(o, page);
        if (failing)
                atomic_store(&sickness.sync_failed, true);
        return failing ? -EIO : 0;
}

static void own_close(struct pg_store *store)
{
        struct own *o = (struct own *)store;

        if (o->is_swap && atomic_load(&o->used) != 0)
                broken("places were never given back", atomic_load(&o->used));
        munmap(o->pages, o->npages * o->page_size);
        munmap(o->synced, o->npages * o->page_size);
        free((void *)o->unsynced);
        free((void *)o->taken);
        free((void *)o->written);
        free((void *)o->busy);
        free(o);
}

#define OWN_OPS(flags_)                                                                            \
        {                                                                                          \
                .size = sizeof(struct pg_store_ops), .name = "own", .flags = (flags_),             \
                .location_get = own_get, .location_free = own_free, .page_in = own_in,             \
                .page_out = own_out, .sync = own_sync, .close = own_close,                         \
        }

static const struct pg_store_ops own_ops[] = {
        OWN_OPS(PG_STORE_PARALLEL | PG_STORE_KEEPS),
        OWN_OPS(PG_STORE_KEEPS),
        OWN_OPS(PG_STORE_PARALLEL),
        OWN_OPS(0),
};

static struct pg_store *own_make(size_t npages, bool is_swap)
{
        unsigned serial = options.seed & 1, nokeep = options.store == STORE_NOKEEP;
        struct own *o = calloc(1, sizeof(*o));

        *o = (struct own){.is_swap = is_swap, .npages = npages, .page_size = options.page_size};
        o->pages = mmap(NULL, npages * o->page_size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        o->synced = mmap(NULL, npages * o->page_size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        o->unsynced = calloc(npages, 1);
        o->taken = calloc(npages, 1);
        o->written = calloc(npages, 1);
        o->busy = calloc(npages, 1);
        atomic_store(&o->random, options.seed);
        if (pg_store_init(&o->store, &own_ops[nokeep * 2 + serial], npages * o->page_size) != 0)
                abort();
        return &o->store;
}

/* ---- both stores of a run ------------------------------------------------------------------ */

uint64_t data_word(uint64_t offset)
{
        uint64_t state = offset ^ options.seed;

        /* Runs of pages that compress well, and others that do not. */
        return offset >> 14 & 1 ? random_next(&state) : offset / 64;
}

static struct pg_store *file_make(uint64_t bytes, int *keep)
{
        struct pg_file_config config = {.size = sizeof(config)};
        struct pg_store *store = NULL;

        config.fd = memfd_create("stress", MFD_CLOEXEC);
        if (config.fd < 0 || ftruncate(config.fd, (off_t)bytes) != 0 ||
            pg_store_file(&store, &config) != 0)
                abort();
        if (keep)
                *keep = config.fd;
        else
                close(config.fd);
        return store;
}

static struct pg_store *zram_make(const char *algorithm, uint64_t limit)
{
        struct pg_zram_config config = {
                .size = sizeof(config), .algorithm = algorithm, .limit_bytes = limit};
        struct pg_store *store = NULL;

        if (pg_store_zram(&store, &config) != 0)
                abort();
        return store;
}

/* Most pages do not fit above. */
static struct pg_store *tiered_make(size_t npages)
{
        uint64_t bytes = npages * options.page_size;
        struct pg_tiered_config config = {
                .size = sizeof(config),
                .upper = zram_make(NULL, (256u << 10) + 8 * options.page_size),
                .lower = file_make(bytes, NULL)};
        struct pg_store *store = NULL;

        if (pg_store_tiered(&store, &config) != 0)
                abort();
        return store;
}

/* Places for twice all pages: a page may have one while it gets another. */
struct pg_store *store_make_swap(void)
{
        size_t npages = 2 * (options.pages + 16 * options.threads) + 256;

        switch (options.store) {
        case STORE_ZRAM:
                return zram_make(NULL, 0);
        case STORE_ZSTD:
                return zram_make("zstd", 0);
        case STORE_FILE:
                return file_make(npages * options.page_size, NULL);
        case STORE_TIERED:
        case STORE_CAPPED:
                return tiered_make(npages);
        default:
                return own_make(npages, true);
        }
}

struct pg_store *store_make_data(uint64_t bytes)
{
        bool own = options.store >= STORE_OWN;
        struct pg_store *store =
                own ? own_make(bytes / options.page_size, false) : file_make(bytes, &data_fd);
        uint64_t *words = own ? (uint64_t *)(void *)((struct own *)store)->pages
                              : mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, data_fd, 0);

        for (uint64_t i = 0; i < bytes / 8; i++)
                words[i] = data_word(i * 8);
        if (own)
                memcpy(((struct own *)store)->synced, words, bytes);
        if (!own)
                munmap(words, bytes);
        return store;
}

static void own_peek(struct own *o, const char *pages, uint64_t offset, void *buf, size_t len)
{
        for (size_t at = 0, part; at < len; at += part) {
                size_t page = (offset + at) / o->page_size;

                part = (page + 1) * o->page_size - (offset + at);
                part = part < len - at ? part : len - at;
                page_enter(o, page, true);
                memcpy((char *)buf + at, pages + offset + at, part);
                page_leave(o, page);
        }
}

void data_peek(struct pg_store *store, uint64_t offset, void *buf, size_t len)
{
        struct own *o = (struct own *)store;

        if (options.store >= STORE_OWN)
                own_peek(o, o->pages, offset, buf, len);
        else if (pread(data_fd, buf, len, (off_t)offset) != (ssize_t)len)
                abort();
}

void data_peek_synced(struct pg_store *store, uint64_t offset, void *buf, size_t len)
{
        struct own *o = (struct own *)store;

        if (options.store >= STORE_OWN)
                own_peek(o, o->synced, offset, buf, len);
        else
                data_peek(store, offset, buf, len);
}

void stores_close(struct pg_store *swap, struct pg_store *data)
{
        if (pg_store_close(swap) != 0 || pg_store_close(data) != 0)
                fail(self, "a store is still in use after its pool was closed");
        if (data_fd >= 0)
                close(data_fd);
        data_fd = -1;
}
