/* SPDX-License-Identifier: MIT */
/* run_costs.h - how much of a run's time paging took. See run_costs.c. */
#ifndef RUN_COSTS_H
#define RUN_COSTS_H

#include <stdbool.h>
#include <stdint.h>
#include <unpaged/statistics.h>

struct run_costs {
        double run_ns;   /* that the run took, without the time that it waited for a CPU: the sum */
        double kept_ns;  /* of it: what it takes with all memory */
        double again_ns; /* of it: for misses that are no first touches */
        double leave_ns; /* of it: for pages that left, and for those that were to leave, or were
                          * clean because they had left before */
        uint64_t again;  /* misses that are no first touches */
        uint64_t back;   /* pages that came in by them, with what was read ahead */
        uint64_t most;   /* pages that had content at once, in frames or out */
        double doubt;    /* again_ns and leave_ns may be wrong by this part */
        bool is_short;   /* too little was measured for a verdict */
};

/* `first`: of the misses, first touches; UINT64_MAX: not known. */
struct run_costs run_costs_read(const struct pg_stats *s, uint64_t first);

/* When the program begins: what was before does not count. In a child of fork nothing was. */
void run_costs_begin(bool is_child);

/* At the end of the process. The first call of these says what is told from then on, by all. */

/* NULL: there are none. */
const struct pg_stats *run_stats_at_end(void);
/* Measures what a fault costs the thread that faults (pg_cost_measure), in some milliseconds, of
 * which the figures above know nothing. `first` counts in the first call. */
struct run_costs run_costs_at_end(uint64_t first);
/* It has not ended after all; or this is a child of fork. */
void run_costs_again(void);

#endif
