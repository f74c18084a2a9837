/* SPDX-License-Identifier: MIT */
/* What faults and evictions cost, by kind: how often, on a CPU, and waiting. */
#include "child.h"
#include "flaky_store.h"
#include "probe.h"
#include "sigbus.h"

#include <time.h>
#include <unpaged/internals.h>

#define FRAMES  ((size_t)32)
#define NPAGES  ((size_t)512)
#define MS      1000000ull
#define SLOW_US 2000u

static struct pg_cost cost_of(struct pg_pool *pool, enum pg_cost_kind kind)
{
        return stats_of(pool).costs[kind];
}

static void read_all(const volatile char *map, size_t npages)
{
        for (size_t i = 0; i < npages; i++)
                (void)map[i * PAGE];
}

START_TEST(each_kind_is_counted)
{
        struct pg_pool *pool = open_frames(_i, FRAMES, 0);
        char *map = map_pages(pool, NPAGES, 0);
        struct pg_stats s;

        fill_pages(map, NPAGES, 1);
        ck_assert_settles(cost_of(pool, PG_COST_FIRST_TOUCH).events == NPAGES);
        ck_assert_uint_eq(cost_of(pool, PG_COST_LOAD_SWAP).events, 0);
        ck_assert_uint_ge(cost_of(pool, PG_COST_EVICTION).events, NPAGES - FRAMES);
        for (unsigned turn = 0; turn < 4; turn++)
                read_all(map, NPAGES);
        s = stats_of(pool);
        ck_assert_settles(cost_of(pool, PG_COST_LOAD_SWAP).events +
                                  cost_of(pool, PG_COST_FIRST_TOUCH).events +
                                  cost_of(pool, PG_COST_RESCUE).events ==
                          stats_of(pool).faults);
        ck_assert_uint_ge(cost_of(pool, PG_COST_LOAD_SWAP).events, 3 * NPAGES);
        ck_assert_uint_eq(cost_of(pool, PG_COST_LOAD_STORE).events, 0);
        ck_assert_uint_eq(cost_of(pool, PG_COST_RESCUE).events, stats_of(pool).rescues);
        for (size_t i = 0; i < NPAGES; i++) { /* in two steps */
                (void)((volatile char *)map)[i * PAGE];
                ((volatile char *)map)[i * PAGE]++;
        }
        ck_assert_settles(cost_of(pool, PG_COST_FIRST_WRITE).events ==
                          stats_of(pool).protect_faults);
        s = stats_of(pool);
        for (unsigned kind = 0; kind < PG_COSTS; kind++)
                if (s.costs[kind].events > 64)
                        ck_assert_uint_gt(s.costs[kind].cpu_ns, 0);
        close_pool(pool);
}
END_TEST

START_TEST(a_file_is_a_store_of_its_own)
{
        struct pg_pool *pool = open_frames(_i, FRAMES, 0);
        struct pg_store *store = file_store_only(numbered_file(NPAGES));
        char *map = map_store(pool, store, NPAGES, 0);

        ck_assert_int_eq(pg_advise(pool, map, NPAGES * PAGE, PG_ADVICE_RANDOM), 0);
        read_all(map, NPAGES);
        ck_assert_settles(cost_of(pool, PG_COST_LOAD_STORE).events >= NPAGES / 2);
        ck_assert_uint_eq(cost_of(pool, PG_COST_LOAD_SWAP).events, 0);
        ck_assert_uint_eq(cost_of(pool, PG_COST_FIRST_TOUCH).events, 0);
        close_pool(pool);
        ck_assert_int_eq(pg_store_close(store), 0);
}
END_TEST

/* A store that sleeps takes time, and no CPU. */
START_TEST(waiting_is_told_from_work)
{
        struct flaky *f = flaky_new(64, PAGE, true);
        struct pg_pool *pool = open_frames(_i, FRAMES, 0);
        char *map = map_store(pool, &f->store, 64, 0);
        struct pg_cost c;

        ck_assert_int_eq(pg_advise(pool, map, 64 * PAGE, PG_ADVICE_RANDOM), 0);
        atomic_store(&f->sleep_us, SLOW_US);
        for (size_t i = 0; i < 64; i++)
                (void)touch(map + i * PAGE);
        atomic_store(&f->sleep_us, 0);
        ck_assert_settles(cost_of(pool, PG_COST_LOAD_STORE).events == 64);
        c = cost_of(pool, PG_COST_LOAD_STORE);
        ck_assert_uint_ge(c.wait_ns, 64 * SLOW_US * 1000ull * 8 / 10);
        ck_assert_uint_lt(c.cpu_ns, c.wait_ns);
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

static void compute(uint64_t ns)
{
        struct timespec ts;
        uint64_t until = 0;

        do {
                clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
                until = until ? until : (uint64_t)ts.tv_sec * 1000 * MS + (uint64_t)ts.tv_nsec + ns;
        } while ((uint64_t)ts.tv_sec * 1000 * MS + (uint64_t)ts.tv_nsec < until);
}

START_TEST(the_programs_time_is_not_the_pagers)
{
        struct pg_pool *pool = open_frames(_i, FRAMES, 0);
        char *map = map_pages(pool, NPAGES, 0);
        struct pg_stats before = stats_of(pool), now;

        compute(60 * MS);
        now = stats_of(pool);
        ck_assert_uint_ge(now.cpu_program_ns - before.cpu_program_ns, 55 * MS);
        ck_assert_uint_lt(now.cpu_pager_ns - before.cpu_pager_ns, 30 * MS);
        before = now;
        for (unsigned turn = 0; turn < 8; turn++)
                fill_pages(map, NPAGES, turn);
        now = stats_of(pool);
        ck_assert_uint_gt(now.cpu_pager_ns, before.cpu_pager_ns);
        close_pool(pool);
}
END_TEST

START_TEST(what_an_access_costs_is_measured_and_is_no_touch_of_the_programs)
{
        struct pg_config config = config_frames(_i, FRAMES, 0);
        struct pg_curve before = {.size = sizeof(before)}, after = {.size = sizeof(after)};
        struct pg_pool *pool;
        char *map;

        config.curve_pages = 4096;
        pool = open_config(&config);
        map = map_pages(pool, NPAGES, 0);
        fill_pages(map, NPAGES, 5);
        check_pages(map, NPAGES, 5);
        ck_assert_uint_eq(stats_of(pool).access_cpu_ns, 0);
        ck_assert_settles(stats_of(pool).frames_busy == 0);
        ck_assert_int_eq(pg_curve_get(pool, &before, NULL, 0), 0);
        ck_assert_int_eq(pg_cost_measure(pool), 0);
        ck_assert_uint_gt(stats_of(pool).access_cpu_ns, 100);
        ck_assert_uint_lt(stats_of(pool).access_cpu_ns, 20 * MS);
        ck_assert_uint_gt(stats_of(pool).ahead_cpu_ns, 0);
        ck_assert_uint_lt(stats_of(pool).ahead_cpu_ns, 20 * MS);
        ck_assert_int_eq(pg_curve_get(pool, &after, NULL, 0), 0);
        ck_assert_uint_eq(after.faults, before.faults);
        ck_assert_uint_eq(after.first, before.first);
        check_pages(map, NPAGES, 5);
        close_pool(pool);
}
END_TEST

START_TEST(the_most_pages_at_once_are_told)
{
        struct pg_pool *pool = open_frames(_i, FRAMES, 0);
        char *map = map_pages(pool, NPAGES, 0);

        fill_pages(map, FRAMES / 2, 1);
        ck_assert_uint_eq(stats_of(pool).pages_peak, FRAMES / 2);
        ck_assert_uint_eq(stats_of(pool).touches_until_full, 0);
        fill_pages(map, NPAGES, 1);
        ck_assert_uint_ge(stats_of(pool).pages_peak, NPAGES - FRAMES); /* as one went out */
        ck_assert_uint_le(stats_of(pool).pages_peak, NPAGES);
        ck_assert_uint_gt(stats_of(pool).touches_until_full, FRAMES / 2);
        ck_assert_uint_le(stats_of(pool).touches_until_full, FRAMES);
        /* What comes in the place of what was dropped are not more. */
        ck_assert_int_eq(madvise(map, NPAGES / 2 * PAGE, MADV_DONTNEED), 0);
        fill_pages(map, NPAGES / 4, 1);
        ck_assert_uint_le(stats_of(pool).pages_peak, NPAGES);
        read_all(map + NPAGES / 2 * PAGE, NPAGES / 2);
        ck_assert_uint_le(stats_of(pool).pages_peak, NPAGES);
        close_pool(pool);
}
END_TEST

START_TEST(a_child_begins_with_no_costs)
{
        struct pg_pool *pool = open_frames(_i, FRAMES, INHERIT);
        char *map = map_pages(pool, NPAGES, 0);
        pid_t child;

        fill_pages(map, NPAGES, 5);
        child = fork();
        if (child == 0) {
                struct pg_stats s = {.size = sizeof(s)};

                CHILD_CHECK(pg_stats_get(pool, &s) == 0);
                CHILD_CHECK(s.costs[PG_COST_FIRST_TOUCH].events == 0);
                CHILD_CHECK(s.cpu_pager_ns < 50 * MS);
                CHILD_CHECK(!pg_owns_thread(gettid()));
                fill_pages(map, NPAGES, 6);
                CHILD_CHECK(pg_cost_measure(pool) == 0);
                _exit(0);
        }
        expect_child(child, 0);
        close_pool(pool);
}
END_TEST

START_TEST(what_stayed_with_the_parent_is_not_measured)
{
        struct pg_pool *pool = open_frames(_i, FRAMES, 0);
        pid_t child = fork();

        if (child == 0)
                _exit(pg_cost_measure(pool) == -ECHILD ? 0 : 1);
        expect_child(child, 0);
        close_pool(pool);
}
END_TEST

TESTS("costs")
{
        add_for_both(tc, each_kind_is_counted);
        add_for_both(tc, a_file_is_a_store_of_its_own);
        add_for_both(tc, waiting_is_told_from_work);
        add_for_both(tc, the_programs_time_is_not_the_pagers);
        add_for_both(tc, what_an_access_costs_is_measured_and_is_no_touch_of_the_programs);
        add_for_both(tc, the_most_pages_at_once_are_told);
        tcase_add_loop_test(tc, a_child_begins_with_no_costs,
                            *SANITIZER ? PG_DELIVERY_SIGNAL : PG_DELIVERY_THREAD, 2);
        add_for_both(tc, what_stayed_with_the_parent_is_not_measured);
}
