/* SPDX-License-Identifier: MIT */
/*
 * watch.c - what it costs to be watched: to record a trace, to sample one fault in 20, and to count
 * where other processes can read it.
 *
 * Two pools of 512 frames, one of which is watched, with the same data in zram, eight times as much
 * as the frames hold and LZ4 makes 3 times smaller. One thread on one CPU makes the same accesses
 * to both, block by block in turn, so that whatever the machine does meanwhile happens to both. One
 * pool is faster than its like by up to a tenth, by where its memory lies, as long as it lives: so
 * both are opened anew again and again, each as often before the other as after it. The figure is
 * the time of a block divided by its faults; the ratio is the median of the ratios of neighbouring
 * blocks, and where half of these lie says how far it can be trusted.
 *
 * The trace goes to a file beside this source (out/), or where the argument says. The counters of
 * the other pools are in memory of the process, as always where a file for them may not be made.
 */
#include "compressible_page.h"
#include "bench_pool.h"

#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#define PAGES    4096u
#define FRAMES   512u
#define ACCESSES 4096u /* a block */
#define ROUNDS   16u   /* in each both pools are opened anew */
#define BLOCKS   5u    /* pairs of them in a round; the first is not counted */
#define COUNTED  (ROUNDS * (BLOCKS - 1))

struct subject {
        struct pg_pool *pool;
        char *start;
        double ns[COUNTED];
        uint64_t faults; /* of the last round */
};

static struct subject plain, watched;

enum watch { TRACE, SAMPLES, COUNTERS };
static const char *const watch_names[] = {"trace", "samples", "counters"};
#define SAMPLE_EVERY 20u /* 25 times as often as `unpaged run --sample`, or nothing could be seen */

/* Where no file may be larger than that, there is none for counters. */
static void limit_files(rlim_t bytes)
{
        struct rlimit limit;

        must(getrlimit(RLIMIT_FSIZE, &limit) == 0 ? 0 : -errno, "getrlimit");
        limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
        must(setrlimit(RLIMIT_FSIZE, &limit) == 0 ? 0 : -errno, "setrlimit");
}

static void subject_open(struct subject *s, const struct pg_config *config, bool counts_in_file)
{
        s->faults = 0;
        limit_files(counts_in_file ? RLIM_INFINITY : 0);
        s->pool = open_pool(*config);
        limit_files(RLIM_INFINITY);
        s->start = map_pages(s->pool, PAGES);
        for (uint64_t i = 0; i < PAGES; i++)
                noise_page(s->start + i * PAGE, PAGE, i, false);
}

enum pattern { RANDOM_READ, RANDOM_WRITE, SEQUENCE };

static double block(struct subject *s, enum pattern pattern, unsigned number)
{
        uint64_t state = number, before = stats_of(s->pool).faults, began = now_ns(), took, faults;

        for (unsigned i = 0; i < ACCESSES; i++) {
                uint64_t page = pattern == SEQUENCE ? i % PAGES : random_next(&state) % PAGES;
                volatile char *at = s->start + page * PAGE;

                if (pattern == RANDOM_WRITE)
                        *at = (char)i;
                else
                        (void)*at;
        }
        took = now_ns() - began;
        faults = stats_of(s->pool).faults - before;
        s->faults += faults;
        return (double)took / (double)(faults ? faults : 1);
}

struct kind {
        enum watch watch;
        enum pg_delivery how;
        enum pattern pattern;
        const char *trace;
};

static void open_both(const struct kind *k, bool plain_first)
{
        struct pg_config config = {.frames = FRAMES, .delivery = k->how}, more = config;

        more.trace = k->watch == TRACE ? k->trace : NULL;
        more.sample_every = k->watch == SAMPLES ? SAMPLE_EVERY : 0;
        if (plain_first)
                subject_open(&plain, &config, k->watch != COUNTERS);
        subject_open(&watched, &more, true);
        if (!plain_first)
                subject_open(&plain, &config, k->watch != COUNTERS);
}

/* Returns the bytes of the trace for each fault. */
static double close_both(const struct kind *k)
{
        struct stat st = {0};

        if (k->watch == TRACE) {
                must(pg_trace_sync(watched.pool), k->trace);
                must(stat(k->trace, &st) == 0 ? 0 : -errno, k->trace);
                unlink(k->trace);
        }
        close_pool(plain.pool);
        close_pool(watched.pool);
        return (double)st.st_size / (double)watched.faults;
}

static void measure(const struct kind *k, const char *what)
{
        double ratios[COUNTED], bytes = 0;
        unsigned n = 0;

        for (unsigned round = 0; round < ROUNDS; round++) {
                open_both(k, round % 2);
                for (unsigned i = 0; i < BLOCKS; i++) {
                        /* Who is first takes turns, too. */
                        bool plain_first = i / 2 % 2;
                        double first = block(plain_first ? &plain : &watched, k->pattern, i);
                        double second = block(plain_first ? &watched : &plain, k->pattern, i);

                        if (i == 0)
                                continue;
                        plain.ns[n] = plain_first ? first : second;
                        watched.ns[n] = plain_first ? second : first;
                        ratios[n] = watched.ns[n] / plain.ns[n];
                        n++;
                }
                bytes = close_both(k);
        }
        qsort(ratios, n, sizeof(*ratios), compare_double);
        printf("%-9s %-14s %-8s %9.0f %9.0f %8.3f  %.3f .. %.3f", watch_names[k->watch], what,
               k->how == PG_DELIVERY_SIGNAL ? "signal" : "thread", median(plain.ns, n),
               median(watched.ns, n), ratios[n / 2], ratios[n / 4], ratios[3 * n / 4]);
        if (k->watch == TRACE)
                printf(" %10.1f", bytes);
        putchar('\n');
        fflush(stdout);
}

static void measure_all(enum watch watch, const char *trace)
{
        static const char *const names[] = {"random reads", "random writes", "in sequence"};
        struct kind k = {.watch = watch, .trace = trace};

        for (int how = PG_DELIVERY_SIGNAL; how >= PG_DELIVERY_THREAD; how--)
                for (enum pattern pattern = RANDOM_READ; pattern <= SEQUENCE; pattern++) {
                        k.how = (enum pg_delivery)how;
                        k.pattern = pattern;
                        measure(&k, names[pattern]);
                }
}

int main(int argc, char **argv)
{
        const char *path = argc > 1 ? argv[1] : output_path(__FILE__, "bench.trace");
        struct utsname machine;

        stay_here();
        uname(&machine);
        printf("%s %s, %s; medians, ns per fault\n", machine.sysname, machine.release,
               machine.machine);
        printf("%-9s %-14s %-8s %9s %9s %8s  %-14s %10s\n", "watched", "accesses", "delivery",
               "plain", "watched", "ratio", "half of ratios", "bytes each");
        for (enum watch watch = TRACE; watch <= COUNTERS; watch++)
                measure_all(watch, path);
        return EXIT_SUCCESS;
}
