/* SPDX-License-Identifier: MIT */
/* delivery.c - what both deliveries do with a fault. */
#include "delivery.h"
#include "fault.h"

enum fault_end delivery_fault(struct region *r, uintptr_t addr, bool write, pid_t tid)
{
        struct pg_pool *pool = r->pool;
        uint64_t began = clock_now(), took;
        struct worker *w = worker_get(&pool->workers, &pool->stats, tid);
        enum fault_end end = fault_page(pool, w, r, region_page(r, addr), write);

        if (end == FAULT_BUSY) {
                tally_add(&w->tally, STAT_WAITS, 1);
        } else {
                took = clock_now() - began;
                tally_time(&w->tally, PG_HISTOGRAM_FAULT, took);
                tally_add(&w->tally, STAT_WAIT_NS, took);
                if (w->thread)
                        atomic_fetch_add_explicit(&w->thread->wait_ns, took, memory_order_relaxed);
        }
        worker_put(&pool->workers, w);
        return end;
}
