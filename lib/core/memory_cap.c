/* SPDX-License-Identifier: MIT */
/*
 * memory_cap.c - frames, swap store and tables of a pool under one cap.
 *
 *         cap = frames + buffers + swap store + tables + a batch
 *
 * The frames are what the rest leaves. Each eviction begins with a look at what the swap store uses
 * by now, so the limit of the frames follows it: a page that goes out leaves its frame, and its
 * compressed form makes the pool smaller by a part of one. While a batch is being compressed its
 * frames are still there: that is the batch above, and what a store takes in one piece. When the
 * store shrinks, the frames grow.
 *
 * How far the frames may shrink: to an eighth of the cap. From there on the store is full, unless
 * it can go on without memory: one that spills (PG_STORE_SPILLS) gets half of what there is for
 * both, and moves pages to where they take none.
 *
 * Tables: those of fixed size are counted whole, those of frames by the most that were ever in use,
 * and those of pages by the parts that were touched.
 */
#include "memory_cap.h"
#include "frame.h"
#include "futex_lock.h"
#include "kernel_page.h"
#include "page_events.h"
#include "pool.h"
#include "stats.h"
#include "store_gate.h"

#include <errno.h>

#define FLOOR_SHARE  8u
#define SPILL_SHARE  2u
#define STACK_BYTES  ((size_t)16 << 10) /* of a thread of the pager's, touched */
#define SLAB_BYTES   ((size_t)64 << 10) /* a store may grow by more than the page it gets */
#define REPORT_SHARE 64u                /* of the frames: a smaller change is not worth a report */

static struct pg_store *swap_of(struct pg_pool *pool)
{
        uint64_t ignored;

        return store_find(&pool->stores, location_make(pool->stores.swap, 0), &ignored);
}

void memory_count_tables(struct pg_pool *pool, bool with_trace)
{
        struct memory_cap *c = &pool->cap;
        size_t threads = pool->delivery == PG_DELIVERY_SIGNAL ? 2 : 2 + pool->contexts.count;

        c->fixed = sizeof(*pool) + pool->contexts.count * sizeof(struct move_context) +
                   pool->stats.bytes + RING_ENTRIES * sizeof(struct ring_entry) +
                   pool->miss_curve.bytes + fault_sampler_bytes(&pool->sampler) +
                   (with_trace ? trace_writer_bytes() : 0) + threads * STACK_BYTES;
        c->per_frame = sizeof(struct frame) + (uint32_t)((pool->policy.bytes + pool->ghosts.bytes) /
                                                         pool->frames.capacity);
}

/* What is neither a frame nor in the store. */
static uint64_t beside(const struct pg_pool *pool, uint64_t frames)
{
        return pool_table_bytes(pool, frames) + pool->contexts.bytes +
               pool->batch_pages * pool->page_size + SLAB_BYTES;
}

uint32_t memory_floor_frames(uint64_t frames)
{
        return frames / FLOOR_SHARE < PG_FRAMES_MIN ? PG_FRAMES_MIN
                                                    : (uint32_t)(frames / FLOOR_SHARE);
}

static uint32_t floor_frames(const struct pg_pool *pool, uint64_t cap)
{
        uint32_t floor = memory_floor_frames(cap / pool->page_size);
        uint32_t pinned = pool->frames.pinned + frames_reserve(UINT32_MAX);

        return floor > pinned ? floor : pinned;
}

/* As many as fit beside so much of the store. */
static uint64_t frames_beside(const struct pg_pool *pool, uint64_t cap, uint64_t used)
{
        uint64_t none = beside(pool, 0) + used, all;
        uint64_t per_frame = pool->page_size + pool->cap.per_frame;

        if (cap <= none)
                return 0;
        all = (cap - none) / pool->page_size; /* of those whose tables are there */
        return all <= pool->frames.high_water
                       ? all
                       : (cap - none + (uint64_t)pool->frames.high_water * pool->cap.per_frame) /
                                 per_frame;
}

static void set_frames(struct pg_pool *pool, uint64_t frames)
{
        struct frames *f = &pool->frames;
        struct pg_trace_event event = {.kind = PG_TRACE_FRAMES};
        uint32_t limit = frames < f->capacity ? (uint32_t)frames : f->capacity;
        uint32_t told = pool->cap.told;

        if (limit == f->limit || !frames_set_limit(f, limit) || !pool->has_observers ||
            (limit > told ? limit - told : told - limit) <= told / REPORT_SHARE)
                return;
        pool->cap.told = limit;
        event.count = limit;
        observers_report(pool, &event, 0);
}

/* Under the lock, so that the last to look has the newest figures. Returns what the store may use.
 * *over: 0; 1: even with the least of frames the cap is exceeded; -ENOMEM: and the store is not to
 * blame. */
static uint64_t fit_frames(struct pg_pool *pool, struct pg_store *swap, uint64_t cap, int *over)
{
        struct pg_store_stats stats;
        uint64_t frames, rest, share;
        uint32_t floor;

        store_stats(swap, &stats);
        floor = floor_frames(pool, cap);
        frames = frames_beside(pool, cap, stats.memory_bytes);
        set_frames(pool, frames > floor ? frames : floor);
        rest = beside(pool, floor) + floor * pool->page_size;
        rest = cap > rest ? cap - rest : 0;
        share = (rest + floor * pool->page_size) / SPILL_SHARE;
        if (store_flags(swap) & PG_STORE_SPILLS && share < rest)
                rest = share;
        *over = frames >= floor ? 0 : rest == 0 || stats.memory_bytes <= rest ? -ENOMEM : 1;
        return rest;
}

int memory_fit(struct pg_pool *pool)
{
        struct pg_store *swap = swap_of(pool);
        int result, over;
        uint64_t cap, room;

        do {
                cap = atomic_load(&pool->cap.bytes);
                if (cap == 0)
                        return 0;
                pool_lock(pool);
                room = fit_frames(pool, swap, cap, &over);
                pool_unlock(pool);
                result = store_memory_limit(swap, room);
        } while (atomic_load(&pool->cap.bytes) != cap); /* a change meanwhile counts */
        /* Within the cap it does not matter whether the store keeps to its share. */
        return over <= 0 || result == 0 ? over : result;
}

void memory_unlimit(struct pg_pool *pool)
{
        if (atomic_load(&pool->cap.bytes) != 0)
                store_memory_limit(swap_of(pool), UINT64_MAX);
}

uint64_t memory_least(struct pg_pool *pool, bool with_pinned)
{
        uint64_t frames = PG_FRAMES_MIN + frames_reserve(UINT32_MAX), bytes;

        pool_lock(pool);
        frames += with_pinned ? pool->frames.pinned : 0;
        bytes = beside(pool, frames) + frames * pool->page_size;
        pool_unlock(pool);
        return bytes;
}
