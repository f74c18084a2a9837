/* SPDX-License-Identifier: MIT */
/*
 * test_fork.c - a child of fork has nothing of a pool, says so, and disturbs nobody.
 */
#include "child.h"
#include "flaky_store.h"
#include "sigbus.h"
#include "probe.h"
#include "support.h"

#include <errno.h>
#include <pthread.h>
#include <spawn.h>
#include <unpaged/statistics.h>

#define PAGES 64u

extern char **environ;

static char *paged_new(struct pg_pool *pool)
{
        char *map = map_pages(pool, PAGES, 0);

        for (unsigned i = 0; i < PAGES; i++)
                map[i * PAGE] = (char)(i + 1);
        return map;
}

static bool paged_is_right(const char *map)
{
        for (unsigned i = 0; i < PAGES; i++)
                if (map[i * PAGE] != (char)(i + 1))
                        return false;
        return true;
}

START_TEST(child_does_not_have_the_mappings)
{
        struct pg_pool *pool = open_frames(_i, 16, 0);
        char *map = paged_new(pool);
        pid_t child;

        hit_install();
        child = fork();
        if (child == 0) {
                for (unsigned i = 0; i < PAGES; i++)
                        CHILD_CHECK(hit_touch(map + i * PAGE, i & 1).sig == SIGSEGV);
                _exit(0);
        }
        expect_child(child, 0);
        ck_assert(paged_is_right(map));
        close_pool(pool);
}
END_TEST

START_TEST(poisoned_page_is_sigsegv_in_a_child_too)
{
        struct flaky *f = flaky_new(PAGES, PAGE, true);
        struct pg_pool *pool = open_frames(_i, 16, 0);
        pid_t child;
        char *map;

        hit_install();
        map = map_store(pool, &f->store, PAGES, 0);
        atomic_store(&f->fail_load, EIO);
        expect_sigbus(map, false);
        child = fork();
        if (child == 0) {
                CHILD_CHECK(hit_touch(map, false).sig == SIGSEGV);
                _exit(0);
        }
        expect_child(child, 0);
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

START_TEST(every_call_answers_echild_in_a_child)
{
        struct flaky *f = flaky_new(PAGES, PAGE, true);
        struct pg_pool *pool = open_frames(_i, 16, 0);
        char *map = paged_new(pool);
        pid_t child = fork();

        if (child == 0) {
                struct pg_stats stats = {.size = sizeof(stats)};
                struct pg_thread_stats thread_stats = {.size = sizeof(thread_stats)};
                struct pg_histogram histogram = {.size = sizeof(histogram)};
                pg_location location;

                errno = 0;
                CHILD_CHECK(!pg_map(pool, PAGE, 0) && errno == ECHILD);
                errno = 0;
                CHILD_CHECK(!pg_map_unpaged(pool, PG_LOCATION_ANON_ZERO, PAGE, 0) &&
                            errno == ECHILD);
                CHILD_CHECK(pg_unmap(pool, map, PAGES * PAGE) == -ECHILD);
                CHILD_CHECK(pg_page_in(pool, map, PAGE) == -ECHILD);
                CHILD_CHECK(pg_page_out(pool, map, PAGE) == -ECHILD);
                CHILD_CHECK(pg_pin(pool, map, PAGE) == -ECHILD);
                CHILD_CHECK(pg_unpin(pool, map, PAGE) == -ECHILD);
                CHILD_CHECK(pg_advise(pool, map, PAGE, PG_ADVICE_DISCARD) == -ECHILD);
                CHILD_CHECK(pg_sync(pool, map, PAGE) == -ECHILD);
                CHILD_CHECK(pg_attach(pool, &f->store, &location) == -ECHILD);
                CHILD_CHECK(pg_detach(pool, &f->store) == -ECHILD);
                CHILD_CHECK(pg_resize(pool, 8 * PAGE) == -ECHILD);
                CHILD_CHECK(pg_free_get(pool) == 0);
                CHILD_CHECK(stats_get(pool, &stats) == -ECHILD);
                CHILD_CHECK(pg_thread_stats_get(pool, 0, &thread_stats) == -ECHILD);
                CHILD_CHECK(pg_histogram_get(pool, PG_HISTOGRAM_FAULT, &histogram) == -ECHILD);
                CHILD_CHECK(pg_location_query(pool, map, &location) == -ECHILD);
                CHILD_CHECK(pg_close(pool) == -ECHILD);
                _exit(0);
        }
        expect_child(child, 0);
        ck_assert(paged_is_right(map));
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

static int child_opens_a_pool(int delivery)
{
        struct pg_pool *own = open_frames(delivery, 16, WITHOUT_THREADS);
        char *map = paged_new(own);
        pid_t grandchild;
        int status;

        CHILD_CHECK(paged_is_right(map));
        grandchild = fork();
        if (grandchild == 0)
                _exit(pg_page_in(own, map, PAGE) == -ECHILD ? 0 : 1);
        CHILD_CHECK(waitpid(grandchild, &status, 0) == grandchild && status == 0);
        CHILD_CHECK(paged_is_right(map));
        CHILD_CHECK(pg_close(own) == 0);
        return 0;
}

START_TEST(child_can_open_a_pool_of_its_own)
{
        struct pg_pool *pool = open_frames(_i & 1, 16, 0);
        char *map = paged_new(pool);
        pid_t child = fork();

        if (child == 0)
                _exit(child_opens_a_pool(_i >> 1));
        expect_child(child, 0);
        ck_assert(paged_is_right(map));
        close_pool(pool);
}
END_TEST

START_TEST(parent_goes_on_while_a_child_lives_and_after)
{
        struct pg_pool *pool = open_frames(_i, 16, 0);
        char *map = paged_new(pool);
        struct pg_stats before, after;
        int hold[2];
        pid_t child;

        ck_assert_int_eq(pipe(hold), 0);
        child = fork();
        if (child == 0) {
                char byte;

                close(hold[1]);
                _exit(read(hold[0], &byte, 1) == 0 ? 0 : 1);
        }
        before = stats_of(pool);
        for (unsigned i = 0; i < 4; i++) {
                ck_assert(paged_is_right(map));
                paged_is_right(map);
                for (unsigned page = 0; page < PAGES; page++)
                        map[page * PAGE] = (char)(page + 1);
                ck_assert_int_eq(pg_page_out(pool, map, PAGES * PAGE), 0);
        }
        after = stats_of(pool);
        ck_assert_uint_eq(before.busy_pages, after.busy_pages);
        ck_assert_uint_eq(after.errors_frames, 0);
        close(hold[1]);
        expect_child(child, 0);
        ck_assert(paged_is_right(map));
        close_pool(pool);
}
END_TEST

struct fault_thread {
        pthread_t thread;
        struct pg_pool *pool;
        char *map;
        _Atomic bool *stop;
        uint64_t wrong;
};

static void *fault_for_long(void *arg)
{
        struct fault_thread *t = arg;

        while (!atomic_load(t->stop)) {
                t->wrong += !paged_is_right(t->map);
                for (unsigned i = 0; i < PAGES; i++)
                        t->map[i * PAGE] = (char)(i + 1);
        }
        t->wrong += pg_unmap(t->pool, t->map, PAGES * PAGE) != 0;
        return NULL;
}

START_TEST(fork_while_other_threads_fault_disturbs_nobody)
{
        struct pg_pool *pool = open_frames(_i, 32, 0);
        struct fault_thread threads[3];
        _Atomic bool stop = false;

        for (unsigned i = 0; i < 3; i++) {
                threads[i] =
                        (struct fault_thread){.pool = pool, .map = paged_new(pool), .stop = &stop};
                pthread_create(&threads[i].thread, NULL, fault_for_long, &threads[i]);
        }
        for (unsigned n = 0; n < 30; n++) {
                pid_t child = fork();

                if (child == 0)
                        _exit(n % 10 == 0 ? child_opens_a_pool(_i) : 0);
                expect_child(child, 0);
        }
        atomic_store(&stop, true);
        for (unsigned i = 0; i < 3; i++) {
                pthread_join(threads[i].thread, NULL);
                ck_assert_uint_eq(threads[i].wrong, 0);
        }
        close_pool(pool);
}
END_TEST

START_TEST(spawn_and_system_work)
{
        struct pg_pool *pool = open_frames(_i, 16, 0);
        char *map = paged_new(pool);
        char *argv[] = {(char *)"sh", (char *)"-c", (char *)"exit 0", NULL};
        pid_t child;

        ck_assert_int_eq(system("exit 3") >> 8, 3);
        ck_assert_int_eq(posix_spawnp(&child, "sh", NULL, NULL, argv, environ), 0);
        expect_child(child, 0);
        child = vfork();
        if (child == 0)
                _exit(0);
        expect_child(child, 0);
        ck_assert(paged_is_right(map));
        close_pool(pool);
}
END_TEST

/* With exit(), so that its atexit handlers and destructors run. */
START_TEST(child_that_exits_in_full_disturbs_nobody)
{
        struct flaky *f = flaky_new(2 * PAGES, PAGE, true);
        struct pg_config config = config_frames(_i, 16, 0);
        struct pg_pool *pool;
        char *map;

        config.swap = &f->store; /* a leak checker sees its memory, and only that of malloc */
        pool = open_config(&config);
        map = paged_new(pool);
        for (unsigned i = 0; i < 3; i++) {
                pid_t child = fork();

                if (child == 0)
                        exit(0);
                expect_child(child, 0);
                ck_assert(paged_is_right(map));
        }
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

static char *prepared;
static bool prepared_is_right;

static void on_prepare(void)
{
        prepared_is_right = !prepared || paged_is_right(prepared);
}

/* The program's own fork handlers run beside ours, before or after, and may touch paged memory. */
START_TEST(fork_handlers_of_the_program_may_touch_paged_memory)
{
        struct pg_pool *pool;
        pid_t child;

        pthread_atfork(on_prepare, on_prepare, NULL); /* runs after ours: prepare goes backwards */
        pool = open_frames(_i, 16, 0);
        prepared = paged_new(pool);
        pthread_atfork(on_prepare, on_prepare, NULL); /* and before ours */
        child = fork();
        if (child == 0)
                _exit(0);
        expect_child(child, 0);
        ck_assert(prepared_is_right);
        close_pool(pool);
}
END_TEST

TESTS("fork")
{
        /* ThreadSanitizer takes a thread of the child for one of the parent; AddressSanitizer's
         * allocator may be locked there for ever, by a thread that only the parent has. */
        const bool threads = !*SANITIZER;

        add_for_both(tc, child_does_not_have_the_mappings);
        add_for_both(tc, poisoned_page_is_sigsegv_in_a_child_too);
        add_for_both(tc, every_call_answers_echild_in_a_child);
        tcase_add_loop_test(tc, child_can_open_a_pool_of_its_own, threads ? 0 : 2, 4);
        add_for_both(tc, parent_goes_on_while_a_child_lives_and_after);
        tcase_add_loop_test(tc, fork_while_other_threads_fault_disturbs_nobody, threads ? 0 : 1, 2);
        add_for_both(tc, spawn_and_system_work);
        if (threads)
                add_for_both(tc, child_that_exits_in_full_disturbs_nobody);
        add_for_both(tc, fork_handlers_of_the_program_may_touch_paged_memory);
        if (!threads)
                fprintf(stderr, "skipped: threads in a child, which sanitizers do not stand\n");
}
