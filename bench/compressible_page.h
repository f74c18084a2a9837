/* SPDX-License-Identifier: MIT */
/*
 * compressible_page.h - for benchmarks: pages that LZ4 makes 1.5 (hard) or 3 times smaller.
 *
 * Short pieces of noise and short repetitions by turns, of changing lengths, as real data has them:
 * LZ4 finds that harder than a page half noise and half zeros.
 */
#ifndef NOISE_H
#define NOISE_H

#include "bench_util.h"

#include <stdbool.h>

static inline void noise_page(char *page, size_t size, uint64_t seed, bool hard)
{
        size_t noise_most = hard ? 27 : 3, again_least = hard ? 11 : 22, at = 0;

        while (at < size) {
                uint64_t r = random_next(&seed);
                size_t from = at > 64 ? r % (at - 32) : 0;
                size_t noise = 1 + (r >> 12) % noise_most, again = again_least + (r >> 16) % 7;

                for (size_t i = 0; i < noise && at < size; i++)
                        page[at++] = (char)random_next(&seed);
                for (size_t i = 0; i < again && at < size; i++)
                        page[at++] = page[from++];
        }
}

#endif
