/* SPDX-License-Identifier: MIT */
/*
 * page_events.c - what the observers hear of pages: the pool's trace and its miss curve.
 *
 * All of it is told under the pool lock, where the policy hears of the same, so both know one order
 * of events. The curve wants to know less: what comes into the primary segment, the mapped pages,
 * and what leaves it. A page leaves when it is queued; or with its frame, if it went straight on.
 * Its word, which its owner has not changed yet, says which.
 */
#include "page_events.h"
#include "futex_lock.h"
#include "miss_curve.h"
#include "page.h"
#include "pool.h"
#include "trace_writer.h"

static void report_to_curve(struct miss_curve *c, const struct pg_trace_event *e, uint64_t word)
{
        bool mapped = page_is_mapped(word);

        switch (e->kind) {
        case PG_TRACE_FAULT:
        case PG_TRACE_RESCUED:
                miss_curve_fault(c, e->page, true);
                break;
        case PG_TRACE_AHEAD:
                miss_curve_fault(c, e->page, false);
                break;
        case PG_TRACE_RETURNED:
                if (!mapped)
                        miss_curve_fault(c, e->page, false);
                break;
        case PG_TRACE_QUEUED:
        case PG_TRACE_LEFT:
                if (mapped)
                        miss_curve_demoted(c, e->page);
                break;
        case PG_TRACE_FORGOTTEN:
                if (e->count == 1)
                        miss_curve_forgotten(c, e->page, mapped);
                else /* of a mapping, whose mapped pages were forgotten one by one */
                        miss_curve_forgotten_range(c, e->page, e->count);
                break;
        case PG_TRACE_MOVED:
                miss_curve_renamed(c, e->page, e->to);
                break;
        default:
                break;
        }
}

void observers_report(struct pg_pool *pool, const struct pg_trace_event *event, uint64_t word)
{
        if (trace_writer_is_on(&pool->trace_writer))
                trace_writer_add(&pool->trace_writer, event);
        if (pool->miss_curve.memory)
                report_to_curve(&pool->miss_curve, event, word);
}

void observers_report_locking(struct pg_pool *pool, const struct pg_trace_event *event,
                              uint64_t word)
{
        if (!pool->has_observers)
                return;
        pool_lock(pool);
        observers_report(pool, event, word);
        pool_unlock(pool);
}
