/* SPDX-License-Identifier: MIT */
/* timing.h - Zephyr's timing functions: the monotonic clock, of which a cycle is a nanosecond. Any
 * thread, also in handlers. */
#ifndef ZEPHYR_TIMING_TIMING_H
#define ZEPHYR_TIMING_TIMING_H

#include <stdint.h>

typedef uint64_t timing_t;

void timing_init(void);
void timing_start(void);
void timing_stop(void);
timing_t timing_counter_get(void);

static inline uint64_t timing_cycles_get(volatile timing_t *const start,
                                         volatile timing_t *const end)
{
        return *end - *start;
}

static inline uint64_t timing_freq_get(void)
{
        return 1000000000;
}

static inline uint32_t timing_freq_get_mhz(void)
{
        return 1000;
}

static inline uint64_t timing_cycles_to_ns(uint64_t cycles)
{
        return cycles;
}

static inline uint64_t timing_cycles_to_ns_avg(uint64_t cycles, uint32_t count)
{
        return cycles / count;
}

#endif
