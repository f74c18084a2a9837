/* SPDX-License-Identifier: MIT */
/* delivery.c - what both deliveries do with a fault. */
#include "delivery.h"
#include "fault.h"

enum fault_end delivery_fault(struct region *r, uintptr_t addr, bool write, pid_t tid)
{
        struct pg_pool *pool = r->pool;
        uint64_t began = clock_now(), took;
        struct worker *w = worker_get(&pool->workers, tid);
        enum fault_end end = fault_page(pool, w, r, region_page(r, addr), write);
        struct thread_counters *thread;

        worker_put(&pool->workers, w);
        if (end == FAULT_BUSY) {
                stats_add(&pool->stats, STAT_WAITS, 1);
                return end;
        }
        took = clock_now() - began;
        thread = stats_thread(&pool->stats, tid);
        stats_time(&pool->stats, PG_HISTOGRAM_FAULT, took);
        stats_add(&pool->stats, STAT_WAIT_NS, took);
        if (thread)
                atomic_fetch_add_explicit(&thread->wait_ns, took, memory_order_relaxed);
        return end;
}
