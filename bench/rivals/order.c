/* SPDX-License-Identifier: MIT */
/*
 * order.c - the orders of accesses.
 *
 * Zipf numbers are drawn as in J. Gray and others, "Quickly generating billion-record synthetic
 * databases" (1994). The ranks are scattered over the pages by a permutation, so that hot pages are
 * no neighbours.
 */
#include "order.h"
#include "bench_util.h"

#include <math.h>
#include <string.h>

#define ZIPF_THETA 0.99
#define HOT_PCT    80u /* of the accesses of hot-scan go to its hot set */

struct zipf {
        double n, zeta, alpha, eta;
};

static void zipf_prepare(struct zipf *z, uint32_t n)
{
        double zeta2 = 1 + pow(0.5, ZIPF_THETA);

        z->n = n;
        z->zeta = 0;
        for (uint32_t i = 1; i <= n; i++)
                z->zeta += 1 / pow(i, ZIPF_THETA);
        z->alpha = 1 / (1 - ZIPF_THETA);
        z->eta = (1 - pow(2.0 / n, 1 - ZIPF_THETA)) / (1 - zeta2 / z->zeta);
}

static uint32_t zipf_draw(const struct zipf *z, uint64_t *random)
{
        double u = (double)(random_next(random) >> 11) / (double)(1ull << 53);
        double weight = u * z->zeta, rank;

        if (weight < 1)
                return 0;
        if (weight < 1 + pow(0.5, ZIPF_THETA))
                return 1;
        rank = z->n * pow(z->eta * u - z->eta + 1, z->alpha);
        return rank < z->n ? (uint32_t)rank : (uint32_t)z->n - 1;
}

/* The same for every thread of a run. */
static uint32_t *scattered(const struct run *run)
{
        uint32_t *pages = ordinary_memory(run->pages * sizeof(*pages));
        uint64_t random = run->seed * 31 + 17;

        shuffle(pages, run->pages, &random);
        return pages;
}

uint32_t order_part(const struct run *run, unsigned thread, uint32_t *first)
{
        uint32_t end = (uint32_t)((uint64_t)run->pages * (thread + 1) / run->threads);

        *first = (uint32_t)((uint64_t)run->pages * thread / run->threads);
        return end - *first;
}

static void make_sequential(const struct run *run, unsigned thread, uint32_t *sequence,
                            uint64_t length)
{
        uint32_t first, n = order_part(run, thread, &first);

        for (uint64_t i = 0; i < length; i++)
                sequence[i] = first + (uint32_t)(i % n);
}

/* Pages that one thread alone writes: its own in every row of as many pages as threads. */
static uint32_t own_page(const struct run *run, unsigned thread, uint64_t random)
{
        uint32_t rows = run->pages / run->threads;

        return (uint32_t)(random % rows) * run->threads + thread;
}

static void make_zipf(const struct run *run, uint64_t *random, uint32_t *sequence, uint64_t length)
{
        uint32_t *pages = scattered(run);
        struct zipf zipf;

        zipf_prepare(&zipf, run->pages);
        for (uint64_t i = 0; i < length; i++)
                sequence[i] = pages[zipf_draw(&zipf, random)];
}

static void make_hot_scan(const struct run *run, unsigned thread, uint64_t *random,
                          uint32_t *sequence, uint64_t length)
{
        uint32_t hot = (uint32_t)(run->budget / PAGE_BYTES / 2), *pages = scattered(run), scan;
        uint8_t *is_hot = ordinary_memory(run->pages);

        if (hot > run->pages / 2)
                hot = run->pages / 2;
        for (uint32_t i = 0; i < hot; i++)
                is_hot[pages[i]] = 1;
        order_part(run, thread, &scan);
        for (uint64_t i = 0; i < length; i++) {
                uint64_t r = random_next(random);

                if (r % 100 < HOT_PCT) {
                        sequence[i] = pages[(r >> 16) % hot];
                        continue;
                }
                do
                        scan = (scan + 1) % run->pages;
                while (is_hot[scan]);
                sequence[i] = scan;
        }
}

void order_make(const struct run *run, unsigned thread, uint32_t *sequence, uint64_t length)
{
        uint64_t random = run->seed * 1000003 + thread;

        switch (run->workload->order) {
        case ORDER_UNIFORM:
                for (uint64_t i = 0; i < length; i++) {
                        uint64_t r = random_next(&random);

                        sequence[i] = run->workload->touch == TOUCH_RMW
                                              ? own_page(run, thread, r)
                                              : (uint32_t)(r % run->pages);
                }
                break;
        case ORDER_ZIPF:
                make_zipf(run, &random, sequence, length);
                break;
        case ORDER_HOT_SCAN:
                make_hot_scan(run, thread, &random, sequence, length);
                break;
        default:
                make_sequential(run, thread, sequence, length);
                break;
        }
}

void order_chain(const struct run *run, uint32_t *next)
{
        uint32_t *circle = ordinary_memory(run->pages * sizeof(*circle));
        uint64_t random = run->seed * 7 + 3;

        for (unsigned thread = 0; thread < run->threads; thread++) {
                uint32_t first, n = order_part(run, thread, &first);

                shuffle(circle, n, &random);
                for (uint32_t i = 0; i < n; i++)
                        next[first + circle[i]] = first + circle[(i + 1) % n];
        }
}
