/* SPDX-License-Identifier: MIT */
/*
 * map.c - the calls that make and end mappings, and the one that asks where a page lives.
 *
 * The way out of a mapping, in order: no new users, and the old ones leave (mapping_kill); its
 * modified shared pages are written, and if one cannot be, the mapping lives on and nothing is
 * lost; its pins end; its pages are forgotten, which frees their frames and their places in the
 * swap store; the range is sealed, so that whoever touches it gets SIGSEGV; threads that wait there
 * are woken to find that out; the index forgets it, and only then the addresses are free for
 * others.
 */
#include "frame.h"
#include "futex_lock.h"
#include "mapping.h"
#include "miss_curve.h"
#include "page.h"
#include "page_events.h"
#include "page_state.h"
#include "pager_section.h"
#include "pool.h"
#include "range_walk.h"
#include "stats.h"
#include "store_gate.h"
#include "uffd.h"

#include <errno.h>

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

static int map_range(struct pg_pool *pool, pg_location location, size_t size, unsigned flags,
                     char **addr)
{
        size_t rounded = (size + pool->page_size - 1) & ~(pool->page_size - 1);
        bool written = flags & PG_MAP_SHARED && !(flags & PG_MAP_READONLY);
        struct mapping *m;
        int error;

        if (size == 0 || rounded < size || flags & ~MAP_FLAGS)
                return -EINVAL;
        error = store_hold(&pool->stores, location, size, written);
        if (error)
                return error;
        store_refresh(&pool->stores, location, rounded);
        m = mapping_new(pool, pool->page_shift, rounded >> pool->page_shift, flags, location);
        error = m ? publish(pool, m) : -ENOMEM;
        if (error) {
                if (m)
                        mapping_free(m);
                store_release(&pool->stores, location);
                return error;
        }
        *addr = m->start;
        if (flags & PG_MAP_LOCK) {
                error = pg_pin(pool, m->start, rounded);
                if (error)
                        pg_unmap(pool, *addr, rounded);
        }
        return error;
}

void *pg_map_unpaged(struct pg_pool *pool, pg_location location, size_t size, unsigned flags)
{
        struct pager_section saved;
        char *addr = NULL;
        int error = -ECHILD;

        if (!pool->is_orphan) {
                pager_section_enter(&saved);
                error = map_range(pool, location, size, flags, &addr);
                pager_section_leave(&saved);
        }
        if (error)
                errno = -error;
        return error ? NULL : addr;
}

void *pg_map(struct pg_pool *pool, size_t size, unsigned flags)
{
        if (size & (pool->page_size - 1) || flags & PG_MAP_SHARED) {
                errno = EINVAL;
                return NULL;
        }
        return pg_map_unpaged(
                pool, flags & PG_MAP_UNINIT ? PG_LOCATION_ANON_UNINIT : PG_LOCATION_ANON_ZERO, size,
                flags);
}

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

        observers_report_locking(pool, &event, 0);
}

static int unmap_range(struct pg_pool *pool, void *addr, size_t size)
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
        mapping_free(m);
        return 0;
}

int pg_unmap(struct pg_pool *pool, void *addr, size_t size)
{
        struct pager_section saved;
        int error;

        if (pool->is_orphan)
                return -ECHILD;
        pager_section_enter(&saved);
        error = unmap_range(pool, addr, size);
        pager_section_leave(&saved);
        return error;
}

int pg_attach(struct pg_pool *pool, struct pg_store *store, pg_location *base)
{
        struct pager_section saved;
        int error;

        if (pool->is_orphan)
                return -ECHILD;
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

/* ---- looking ------------------------------------------------------------------------------- */

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
