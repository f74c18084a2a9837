/* SPDX-License-Identifier: MIT */
/*
 * curve.c - the what-if curve: what it costs, and how well it foretells what the default policy does.
 *
 * Cost. Two pools, one with the curve and one without, take turns, block by block, at the same
 * random accesses to four times as many pages as they have frames. A block's figure is the time of
 * the CPU that all threads took, divided by the pages that came in (what else runs on the machine
 * would be in the time by the clock); the ratio is the median of those of neighbouring blocks. The
 * curve follows every page, or a sample, with tables as small as `unpaged run` has them. It should
 * cost at most 5 %.
 *
 * Foretelling. A pool with a quarter of the pages as frames runs a workload, and its curve says how
 * many pages would miss with 1 to 3.5 times as many frames. Then pools with so many run it. The
 * table has what was foretold over what there was. Nothing is read ahead.
 *
 * bench-curve [cost|foretelling]: both, or one of them.
 */
#include "bench_pool.h"

#include <stdbool.h>
#include <unpaged/statistics.h>

#define NPAGES   8192u
#define FRAMES   (NPAGES / 4)
#define PAIRS    31u
#define BLOCK    6000u /* accesses */
#define ACCESSES 300000u
#define SIZES    6u

/* A pool and pages that all have been written to. */
struct subject {
        struct pg_pool *pool;
        char *pages;
};

static struct subject subject_open(enum pg_delivery how, uint32_t frames, uint32_t curve_pages)
{
        struct subject s;

        s.pool = open_pool(
                (struct pg_config){.frames = frames, .delivery = how, .curve_pages = curve_pages});
        s.pages = map_random_pages(s.pool, NPAGES);
        return s;
}

static void access_page(struct subject *s, uint64_t page, bool write)
{
        uint64_t *words = (uint64_t *)(void *)(s->pages + page * PAGE);

        if (write)
                for (unsigned i = 0; i < 64; i++)
                        words[i * 8 + page % 8] += page * (i + 1);
        else
                (void)*(volatile uint64_t *)words;
}

/* ---- cost ---------------------------------------------------------------------------------- */

static double block(struct subject *s, uint64_t *state, bool write)
{
        uint64_t before = stats_of(s->pool).pages_in, began = clock_ns(CLOCK_PROCESS_CPUTIME_ID),
                 took;

        for (unsigned i = 0; i < BLOCK; i++)
                access_page(s, random_next(state) % NPAGES, write);
        took = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - began;
        return (double)took / (double)(stats_of(s->pool).pages_in - before);
}

static void cost(enum pg_delivery how, uint32_t curve_pages, bool write)
{
        struct subject with = subject_open(how, FRAMES, curve_pages);
        struct subject without = subject_open(how, FRAMES, 0);
        double ratios[PAIRS], on[PAIRS], off[PAIRS];
        uint64_t seed = 1;
        struct pg_curve curve = {.size = sizeof(curve)};

        for (uint64_t page = 0; page < NPAGES; page++) {
                access_page(&with, page, true);
                access_page(&without, page, true);
        }
        for (unsigned i = 0; i < PAIRS; i++) {
                uint64_t states[2] = {seed, seed};

                if (i % 2 == 0)
                        off[i] = block(&without, &states[0], write);
                on[i] = block(&with, &states[1], write);
                if (i % 2 == 1)
                        off[i] = block(&without, &states[0], write);
                ratios[i] = on[i] / off[i];
                seed = states[1];
        }
        must(pg_curve_get(with.pool, &curve, NULL, 0), "pg_curve_get");
        printf("  %-7s %-6s 1 in %-4lu %10.0f %10.0f %8.3f\n",
               how == PG_DELIVERY_SIGNAL ? "signal" : "thread", write ? "write" : "read",
               (unsigned long)curve.sample, median(off, PAIRS), median(on, PAIRS),
               median(ratios, PAIRS));
        fflush(stdout);
        close_pool(with.pool);
        close_pool(without.pool);
}

static void measure_cost(void)
{
        printf("Random accesses, %u MiB in %u: ns for a page that comes in, medians of %u pairs\n"
               "  %-7s %-6s %-9s %10s %10s %8s\n",
               (unsigned)(NPAGES * PAGE >> 20), (unsigned)(FRAMES * PAGE >> 20), PAIRS, "", "",
               "followed", "without", "with", "ratio");
        for (int how = PG_DELIVERY_THREAD; how <= PG_DELIVERY_SIGNAL; how++)
                for (int write = 0; write < 2; write++) {
                        cost((enum pg_delivery)how, 2 * NPAGES, write);
                        cost((enum pg_delivery)how, NPAGES / 2, write);
                }
}

/* ---- foretelling --------------------------------------------------------------------------- */

static uint32_t zipf_page[1 << 16]; /* a page for each 65536th of probability, alpha 0.99 */

static void make_zipf(void)
{
        static double weight_up_to[NPAGES];
        static uint32_t order[NPAGES];
        uint64_t state = 1;
        double total = 0;
        uint32_t rank = 0;

        for (uint32_t i = 0; i < NPAGES; i++)
                weight_up_to[i] = total += 1 / (double)(i + 1);
        shuffle(order, NPAGES, &state);
        for (uint32_t i = 0; i < 1 << 16; i++) {
                while (weight_up_to[rank] / total < (i + 0.5) / (1 << 16))
                        rank++;
                zipf_page[i] = order[rank];
        }
}

static uint64_t uniform(uint64_t i, uint64_t lot)
{
        (void)i;
        return lot % NPAGES;
}

static uint64_t zipf(uint64_t i, uint64_t lot)
{
        (void)i;
        return zipf_page[lot & 0xffff];
}

/* Round and round over half the pages. */
static uint64_t loop(uint64_t i, uint64_t lot)
{
        (void)lot;
        return i % (NPAGES / 2);
}

/* A hot eighth by turns with a pass over all pages. */
static uint64_t scan(uint64_t i, uint64_t lot)
{
        return i % 2 ? lot % (NPAGES / 8) : i / 2 % NPAGES;
}

/* Any of three eighths of the pages, which move eight times. */
static uint64_t phases(uint64_t i, uint64_t lot)
{
        return (i / (ACCESSES / 8) * (NPAGES / 8) + lot % (NPAGES / 8 * 3)) % NPAGES;
}

static const struct {
        const char *name;
        uint64_t (*page)(uint64_t i, uint64_t lot);
} workloads[] = {
        {"uniform", uniform}, {"zipf 0.99", zipf}, {"loop", loop},
        {"scan", scan},       {"phases", phases},
};

/* One access in `write_one_in` writes. 0: none. */
static void run(struct subject *s, unsigned workload, unsigned write_one_in)
{
        uint64_t state = 7;

        for (uint64_t page = 0; page < NPAGES; page++)
                access_page(s, page, true);
        for (uint64_t i = 0; i < ACCESSES; i++) {
                uint64_t lot = random_next(&state);

                access_page(s, workloads[workload].page(i, lot >> 16),
                            write_one_in && lot % write_one_in == 0);
        }
}

static void foretell(unsigned workload, unsigned write_one_in)
{
        struct subject told = subject_open(PG_DELIVERY_SIGNAL, FRAMES, 2 * NPAGES);
        struct pg_curve_point points[SIZES];

        run(&told, workload, write_one_in);
        for (unsigned i = 0; i < SIZES; i++)
                points[i].frames = FRAMES + FRAMES / 2 * i;
        must(pg_curve_get(told.pool, NULL, points, SIZES), "pg_curve_get");
        printf("  %-10s %-6s", workloads[workload].name, write_one_in ? "1 in 4" : "none");
        for (unsigned i = 0; i < SIZES; i++) {
                struct subject s = subject_open(PG_DELIVERY_SIGNAL, (uint32_t)points[i].frames, 0);
                struct pg_stats stats;

                run(&s, workload, write_one_in);
                stats = stats_of(s.pool);
                printf(" %8.3f", (double)points[i].misses / (double)(stats.faults - stats.rescues));
                fflush(stdout);
                close_pool(s.pool);
        }
        putchar('\n');
        close_pool(told.pool);
}

static void measure_foretelling(void)
{
        printf("The default policy: misses foretold over misses there were, with so many times the "
               "frames\n"
               "  %-10s %-6s %8s %8s %8s %8s %8s %8s\n",
               "workload", "writes", "1", "1.5", "2", "2.5", "3", "3.5");
        make_zipf();
        for (unsigned i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++) {
                foretell(i, 0);
                foretell(i, 4);
        }
}

int main(int argc, char **argv)
{
        const char *which = argc > 1 ? argv[1] : "";

        if (argc > 2 ||
            (*which && strcmp(which, "cost") != 0 && strcmp(which, "foretelling") != 0)) {
                fprintf(stderr, "usage: bench-curve [cost|foretelling]\n");
                return 2;
        }
        if (strcmp(which, "foretelling") != 0)
                measure_cost();
        if (!*which)
                putchar('\n');
        if (strcmp(which, "cost") != 0)
                measure_foretelling();
        return 0;
}
