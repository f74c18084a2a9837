/* SPDX-License-Identifier: MIT */
/* clock.c - time: the host's monotonic clock, from zero at the start of the program. */
#include "machine.h"

#include <time.h>
#include <zephyr/timing/timing.h>

static int64_t origin_ns;

int64_t unpaged_clock_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
}

__attribute__((constructor(101))) static void clock_start(void)
{
        origin_ns = unpaged_clock_ns();
}

int64_t unpaged_clock_deadline(k_timeout_t timeout)
{
        return timeout.ticks < 0 ? -1 : unpaged_clock_ns() + timeout.ticks;
}

k_ticks_t k_uptime_ticks(void)
{
        return unpaged_clock_ns() - origin_ns;
}

int64_t k_uptime_get(void)
{
        return k_uptime_ticks() / NSEC_PER_MSEC;
}

uint64_t k_cycle_get_64(void)
{
        return (uint64_t)((__uint128_t)k_uptime_ticks() * CONFIG_SYS_CLOCK_HW_CYCLES_PER_SEC /
                          NSEC_PER_SEC);
}

uint32_t k_cycle_get_32(void)
{
        return (uint32_t)k_cycle_get_64();
}

void timing_init(void)
{
}

void timing_start(void)
{
}

void timing_stop(void)
{
}

timing_t timing_counter_get(void)
{
        return (timing_t)k_uptime_ticks();
}
