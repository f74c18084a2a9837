/* SPDX-License-Identifier: MIT */
/*
 * bench_pool.h - for benchmarks that page: pools, their figures, and where results go. What fails
 * ends the program.
 */
#ifndef BENCH_POOL_H
#define BENCH_POOL_H

#include "bench_util.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unpaged/statistics.h>
#include <unpaged/unpaged.h>

#define PAGE ((size_t)4096)

/* 77: this machine does not permit it. */
static inline void must(int error, const char *what)
{
        if (error) {
                fprintf(stderr, "%s: %s: %s. %s\n", program_invocation_short_name, what,
                        strerror(-error), pg_last_error());
                exit(error == -EPERM ? 77 : EXIT_FAILURE);
        }
}

static inline struct pg_pool *open_pool(struct pg_config config)
{
        struct pg_pool *pool = NULL;

        config.size = sizeof(config);
        must(pg_open(&pool, &config), "pg_open");
        return pool;
}

static inline char *map_pages(struct pg_pool *pool, size_t npages)
{
        char *start = pg_map(pool, npages * PAGE, 0);

        must(start ? 0 : -errno, "pg_map");
        return start;
}

/* Pages of which none is read ahead. */
static inline char *map_random_pages(struct pg_pool *pool, size_t npages)
{
        char *start = map_pages(pool, npages);

        must(pg_advise(pool, start, npages * PAGE, PG_ADVICE_RANDOM), "pg_advise");
        return start;
}

static inline struct pg_stats stats_of(struct pg_pool *pool)
{
        const struct timespec pause = {.tv_nsec = 1000000};
        struct pg_stats stats = {.size = sizeof(stats)};

        nanosleep(&pause, NULL); /* a handler thread counts the last fault after it woke us */
        must(pg_stats_get(pool, &stats), "pg_stats_get");
        return stats;
}

static inline void close_pool(struct pg_pool *pool)
{
        must(pg_close(pool), "pg_close");
}

/* Binds this thread to the CPU on which it runs. */
static inline cpu_set_t stay_here(void)
{
        cpu_set_t here;

        CPU_ZERO(&here);
        CPU_SET((size_t)sched_getcpu(), &here);
        sched_setaffinity(0, sizeof(here), &here);
        return here;
}

/* out/NAME beside the source file; valid until the next call. */
static inline const char *output_path(const char *source, const char *name)
{
        static char path[4096];
        int folder = (int)(strrchr(source, '/') ? strrchr(source, '/') + 1 - source : 0);

        snprintf(path, sizeof(path), "%.*sout", folder, source);
        mkdir(path, 0777);
        snprintf(path, sizeof(path), "%.*sout/%s", folder, source, name);
        return path;
}

#endif
