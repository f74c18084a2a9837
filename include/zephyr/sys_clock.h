/* SPDX-License-Identifier: MIT */
/* sys_clock.h - durations. A tick is a nanosecond, and so is a cycle by default
 * (CONFIG_SYS_CLOCK_HW_CYCLES_PER_SEC); the names and rounding are Zephyr's. */
#ifndef ZEPHYR_SYS_CLOCK_H
#define ZEPHYR_SYS_CLOCK_H

#include <stdint.h>

typedef int64_t k_ticks_t;

typedef struct {
        k_ticks_t ticks; /* negative: for ever */
} k_timeout_t;

#define K_TICKS_FOREVER    (-1)
#define K_TIMEOUT_EQ(a, b) ((a).ticks == (b).ticks)

#define MSEC_PER_SEC  1000U
#define USEC_PER_MSEC 1000U
#define USEC_PER_SEC  1000000U
#define NSEC_PER_USEC 1000U
#define NSEC_PER_MSEC 1000000U
#define NSEC_PER_SEC  1000000000U

#define K_NO_WAIT    ((k_timeout_t){0})
#define K_FOREVER    ((k_timeout_t){K_TICKS_FOREVER})
#define K_TICKS(t)   ((k_timeout_t){(k_ticks_t)(t)})
#define K_NSEC(t)    ((k_timeout_t){(k_ticks_t)(t)})
#define K_USEC(t)    ((k_timeout_t){(k_ticks_t)(t)*1000})
#define K_MSEC(t)    ((k_timeout_t){(k_ticks_t)(t)*1000000})
#define K_SECONDS(s) ((k_timeout_t){(k_ticks_t)(s)*1000000000})
#define K_MINUTES(m) K_SECONDS((m)*60)

static inline uint32_t sys_clock_hw_cycles_per_sec(void)
{
        return CONFIG_SYS_CLOCK_HW_CYCLES_PER_SEC;
}

static inline uint64_t k_cyc_to_ns_floor64(uint64_t cycles)
{
        return (uint64_t)((__uint128_t)cycles * NSEC_PER_SEC / CONFIG_SYS_CLOCK_HW_CYCLES_PER_SEC);
}

static inline uint64_t k_cyc_to_ns_ceil64(uint64_t cycles)
{
        return (uint64_t)(((__uint128_t)cycles * NSEC_PER_SEC + CONFIG_SYS_CLOCK_HW_CYCLES_PER_SEC -
                           1) /
                          CONFIG_SYS_CLOCK_HW_CYCLES_PER_SEC);
}

static inline uint64_t k_cyc_to_us_floor64(uint64_t cycles)
{
        return k_cyc_to_ns_floor64(cycles) / NSEC_PER_USEC;
}

static inline uint64_t k_cyc_to_ms_floor64(uint64_t cycles)
{
        return k_cyc_to_ns_floor64(cycles) / NSEC_PER_MSEC;
}

static inline uint32_t k_cyc_to_us_floor32(uint32_t cycles)
{
        return (uint32_t)k_cyc_to_us_floor64(cycles);
}

#endif
