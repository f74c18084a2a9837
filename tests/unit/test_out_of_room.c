/* SPDX-License-Identifier: MIT */
/*
 * test_out_of_room.c - what the application is told for each reason why no page could go out.
 * tests/flow/test_out_of_room.c brings those about that a test can.
 */
#include "../run_tests.h"
#include "out_of_room.h"
#include "pool.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char heard[512];
static unsigned lines;

static void hear(void *arg, const char *line)
{
        (void)arg;
        snprintf(heard, sizeof(heard), "%s", line);
        lines++;
}

static struct pg_pool *pool_that_listens(void)
{
        struct pg_pool *pool = calloc(1, sizeof(*pool));

        pool->lock = (struct lock)LOCK_INIT(LOCK_POOL);
        pool->frames.limit = 77;
        pool->out_of_room = hear;
        ck_assert_int_eq(stats_init(&pool->stats, 1, &(struct pg_live){0}), 0);
        lines = 0;
        return pool;
}

static const struct {
        int error;
        const char *cause;
} reasons[] = {
        {-ENOMEM, "all frames are pinned; unpin pages, or raise the budget of 77 frames"},
        {-EBUSY, "the kernel has pinned or locked every page"},
        {-EPROTO, "the policy (without a name) names no page to go"},
        {-EIO, "a store failed to save pages, with errno 5"},
};

START_TEST(each_reason_is_told_in_words_with_the_number_of_frames)
{
        struct pg_pool *pool = pool_that_listens();

        out_of_room_report(pool, reasons[_i].error);
        ck_assert_uint_eq(lines, 1);
        ck_assert_msg(strstr(heard, reasons[_i].cause) && strstr(heard, "77 frames"), "%s", heard);
        stats_destroy(&pool->stats, false);
        free(pool);
}
END_TEST

START_TEST(it_is_told_once)
{
        struct pg_pool *pool = pool_that_listens();

        out_of_room_report(pool, -ENOMEM);
        out_of_room_report(pool, -EBUSY);
        ck_assert_uint_eq(lines, 1);
        ck_assert_ptr_nonnull(strstr(heard, "all frames are pinned"));
        stats_destroy(&pool->stats, false);
        free(pool);
}
END_TEST

static _Atomic bool may_end, other_returned;

static void hear_slowly(void *arg, const char *line)
{
        while (!atomic_load(&may_end))
                usleep(1000);
        hear(arg, line);
}

static void *report_too(void *arg)
{
        out_of_room_report(arg, -ENOMEM);
        atomic_store(&other_returned, true);
        return NULL;
}

static void *report_first(void *arg)
{
        out_of_room_report(arg, -ENOMEM);
        return NULL;
}

START_TEST(no_thread_goes_on_to_fail_before_it_is_told)
{
        struct pg_pool *pool = pool_that_listens();
        pthread_t first, other;

        pool->out_of_room = hear_slowly;
        ck_assert_int_eq(pthread_create(&first, NULL, report_first, pool), 0);
        while (!atomic_load(&pool->told_out_of_room))
                usleep(1000);
        ck_assert_int_eq(pthread_create(&other, NULL, report_too, pool), 0);
        usleep(100000);
        ck_assert(!atomic_load(&other_returned));
        atomic_store(&may_end, true);
        ck_assert_int_eq(pthread_join(first, NULL), 0);
        ck_assert_int_eq(pthread_join(other, NULL), 0);
        ck_assert_uint_eq(lines, 1);
        stats_destroy(&pool->stats, false);
        free(pool);
}
END_TEST

TESTS("out_of_room")
{
        tcase_add_loop_test(tc, each_reason_is_told_in_words_with_the_number_of_frames, 0,
                            (int)(sizeof(reasons) / sizeof(reasons[0])));
        tcase_add_test(tc, it_is_told_once);
        tcase_add_test(tc, no_thread_goes_on_to_fail_before_it_is_told);
}
