/* SPDX-License-Identifier: MIT */
/*
 * test_resize_request.c - another process asks for another budget: here the process itself does, by
 * the words of its own live files, as `unpaged resize` would.
 */
#include "child.h"
#include "live_name.h"
#include "live_request.h"
#include "live_view.h"
#include "probe.h"
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>

#define FRAMES 64u
#define PAGES  256u

static uint64_t in_seconds(double seconds)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec + (uint64_t)(seconds * 1e9);
}

static bool no_tick(void *arg)
{
        (void)arg;
        return true;
}

/* The newest pool of this process. */
static struct live_view own_view(void)
{
        struct live_views all = {0};
        struct live_view last;

        ck_assert_int_eq(live_views_read(&all, getpid(), false), 0);
        ck_assert_uint_gt(all.count, 0);
        last = all.at[all.count - 1];
        live_views_free(&all);
        return last;
}

static uint64_t bytes_of(uint32_t frames)
{
        return frames * PAGE + own_view().live.buffer_bytes;
}

/* 0 or -errno; 1: unheard within half a second. */
static int ask_bytes(uint64_t bytes)
{
        struct live_view v = own_view();
        struct request_answer a = live_request(&v, bytes, in_seconds(.5), no_tick, NULL);

        if (a.end == REQUEST_UNHEARD)
                return 1;
        ck_assert_int_eq(a.end, REQUEST_DONE);
        return a.error;
}

static int ask_frames(uint32_t frames)
{
        return ask_bytes(bytes_of(frames));
}

static uint32_t frames_now(struct pg_pool *pool)
{
        struct pg_stats stats = {.size = sizeof(stats)};

        ck_assert_int_eq(pg_stats_get(pool, &stats), 0);
        ck_assert_uint_eq(own_view().gauges[PG_GAUGE_FRAMES_TOTAL], stats.frames_total);
        return stats.frames_total;
}

START_TEST(pages_stay_right_and_faults_cease_with_enough)
{
        struct pg_pool *pool = open_frames(_i, FRAMES, 0);
        char *map = map_pages(pool, PAGES, 0);
        struct live_view shrunk;
        uint64_t faults;

        fill_pages(map, PAGES, 7);
        ck_assert_int_eq(ask_frames(2 * PAGES), 0);
        ck_assert_uint_eq(frames_now(pool), 2 * PAGES);
        check_pages(map, PAGES, 7);
        faults = faults_of(pool);
        check_pages(map, PAGES, 7);
        ck_assert_uint_eq(faults_of(pool), faults);

        ck_assert_int_eq(ask_frames(FRAMES / 4), 0);
        ck_assert_uint_eq(frames_now(pool), FRAMES / 4);
        shrunk = own_view();
        ck_assert_uint_le(live_resident(&shrunk), bytes_of(FRAMES / 4));
        check_pages(map, PAGES, 7);
        ck_assert_uint_gt(faults_of(pool), faults);
        close_pool(pool);
}
END_TEST

START_TEST(what_cannot_be_is_refused_and_changes_nothing)
{
        struct pg_pool *pool = open_frames(_i, FRAMES, 0);
        char *map = map_pages(pool, PAGES, 0);

        fill_pages(map, PAGES, 7);
        ck_assert_int_eq(ask_frames(PG_FRAMES_MIN - 1), -EINVAL);
        ck_assert_int_eq(ask_bytes(PAGE), -EINVAL);
        ck_assert_int_eq(ask_bytes((uint64_t)1 << 50), -ERANGE);
        ck_assert_int_eq(pg_pin(pool, map, 20 * PAGE), 0);
        ck_assert_int_eq(ask_frames(16), -ENOMEM);
        ck_assert_uint_eq(frames_now(pool), FRAMES);
        ck_assert_int_eq(pg_unpin(pool, map, 20 * PAGE), 0);
        ck_assert_int_eq(ask_frames(16), 0);
        check_pages(map, PAGES, 7);
        close_pool(pool);
}
END_TEST

START_TEST(a_call_and_a_request_follow_each_other)
{
        struct pg_pool *pool = open_frames(_i, FRAMES, 0);

        ck_assert_int_eq(pg_resize(pool, 32 * PAGE), 0);
        ck_assert_uint_eq(frames_now(pool), 32);
        ck_assert_int_eq(ask_frames(48), 0);
        ck_assert_int_eq(pg_resize(pool, 16 * PAGE), 0);
        ck_assert_uint_eq(frames_now(pool), 16);
        close_pool(pool);
}
END_TEST

START_TEST(child_is_asked_by_itself)
{
        struct pg_pool *pool = open_frames(_i, FRAMES, INHERIT);
        char *map = map_pages(pool, PAGES, 0);
        pid_t child;

        fill_pages(map, PAGES, 7);
        ck_assert_int_eq(ask_frames(PAGES), 0);
        child = fork();
        if (child == 0) {
                CHILD_CHECK(own_view().live.request == 0);
                CHILD_CHECK(ask_frames(32) == 0);
                CHILD_CHECK(frames_now(pool) == 32);
                check_pages(map, PAGES, 7);
                _exit(0);
        }
        expect_child(child, 0);
        ck_assert_uint_eq(frames_now(pool), PAGES);
        close_pool(pool);
}
END_TEST

/* ---- without a thread ----------------------------------------------------------------------- */

static void *touch_all(void *arg)
{
        char *map = arg;
        struct timespec pause = {.tv_nsec = 50000000};

        nanosleep(&pause, NULL);
        check_pages(map, PAGES, 7);
        return NULL;
}

START_TEST(pool_without_a_thread_does_it_at_its_next_fault)
{
        struct pg_pool *pool = open_frames(PG_DELIVERY_SIGNAL, FRAMES, PG_POOL_SPARES_FDS);
        char *map = map_pages(pool, PAGES, 0);
        pthread_t thread;

        fill_pages(map, PAGES, 7);
        ck_assert_uint_eq(own_view().live.server, PG_LIVE_SERVES_AT_FAULTS);
        ck_assert_int_eq(ask_frames(16), 1);
        check_pages(map, PAGES, 7); /* it was withdrawn */
        ck_assert_uint_eq(frames_now(pool), FRAMES);

        ck_assert_int_eq(pthread_create(&thread, NULL, touch_all, map), 0);
        ck_assert_int_eq(ask_frames(16), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        ck_assert_uint_eq(frames_now(pool), 16);
        close_pool(pool);
}
END_TEST

/* ---- in the middle of a fork ---------------------------------------------------------------- */

static char *touched_in_fork;

static void touch_in_fork(void)
{
        if (touched_in_fork)
                touch(touched_in_fork);
}

static void *ask_for_16(void *arg)
{
        struct live_view v = own_view();
        struct request_answer *a = arg;

        *a = live_request(&v, 16 * PAGE + v.live.buffer_bytes, in_seconds(20), no_tick, NULL);
        return NULL;
}

START_TEST(fault_in_the_middle_of_a_fork_leaves_the_request_for_later)
{
        struct request_answer a = {0};
        struct pg_pool *pool;
        pthread_t thread;
        uint64_t faults;
        pid_t child;
        char *map;

        pthread_atfork(touch_in_fork, NULL, NULL); /* runs after ours: prepare goes backwards */
        pool = open_frames(PG_DELIVERY_SIGNAL, FRAMES, PG_POOL_INHERIT | PG_POOL_SPARES_FDS);
        map = map_pages(pool, PAGES, 0);
        fill_pages(map, PAGES, 7);
        ck_assert_int_eq(pthread_create(&thread, NULL, ask_for_16, &a), 0);
        while (own_view().live.request == own_view().live.answered)
                usleep(1000);
        touched_in_fork = map;
        ck_assert_int_eq(pg_page_out(pool, map, PAGE), 0);
        faults = faults_of(pool);
        child = fork();
        if (child == 0)
                _exit(0);
        expect_child(child, 0);
        ck_assert_uint_eq(faults_of(pool), faults + 1);
        ck_assert_uint_eq(frames_now(pool), FRAMES);

        check_pages(map, PAGES, 7);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        ck_assert_int_eq(a.end, REQUEST_DONE);
        ck_assert_int_eq(a.error, 0);
        ck_assert_uint_eq(frames_now(pool), 16);
        close_pool(pool);
}
END_TEST

/* ---- claims --------------------------------------------------------------------------------- */

static _Atomic int wrong;

static void *ask_often(void *arg)
{
        uint32_t frames = *(const uint32_t *)arg;

        for (unsigned i = 0; i < 40; i++) {
                struct live_view v = own_view();
                struct request_answer a = live_request(&v, frames * PAGE + v.live.buffer_bytes,
                                                       in_seconds(20), no_tick, NULL);

                wrong += a.end != REQUEST_DONE || a.error != 0;
        }
        return NULL;
}

START_TEST(two_that_ask_at_once_do_not_mix)
{
        struct pg_pool *pool = open_frames(_i, FRAMES, 0);
        char *map = map_pages(pool, PAGES, 0);
        uint32_t one = 32, other = 96;
        pthread_t thread;

        fill_pages(map, PAGES, 7);
        wrong = 0;
        ck_assert_int_eq(pthread_create(&thread, NULL, ask_often, &one), 0);
        ask_often(&other);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        ck_assert_int_eq(wrong, 0);
        ck_assert(frames_now(pool) == one || frames_now(pool) == other);
        check_pages(map, PAGES, 7);
        close_pool(pool);
}
END_TEST

static void claim_by(uint64_t claim)
{
        struct live_view v = own_view();
        size_t at = offsetof(struct pg_live, claim);
        int fd = open(v.path, O_RDWR | O_CLOEXEC);

        ck_assert_int_eq(pwrite(fd, &claim, sizeof(claim), (off_t)at), sizeof(claim));
        close(fd);
}

START_TEST(claim_of_a_process_that_has_ended_does_not_count)
{
        struct pg_pool *pool = open_frames(_i, FRAMES, 0);
        pid_t child = fork(), other = fork();
        struct request_answer a;
        struct live_view v;

        if (child == 0)
                _exit(0);
        if (other == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                for (;;)
                        pause();
        }
        expect_child(child, 0);
        claim_by((uint64_t)child << 32 | 1);
        ck_assert_int_eq(ask_frames(32), 0);
        ck_assert_uint_eq(own_view().live.claim, 0);

        v = own_view();
        claim_by((uint64_t)other << 32 | (uint32_t)live_start_ticks(other));
        a = live_request(&v, bytes_of(16), in_seconds(.3), no_tick, NULL);
        ck_assert_int_eq(a.end, REQUEST_CLAIMED);
        ck_assert_int_eq(a.by, other);
        ck_assert_uint_eq(frames_now(pool), 32);

        /* Its number is another process's now. */
        claim_by((uint64_t)other << 32 | ((uint32_t)live_start_ticks(other) + 1));
        ck_assert_int_eq(ask_frames(16), 0);
        kill(other, SIGKILL);
        expect_child(other, SIGKILL);
        close_pool(pool);
}
END_TEST

START_TEST(pool_that_is_closed_is_not_asked)
{
        struct pg_pool *pool = open_frames(_i, FRAMES, 0);
        struct live_view v = own_view();
        struct request_answer a;

        close_pool(pool);
        a = live_request(&v, 32 * PAGE, in_seconds(.5), no_tick, NULL);
        ck_assert_int_eq(a.end, REQUEST_ENDED);
}
END_TEST

TESTS("resize_request")
{
        add_for_both(tc, pages_stay_right_and_faults_cease_with_enough);
        add_for_both(tc, what_cannot_be_is_refused_and_changes_nothing);
        add_for_both(tc, a_call_and_a_request_follow_each_other);
        if (*SANITIZER)
                fprintf(stderr, "skipped: threads in a child, which sanitizers do not stand\n");
        else
                add_for_both(tc, child_is_asked_by_itself);
        tcase_add_test(tc, pool_without_a_thread_does_it_at_its_next_fault);
        tcase_add_test(tc, fault_in_the_middle_of_a_fork_leaves_the_request_for_later);
        add_for_both(tc, two_that_ask_at_once_do_not_mix);
        add_for_both(tc, claim_of_a_process_that_has_ended_does_not_count);
        add_for_both(tc, pool_that_is_closed_is_not_asked);
}
