/* SPDX-License-Identifier: MIT */
/*
 * statistics.c - the calls that report what the pager has done, and pg_curve_get(), which estimates
 * what it would have done with another budget.
 *
 * Counters are summed over the move contexts without stopping them: each is read once, so a sum is
 * exact when the pager is idle. What the pool lock guards (frames, the curve) is read under it. The
 * caller's memory may be paged: it is written outside the pager section.
 */
#include "costs.h"
#include "futex_lock.h"
#include "miss_curve.h"
#include "pager_section.h"
#include "pool.h"
#include "sized.h"
#include "stats.h"

#include <errno.h>
#include <unpaged/statistics.h>

static uint64_t sum(struct pg_pool *pool, enum pg_counter which)
{
        return stats_sum(&pool->stats, which);
}

static void counters_read(struct pg_pool *pool, struct pg_stats *out)
{
        out->faults = sum(pool, PG_COUNTER_FAULTS);
        out->rescues = sum(pool, PG_COUNTER_RESCUES);
        out->protect_faults = sum(pool, PG_COUNTER_PROTECT_FAULTS);
        out->evictions_clean = sum(pool, PG_COUNTER_EVICTIONS_CLEAN);
        out->evictions_dirty = sum(pool, PG_COUNTER_EVICTIONS_DIRTY);
        out->pages_in = sum(pool, PG_COUNTER_PAGES_IN);
        out->pages_out = sum(pool, PG_COUNTER_PAGES_OUT);
        out->zero_pages_out = sum(pool, PG_COUNTER_ZERO_PAGES_OUT);
        out->ahead_pages = sum(pool, PG_COUNTER_AHEAD_PAGES);
        out->ahead_used = sum(pool, PG_COUNTER_AHEAD_USED);
        out->ahead_wasted = sum(pool, PG_COUNTER_AHEAD_WASTED);
        out->waits = sum(pool, PG_COUNTER_WAITS);
        out->wait_ns = sum(pool, PG_COUNTER_WAIT_NS);
        out->late_faults = sum(pool, PG_COUNTER_LATE_FAULTS);
        out->errors_load = sum(pool, PG_COUNTER_ERRORS_LOAD);
        out->errors_save = sum(pool, PG_COUNTER_ERRORS_SAVE);
        out->errors_full = sum(pool, PG_COUNTER_ERRORS_FULL);
        out->errors_frames = sum(pool, PG_COUNTER_ERRORS_FRAMES);
        out->busy_pages = sum(pool, PG_COUNTER_BUSY_PAGES);
        out->above_budget = sum(pool, PG_COUNTER_ABOVE_BUDGET);
}

static uint64_t gauge(struct pg_pool *pool, enum pg_gauge which)
{
        return stats_load(&pool->stats.gauges[which]);
}

static void gauges_read(struct pg_pool *pool, struct pg_stats *out)
{
        pool_show_swap(pool);
        pool_lock(pool);
        out->frames_total = (uint32_t)gauge(pool, PG_GAUGE_FRAMES_TOTAL);
        out->frames_free = (uint32_t)gauge(pool, PG_GAUGE_FRAMES_FREE);
        out->frames_pinned = (uint32_t)gauge(pool, PG_GAUGE_FRAMES_PINNED);
        out->frames_queued = (uint32_t)gauge(pool, PG_GAUGE_FRAMES_QUEUED);
        out->frames_busy = (uint32_t)gauge(pool, PG_GAUGE_FRAMES_BUSY);
        out->frames_peak = (uint32_t)gauge(pool, PG_GAUGE_FRAMES_PEAK);
        pool_unlock(pool);
        out->page_size = pool->page_size;
        out->buffer_bytes = pool->contexts.bytes;
        out->swap_pages = gauge(pool, PG_GAUGE_SWAP_PAGES);
        out->swap_bytes = gauge(pool, PG_GAUGE_SWAP_BYTES);
        out->swap_memory_bytes = gauge(pool, PG_GAUGE_SWAP_MEMORY_BYTES);
        out->swap_same_filled = gauge(pool, PG_GAUGE_SWAP_SAME_FILLED);
        out->swap_incompressible = gauge(pool, PG_GAUGE_SWAP_INCOMPRESSIBLE);
        out->swap_limit_hits = gauge(pool, PG_GAUGE_SWAP_LIMIT_HITS);
        out->access_cpu_ns = gauge(pool, PG_GAUGE_ACCESS_CPU_NS);
        out->access_wait_ns = gauge(pool, PG_GAUGE_ACCESS_WAIT_NS);
        out->ahead_cpu_ns = gauge(pool, PG_GAUGE_AHEAD_CPU_NS);
        out->pages_peak = gauge(pool, PG_GAUGE_PAGES_PEAK);
        out->touches_until_full = gauge(pool, PG_GAUGE_TOUCHES_UNTIL_FULL);
        out->budget_changes = gauge(pool, PG_GAUGE_BUDGET_CHANGES);
        out->swap_lower_pages = gauge(pool, PG_GAUGE_SWAP_LOWER_PAGES);
        out->table_bytes = gauge(pool, PG_GAUGE_TABLE_BYTES);
        out->memory = gauge(pool, PG_GAUGE_MEMORY);
}

int pg_stats_get(struct pg_pool *pool, struct pg_stats *stats)
{
        struct pg_stats s = {0};
        struct pager_section saved;

        if (pool->is_orphan)
                return -ECHILD;
        pager_section_enter(&saved);
        counters_read(pool, &s);
        gauges_read(pool, &s);
        costs_read(pool, &s);
        pager_section_leave(&saved);
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
                for (unsigned i = 0; i < pool->stats.count; i++)
                        h.counts[bin] += stats_load(&pool->stats.tallies[i].histograms[kind][bin]);
        }
        return sized_write(histogram, &h, sizeof(h), "pg_histogram");
}

/* With signals blocked, as the next. */
static struct pg_curve curve_read(struct pg_pool *pool)
{
        const struct miss_curve *c = &pool->miss_curve;
        struct pg_curve read;

        pool_lock(pool);
        read = (struct pg_curve){.faults = c->faults,
                                 .first = miss_curve_first(c),
                                 .least = miss_curve_primary(c),
                                 .enough = miss_curve_enough(c),
                                 .sample = (uint64_t)1 << c->shift};
        pool_unlock(pool);
        return read;
}

static uint64_t curve_read_point(struct pg_pool *pool, uint64_t frames)
{
        uint64_t misses;

        pool_lock(pool);
        misses = miss_curve_misses(&pool->miss_curve, frames);
        pool_unlock(pool);
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
