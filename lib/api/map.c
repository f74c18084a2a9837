/* SPDX-License-Identifier: MIT */
/*
 * map.c - the calls that make and end mappings, and those that only look.
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
#include <string.h>

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

static uint64_t sum(struct pg_pool *pool, enum counter which)
{
        uint64_t n = stats_load(&pool->stats.shared[which]);

        for (unsigned i = 0; i < pool->contexts.count; i++)
                n += stats_load(&pool->contexts.table[i].tally.counters[which]);
        return n;
}

static void counters_read(struct pg_pool *pool, struct pg_stats *out)
{
        out->faults = sum(pool, STAT_FAULTS);
        out->rescues = sum(pool, STAT_RESCUES);
        out->protect_faults = sum(pool, STAT_PROTECT_FAULTS);
        out->evictions_clean = sum(pool, STAT_EVICTIONS_CLEAN);
        out->evictions_dirty = sum(pool, STAT_EVICTIONS_DIRTY);
        out->pages_in = sum(pool, STAT_PAGES_IN);
        out->pages_out = sum(pool, STAT_PAGES_OUT);
        out->zero_pages_out = sum(pool, STAT_ZERO_PAGES_OUT);
        out->ahead_pages = sum(pool, STAT_AHEAD_PAGES);
        out->ahead_used = sum(pool, STAT_AHEAD_USED);
        out->ahead_wasted = sum(pool, STAT_AHEAD_WASTED);
        out->waits = sum(pool, STAT_WAITS);
        out->wait_ns = sum(pool, STAT_WAIT_NS);
        out->late_faults = sum(pool, STAT_LATE_FAULTS);
        out->errors_load = sum(pool, STAT_ERRORS_LOAD);
        out->errors_save = sum(pool, STAT_ERRORS_SAVE);
        out->errors_full = sum(pool, STAT_ERRORS_FULL);
        out->errors_frames = sum(pool, STAT_ERRORS_FRAMES);
        out->busy_pages = sum(pool, STAT_BUSY_PAGES);
}

static void frames_read(struct pg_pool *pool, struct pg_stats *out)
{
        struct frames *f = &pool->frames;
        uint32_t seated;

        lock_take(&pool->lock);
        out->frames_total = f->limit;
        out->frames_free =
                f->limit > f->live ? f->free_list.count + f->limit - f->live : f->free_list.count;
        out->frames_pinned = f->pinned;
        out->frames_queued = pool->victim_queue.list.count;
        seated = f->free_list.count + f->pinned - f->promised + pool->victim_queue.list.count +
                 pool->policy.count;
        out->frames_busy = f->live > seated ? f->live - seated : 0;
        out->frames_peak = f->peak;
        lock_drop(&pool->lock);
        out->page_size = pool->page_size;
        out->buffer_bytes = pool->contexts.bytes;
}

int pg_stats_get(struct pg_pool *pool, struct pg_stats *stats, size_t size)
{
        struct pg_stats s = {0};
        struct pg_store_stats swap = {0};
        struct pager_section saved;
        uint64_t ignored;

        if (pool->is_orphan)
                return -ECHILD;
        pager_section_enter(&saved);
        counters_read(pool, &s);
        frames_read(pool, &s);
        store_stats(store_find(&pool->stores, location_make(pool->stores.swap, 0), &ignored),
                    &swap);
        pager_section_leave(&saved);
        s.swap_pages = swap.stored_pages;
        s.swap_bytes = swap.payload_bytes;
        s.swap_memory_bytes = swap.memory_bytes;
        s.swap_same_filled = swap.same_filled_pages;
        s.swap_incompressible = swap.incompressible_pages;
        s.swap_limit_hits = swap.limit_hits;
        memcpy(stats, &s, size < sizeof(s) ? size : sizeof(s));
        return 0;
}

int pg_thread_stats_get(struct pg_pool *pool, pid_t tid, struct pg_thread_stats *stats, size_t size)
{
        struct pg_thread_stats s;
        struct thread_counters *t;

        if (pool->is_orphan)
                return -ECHILD;
        if (pool->delivery == PG_DELIVERY_THREAD && !pool->uffd.has_thread)
                return -ENOTSUP;
        t = stats_thread_find(&pool->stats, tid ? tid : stats_self());
        if (!t)
                return -ENOENT;
        s = (struct pg_thread_stats){
                .faults = atomic_load_explicit(&t->faults, memory_order_relaxed),
                .rescues = atomic_load_explicit(&t->rescues, memory_order_relaxed),
                .evictions_clean = atomic_load_explicit(&t->evictions_clean, memory_order_relaxed),
                .evictions_dirty = atomic_load_explicit(&t->evictions_dirty, memory_order_relaxed),
                .wait_ns = atomic_load_explicit(&t->wait_ns, memory_order_relaxed),
        };
        memcpy(stats, &s, size < sizeof(s) ? size : sizeof(s));
        return 0;
}

int pg_histogram_get(struct pg_pool *pool, enum pg_histogram_kind kind,
                     struct pg_histogram *histogram)
{
        struct pg_histogram h;

        if (pool->is_orphan)
                return -ECHILD;
        if (kind > PG_HISTOGRAM_PAGE_OUT)
                return -EINVAL;
        for (unsigned bin = 0; bin < PG_HISTOGRAM_BINS; bin++) {
                h.bounds_ns[bin] = stats_bound(bin);
                h.counts[bin] = 0;
                for (unsigned i = 0; i < pool->contexts.count; i++)
                        h.counts[bin] +=
                                stats_load(&pool->contexts.table[i].tally.histograms[kind][bin]);
        }
        *histogram = h;
        return 0;
}

/* With signals blocked, as the next. */
static struct pg_curve curve_read(struct pg_pool *pool)
{
        const struct miss_curve *c = &pool->miss_curve;
        struct pg_curve read;

        lock_take(&pool->lock);
        read = (struct pg_curve){.faults = c->faults,
                                 .first = miss_curve_first(c),
                                 .least = miss_curve_primary(c),
                                 .enough = miss_curve_enough(c),
                                 .sample = (uint64_t)1 << c->shift};
        lock_drop(&pool->lock);
        return read;
}

static uint64_t curve_read_point(struct pg_pool *pool, uint64_t frames)
{
        uint64_t misses;

        lock_take(&pool->lock);
        misses = miss_curve_misses(&pool->miss_curve, frames);
        lock_drop(&pool->lock);
        return misses;
}

int pg_curve_get(struct pg_pool *pool, struct pg_curve *curve, size_t size,
                 struct pg_curve_point *points, size_t npoints)
{
        struct pg_curve c;
        struct pager_section saved;

        if (pool->is_orphan)
                return -ECHILD;
        if (!pool->miss_curve.memory)
                return -ENOENT;
        pager_section_enter(&saved);
        c = curve_read(pool);
        pager_section_leave(&saved);
        if (curve)
                memcpy(curve, &c, size < sizeof(c) ? size : sizeof(c));
        for (size_t i = 0; i < npoints; i++) {
                uint64_t frames = points[i].frames, misses; /* the points may be paged */

                pager_section_enter(&saved);
                misses = curve_read_point(pool, frames);
                pager_section_leave(&saved);
                points[i].misses = misses;
        }
        return 0;
}
