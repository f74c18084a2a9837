/* SPDX-License-Identifier: MIT */
/*
 * cost_meter.h - what faults and evictions cost: one of MEASURED_EVERY is measured. See
 * cost_meter.c.
 */
#ifndef COST_METER_H
#define COST_METER_H

#include <stdbool.h>
#include <stdint.h>
#include <unpaged/statistics.h>

struct tally;

/* Of one move context. */
struct cost_meter {
        uint32_t until_next; /* faults */
        uint32_t random;
        enum pg_cost_kind kind; /* of the present fault; PG_COSTS: none that counts */
        bool is_on;             /* the present fault is measured */
        uint64_t cpu_began;
        uint64_t evicting_cpu_ns, evicting_ns; /* of it, in evict() */
};

/* By the thread that serves the fault. */
void cost_fault_begin(struct cost_meter *m);
/* took_ns: since then. */
void cost_fault_end(struct cost_meter *m, struct tally *t, uint64_t took_ns);

/* Around an eviction, which counts if it is part of a fault that is measured. Returns what the
 * second wants to know. */
uint64_t cost_eviction_begin(const struct cost_meter *m);
void cost_eviction_end(struct cost_meter *m, struct tally *t, uint64_t cpu_began, uint64_t took_ns,
                       unsigned pages);

#endif
