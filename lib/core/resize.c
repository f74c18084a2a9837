/* SPDX-License-Identifier: MIT */
/*
 * resize.c - changes the budget of a pool: for pg_resize(), and for another process that asks.
 *
 * Requests. The other process writes a budget into the pool's live file, counts `request` up, and
 * wakes (include/unpaged/live.h). Here the budget is taken out by an exchange with 0, so a request
 * is either done or withdrawn, never both; and `answered` becomes the number that `request` had
 * before. A request that comes meanwhile has a higher number and is done next.
 *
 * The budget of a request is the one that other processes see: the pool's buffers are part of it
 * even where the pool was opened by frames.
 */
#include "resize.h"
#include "evict.h"
#include "frame.h"
#include "futex_lock.h"
#include "page_events.h"
#include "stats.h"

#include <errno.h>
#include <time.h>

/* A fault that gets no frame meanwhile takes one beyond the new budget. */
#define SHRINK_PATIENCE_MS 500u

/* -ENOMEM: it would not leave enough beside the pinned pages. */
static int limit_set(struct pg_pool *pool, uint32_t limit, uint32_t *before)
{
        struct pg_trace_event event = {.kind = PG_TRACE_FRAMES, .count = limit};
        bool fits;

        pool_lock(pool);
        *before = pool->frames.limit;
        fits = frames_set_limit(&pool->frames, limit);
        if (fits && limit != *before)
                stats_set(&pool->stats, PG_GAUGE_BUDGET_CHANGES,
                          stats_load(&pool->stats.gauges[PG_GAUGE_BUDGET_CHANGES]) + 1);
        if (fits && pool->has_observers)
                observers_report(pool, &event, 0);
        pool_unlock(pool);
        return fits ? 0 : -ENOMEM;
}

/* Fork waits for `resizing`, and a store may take seconds for what has to go: so every few batches
 * it is let go, if anybody waits. Another change of the budget may overtake this one then; the last
 * one counts. No move context is held meanwhile, as fork waits for those, too. */
#define SLICE    4u      /* batches */
#define PAUSE_NS 1000000 /* so long, up to so many times, for who waits to be running again */
#define PAUSES   100u

static void give_way(struct pg_pool *pool, const struct resize_pauses *pauses)
{
        if (pauses->call)
                pauses->call(pauses->arg);
        if (!futex_lock_is_wanted(&pool->resizing))
                return;
        futex_lock_drop(&pool->resizing);
        for (unsigned i = 0; i < PAUSES && futex_lock_is_free(&pool->resizing); i++)
                nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
        futex_lock_take(&pool->resizing);
}

/* After a failure, unless it was changed meanwhile. */
static void limit_restore(struct pg_pool *pool, uint32_t limit, uint32_t before)
{
        pool_lock(pool);
        if (pool->frames.limit != limit)
                before = pool->frames.limit;
        pool_unlock(pool);
        limit_set(pool, before, &limit);
}

/* With `resizing`. pauses: NULL: without. */
static int limit_reach(struct pg_pool *pool, uint64_t frames, const struct resize_pauses *pauses)
{
        uint32_t limit = (uint32_t)frames, before = limit;
        int error;

        if (frames < PG_FRAMES_MIN)
                return -EINVAL;
        if (frames > pool->frames.capacity)
                return -ERANGE;
        error = limit_set(pool, limit, &before);
        if (!error && limit < before) {
                while ((error = evict_to_limit(pool, SHRINK_PATIENCE_MS, SLICE)) > 0)
                        if (pauses)
                                give_way(pool, pauses);
                if (error)
                        limit_restore(pool, limit, before);
        }
        return error == -EBUSY ? -ENOMEM : error;
}

int resize_to(struct pg_pool *pool, uint64_t frames)
{
        int error;

        futex_lock_take(&pool->resizing);
        error = limit_reach(pool, frames, &(struct resize_pauses){0});
        futex_lock_drop(&pool->resizing);
        return error;
}

/* ---- requests ------------------------------------------------------------------------------- */

static int serve_bytes(struct pg_pool *pool, uint64_t bytes, const struct resize_pauses *pauses)
{
        uint64_t pages = bytes / pool->page_size;
        uint64_t buffers = pool->stats.live->buffer_bytes / pool->page_size;

        return limit_reach(pool, pages > buffers ? pages - buffers : 0, pauses);
}

void resize_answer(struct pg_pool *pool, const struct resize_pauses *pauses)
{
        struct pg_live *live = pool->stats.live;
        _Atomic uint32_t *request = (_Atomic uint32_t *)&live->request;
        _Atomic uint32_t *answered = (_Atomic uint32_t *)&live->answered;
        uint32_t number;
        uint64_t bytes;

        if (pauses)
                futex_lock_take(&pool->resizing);
        else if (!futex_lock_try(&pool->resizing))
                return;
        number = atomic_load(request);
        bytes = atomic_exchange((_Atomic uint64_t *)&live->request_bytes, 0);
        if (bytes)
                atomic_store((_Atomic int32_t *)&live->answer, serve_bytes(pool, bytes, pauses));
        atomic_store(answered, number);
        futex_lock_drop(&pool->resizing);
        futex_wake_shared(answered, INT32_MAX);
}
