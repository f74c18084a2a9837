/* SPDX-License-Identifier: MIT */
/*
 * page_events.c - who hears of what happens to pages: the pool's trace and its what-if curve.
 *
 * All of it is told under the pool lock, where the policy hears of the same, so both know one order
 * of events. The curve wants to know less: what comes into the primary segment, the mapped pages,
 * and what leaves it. A page leaves when it is queued; or with its frame, if it went straight on.
 * Its word, which its owner has not changed yet, says which.
 */
#include "pool.h"

static void curve_hear(struct curve *c, const struct pg_trace_event *e, uint64_t word)
{
        bool mapped = page_is_mapped(word);

        switch (e->kind) {
        case PG_TRACE_FAULT:
        case PG_TRACE_RESCUED:
                curve_fault(c, e->page, true);
                break;
        case PG_TRACE_AHEAD:
                curve_fault(c, e->page, false);
                break;
        case PG_TRACE_RETURNED:
                if (!mapped)
                        curve_fault(c, e->page, false);
                break;
        case PG_TRACE_QUEUED:
        case PG_TRACE_LEFT:
                if (mapped)
                        curve_demoted(c, e->page);
                break;
        case PG_TRACE_FORGOTTEN:
                if (e->count == 1)
                        curve_forgotten(c, e->page, mapped);
                else /* of a mapping, whose mapped pages were forgotten one by one */
                        curve_forgotten_range(c, e->page, e->count);
                break;
        case PG_TRACE_MOVED:
                curve_renamed(c, e->page, e->to);
                break;
        default:
                break;
        }
}

void event_tell(struct pg_pool *pool, const struct pg_trace_event *event, uint64_t word)
{
        if (recorder_is_on(&pool->recorder))
                recorder_add(&pool->recorder, event);
        if (pool->curve.memory)
                curve_hear(&pool->curve, event, word);
}

void event_tell_alone(struct pg_pool *pool, const struct pg_trace_event *event, uint64_t word)
{
        if (!pool->listens)
                return;
        lock_take(&pool->lock);
        event_tell(pool, event, word);
        lock_drop(&pool->lock);
}
