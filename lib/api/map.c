/* SPDX-License-Identifier: MIT */
/*
 * map.c - the calls that make and end mappings, and the one that asks where a page lives.
 *
 * The way out of a mapping, in order: no new users, and the old ones leave (mapping_kill); its
 * modified shared pages are written, and if one cannot be, the mapping lives on and nothing is
 * lost; its pins end; its pages are forgotten, which frees their frames and their places in the
 * swap store; the range is sealed, so that a thread that touches it gets SIGSEGV; threads that wait
 * there are woken to find that out; the index forgets it, and only then the addresses are free for
 * others. A store that pg_map_file made goes with its mapping.
 */
#include "frame.h"
#include "last_error.h"
#include "mapping.h"
#include "page.h"
#include "page_events.h"
#include "page_state.h"
#include "pager_section.h"
#include "pool.h"
#include "range_walk.h"
#include "store_gate.h"
#include "uffd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unpaged/stores.h>

#define MAP_FLAGS (PG_MAP_UNINIT | PG_MAP_LOCK | PG_MAP_SHARED | PG_MAP_READONLY)

static int publish(struct pg_pool *pool, struct mapping *m)
{
        int error = uffd_register(&pool->uffd, m->start, m->npages << m->page_shift);

        if (!error)
                error = mapping_publish(m, &pool->mappings_lock, &pool->mappings);
        if (error)
                return error == -ENOSPC ? -ENOMEM : error;
        error = mapping_open(m);
        if (error)
                mapping_withdraw(m, &pool->mappings_lock, &pool->mappings);
        return error;
}

static struct mapping *mapping_make(struct pg_pool *pool, pg_location location, size_t rounded,
                                    unsigned flags, int *error)
{
        struct mapping *m =
                mapping_new(pool, pool->page_shift, rounded >> pool->page_shift, flags, location);

        *error = m ? publish(pool, m) : -ENOMEM;
        if (!*error)
                return m;
        if (m)
                mapping_free(m);
        last_error(*error,
                   "no address space, or no memory for the tables of a mapping (%s): map less, "
                   "raise RLIMIT_AS (ulimit -v) or vm.max_map_count, or set vm.overcommit_memory "
                   "to 0",
                   strerror(-*error));
        return NULL;
}

static int lock_now(struct pg_pool *pool, const struct mapping *m, size_t rounded)
{
        int error = pg_pin(pool, m->start, rounded);

        if (!error)
                return 0;
        pg_unmap(pool, m->start, rounded);
        if (error == -ENOMEM)
                return last_error(error, "not enough frames to lock the mapping: leave "
                                         "PG_MAP_LOCK out, unpin other pages, or raise the budget");
        return last_error(error, "the mapping cannot be locked, as its pages cannot be loaded: %s",
                          strerror(-error));
}

static int map_range(struct pg_pool *pool, pg_location location, size_t size, unsigned flags,
                     char **addr)
{
        size_t rounded = (size + pool->page_size - 1) & ~(pool->page_size - 1);
        bool written = flags & PG_MAP_SHARED && !(flags & PG_MAP_READONLY);
        struct mapping *m;
        int error;

        if (size == 0 || rounded < size)
                return last_error(-EINVAL, "a mapping has a size, which is not 0");
        if (flags & ~MAP_FLAGS)
                return last_error(-EINVAL, "unknown flags of a mapping: %#x", flags & ~MAP_FLAGS);
        error = store_hold(&pool->stores, location, size, written);
        if (error)
                return error;
        store_refresh(&pool->stores, location, rounded);
        m = mapping_make(pool, location, rounded, flags, &error);
        if (!m) {
                store_release(&pool->stores, location);
                /* Its last mapping may have gone meanwhile. Closing it here is rare enough. */
                pg_store_close(store_take_given(&pool->stores, location));
                return error;
        }
        if (flags & PG_MAP_LOCK)
                error = lock_now(pool, m, rounded);
        if (!error)
                *addr = m->start;
        return error;
}

/* The answer of a mapping call. */
static void *mapped(int error, void *addr)
{
        if (error)
                errno = -error;
        return error ? NULL : addr;
}

void *pg_map_unpaged(struct pg_pool *pool, pg_location location, size_t size, unsigned flags)
{
        struct pager_section saved;
        char *addr = NULL;
        int error;

        if (pool->is_orphan)
                return mapped(pool_orphan_error(), NULL);
        pager_section_enter(&saved);
        error = map_range(pool, location, size, flags, &addr);
        pager_section_leave(&saved);
        return mapped(error, addr);
}

void *pg_map(struct pg_pool *pool, size_t size, unsigned flags)
{
        if (size & (pool->page_size - 1))
                return mapped(last_error(-EINVAL,
                                         "the size of anonymous memory must be a multiple of the "
                                         "page size, which is %zu",
                                         pool->page_size),
                              NULL);
        if (flags & PG_MAP_SHARED)
                return mapped(last_error(-EINVAL, "anonymous memory has no store to share: leave "
                                                  "PG_MAP_SHARED out"),
                              NULL);
        return pg_map_unpaged(
                pool, flags & PG_MAP_UNINIT ? PG_LOCATION_ANON_UNINIT : PG_LOCATION_ANON_ZERO, size,
                flags);
}

/* ---- files --------------------------------------------------------------------------------- */

/* A mapping that does not write needs no more of the file than reading, whatever the descriptor
 * allows; one that does must not find later that it cannot. */
static int file_store(int fd, uint64_t offset, unsigned flags, struct pg_store **store)
{
        bool written = flags & PG_MAP_SHARED && !(flags & PG_MAP_READONLY);
        struct pg_file_config config = {
                .size = sizeof(config),
                .fd = fd,
                .flags = written ? 0 : PG_FILE_READONLY,
                .start = offset,
        };
        int access = fcntl(fd, F_GETFL);

        if (written && access >= 0 && (access & O_ACCMODE) == O_RDONLY)
                return last_error(-EACCES, "PG_MAP_SHARED writes to the file, and the descriptor "
                                           "was opened read-only: open it with O_RDWR, or add "
                                           "PG_MAP_READONLY");
        return pg_store_file(store, &config);
}

/* In a pager section. The store is the mapping's, and gone when this fails. */
static int map_store(struct pg_pool *pool, struct pg_store *store, size_t size, unsigned flags,
                     char **addr)
{
        uint64_t whole = store->extent;
        pg_location base;
        int error = store_attach(&pool->stores, store, &base);

        if (error) {
                pg_store_close(store);
                return error;
        }
        if (size == 0 && whole > SIZE_MAX - pool->page_size)
                error = last_error(-EINVAL, "the file is larger than the address space");
        else
                error = map_range(pool, base, size ? size : (size_t)whole, flags, addr);
        if (!error) {
                store_give(&pool->stores, base);
                return 0;
        }
        if (store_detach(&pool->stores, store) == 0)
                pg_store_close(store);
        else
                store_give(&pool->stores,
                           base); /* a mapping could not be undone: pg_close() will */
        return error;
}

void *pg_map_file(struct pg_pool *pool, int fd, uint64_t offset, size_t size, unsigned flags)
{
        struct pager_section saved;
        struct pg_store *store;
        char *addr = NULL;
        int error;

        if (pool->is_orphan)
                return mapped(pool_orphan_error(), NULL);
        error = file_store(fd, offset, flags, &store);
        if (error)
                return mapped(error, NULL);
        pager_section_enter(&saved);
        error = map_store(pool, store, size, flags, &addr);
        pager_section_leave(&saved);
        return mapped(error, addr);
}

/* ---- unmapping ----------------------------------------------------------------------------- */

/* The live mapping that is exactly this range, dying from now on; NULL: there is none. */
static struct mapping *mapping_exact(struct pg_pool *pool, void *addr, size_t size)
{
        bool dying;
        struct mapping *m = mapping_get((uintptr_t)addr, &dying);
        bool fits;

        if (!m)
                return NULL;
        fits = m->pool == pool && m->start == addr &&
               (size + pool->page_size - 1) >> pool->page_shift == m->npages;
        mapping_put(m);
        return fits && mapping_kill(m) ? m : NULL;
}

static void wake_all(struct pg_pool *pool, struct mapping *m)
{
        if (pool->delivery == PG_DELIVERY_THREAD)
                uffd_wake(&pool->uffd, m->start, m->npages << m->page_shift);
}

/* The keys of its pages may be another mapping's soon. Pages that were dropped already are told
 * again; those whose content is where their store had it, only here. */
static void event_unmapped(struct pg_pool *pool, const struct mapping *m)
{
        struct pg_trace_event event = {
                .kind = PG_TRACE_FORGOTTEN, .page = page_key(m, 0), .count = m->npages};

        if (!(m->flags & MAPPING_UNOBSERVED))
                observers_report_locking(pool, &event, 0);
}

/* *given: the store that went with it, to be closed. */
static int unmap_range(struct pg_pool *pool, void *addr, size_t size, struct pg_store **given)
{
        struct mapping *m = mapping_exact(pool, addr, size);
        struct walk k;

        if (!m)
                return -EINVAL;
        if (m->flags & PG_MAP_SHARED && mapping_is_writable(m)) {
                k = walk_all(m);
                range_sync(&k);
                walk_stop(&k);
                if (k.error) {
                        mapping_revive(m);
                        wake_all(pool, m);
                        return k.error;
                }
                store_note_evicting(&pool->stores, m->location, false);
                store_note_evicting(&pool->stores, m->location, true);
        }
        k = walk_all(m);
        range_unpin(&k);
        walk_stop(&k);
        k = walk_all(m);
        range_discard(&k);
        walk_stop(&k);
        event_unmapped(pool, m);
        mapping_seal(m);
        wake_all(pool, m);
        mapping_withdraw(m, &pool->mappings_lock, &pool->mappings);
        store_release(&pool->stores, m->location);
        *given = store_take_given(&pool->stores, m->location);
        mapping_free(m);
        return 0;
}

int pg_unmap(struct pg_pool *pool, void *addr, size_t size)
{
        struct pg_store *given = NULL;
        struct pager_section saved;
        int error;

        if (pool->is_orphan)
                return -ECHILD;
        error = pool_cut_off(pool);
        if (error)
                return error;
        pager_section_enter(&saved);
        error = unmap_range(pool, addr, size, &given);
        pager_section_leave(&saved);
        pg_store_close(given);
        return error;
}

/* ---- stores and locations ------------------------------------------------------------------ */

int pg_attach(struct pg_pool *pool, struct pg_store *store, pg_location *base)
{
        struct pager_section saved;
        int error;

        if (pool->is_orphan)
                return pool_orphan_error();
        pager_section_enter(&saved);
        error = store_attach(&pool->stores, store, base);
        pager_section_leave(&saved);
        return error;
}

int pg_detach(struct pg_pool *pool, struct pg_store *store)
{
        struct pager_section saved;
        int error;

        if (pool->is_orphan)
                return -ECHILD;
        pager_section_enter(&saved);
        error = store_detach(&pool->stores, store);
        pager_section_leave(&saved);
        return error;
}

/* A snapshot of a page's word, which is owned and given back at once. */
static int query(struct pg_pool *pool, struct mapping *m, uint64_t page, pg_location *location)
{
        struct walk k = {.pool = pool, .mapping = m, .page = page, .end = page + 1};
        uint64_t word;

        do
                walk_work(&k);
        while (!walk_claim(&k, &word));
        if (!(word & PAGE_RESIDENT))
                *location = mapping_page_location(m, page, word);
        else if (!(word & PAGE_DIRTY))
                *location = frame_at(&pool->frames, page_frame(word))->location;
        page_release(m, page, word);
        walk_stop(&k);
        return word & PAGE_RESIDENT ? 1 : 0;
}

int pg_location_query(struct pg_pool *pool, const void *addr, pg_location *location)
{
        pg_location found = PG_LOCATION_NONE;
        int result = -EINVAL;
        struct mapping *m;
        bool dying;

        if (pool->is_orphan)
                return -ECHILD;
        m = mapping_get((uintptr_t)addr, &dying);
        if (!m)
                return -EINVAL;
        if (m->pool == pool)
                result = query(pool, m, mapping_page(m, (uintptr_t)addr), &found);
        mapping_put(m);
        if (result >= 0)
                *location = found;
        return result;
}
