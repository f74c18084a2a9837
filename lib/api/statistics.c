/* SPDX-License-Identifier: MIT */
/*
 * statistics.c - the calls that report what the pager has done, and pg_curve_get(), which estimates
 * what it would have done with another budget.
 *
 * Counters are summed over the move contexts without stopping them: each is read once, so a sum is
 * exact when the pager is idle. What the pool lock guards (frames, the curve) is read under it. The
 * caller's memory may be paged: it is written outside the pager section.
 */
#include "futex_lock.h"
#include "miss_curve.h"
#include "pager_section.h"
#include "pool.h"
#include "sized.h"
#include "stats.h"
#include "store_gate.h"

#include <errno.h>
#include <unpaged/statistics.h>

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
        out->above_budget = sum(pool, STAT_ABOVE_BUDGET);
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

int pg_stats_get(struct pg_pool *pool, struct pg_stats *stats)
{
        struct pg_stats s = {0};
        struct pg_store_stats swap;
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
        return sized_write(stats, &s, sizeof(s), "pg_stats");
}

int pg_thread_stats_get(struct pg_pool *pool, pid_t tid, struct pg_thread_stats *stats)
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
        return sized_write(stats, &s, sizeof(s), "pg_thread_stats");
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
        return sized_write(histogram, &h, sizeof(h), "pg_histogram");
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

int pg_curve_get(struct pg_pool *pool, struct pg_curve *curve, struct pg_curve_point *points,
                 size_t npoints)
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
        if (curve && sized_write(curve, &c, sizeof(c), "pg_curve") != 0)
                return -EINVAL;
        for (size_t i = 0; i < npoints; i++) {
                uint64_t frames = points[i].frames, misses; /* the points may be paged */

                pager_section_enter(&saved);
                misses = curve_read_point(pool, frames);
                pager_section_leave(&saved);
                points[i].misses = misses;
        }
        return 0;
}
