/* SPDX-License-Identifier: MIT */
/*
 * test_signal_async.c - signal handlers of the program that touch paged memory, at any moment: also
 * while the thread they interrupt is inside a call on that very pool.
 *
 * A timer, 100 us after each handler has ended, makes thousands of such moments. The two that are
 * short enough to be missed are made: a store that raises a signal from within its own operation,
 * and a handler that changes the disposition of SIGBUS while the thread it interrupts does the
 * same. And a thread that is to be cancelled is not, in the middle of the pager: there is a store
 * that has a cancellation point.
 */
#include "flaky_store.h"
#include "probe.h"
#include "support.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <unpaged/statistics.h>

#define PAGES 64u

static const struct itimerval soon = {.it_value = {.tv_usec = 100}};
static char *paged, *shared;
static struct pg_pool *pool;
static volatile sig_atomic_t ticks, wrong, timer_runs;

static void on_alarm(int sig)
{
        int saved = errno;
        static unsigned turn = PAGES / 2; /* pages that are out, at first */

        (void)sig;
        ticks++;
        for (unsigned i = 0; i < 4; i++) {
                unsigned page = turn++ % PAGES;

                wrong += paged[page * PAGE] != (char)(page + 1);
                paged[page * PAGE] = (char)(page + 1);
                wrong += shared[page * PAGE + 8] != (char)page;
                if (turn % 3 == 0)
                        shared[page * PAGE + 8] = (char)page;
        }
        if (timer_runs)
                setitimer(ITIMER_REAL, &soon, NULL); /* again, however long this took */
        errno = saved;
}

static void timer_start(void)
{
        struct sigaction act = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};

        timer_runs = 1;
        sigaction(SIGALRM, &act, NULL);
        setitimer(ITIMER_REAL, &soon, NULL);
}

static void timer_stop(void)
{
        timer_runs = 0;
        setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 0}}, NULL);
}

static void maps_open(int delivery, struct flaky *f)
{

        pool = open_frames(delivery, 16, 0);
        paged = map_pages(pool, PAGES, 0);
        shared = map_store(pool, &f->store, PAGES, PG_MAP_SHARED);
        for (unsigned i = 0; i < PAGES; i++)
                paged[i * PAGE] = (char)(i + 1);
}

/* One of every call, on memory that the handler touches, and mappings that come and go. */
static void call_everything(unsigned turn, struct flaky *other)
{
        size_t at = turn * 7 % (PAGES - 8) * PAGE, size = 8 * PAGE;
        pg_location location;
        struct pg_stats stats = {.size = sizeof(stats)};
        char *map;

        ck_assert_int_eq(pg_page_in(pool, paged + at, size), 0);
        ck_assert_int_eq(pg_page_out(pool, paged + at, size), 0);
        ck_assert_int_eq(pg_pin(pool, paged + at, 2 * PAGE), 0);
        ck_assert_int_eq(pg_unpin(pool, paged + at, 2 * PAGE), 0);
        ck_assert_int_eq(pg_sync(pool, shared + at, size), 0);
        ck_assert_int_eq(pg_page_out(pool, shared + at, size), 0);
        ck_assert_int_eq(pg_advise(pool, paged + at, size, PG_ADVICE_COLD), 0);
        ck_assert_int_eq(pg_advise(pool, shared + at, size, PG_ADVICE_WILL_NEED), 0);
        ck_assert_int_ge(pg_location_query(pool, paged + at, &location), 0);
        ck_assert_int_eq(stats_get(pool, &stats), 0);
        pg_free_get(pool);
        map = map_store(pool, &other->store, 8, 0);
        map[PAGE] = 1;
        ck_assert_int_eq(pg_unmap(pool, map, 8 * PAGE), 0);
        ck_assert_int_eq(pg_detach(pool, &other->store), 0);
        ck_assert_int_eq(pg_resize(pool, (turn % 2 ? 16 : 12) * PAGE), 0);
}

START_TEST(handler_that_touches_paged_memory_may_interrupt_every_call)
{
        struct flaky *f = flaky_new(PAGES, PAGE, true), *other = flaky_new(PAGES, PAGE, true);
        time_t began = time(NULL);
        unsigned turns = 0;

        maps_open(_i, f);
        timer_start();
        /* Until it was interrupted often, however slow the machine is. */
        while (time(NULL) < began + 2 || (ticks <= 500 && time(NULL) < began + 60))
                call_everything(turns++, other);
        timer_stop();
        ck_assert_int_eq(wrong, 0);
        fprintf(stderr, "%d ticks in %u turns\n", (int)ticks, turns);
        ck_assert_int_gt(ticks, 500);
        close_pool(pool);
        flaky_delete(f);
        flaky_delete(other);
}
END_TEST

static void raise_alarm(struct flaky *f, _Atomic int *which, uint64_t offset)
{
        (void)offset;
        if (which == f->hook_arg)
                raise(SIGALRM);
}

/* The store's own lock is held at that moment: were the signal let in, its handler would wait for a
 * page that needs that lock. */
static void raise_inside(int delivery, bool sync)
{
        struct flaky *f = flaky_new(PAGES, PAGE, true);
        struct sigaction act = {.sa_handler = on_alarm};

        maps_open(delivery, f);
        sigaction(SIGALRM, &act, NULL);
        for (unsigned i = 0; i < 8; i++)
                shared[i * PAGE + 8] = (char)i;
        f->hook_arg = (void *)(sync ? &f->fail_sync : &f->fail_save);
        atomic_store(&f->hook, raise_alarm);
        ck_assert_int_eq(pg_sync(pool, shared, PAGES * PAGE), 0);
        atomic_store(&f->hook, NULL);
        ck_assert_int_gt(ticks, 0);
        ck_assert_int_eq(wrong, 0);
        close_pool(pool);
        flaky_delete(f);
}

START_TEST(signal_raised_while_a_store_saves_waits_for_the_end)
{
        raise_inside(_i, false);
}
END_TEST

START_TEST(signal_raised_while_a_store_syncs_waits_for_the_end)
{
        raise_inside(_i, true);
}
END_TEST

static _Atomic pid_t cancelled_tid;
static atomic_bool survived;

/* What pread and pwrite are; not on threads of the pool, which know no cancellation. */
static void cancellation_point(struct flaky *f, _Atomic int *which, uint64_t offset)
{
        (void)f;
        (void)which;
        (void)offset;
        if (gettid() == atomic_load(&cancelled_tid)) {
                ticks++;
                pthread_testcancel();
        }
}

/* Without assertions of Check, which write to a file. */
static void *be_cancelled(void *arg)
{
        int error;

        (void)arg;
        atomic_store(&cancelled_tid, gettid());
        pthread_cancel(pthread_self());
        for (unsigned i = 0; i < 4 * PAGES; i++)
                shared[i % PAGES * PAGE + 8] = (char)i;
        error = pg_sync(pool, shared, PAGES * PAGE);
        atomic_store(&survived, error == 0);
        pthread_testcancel();
        return NULL;
}

START_TEST(cancellation_waits_until_the_pager_is_left)
{
        struct flaky *f = flaky_new(PAGES, PAGE, true);
        pthread_t thread;
        void *result;

        maps_open(_i, f);
        atomic_store(&f->hook, cancellation_point);
        pthread_create(&thread, NULL, be_cancelled, NULL);
        pthread_join(thread, &result);
        ck_assert_int_gt(ticks, 0);
        ck_assert_msg(atomic_load(&survived), "it ended inside the pager");
        ck_assert_ptr_eq(result, PTHREAD_CANCELED);
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

static void on_bus(int sig)
{
        (void)sig;
}

static void on_alarm_change(int sig)
{
        (void)sig;
        ticks++;
        signal(SIGBUS, ticks & 1 ? on_bus : SIG_IGN);
        raise(SIGBUS);
        paged[(unsigned)ticks % PAGES * PAGE] = 1;
}

/* sigaction() is async-signal-safe, and must stay so for SIGBUS. */
START_TEST(sigaction_of_sigbus_may_interrupt_itself)
{
        struct sigaction act = {.sa_handler = on_alarm_change};
        struct itimerval every = {{0, 200}, {0, 200}};
        struct sigaction bus = {.sa_handler = SIG_IGN}, old;
        time_t end = time(NULL) + 3;

        pool = open_frames(_i, 16, 0);
        paged = map_pages(pool, PAGES, 0);
        sigaction(SIGBUS, &bus, NULL);
        sigaction(SIGALRM, &act, NULL);
        setitimer(ITIMER_REAL, &every, NULL);
        while (time(NULL) < end)
                for (unsigned i = 0; i < 100; i++)
                        sigaction(SIGBUS, &bus, &old);
        timer_stop();
        ck_assert_int_gt(ticks, 500);
        close_pool(pool);
}
END_TEST

TESTS("signal_async")
{
        /* It runs handlers later, where the library has blocked signals and SIGBUS is fatal. */
        const bool delayed = !strcmp(SANITIZER, "thread");

        tcase_add_loop_test(tc, handler_that_touches_paged_memory_may_interrupt_every_call,
                            PG_DELIVERY_THREAD, PG_DELIVERY_SIGNAL + !delayed);
        tcase_add_loop_test(tc, signal_raised_while_a_store_saves_waits_for_the_end,
                            PG_DELIVERY_THREAD, PG_DELIVERY_SIGNAL + !delayed);
        tcase_add_loop_test(tc, signal_raised_while_a_store_syncs_waits_for_the_end,
                            PG_DELIVERY_THREAD, PG_DELIVERY_SIGNAL + !delayed);
        tcase_add_loop_test(tc, cancellation_waits_until_the_pager_is_left, PG_DELIVERY_THREAD,
                            PG_DELIVERY_SIGNAL + !delayed);
        tcase_add_loop_test(tc, sigaction_of_sigbus_may_interrupt_itself, PG_DELIVERY_THREAD,
                            PG_DELIVERY_SIGNAL + !delayed);
        if (delayed)
                fprintf(stderr, "skipped: signal delivery, as ThreadSanitizer delays handlers\n");
}
