/* SPDX-License-Identifier: MIT */
/* run_costs.h - how much of a run's time paging took. See run_costs.c. */
#ifndef RUN_COSTS_H
#define RUN_COSTS_H

#include <stdbool.h>
#include <stdint.h>
#include <unpaged/statistics.h>

struct run_costs {
        double run_ns;   /* that the run took, without the time that it waited for a CPU */
        double again_ns; /* of it: for pages that were there before, as coming in again costs */
        double leave_ns; /* of it: for pages that left, or were to leave */
        uint64_t again;  /* such pages that came in: misses that are no first touches */
        bool is_short;   /* too little was measured for a verdict */
};

/* `first`: of the misses, first touches; UINT64_MAX: not known. */
struct run_costs run_costs_read(const struct pg_stats *s, uint64_t first);

/* At the end of the process. The first call of these says what is told from then on, by all. */

/* NULL: there are none. */
const struct pg_stats *run_stats_at_end(void);
/* Measures what a fault costs the thread that faults (pg_cost_measure), in some milliseconds, of
 * which the figures above know nothing. `first` counts in the first call. */
struct run_costs run_costs_at_end(uint64_t first);
/* It has not ended after all; or this is a child of fork. */
void run_costs_again(void);

#endif
