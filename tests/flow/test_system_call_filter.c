/* SPDX-License-Identifier: MIT */
/*
 * test_system_call_filter.c - programs that forbid themselves ioctl(2), by seccomp, after they have
 * opened a pool: an access that cannot be served fails, and no thread hangs.
 */
#include "cut_off.h"
#include "flaky_store.h"

#include <pthread.h>
#include <semaphore.h>

/* ---- all threads ----------------------------------------------------------------------------- */

static void filter_all_and_touch(int delivery)
{
        size_t i = 0;

        lost_open(delivery, 0);
        hit_install();
        forbid_ioctl(SECCOMP_FILTER_FLAG_TSYNC);
        while (!fails(i))
                CHILD_CHECK(++i < NPAGES);
}

START_TEST(a_page_that_is_out_gets_sigbus_when_no_thread_may_call_ioctl)
{
        struct outcome o = outcome_of(filter_all_and_touch, _i);

        expect_exit(&o, 0);
        expect_line(&o, "seccomp");
}
END_TEST

/* Nobody waits for a page: the program goes on, and its threads follow it. */
static void filter_all_and_change_user(int delivery)
{
        lost_open(delivery, 0);
        forbid_ioctl(SECCOMP_FILTER_FLAG_TSYNC);
        CHILD_CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
        CHILD_CHECK(setegid(12) == 0);
        usleep(100000);
}

START_TEST(signal_delivery_goes_on_without_ioctl_while_no_page_is_touched)
{
        struct outcome o;

        if (geteuid() != 0) {
                fprintf(stderr, "skipped: only root changes its group\n");
                return;
        }
        o = outcome_of(filter_all_and_change_user, PG_DELIVERY_SIGNAL);
        expect_exit(&o, 0);
        ck_assert_msg(o.text[0] == '\0', "it says: %s", o.text);
}
END_TEST

static void filter_all_and_die(int delivery)
{
        lost_open(delivery, 0);
        forbid_ioctl(SECCOMP_FILTER_FLAG_TSYNC);
        for (size_t i = 0; i < NPAGES; i++)
                CHILD_CHECK(touch(lost_map + i * PAGE) == (char)(i + 1));
}

START_TEST(sigbus_ends_a_program_that_has_no_handler)
{
        struct outcome o = outcome_of(filter_all_and_die, _i);

        expect_killed(&o, SIGBUS);
        expect_line(&o, "seccomp");
}
END_TEST

static void block_and_die(int delivery)
{
        sigset_t sigbus;

        sigemptyset(&sigbus);
        sigaddset(&sigbus, SIGBUS);
        pthread_sigmask(SIG_BLOCK, &sigbus, NULL);
        filter_all_and_die(delivery);
}

/* Nothing can wake it. */
START_TEST(a_program_that_blocks_sigbus_is_aborted_instead_of_waiting_for_ever)
{
        struct outcome o = outcome_of(block_and_die, PG_DELIVERY_THREAD);

        expect_killed(&o, SIGABRT);
        expect_line(&o, "seccomp");
}
END_TEST

static void filter_all_and_call(int delivery)
{
        char *out, *in;

        lost_open(delivery, 0);
        out = page_that_is_out();
        in = page_that_is_in();
        forbid_ioctl(SECCOMP_FILTER_FLAG_TSYNC);
        CHILD_CHECK(pg_page_in(lost_pool, out, PAGE) == -EPERM);
        CHILD_CHECK(pg_page_out(lost_pool, in, PAGE) == -EPERM);
        CHILD_CHECK(*in == (char)NPAGES);
        if (delivery == PG_DELIVERY_THREAD)
                CHILD_CHECK(pg_close(lost_pool) == -EPERM);
}

START_TEST(calls_answer_an_error_when_ioctl_is_forbidden)
{
        struct outcome o = outcome_of(filter_all_and_call, _i);

        expect_exit(&o, 0);
        ck_assert_str_eq(o.text, "");
}
END_TEST

/* ---- pages that hold a frame ----------------------------------------------------------------- */

/* A page in the victim queue, and a clean one that is written to. */
static void filter_and_use_resident(int delivery)
{
        struct flaky *f = flaky_new(NPAGES, PAGE, true);
        char *clean;

        lost_open(delivery, 0);
        clean = map_store(lost_pool, &f->store, NPAGES, 0);
        CHILD_CHECK(pg_advise(lost_pool, clean, NPAGES * PAGE, PG_ADVICE_RANDOM) == 0);
        for (unsigned tries = 0;
             !is_resident(lost_pool, lost_map) || !is_resident(lost_pool, clean + PAGE); tries++) {
                CHILD_CHECK(tries < 1000);
                lost_map[0] = 1; /* modified: it will wait in the queue */
                touch(clean + PAGE);
        }
        CHILD_CHECK(pg_advise(lost_pool, lost_map, PAGE, PG_ADVICE_COLD) == 0);
        hit_install();
        forbid_ioctl(0);
        CHILD_CHECK(fails(0) == (delivery == PG_DELIVERY_SIGNAL));
        CHILD_CHECK(hit_touch(clean + PAGE, true).sig ==
                    (delivery == PG_DELIVERY_SIGNAL ? SIGBUS : 0));
}

START_TEST(an_access_to_a_queued_or_clean_page_does_not_repeat_for_ever)
{
        struct outcome o = outcome_of(filter_and_use_resident, _i);

        expect_exit(&o, 0);
        if (_i == PG_DELIVERY_SIGNAL)
                expect_line(&o, "seccomp");
}
END_TEST

/* ---- one thread ------------------------------------------------------------------------------ */

static sem_t filtered;

/* It is not under the filter, which comes later. */
static void *use_freely(void *arg)
{
        sem_wait(&filtered);
        CHILD_CHECK(count_failures() == 0);
        CHILD_CHECK(pg_page_in(lost_pool, page_that_is_out(), PAGE) == 0);
        CHILD_CHECK(pg_close(lost_pool) == 0);
        return arg;
}

static void filter_one_and_use(int delivery)
{
        pthread_t thread;
        char *out;

        lost_open(delivery, 0);
        hit_install();
        sem_init(&filtered, 0, 0);
        CHILD_CHECK(pthread_create(&thread, NULL, use_freely, NULL) == 0);
        out = page_that_is_out();
        forbid_ioctl(0);
        CHILD_CHECK(pg_page_in(lost_pool, out, PAGE) == -EPERM);
        CHILD_CHECK((count_failures() > 0) == (delivery == PG_DELIVERY_SIGNAL));
        if (delivery == PG_DELIVERY_THREAD)
                CHILD_CHECK(pg_unmap(lost_pool, lost_map, NPAGES * PAGE) == -EPERM);
        sem_post(&filtered);
        CHILD_CHECK(pthread_join(thread, NULL) == 0);
}

START_TEST(other_threads_have_their_pages_when_one_may_not_call_ioctl)
{
        struct outcome o = outcome_of(filter_one_and_use, _i);

        expect_exit(&o, 0);
        if (_i == PG_DELIVERY_SIGNAL)
                expect_line(&o, "seccomp");
        else
                ck_assert_str_eq(o.text, "");
}
END_TEST

static char *slow_map;

static void *touch_slow(void *arg)
{
        sem_wait(&filtered);
        usleep(100000); /* the page is on its way in by now, for the other thread */
        CHILD_CHECK(*(volatile uint64_t *)(void *)slow_map == 0);
        CHILD_CHECK(*(volatile uint64_t *)(void *)(slow_map + PAGE) == 1);
        return arg;
}

static void filter_and_own_a_page(int delivery)
{
        struct flaky *f = flaky_new(NPAGES, PAGE, true);
        pthread_t thread;

        lost_open(delivery, 0);
        slow_map = map_store(lost_pool, &f->store, NPAGES, 0);
        sem_init(&filtered, 0, 0);
        CHILD_CHECK(pthread_create(&thread, NULL, touch_slow, NULL) == 0);
        forbid_ioctl(0);
        atomic_store(&f->sleep_us, 300000);
        sem_post(&filtered);
        CHILD_CHECK(pg_page_in(lost_pool, slow_map, PAGE) == -EPERM);
        CHILD_CHECK(pthread_join(thread, NULL) == 0);
}

START_TEST(a_thread_that_may_not_call_ioctl_leaves_nobody_waiting_for_its_page)
{
        struct outcome o = outcome_of(filter_and_own_a_page, _i);

        expect_exit(&o, 0);
}
END_TEST

TESTS("system_call_filter")
{
        add_for_both(tc, a_page_that_is_out_gets_sigbus_when_no_thread_may_call_ioctl);
        tcase_add_test(tc, signal_delivery_goes_on_without_ioctl_while_no_page_is_touched);
        add_for_both(tc, sigbus_ends_a_program_that_has_no_handler);
        tcase_add_test(tc, a_program_that_blocks_sigbus_is_aborted_instead_of_waiting_for_ever);
        add_for_both(tc, calls_answer_an_error_when_ioctl_is_forbidden);
        add_for_both(tc, an_access_to_a_queued_or_clean_page_does_not_repeat_for_ever);
        add_for_both(tc, other_threads_have_their_pages_when_one_may_not_call_ioctl);
        add_for_both(tc, a_thread_that_may_not_call_ioctl_leaves_nobody_waiting_for_its_page);
}
