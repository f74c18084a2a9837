/* SPDX-License-Identifier: MIT */
/*
 * stress.c - everything at once against an oracle: the judge of the whole pager.
 *
 * A run opens a pool, maps five kinds of memory (stress.h says how their words are divided), lets
 * worker threads, a chaos thread, tourists and a timer at them for a while, and then verifies
 * alone: every word, the content of the store under shared and private mappings, that every frame
 * is free and every place of the swap store was given back. Exit 0 says that all of it held; 77
 * that the machine does not permit the test.
 */
#include "stress.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unpaged/statistics.h>

static void print_message(void *arg, const char *text)
{
        (void)arg;
        fprintf(stderr, "pg_open: %s\n", text);
}

/* ---- one run ------------------------------------------------------------------------------- */

static void plan(void)
{
        unsigned least = AREA_KINDS * 2 * options.threads;
        size_t most = ((size_t)96 << 20) / options.page_size;

        if (options.pages == 0)
                options.pages = options.frames * 3 < most ? options.frames * 3 : (unsigned)most;
        if (options.pages < least)
                options.pages = least;
}

static void pool_open(void)
{
        size_t each = options.pages / AREA_KINDS, lone = 16;
        uint64_t bytes = (3 * each + lone) * options.page_size;
        struct pg_config config = {
                .size = sizeof(config),
                .frames = options.store == STORE_CAPPED ? 0 : options.frames,
                .memory = options.store == STORE_CAPPED ? options_memory(options.frames) : 0,
                .flags = options.strict ? PG_POOL_STRICT : 0,
                .page_size = options.page_size,
                .delivery = options.delivery,
                .queue_pct = options.queue_pct,
                .policy = options.policy,
                .trace = options.trace,
                .curve_pages = options.trace ? 256 : 0, /* who listens hears the same */
                .message = print_message,
        };
        int error;

        run = (struct run){.page_size = options.page_size, .nthreads = options.threads};
        run.swap = config.swap = store_make_swap();
        run.data = store_make_data(bytes);
        error = pg_open(&run.pool, &config);
        if (error == -EPERM) {
                fprintf(stderr, "skipped: this machine refuses userfaultfd\n");
                exit(77);
        }
        if (error)
                fail(self, "pg_open: %s", strerror(-error));
        for (unsigned kind = 0; kind < AREA_KINDS; kind++) {
                uint64_t slot = kind < AREA_PRIVATE ? 0 : kind - AREA_PRIVATE;

                if (!area_map(&run.areas[kind], (enum area_kind)kind, each,
                              slot * each * options.page_size))
                        fail(self, "mapping %u: %s", kind, strerror(errno));
        }
        if (!area_map(&run.lone, AREA_ANON, 2, 3 * each * options.page_size) ||
            !area_map(&run.bells, AREA_ANON, 8, 0))
                fail(self, "mapping: %s", strerror(errno));
        run.lone.name = "lone";
        run.bells.name = "bells";
}

static void work(void)
{
        pthread_t threads[THREADS_MAX + TOURISTS + 1];
        unsigned n = 0;
        struct timespec tick = {.tv_nsec = 50000000};
        uint64_t began = now_ns();

        for (unsigned i = 0; i < options.threads; i++)
                pthread_create(&threads[n++], NULL, worker_main, thread_new("worker", i));
        for (unsigned i = 0; i < TOURISTS; i++)
                pthread_create(&threads[n++], NULL, tourist_main, thread_new("tourist", i));
        pthread_create(&threads[n++], NULL, chaos_main, thread_new("chaos", 0));
        alarm_start();
        while ((double)(now_ns() - began) < options.seconds * 1e9) {
                op_begin(self, OP_QUERY, NULL, 0, 0);
                nanosleep(&tick, NULL);
        }
        atomic_store(&run.stop, true);
        for (unsigned i = 0; i < n; i++)
                pthread_join(threads[i], NULL);
        alarm_stop();
        alarm_settle();
}

/* Nothing is mapped any more: every frame and every place must be free. */
static void check_empty(void)
{
        struct pg_stats s = {.size = sizeof(s)};
        int error = pg_stats_get(run.pool, &s);

        if (error)
                fail(self, "pg_stats_get: %s", strerror(-error));
        if (s.frames_free != s.frames_total || s.frames_pinned || s.frames_queued ||
            s.frames_busy || s.swap_pages)
                fail(self, "something is left behind when nothing is mapped");
        if (s.rescues > s.faults || s.ahead_used + s.ahead_wasted > s.ahead_pages)
                fail(self, "the statistics contradict themselves");
}

static void verify(void)
{
        struct area *shared = &run.areas[AREA_SHARED];
        int error = 0;

        for (unsigned kind = 0; kind < AREA_KINDS; kind++)
                area_sweep(self, &run.areas[kind]);
        area_sweep(self, &run.bells);
        error = pg_sync(run.pool, shared->base, shared->npages * run.page_size);
        /* After a failed one it may say so for ever, but writes all the same. */
        if (error && !(error == -EIO && flaky_sync_failed()))
                fail(self, "pg_sync at the end: %s", strerror(-error));
        area_check_store(self, shared, 0, shared->npages, error == 0);
        for (uint64_t page = 0; page < shared->npages; page += 2)
                area_set(self, shared, page * shared->page_words + page % 8, 3,
                         (unsigned char)page);
        op_begin(self, OP_TOUR, NULL, 0, 0);
        for (unsigned kind = 0; kind < AREA_KINDS; kind++)
                area_unmap(self, &run.areas[kind]);
        area_unmap(self, &run.lone);
        area_unmap(self, &run.bells);
        check_empty();
}

static void run_once(void)
{
        int error;

        plan();
        options_print();
        threads_forget();
        thread_enter(thread_new("main", 0));
        pool_open();
        signals_setup();
        watch_start();
        work();
        verify();
        watch_stop();
        if (!options.all || options.verbose)
                report_counts();
        error = pg_close(run.pool);
        if (error)
                fail(self, "pg_close: %s", strerror(-error));
        run.pool = NULL;
        stores_close(run.swap, run.data);
}

int main(int argc, char **argv)
{
        double left;
        uint64_t random;
        unsigned pages;

        options_parse(argc, argv);
        left = options.seconds;
        random = options.seed;
        pages = options.pages;
        if (!options.all) {
                run_once();
                fprintf(stderr, "ok\n");
                return 0;
        }
        for (unsigned n = 1; left > 0; n++, left -= options.seconds) {
                options.pages = pages;
                options_shuffle(&random);
                options.seconds = left < 5 ? left : 5;
                run_once();
        }
        fprintf(stderr, "ok\n");
        return 0;
}
