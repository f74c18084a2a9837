/* SPDX-License-Identifier: MIT */
/*
 * own_store.c - a store of one's own: RAM whose pages are scrambled, so that no page that left the
 * program can be read by looking at the memory of the store.
 *
 * One kind of store in two uses. As a pool's swap store it hands out places one by one
 * (location_get) and takes what the program's memory does not hold. Attached to a pool, its own
 * pages are mapped: what the program writes there goes back to it.
 *
 * The scrambling (XOR with a stream of numbers that depends on the place) keeps out the curious,
 * not an attacker. The store is not PG_STORE_PARALLEL, so the library calls one operation at a time
 * and there is no lock to be seen. Everything is allocated when the store is made.
 */
#include <unpaged/store.h>
#include <unpaged/statistics.h>
#include <unpaged/unpaged.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE        ((size_t)4096) /* of the pool below, which takes the default */
#define VAULT_PAGES ((size_t)1024)
#define FRAMES      64u
#define SECRET      UINT64_C(0x7465726365736120)

struct vault {
        struct pg_store store; /* first: the library's pointer is ours */
        char *memory;
        uint64_t fresh; /* offset of the first place never handed out */
        size_t nfreed;  /* places given back, the last one on top */
        uint64_t freed[VAULT_PAGES];
};

/* Scrambles, and unscrambles: applied twice it cancels out. */
static void scramble(uint64_t *to, const uint64_t *from, uint64_t offset, size_t bytes)
{
        for (size_t i = 0; i < bytes / sizeof(*to); i++) {
                uint64_t x = (offset / sizeof(*to) + i + 1) * UINT64_C(0x9E3779B97F4A7C15);

                x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
                to[i] = from[i] ^ x ^ (x >> 31);
        }
}

static int vault_location_get(struct pg_store *store, uint64_t *offset, bool for_fault)
{
        struct vault *vault = (struct vault *)store;

        (void)for_fault;
        if (vault->nfreed > 0) {
                *offset = vault->freed[--vault->nfreed];
        } else if (vault->fresh + store->page_size <= store->extent) {
                *offset = vault->fresh;
                vault->fresh += store->page_size;
        } else {
                return -ENOSPC;
        }
        return 0;
}

static void vault_location_free(struct pg_store *store, uint64_t offset)
{
        struct vault *vault = (struct vault *)store;

        vault->freed[vault->nfreed++] = offset;
}

static int vault_page_in(struct pg_store *store, uint64_t offset, size_t npages, void *buf)
{
        struct vault *vault = (struct vault *)store;

        scramble(buf, (uint64_t *)(vault->memory + offset), offset, npages * store->page_size);
        return 0;
}

static int vault_page_out(struct pg_store *store, uint64_t offset, size_t npages, const void *buf)
{
        struct vault *vault = (struct vault *)store;

        scramble((uint64_t *)(vault->memory + offset), buf, offset, npages * store->page_size);
        return 0;
}

static void vault_close(struct pg_store *store)
{
        struct vault *vault = (struct vault *)store;

        munmap(vault->memory, store->extent);
        free(vault);
}

static const struct pg_store_ops vault_ops = {
        .size = sizeof(struct pg_store_ops),
        .name = "vault",
        .flags = PG_STORE_KEEPS,
        .location_get = vault_location_get,
        .location_free = vault_location_free,
        .page_in = vault_page_in,
        .page_out = vault_page_out,
        .close = vault_close,
};

static int vault_open(struct vault **result)
{
        struct vault *vault = calloc(1, sizeof(*vault));
        size_t bytes = VAULT_PAGES * PAGE;
        int err;

        if (vault == NULL)
                return -ENOMEM;
        vault->memory =
                mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (vault->memory == MAP_FAILED) {
                free(vault);
                return -ENOMEM;
        }
        /* Scrambled zeros, so that pages never written read as zeros. */
        scramble((uint64_t *)vault->memory, (uint64_t *)vault->memory, 0, bytes);
        err = pg_store_init(&vault->store, &vault_ops, bytes);
        if (err != 0) {
                munmap(vault->memory, bytes);
                free(vault);
                return err;
        }
        *result = vault;
        return 0;
}

static void check(bool good, const char *what)
{
        printf("%-64s %s\n", what, good ? "yes" : "NO");
        if (!good) {
                fprintf(stderr, "own_store: %s\n", pg_last_error());
                exit(EXIT_FAILURE);
        }
}

static bool holds_secret(const void *memory)
{
        const uint64_t *words = memory;

        for (size_t i = 0; i < VAULT_PAGES * PAGE / sizeof(*words); i++) {
                if ((words[i] & ~UINT64_C(0xfff)) == (SECRET & ~UINT64_C(0xfff)))
                        return true;
        }
        return false;
}

/* Every page gets secrets of its own. */
static void write_secrets(uint64_t *memory, size_t npages)
{
        for (size_t i = 0; i < npages * PAGE / sizeof(*memory); i++)
                memory[i] = SECRET ^ (i & 0xfff);
}

static bool read_secrets(const uint64_t *memory, size_t npages)
{
        for (size_t i = 0; i < npages * PAGE / sizeof(*memory); i++) {
                if (memory[i] != (SECRET ^ (i & 0xfff)))
                        return false;
        }
        return true;
}

int main(void)
{
        const size_t npages = VAULT_PAGES / 2;
        struct pg_config config = {.size = sizeof(config), .frames = FRAMES};
        struct vault *swap = NULL, *files = NULL;
        struct pg_pool *pool;
        struct pg_stats stats = {.size = sizeof(stats)};
        pg_location base;
        uint64_t *memory, *mapped;

        check(vault_open(&swap) == 0 && vault_open(&files) == 0, "two vaults are made");
        config.swap = &swap->store;
        check(pg_open(&pool, &config) == 0, "a pool of 64 frames swaps to the first");
        check(pg_attach(pool, &files->store, &base) == 0, "the second is attached to it");

        memory = pg_map(pool, npages * PAGE, 0);
        check(memory != NULL, "512 pages of memory are mapped");
        write_secrets(memory, npages);
        check(read_secrets(memory, npages), "written and read again, they are as they were");
        check(pg_stats_get(pool, &stats) == 0 && stats.pages_out >= npages - FRAMES,
              "meanwhile most of them were in the first vault");
        check(!holds_secret(swap->memory), "which shows nothing of their content");

        mapped = pg_map_unpaged(pool, base, npages * PAGE, PG_MAP_SHARED);
        check(mapped != NULL, "512 pages of the second vault are mapped, shared");
        check(mapped[npages * PAGE / sizeof(*mapped) - 1] == 0,
              "never written, they read as zeros");
        write_secrets(mapped, npages);
        check(pg_unmap(pool, mapped, npages * PAGE) == 0, "written, and unmapped");
        check(!holds_secret(files->memory), "the second vault shows nothing of it");
        mapped = pg_map_unpaged(pool, base, npages * PAGE, PG_MAP_READONLY);
        check(mapped != NULL && read_secrets(mapped, npages), "mapped again, it is all there");

        check(pg_close(pool) == 0, "the pool is closed");
        check(pg_store_close(&swap->store) == 0 && pg_store_close(&files->store) == 0,
              "and so are the vaults");
        return EXIT_SUCCESS;
}
