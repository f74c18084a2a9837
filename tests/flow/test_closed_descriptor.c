/* SPDX-License-Identifier: MIT */
/*
 * test_closed_descriptor.c - programs that close the descriptors of the pager: paged memory never
 * reads as zeros, and no thread hangs.
 */
#include "credentials.h"
#include "cut_off.h"

#include <pthread.h>
#include <sys/ioctl.h>
#include <unpaged/internals.h>

/* ---- ways to close what one does not know ---------------------------------------------------- */

static void by_system_call(void)
{
        CHILD_CHECK(syscall(SYS_close_range, 3, ~0u, 0) == 0);
}

static void by_library(void)
{
        closefrom(3);
}

static void one_by_one(void)
{
        for (int fd = 3; fd < 1100; fd++)
                close(fd);
}

static void by_another_file(void)
{
        int fds[64], n = pg_fds(fds, 64), null = open("/dev/null", O_RDWR);

        for (int i = 0; i < n; i++)
                CHILD_CHECK(dup2(null, fds[i]) == fds[i]);
}

static void (*const ways[])(void) = {by_system_call, by_library, one_by_one, by_another_file};

#define WAYS ((int)(sizeof(ways) / sizeof(ways[0])))

static void (*way)(void) = by_system_call;

/* ---- faults ---------------------------------------------------------------------------------- */

static void close_and_touch(int delivery)
{
        unsigned failures;

        lost_open(delivery, 0);
        hit_install();
        way();
        failures = count_failures();
        CHILD_CHECK(failures > 0 && failures < NPAGES); /* what is resident stays */
        CHILD_CHECK(count_failures() >= failures);
}

START_TEST(pages_that_are_out_get_sigbus_however_the_userfaultfd_was_closed)
{
        struct outcome o;

        way = ways[_i / 2];
        o = outcome_of(close_and_touch, _i % 2);
        expect_exit(&o, 0);
        expect_line(&o, "pg_fds()");
}
END_TEST

static void close_and_die(int delivery)
{
        lost_open(delivery, 0);
        by_system_call();
        for (size_t i = 0; i < NPAGES; i++)
                CHILD_CHECK(touch(lost_map + i * PAGE) == (char)(i + 1));
}

START_TEST(sigbus_ends_a_program_that_has_no_handler)
{
        struct outcome o = outcome_of(close_and_die, _i);

        expect_killed(&o, SIGBUS);
        expect_line(&o, "pg_fds()");
}
END_TEST

static void *touch_all(void *arg)
{
        for (unsigned round = 0; round < 20; round++)
                count_failures();
        return arg;
}

static void close_under_threads(int delivery)
{
        pthread_t threads[8];

        lost_open(delivery, 0);
        hit_install();
        for (unsigned i = 0; i < 8; i++)
                CHILD_CHECK(pthread_create(&threads[i], NULL, touch_all, NULL) == 0);
        usleep(5000);
        by_system_call();
        for (unsigned i = 0; i < 8; i++)
                CHILD_CHECK(pthread_join(threads[i], NULL) == 0);
        CHILD_CHECK(count_failures() > 0);
}

START_TEST(no_thread_hangs_when_the_userfaultfd_is_closed_under_it)
{
        struct outcome o = outcome_of(close_under_threads, _i);

        expect_exit(&o, 0);
        expect_line(&o, "pg_fds()");
}
END_TEST

/* Handler threads that have been quiet for a while wait in read(), and hold the file. */
static void close_and_change_user(int delivery)
{
        unsigned others;

        lost_open(delivery, 0);
        hit_install();
        usleep(60000);
        by_system_call();
        CHILD_CHECK(setegid(12) == 0);
        CHILD_CHECK(count_failures() > 0);
        CHILD_CHECK(setgid(13) == 0 && setuid(65534) == 0);
        CHILD_CHECK(threads_that_differ(&others) == 0 && others >= 1);
}

START_TEST(privileges_are_given_up_without_a_userfaultfd)
{
        struct outcome o;

        if (!is_root())
                return;
        o = outcome_of(close_and_change_user, _i);
        expect_exit(&o, 0);
}
END_TEST

/* A pipe of the program's gets the numbers. A handler thread may read from it once. */
static void replace_and_change_user(int delivery)
{
        static char bytes[4096];
        int fds[64], n, ends[2], left = 0;

        lost_open(delivery, 0);
        hit_install();
        usleep(60000);
        n = pg_fds(fds, 64);
        CHILD_CHECK(pipe(ends) == 0);
        CHILD_CHECK(write(ends[1], bytes, sizeof(bytes)) == sizeof(bytes));
        for (int i = 0; i < n; i++)
                CHILD_CHECK(dup2(ends[0], fds[i]) == fds[i]);
        CHILD_CHECK(count_failures() > 0);
        CHILD_CHECK(setegid(12) == 0);
        CHILD_CHECK(ioctl(ends[0], FIONREAD, &left) == 0 && left >= 4096 - 16 * 32);
        CHILD_CHECK(pg_fds(fds, 64) == n);
}

START_TEST(a_file_that_takes_the_number_is_not_read_on_and_on)
{
        struct outcome o;

        if (!is_root())
                return;
        o = outcome_of(replace_and_change_user, _i);
        expect_exit(&o, 0);
}
END_TEST

static void close_in_grandchild(int delivery)
{
        pid_t child;

        lost_open(delivery, PG_POOL_INHERIT);
        hit_install();
        child = fork();
        if (child == 0) {
                by_system_call();
                CHILD_CHECK(count_failures() > 0);
                _exit(0);
        }
        expect_child(child, 0);
        CHILD_CHECK(count_failures() == 0);
}

START_TEST(a_child_of_fork_loses_its_own_copy_alone)
{
        struct outcome o = outcome_of(close_in_grandchild, _i);

        expect_exit(&o, 0);
        expect_line(&o, "pg_fds()");
}
END_TEST

static void never_touch_again(int delivery)
{
        lost_open(delivery, 0);
        by_system_call();
        usleep(200000);
}

START_TEST(a_program_that_touches_no_page_afterwards_goes_on)
{
        struct outcome o = outcome_of(never_touch_again, _i);

        expect_exit(&o, 0);
        ck_assert_str_eq(o.text, "");
}
END_TEST

/* ---- calls ----------------------------------------------------------------------------------- */

static void close_and_call(int delivery)
{
        char *out, *in;

        lost_open(delivery, 0);
        out = page_that_is_out();
        in = page_that_is_in();
        by_system_call();
        CHILD_CHECK(pg_page_in(lost_pool, in, PAGE) == 0);
        CHILD_CHECK(pg_page_in(lost_pool, out, PAGE) == -EBADF);
        CHILD_CHECK(pg_page_out(lost_pool, in, PAGE) == -EBADF);
        CHILD_CHECK(*in == (char)NPAGES);
        CHILD_CHECK(!pg_map(lost_pool, NPAGES * PAGE, 0));
        if (delivery == PG_DELIVERY_THREAD) {
                CHILD_CHECK(pg_unmap(lost_pool, lost_map, NPAGES * PAGE) == -EBADF);
                CHILD_CHECK(pg_close(lost_pool) == -EBADF);
        } else {
                CHILD_CHECK(pg_close(lost_pool) == 0);
        }
}

START_TEST(calls_answer_an_error_when_the_userfaultfd_is_closed)
{
        struct outcome o = outcome_of(close_and_call, _i);

        expect_exit(&o, 0);
}
END_TEST

static void close_and_open_another(int delivery)
{
        struct pg_pool *pool;
        char *map;

        lost_open(delivery, 0);
        hit_install();
        by_system_call();
        pool = open_frames(delivery, FRAMES, 0);
        map = map_pages(pool, NPAGES, 0);
        fill_pages(map, NPAGES, 7);
        CHILD_CHECK(count_failures() > 0);
        check_pages(map, NPAGES, 7);
        close_pool(pool);
}

START_TEST(another_pool_does_not_take_the_number_of_a_userfaultfd_that_was_closed)
{
        struct outcome o = outcome_of(close_and_open_another, _i);

        expect_exit(&o, 0);
        expect_line(&o, "pg_fds()");
}
END_TEST

/* ---- what holds the userfaultfd -------------------------------------------------------------- */

START_TEST(the_pager_keeps_no_descriptor_of_the_program_open)
{
        struct pg_pool *pool;
        int ends[2];
        char byte;

        ck_assert_int_eq(pipe(ends), 0);
        pool = open_frames(_i, FRAMES, 0);
        close(ends[1]);
        ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
        ck_assert_int_eq(read(ends[0], &byte, 1), 0); /* its end, not EAGAIN */
        close(ends[0]);
        close_pool(pool);
}
END_TEST

TESTS("closed_descriptor")
{
        tcase_add_loop_test(tc, pages_that_are_out_get_sigbus_however_the_userfaultfd_was_closed, 0,
                            2 * WAYS);
        add_for_both(tc, sigbus_ends_a_program_that_has_no_handler);
        add_for_both(tc, no_thread_hangs_when_the_userfaultfd_is_closed_under_it);
        add_for_both(tc, privileges_are_given_up_without_a_userfaultfd);
        add_for_both(tc, a_file_that_takes_the_number_is_not_read_on_and_on);
        add_for_both(tc, a_child_of_fork_loses_its_own_copy_alone);
        add_for_both(tc, a_program_that_touches_no_page_afterwards_goes_on);
        add_for_both(tc, calls_answer_an_error_when_the_userfaultfd_is_closed);
        add_for_both(tc, another_pool_does_not_take_the_number_of_a_userfaultfd_that_was_closed);
        add_for_both(tc, the_pager_keeps_no_descriptor_of_the_program_open);
}
