/* SPDX-License-Identifier: MIT */
/*
 * pg_page_in: whole runs without a fault, and nothing at all for pages that are mapped.
 *
 * "No system call" is proved with syscall user dispatch: while the selector byte says so, every
 * system call of the thread raises SIGSYS instead.
 */
#include "flaky_store.h"
#include "probe.h"

#include <sys/prctl.h>
#include <unpaged/statistics.h>

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_ON           1
#endif

static volatile char selector; /* 1: block system calls */
static volatile sig_atomic_t system_calls;

static void on_sigsys(int sig)
{
        (void)sig;
        selector = 0;
        system_calls++;
}

/* Counting from here; false: the kernel cannot. */
static bool count_system_calls(void)
{
        struct sigaction act = {.sa_handler = on_sigsys};

        sigaction(SIGSYS, &act, NULL);
        return prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0L, 0L, &selector) == 0;
}

START_TEST(resident_pages_cost_no_system_call)
{
        struct pg_pool *pool = open_frames(_i, 64, 0);
        char *addr = map_pages(pool, 32, 0);
        int error;

        fill_pages(addr, 32, 1);
        ck_assert_int_eq(pg_page_in(pool, addr, 32 * PAGE), 0);
        if (!count_system_calls()) {
                fprintf(stderr, "skipped: this kernel has no syscall user dispatch\n");
                close_pool(pool);
                return;
        }
        selector = 1;
        getppid(); /* is counted: the instrument works */
        selector = 0;
        ck_assert_int_eq(system_calls, 1);
        system_calls = 0;
        selector = 1;
        error = pg_page_in(pool, addr, 32 * PAGE);
        selector = 0;
        ck_assert_int_eq(error, 0);
        ck_assert_int_eq(system_calls, 0);
        check_pages(addr, 32, 1);
        close_pool(pool);
}
END_TEST

START_TEST(pinning_pinned_pages_costs_no_system_call)
{
        struct pg_pool *pool = open_frames(_i, 64, 0);
        char *addr = map_pages(pool, 32, 0);
        int error;

        ck_assert_int_eq(pg_pin(pool, addr, 32 * PAGE), 0);
        if (count_system_calls()) {
                selector = 1;
                error = pg_pin(pool, addr, 32 * PAGE);
                selector = 0;
                ck_assert_int_eq(error, 0);
                ck_assert_int_eq(system_calls, 0);
        }
        close_pool(pool);
}
END_TEST

START_TEST(missing_pages_come_in_whole_runs_and_without_a_fault)
{
        struct pg_pool *pool = open_frames(_i, 1024, 0);
        struct flaky *f = flaky_new(256, PAGE, true);
        struct pg_stats stats;
        char *addr = map_store(pool, &f->store, 256, 0);

        ck_assert_int_eq(pg_page_in(pool, addr, 256 * PAGE), 0);
        stats = stats_of(pool);
        ck_assert_uint_eq(stats.faults, 256);
        ck_assert_uint_eq(stats.pages_in, 256);
        ck_assert_uint_eq(stats.ahead_pages, 0);
        ck_assert_int_le(atomic_load(&f->loads), 256 / 8);
        check_pages(addr, 256, 0);
        ck_assert_uint_eq(faults_of(pool), 256);
        ck_assert_uint_eq(samples_of(pool, PG_HISTOGRAM_FAULT), 0); /* nobody was ever asked */
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

START_TEST(in_strict_pools_out_and_in_again_leaves_no_fault)
{
        struct pg_pool *pool = open_frames(_i, 32, PG_POOL_STRICT);
        char *addr = map_pages(pool, 16, 0);
        uint64_t before;

        fill_pages(addr, 16, 1);
        ck_assert_int_eq(pg_page_out(pool, addr, 16 * PAGE), 0);
        ck_assert_int_eq(pg_page_in(pool, addr, 16 * PAGE), 0);
        ck_assert_uint_eq(count_resident(pool, addr, 16), 16);
        before = faults_of(pool);
        ck_assert_uint_eq(before, 32);
        check_pages(addr, 16, 1);
        ck_assert_uint_eq(faults_of(pool), before);
        close_pool(pool);
}
END_TEST

/* A range larger than the pool: the last pages stay. */
START_TEST(a_range_larger_than_the_budget_is_no_error)
{
        struct pg_pool *pool = open_frames(_i, 16, 0);
        char *addr = map_pages(pool, 64, 0);

        fill_pages(addr, 64, 1);
        ck_assert_int_eq(pg_page_in(pool, addr, 64 * PAGE), 0);
        ck_assert(is_resident(pool, addr + 63 * PAGE));
        check_pages(addr, 64, 1);
        close_pool(pool);
}
END_TEST

START_TEST(a_poisoned_page_is_tried_again)
{
        struct pg_pool *pool = open_frames(_i, 16, PG_POOL_STRICT);
        struct flaky *f = flaky_new(16, PAGE, true);
        char *addr = map_store(pool, &f->store, 16, 0);

        probe_install();
        atomic_store(&f->fail_page, 3);
        atomic_store(&f->fail_load, EIO);
        ck_assert_int_eq(pg_page_in(pool, addr, 8 * PAGE), -EIO);
        ck_assert_int_eq(access_signal(addr + 3 * PAGE, false), SIGBUS);
        ck_assert_int_eq(access_signal(addr + 3 * PAGE, true), SIGBUS);
        ck_assert_uint_eq(count_resident(pool, addr, 8), 7);
        check_pages(addr, 3, 0);
        check_pages(addr + 4 * PAGE, 4, 4);
        ck_assert_uint_eq(stats_of(pool).errors_load, 1);
        ck_assert_int_eq(pg_page_in(pool, addr, 8 * PAGE), -EIO);
        atomic_store(&f->fail_load, 0);
        ck_assert_int_eq(access_signal(addr + 3 * PAGE, false), SIGBUS); /* until asked for */
        ck_assert_int_eq(pg_page_in(pool, addr, 8 * PAGE), 0);
        check_pages(addr, 8, 0);
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

TESTS("page_in")
{
        add_for_both(tc, resident_pages_cost_no_system_call);
        add_for_both(tc, pinning_pinned_pages_costs_no_system_call);
        add_for_both(tc, missing_pages_come_in_whole_runs_and_without_a_fault);
        add_for_both(tc, in_strict_pools_out_and_in_again_leaves_no_fault);
        add_for_both(tc, a_range_larger_than_the_budget_is_no_error);
        add_for_both(tc, a_poisoned_page_is_tried_again);
}
