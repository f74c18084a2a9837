/* SPDX-License-Identifier: MIT */
/*
 * dispatch.c - what both deliveries do with a fault.
 *
 * Turns. One instruction can need several pages at once (a copy from page to page, across the ends
 * of both: four). With hardly more frames than threads, threads would evict each other's pages for
 * ever, and none would finish its instruction. So in a pool that is low on frames the thread that
 * faults has the turn: for a moment only its faults are served, and it has all the frames. The
 * others try again until it is over.
 */
#include "dispatch.h"
#include "fault.h"
#include "fork_freeze.h"
#include "futex_lock.h"
#include "mapping.h"
#include "move_context.h"
#include "out_of_room.h"
#include "pool.h"
#include "probes.h"
#include "stats.h"
#include "uffd.h"

#define TURN_NS 500000u

static bool has_turn(struct pg_pool *pool, pid_t tid, uint64_t now)
{
        uint64_t until = atomic_load_explicit(&pool->turn_until, memory_order_relaxed);

        if (tid == 0 || !atomic_load_explicit(&pool->frames.low_on_frames, memory_order_relaxed) ||
            atomic_load_explicit(&pool->turn_tid, memory_order_relaxed) == tid)
                return true;
        if (now < until ||
            !atomic_compare_exchange_strong(&pool->turn_until, &until, now + TURN_NS))
                return false;
        atomic_store_explicit(&pool->turn_tid, tid, memory_order_relaxed);
        return true;
}

static uint64_t loads_of(const struct move_context *ctx)
{
        return stats_load(&ctx->tally->counters[PG_COUNTER_FAULTS]) -
               stats_load(&ctx->tally->counters[PG_COUNTER_RESCUES]);
}

/* One of those that are sampled: the thread must be looked at before it is woken. */
static enum fault_end fault_page_sampled(struct pg_pool *pool, struct move_context *ctx,
                                         struct mapping *m, uintptr_t addr, bool write, pid_t tid,
                                         const void *context)
{
        unsigned sample = fault_sampler_take(&pool->sampler, &pool->uffd, tid, context);
        uint64_t loads = loads_of(ctx);
        enum fault_end end = fault_page(pool, ctx, m, mapping_page(m, addr), write);

        if (sample)
                fault_sampler_end(&pool->sampler, sample, addr, loads_of(ctx) != loads);
        return end;
}

enum fault_end dispatch_fault(struct mapping *m, uintptr_t addr, bool write, pid_t tid,
                              const void *context)
{
        struct pg_pool *pool = m->pool;
        uint64_t began = clock_now(), took;
        struct move_context *ctx;
        enum fault_end end;

        if (!has_turn(pool, tid, began))
                return FAULT_LATER;
        ctx = move_context_get_for_fault(&pool->contexts, &pool->stats, tid);
        if (!ctx)
                return fork_freeze_fault(pool, m, mapping_page(m, addr), write, tid);
        PROBE_FAULT_BEGIN(addr, (int)write, tid);
        cost_fault_begin(&ctx->cost);
        if (fault_sampler_is_due(&pool->sampler))
                end = fault_page_sampled(pool, ctx, m, addr, write, tid, context);
        else
                end = fault_page(pool, ctx, m, mapping_page(m, addr), write);
        if (end == FAULT_POISONED)
                cut_off_report(pool, uffd_answers(&pool->uffd));

        took = clock_now() - began;
        PROBE_FAULT_END(addr, (int)end, took, tid);
        cost_fault_end(&ctx->cost, ctx->tally, took);
        if (end == FAULT_BUSY) {
                tally_add(ctx->tally, PG_COUNTER_WAITS, 1);
        } else {
                tally_time(ctx->tally, PG_HISTOGRAM_FAULT, took);
                tally_add(ctx->tally, PG_COUNTER_WAIT_NS, took);
                if (ctx->thread)
                        atomic_fetch_add_explicit(&ctx->thread->wait_ns, took,
                                                  memory_order_relaxed);
        }
        pool_context_put(pool, ctx);
        return end;
}
