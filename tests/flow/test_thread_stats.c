/* SPDX-License-Identifier: MIT */
/* Faults count for the thread that touched the page, whoever served them. */
#include "probe.h"

#include <errno.h>
#include <pthread.h>
#include <unpaged/statistics.h>

struct toucher {
        struct pg_pool *pool;
        char *addr;
        size_t npages;
        pid_t tid;
        int before, after; /* pg_thread_stats_get */
        struct pg_thread_stats stats;
};

static void *touch_all(void *arg)
{
        struct toucher *t = arg;
        struct pg_thread_stats nothing = {.size = sizeof(nothing)};

        t->tid = gettid();
        t->stats.size = sizeof(t->stats);
        t->before = pg_thread_stats_get(t->pool, 0, &nothing);
        for (size_t i = 0; i < t->npages; i++)
                t->addr[i * PAGE] = 1;
        t->after = pg_thread_stats_get(t->pool, 0, &t->stats);
        return NULL;
}

static bool are_told_apart(int delivery)
{
        return delivery == PG_DELIVERY_SIGNAL || !is_masked("thread_id");
}

START_TEST(each_thread_has_its_own_faults)
{
        struct pg_pool *pool = open_frames(_i, 64, PG_POOL_STRICT);
        struct toucher a = {.pool = pool, .addr = map_pages(pool, 32, 0), .npages = 10};
        struct toucher b = {.pool = pool, .addr = a.addr + 10 * PAGE, .npages = 22};
        struct pg_thread_stats stats = {.size = sizeof(stats)};
        pthread_t threads[2];

        pthread_create(&threads[0], NULL, touch_all, &a);
        pthread_create(&threads[1], NULL, touch_all, &b);
        pthread_join(threads[0], NULL);
        pthread_join(threads[1], NULL);
        ck_assert_uint_eq(faults_of(pool), 32);
        if (are_told_apart(_i)) {
                ck_assert_int_eq(a.before, -ENOENT);
                ck_assert_int_eq(a.after, 0);
                ck_assert_int_eq(b.after, 0);
                ck_assert_uint_eq(a.stats.faults, 10);
                ck_assert_uint_eq(b.stats.faults, 22);
                ck_assert_uint_eq(a.stats.rescues + b.stats.rescues, 0);
                /* They outlive their threads. */
                ck_assert_int_eq(pg_thread_stats_get(pool, a.tid, &stats), 0);
                ck_assert_uint_eq(stats.faults, 10);
                ck_assert_uint_gt(stats.wait_ns, 0);
                ck_assert_int_eq(pg_thread_stats_get(pool, 0, &stats), -ENOENT);
        } else {
                ck_assert_int_eq(a.before, -ENOTSUP);
                ck_assert_int_eq(b.after, -ENOTSUP);
                ck_assert_int_eq(pg_thread_stats_get(pool, a.tid, &stats), -ENOTSUP);
        }
        close_pool(pool);
}
END_TEST

START_TEST(evictions_count_for_the_thread_that_needed_the_frame)
{
        struct pg_pool *pool = open_frames(_i, 8, PG_POOL_STRICT);
        struct toucher a = {.pool = pool, .addr = map_pages(pool, 64, 0), .npages = 8};
        struct toucher b = {.pool = pool, .addr = a.addr + 8 * PAGE, .npages = 20};
        pthread_t thread;

        pthread_create(&thread, NULL, touch_all, &a);
        pthread_join(thread, NULL);
        pthread_create(&thread, NULL, touch_all, &b);
        pthread_join(thread, NULL);
        ck_assert_uint_eq(stats_of(pool).evictions_dirty, 20);
        if (are_told_apart(_i)) {
                ck_assert_uint_eq(a.stats.evictions_dirty, 0);
                ck_assert_uint_eq(b.stats.evictions_dirty, 20);
                ck_assert_uint_eq(b.stats.evictions_clean, 0);
        }
        close_pool(pool);
}
END_TEST

START_TEST(what_a_thread_asks_for_counts_for_it)
{
        struct pg_pool *pool = open_frames(_i, 16, PG_POOL_STRICT);
        char *addr = map_pages(pool, 8, 0);
        struct pg_thread_stats stats = {.size = sizeof(stats)};

        ck_assert_int_eq(pg_page_in(pool, addr, 8 * PAGE), 0);
        if (are_told_apart(_i)) {
                ck_assert_int_eq(pg_thread_stats_get(pool, 0, &stats), 0);
                ck_assert_uint_eq(stats.faults, 8);
        }
        close_pool(pool);
}
END_TEST

TESTS("thread_stats")
{
        add_for_both(tc, each_thread_has_its_own_faults);
        add_for_both(tc, evictions_count_for_the_thread_that_needed_the_frame);
        add_for_both(tc, what_a_thread_asks_for_counts_for_it);
}
