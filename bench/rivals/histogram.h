/* SPDX-License-Identifier: MIT */
/*
 * histogram.h - counts of times, in buckets 3 % wide.
 *
 * 32 buckets for each power of two; times below 32 ns are exact. Adding one costs a few
 * nanoseconds and no memory, however many there are.
 */
#ifndef RIVALS_HISTOGRAM_H
#define RIVALS_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BUCKETS 1920u

struct histogram {
        uint32_t counts[HISTOGRAM_BUCKETS];
};

static inline void histogram_add(struct histogram *h, uint64_t ns)
{
        unsigned power = ns < 32 ? 0 : 58u - (unsigned)__builtin_clzll(ns);

        h->counts[power * 32 + (unsigned)(ns >> power)]++;
}

static inline void histogram_merge(struct histogram *to, const struct histogram *from)
{
        for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
                to->counts[i] += from->counts[i];
}

/* Of the `slowest` longest times, the one that `percent` of them do not exceed: the middle of its
 * bucket. */
static inline double histogram_of_slowest(const struct histogram *h, uint64_t slowest,
                                          double percent)
{
        uint64_t above = (uint64_t)((double)slowest * (100 - percent) / 100), seen = 0;

        for (unsigned i = HISTOGRAM_BUCKETS; i-- > 0;) {
                unsigned power = i < 64 ? 0 : i / 32 - 1;

                seen += h->counts[i];
                if (seen > above)
                        return ((double)(i - power * 32) + (power ? 0.5 : 0)) *
                               (double)(1ull << power);
        }
        return 0;
}

#endif
