/* SPDX-License-Identifier: MIT */
/*
 * resize.c - changes the budget of a pool: for pg_resize(), and for another process that asks.
 *
 * Requests. The other process writes a budget into the pool's live file, counts `request` up, and
 * wakes (include/unpaged/live.h). Here the budget is taken out by an exchange with 0, so a request
 * is either done or withdrawn, never both; and `answered` becomes the number that `request` had
 * before. A request that comes meanwhile has a higher number and is done next.
 *
 * Shrinking goes step by step, a batch of evictions each, as a store may take minutes for all. Fork
 * waits for one step, not for the change. Other changes wait for all of it: so a call that has
 * returned has left its budget behind, or, after a failure, the one from before.
 *
 * A fault, where it is one that does what is asked, waits for no fork: its thread may hold what
 * fork waits for, a lock of the C library; or it is the one that forks. So it leaves the request to
 * a later fault if it finds a fork, or another change, under way; and a fork that finds such a
 * change under way waits for all of it.
 *
 * The budget of a request is the one that other processes see: the pool's buffers are part of it
 * even where the pool was opened by frames.
 */
#include "resize.h"
#include "evict.h"
#include "frame.h"
#include "futex_lock.h"
#include "memory_cap.h"
#include "page_events.h"
#include "stats.h"

#include <errno.h>

/* A fault that gets no frame meanwhile takes one beyond the new budget. */
#define SHRINK_PATIENCE_MS 500u

/* -ENOMEM: it would not leave enough beside the pinned pages. */
static int limit_set(struct pg_pool *pool, uint32_t limit)
{
        struct pg_trace_event event = {.kind = PG_TRACE_FRAMES, .count = limit};
        bool fits;

        pool_lock(pool);
        fits = frames_set_limit(&pool->frames, limit);
        if (fits && pool->has_observers)
                observers_report(pool, &event, 0);
        pool_unlock(pool);
        return fits ? 0 : -ENOMEM;
}

/* ---- step by step --------------------------------------------------------------------------- */

#define PAUSE_NS 10000000

void resize_hold_for_fork(struct pg_pool *pool)
{
        struct resize *r = &pool->resize;

        atomic_fetch_add(&r->forks, 1);
        futex_lock_take(&r->step);
        atomic_fetch_sub(&r->forks, 1);
        futex_wake(&r->forks, 1);
}

void resize_go_on_after_fork(struct pg_pool *pool)
{
        futex_lock_drop(&pool->resize.step);
}

/* A store may take seconds for what has to go, or minutes; so fork gets its turn after each batch,
 * and so does what `pauses` says. */
static void give_way(struct pg_pool *pool, const struct resize_pauses *pauses)
{
        struct resize *r = &pool->resize;
        uint32_t forks;

        if (pauses->call)
                pauses->call(pauses->arg);
        if (atomic_load(&r->forks) == 0)
                return;
        futex_lock_drop(&r->step);
        while ((forks = atomic_load(&r->forks)) != 0)
                futex_wait(&r->forks, forks, PAUSE_NS);
        futex_lock_take(&r->step);
}

static bool is_capped(const struct pg_pool *pool)
{
        return atomic_load_explicit(&pool->cap.bytes, memory_order_relaxed) != 0;
}

/* Where the swap store counts, it gives up its part first: then the frames know theirs. */
static int shrink_step(struct pg_pool *pool, struct evict_steps *steps)
{
        int store = memory_fit(pool);
        int result = evict_step_to_limit(pool, steps);

        return result == 0 ? store : result;
}

static int shrink(struct pg_pool *pool, const struct resize_pauses *pauses)
{
        struct evict_steps steps = {.patience_ms = SHRINK_PATIENCE_MS};
        int result;

        while ((result = shrink_step(pool, &steps)) > 0)
                if (pauses)
                        give_way(pool, pauses);
        return result;
}

static void count_change(struct pg_pool *pool)
{
        _Atomic uint64_t *changes = &pool->stats.gauges[PG_GAUGE_BUDGET_CHANGES];

        stats_set(&pool->stats, PG_GAUGE_BUDGET_CHANGES, stats_load(changes) + 1);
}

/* The budget: frames, or, where there is a cap, bytes of memory. */
static uint64_t budget_now(const struct pg_pool *pool)
{
        return is_capped(pool) ? atomic_load(&pool->cap.bytes) : pool->frames.limit;
}

static int budget_check(struct pg_pool *pool, uint64_t budget)
{
        uint64_t unit = is_capped(pool) ? pool->page_size : 1;

        if (budget < (is_capped(pool) ? memory_least(pool, false) : PG_FRAMES_MIN))
                return -EINVAL;
        if (budget > pool->frames.capacity * unit)
                return -ERANGE;
        return is_capped(pool) && budget < memory_least(pool, true) ? -ENOMEM : 0;
}

static int budget_set(struct pg_pool *pool, uint64_t budget)
{
        if (!is_capped(pool))
                return limit_set(pool, (uint32_t)budget);
        atomic_store(&pool->cap.bytes, budget);
        memory_fit(pool);
        pool_lock(pool);
        pool_show_frames(pool);
        pool_unlock(pool);
        return 0;
}

/* In a change: nobody else sets the budget meanwhile. */
static int budget_reach(struct pg_pool *pool, uint64_t budget, const struct resize_pauses *pauses)
{
        struct resize *r = &pool->resize;
        uint64_t before = budget_now(pool);
        int error = budget_check(pool, budget);

        if (!error)
                error = budget_set(pool, budget);
        if (error)
                return error;
        if (budget < before) {
                r->before = before;
                error = shrink(pool, pauses);
                r->before = 0;
                if (error)
                        budget_set(pool, before);
        }
        if (!error && budget != before)
                count_change(pool);
        return error == -EBUSY ? -ENOMEM : error;
}

/* ---- one at a time -------------------------------------------------------------------------- */

/* False, in a fault only: not now. */
static bool change_begin(struct pg_pool *pool, bool in_fault)
{
        struct resize *r = &pool->resize;

        if (!in_fault) {
                futex_lock_take(&r->changing);
                futex_lock_take(&r->step);
                return true;
        }
        if (!futex_lock_try(&r->changing))
                return false;
        if (futex_lock_try(&r->step))
                return true;
        futex_lock_drop(&r->changing);
        return false;
}

static void change_end(struct pg_pool *pool)
{
        futex_lock_drop(&pool->resize.step);
        futex_lock_drop(&pool->resize.changing);
}

int resize_to(struct pg_pool *pool, uint64_t budget)
{
        static const struct resize_pauses nothing_else = {0};
        int error;

        change_begin(pool, false);
        error = budget_reach(pool, budget, &nothing_else);
        change_end(pool);
        return error;
}

/* The change that was under way is the parent's, and whether it will succeed there nobody knows. */
void resize_in_child(struct pg_pool *pool)
{
        struct resize *r = &pool->resize;

        pool_lock(pool);
        if (r->before && is_capped(pool)) /* the frames follow when one is wanted */
                atomic_store(&pool->cap.bytes, r->before);
        else if (r->before)
                frames_set_limit(&pool->frames, (uint32_t)r->before);
        pool_unlock(pool);
        *r = (struct resize){0};
}

/* ---- requests ------------------------------------------------------------------------------- */

static int serve_bytes(struct pg_pool *pool, uint64_t bytes, const struct resize_pauses *pauses)
{
        uint64_t pages = bytes / pool->page_size;
        uint64_t buffers = pool->stats.live->buffer_bytes / pool->page_size;

        if (is_capped(pool))
                return budget_reach(pool, bytes, pauses);
        return budget_reach(pool, pages > buffers ? pages - buffers : 0, pauses);
}

void resize_answer(struct pg_pool *pool, const struct resize_pauses *pauses)
{
        struct pg_live *live = pool->stats.live;
        _Atomic uint32_t *request = (_Atomic uint32_t *)&live->request;
        _Atomic uint32_t *answered = (_Atomic uint32_t *)&live->answered;
        uint32_t number;
        uint64_t bytes;

        if (!change_begin(pool, !pauses))
                return;
        number = atomic_load(request);
        bytes = atomic_exchange((_Atomic uint64_t *)&live->request_bytes, 0);
        if (bytes)
                atomic_store((_Atomic int32_t *)&live->answer, serve_bytes(pool, bytes, pauses));
        atomic_store(answered, number);
        change_end(pool);
        futex_wake_shared(answered, INT32_MAX);
}
