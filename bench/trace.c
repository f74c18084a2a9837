/* SPDX-License-Identifier: MIT */
/*
 * trace.c - what recording a trace costs.
 *
 * Two pools of 512 frames, one of which records, with the same data in zram, eight times as much as
 * the frames hold and LZ4 makes 3 times smaller. One thread on one CPU makes the same accesses to
 * both, block by block in turn, so that whatever the machine does meanwhile happens to both. The
 * figure is the time of a block divided by its faults; the ratio is the median of the ratios of
 * neighbouring blocks, and where half of these lie says how far it can be trusted.
 *
 * The trace goes to a file beside this source (out/), or where the argument says.
 */
#include "compressible_page.h"
#include "bench_pool.h"

#include <sys/utsname.h>
#include <unistd.h>

#define PAGES    4096u
#define FRAMES   512u
#define ACCESSES 8192u /* a block */
#define BLOCKS   61u   /* pairs of them; the first is not counted */

struct subject {
        struct pg_pool *pool;
        char *start;
        double ns[BLOCKS];
        uint64_t faults;
};

static struct subject plain, traced;

static void subject_open(struct subject *s, enum pg_delivery how, const char *trace)
{
        *s = (struct subject){0};
        s->pool = open_pool((struct pg_config){.frames = FRAMES, .delivery = how, .trace = trace});
        s->start = map_pages(s->pool, PAGES);
        for (uint64_t i = 0; i < PAGES; i++)
                noise_page(s->start + i * PAGE, PAGE, i, false);
}

enum pattern { RANDOM_READ, RANDOM_WRITE, SEQUENCE };

static void block(struct subject *s, enum pattern pattern, unsigned number)
{
        uint64_t state = number, before = stats_of(s->pool).faults, began = now_ns(), faults;

        for (unsigned i = 0; i < ACCESSES; i++) {
                uint64_t page = pattern == SEQUENCE ? i % PAGES : random_next(&state) % PAGES;
                volatile char *at = s->start + page * PAGE;

                if (pattern == RANDOM_WRITE)
                        *at = (char)i;
                else
                        (void)*at;
        }
        s->ns[number] = (double)(now_ns() - began);
        faults = stats_of(s->pool).faults - before;
        s->ns[number] /= (double)(faults ? faults : 1);
        s->faults += faults;
}

static void measure(enum pg_delivery how, const char *what, enum pattern pattern, const char *trace)
{
        double ratios[BLOCKS];
        struct stat st;
        size_t n = BLOCKS - 1;

        subject_open(&plain, how, NULL);
        subject_open(&traced, how, trace);
        for (unsigned i = 0; i < BLOCKS; i++) {
                /* Who is first takes turns, too. */
                block(i % 2 ? &plain : &traced, pattern, i);
                block(i % 2 ? &traced : &plain, pattern, i);
                ratios[i] = traced.ns[i] / plain.ns[i];
        }
        must(pg_trace_sync(traced.pool), trace);
        must(stat(trace, &st) == 0 ? 0 : -errno, trace);
        qsort(ratios + 1, n, sizeof(*ratios), compare_double);
        printf("%-14s %-8s %9.0f %9.0f %8.3f  %.3f .. %.3f %10.1f\n", what,
               how == PG_DELIVERY_SIGNAL ? "signal" : "thread", median(plain.ns + 1, n),
               median(traced.ns + 1, n), ratios[1 + n / 2], ratios[1 + n / 4],
               ratios[1 + 3 * n / 4], (double)st.st_size / (double)traced.faults);
        close_pool(plain.pool);
        close_pool(traced.pool);
        unlink(trace);
}

int main(int argc, char **argv)
{
        const char *path = argc > 1 ? argv[1] : output_path(__FILE__, "bench.trace");
        struct utsname machine;

        stay_here();
        uname(&machine);
        printf("%s %s, %s; medians, ns per fault\n", machine.sysname, machine.release,
               machine.machine);
        printf("%-14s %-8s %9s %9s %8s  %-14s %10s\n", "accesses", "delivery", "plain", "traced",
               "ratio", "half of ratios", "bytes each");
        for (int how = PG_DELIVERY_SIGNAL; how >= PG_DELIVERY_THREAD; how--) {
                measure((enum pg_delivery)how, "random reads", RANDOM_READ, path);
                measure((enum pg_delivery)how, "random writes", RANDOM_WRITE, path);
                measure((enum pg_delivery)how, "in sequence", SEQUENCE, path);
        }
        return EXIT_SUCCESS;
}
