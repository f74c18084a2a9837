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
#include "bench_util.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <unpaged/unpaged.h>

#define PAGE     ((size_t)4096)
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

static void must(int error, const char *what)
{
        if (error == 0)
                return;
        fprintf(stderr, "%s: %s\n", what, strerror(-error));
        exit(error == -EPERM ? 77 : 1);
}

static void subject_open(struct subject *s, enum pg_delivery how, const char *trace)
{
        struct pg_config config = {
                .size = sizeof(config), .frames = FRAMES, .delivery = how, .trace = trace};

        *s = (struct subject){0};
        must(pg_open(&s->pool, &config), trace ? trace : "pg_open");
        s->start = pg_map(s->pool, PAGES * PAGE, 0);
        must(s->start ? 0 : -errno, "pg_map");
        for (uint64_t i = 0; i < PAGES; i++)
                noise_page(s->start + i * PAGE, PAGE, i, false);
}

static uint64_t faults_of(const struct subject *s)
{
        struct pg_stats stats = {.size = sizeof(stats)};

        must(pg_stats_get(s->pool, &stats), "pg_stats_get");
        return stats.faults;
}

enum pattern { RANDOM_READ, RANDOM_WRITE, SEQUENCE };

static void block(struct subject *s, enum pattern pattern, unsigned number)
{
        uint64_t state = number, before = faults_of(s), began = now_ns(), faults;

        for (unsigned i = 0; i < ACCESSES; i++) {
                uint64_t page = pattern == SEQUENCE ? i % PAGES : random_next(&state) % PAGES;
                volatile char *at = s->start + page * PAGE;

                if (pattern == RANDOM_WRITE)
                        *at = (char)i;
                else
                        (void)*at;
        }
        s->ns[number] = (double)(now_ns() - began);
        faults = faults_of(s) - before;
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
        qsort(ratios + 1, n, sizeof(*ratios), series_compare_double);
        printf("%-14s %-8s %9.0f %9.0f %8.3f  %.3f .. %.3f %10.1f\n", what,
               how == PG_DELIVERY_SIGNAL ? "signal" : "thread", median(plain.ns + 1, n),
               median(traced.ns + 1, n), ratios[1 + n / 2], ratios[1 + n / 4],
               ratios[1 + 3 * n / 4], (double)st.st_size / (double)traced.faults);
        must(pg_close(plain.pool), "pg_close");
        must(pg_close(traced.pool), "pg_close");
        unlink(trace);
}

int main(int argc, char **argv)
{
        const char *slash = strrchr(__FILE__, '/');
        struct utsname machine;
        cpu_set_t here;
        char path[4096];

        snprintf(path, sizeof(path), "%.*sout", (int)(slash ? slash + 1 - __FILE__ : 0), __FILE__);
        mkdir(path, 0777);
        strncat(path, "/bench.trace", sizeof(path) - strlen(path) - 1);
        CPU_ZERO(&here);
        CPU_SET((size_t)sched_getcpu(), &here);
        sched_setaffinity(0, sizeof(here), &here);
        uname(&machine);
        printf("%s %s, %s; medians, ns per fault\n", machine.sysname, machine.release,
               machine.machine);
        printf("%-14s %-8s %9s %9s %8s  %-14s %10s\n", "accesses", "delivery", "plain", "traced",
               "ratio", "half of ratios", "bytes each");
        for (int how = PG_DELIVERY_SIGNAL; how >= PG_DELIVERY_THREAD; how--) {
                measure((enum pg_delivery)how, "random reads", RANDOM_READ,
                        argc > 1 ? argv[1] : path);
                measure((enum pg_delivery)how, "random writes", RANDOM_WRITE,
                        argc > 1 ? argv[1] : path);
                measure((enum pg_delivery)how, "in sequence", SEQUENCE, argc > 1 ? argv[1] : path);
        }
        return EXIT_SUCCESS;
}
