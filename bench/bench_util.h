/* SPDX-License-Identifier: MIT */
/* bench_util.h - for benchmarks and tests: clocks, repeatable random numbers, medians, percentiles. */
#ifndef BENCH_UTIL_H
#define BENCH_UTIL_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

static inline uint64_t clock_ns(clockid_t clock)
{
        struct timespec now;

        clock_gettime(clock, &now);
        return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline uint64_t now_ns(void)
{
        return clock_ns(CLOCK_MONOTONIC);
}

/* Any x to a number that looks random. */
static inline uint64_t random_mix(uint64_t x)
{
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
        x = (x ^ x >> 27) * 0x94D049BB133111EBu;
        return x ^ x >> 31;
}

/* splitmix64: any state is a good seed. */
static inline uint64_t random_next(uint64_t *rng)
{
        return random_mix(*rng += 0x9E3779B97F4A7C15u);
}

/* 0 ... n - 1 */
static inline uint64_t random_below(uint64_t *rng, uint64_t n)
{
        return random_next(rng) % n;
}

/* Makes order a random permutation of 0 ... n - 1. */
static inline void shuffle(uint32_t *order, uint32_t n, uint64_t *rng)
{
        for (uint32_t i = 0; i < n; i++) {
                uint32_t other = (uint32_t)random_below(rng, i + 1);

                order[i] = order[other];
                order[other] = i;
        }
}

static inline int compare_double(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

static inline int compare_u32(const void *a, const void *b)
{
        uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

        return (x > y) - (x < y);
}

/* Both sort the values. */
static inline double median(double *values, size_t n)
{
        qsort(values, n, sizeof(*values), compare_double);
        return values[n / 2];
}

static inline uint32_t percentile(uint32_t *values, size_t n, size_t percent)
{
        qsort(values, n, sizeof(*values), compare_u32);
        return values[n * percent / 100];
}

#endif
