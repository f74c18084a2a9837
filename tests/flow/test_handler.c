/* SPDX-License-Identifier: MIT */
/*
 * test_handler.c - where faults are served, and that nobody starves: neither by busy threads on the
 * same CPU, nor by a store that sleeps.
 *
 * Bounds are generous, for machines that are shared and sanitizers that are slow: they tell a
 * handler that runs from one that waits for a time slice of an idle thread, which is seconds.
 */
#include "child.h"
#include "flaky_store.h"
#include "sigbus.h"
#include "probe.h"
#include "support.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/prctl.h>
#include <time.h>
#include <unpaged/statistics.h>

#define PAGES 512u
/* A store that sleeps; and what a fault that waits for it would take. */
#define SLOW_US    (*SANITIZER ? 300000u : 50000u)
#define HELD_UP_MS (SLOW_US / 1000 * 4 / 5)

static uint64_t now_ms(void)
{
        return now_ns() / 1000000;
}

/* ---- a crowded CPU ------------------------------------------------------------------------- */

static _Atomic bool stop;

static void *burn(void *arg)
{
        volatile uint64_t *turns = arg;

        while (!atomic_load_explicit(&stop, memory_order_relaxed))
                ++*turns;
        return NULL;
}

static void pin_to_one_cpu(void)
{
        cpu_set_t set;
        size_t cpu = 0;

        ck_assert_int_eq(sched_getaffinity(0, sizeof(set), &set), 0);
        while (!CPU_ISSET(cpu, &set))
                cpu++;
        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        ck_assert_int_eq(sched_setaffinity(0, sizeof(set), &set), 0);
}

static void crowded(int delivery, unsigned burners, bool pin_before_open)
{
        struct pg_pool *pool;
        pthread_t threads[2];
        uint64_t turns[2] = {0}, worst = 0, end, faults = 0;
        char *map;

        if (pin_before_open)
                pin_to_one_cpu();
        pool = open_frames(delivery, 64, PG_POOL_STRICT);
        map = map_pages(pool, PAGES, 0);
        if (!pin_before_open)
                pin_to_one_cpu();
        for (unsigned i = 0; i < burners; i++)
                ck_assert_int_eq(pthread_create(&threads[i], NULL, burn, &turns[i]), 0);
        end = now_ms() + 1000;
        for (unsigned i = 0; now_ms() < end; i = (i + 1) % PAGES) {
                uint64_t began = now_ms(), took;

                map[i * PAGE]++;
                took = now_ms() - began;
                worst = took > worst ? took : worst;
                faults++;
        }
        atomic_store(&stop, true);
        for (unsigned i = 0; i < burners; i++)
                pthread_join(threads[i], NULL);
        fprintf(stderr, "%u burners: %llu faults, worst %llu ms, late %llu\n", burners,
                (unsigned long long)faults, (unsigned long long)worst,
                (unsigned long long)stats_of(pool).late_faults);
        ck_assert_uint_lt(worst, *SANITIZER ? 5000 : 2000);
        ck_assert_uint_gt(faults, 50);
        close_pool(pool);
}

START_TEST(busy_threads_on_the_same_cpu_do_not_starve_faults)
{
        crowded(_i & 1, 1 + (unsigned)(_i >> 1), false);
}
END_TEST

START_TEST(process_confined_to_one_busy_cpu_does_not_starve)
{
        crowded(_i, 2, true);
}
END_TEST

/* ---- a handler that is stopped with a message in hand --------------------------------------- */

#define STOPPED_US 2000u /* of its own time, that it needs for one page then */

static _Atomic bool crowd;
static _Atomic unsigned followers_stopped;

static void *burn_when_called(void *arg)
{
        while (!atomic_load(&stop))
                while (!atomic_load(&crowd) && !atomic_load(&stop))
                        usleep(200);
        return arg;
}

static uint64_t own_us(void)
{
        struct timespec t;

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* A follower has the lowest class, and its CPU is full from now on. */
static void crowd_a_follower(struct flaky *f, _Atomic int *which, uint64_t offset)
{
        uint64_t began = own_us();

        (void)f, (void)which, (void)offset;
        if (sched_getscheduler(0) != SCHED_IDLE)
                return;
        atomic_fetch_add(&followers_stopped, 1);
        atomic_store(&crowd, true);
        while (own_us() - began < STOPPED_US)
                ;
        atomic_store(&crowd, false);
}

static uint64_t worst_of_stopped(struct pg_pool *pool, struct flaky *f)
{
        char *near = map_pages(pool, PAGES, 0);
        char *map = map_store(pool, &f->store, PAGES, 0);
        uint64_t worst = 0, end = now_ms() + 4000;
        pthread_t threads[3];

        pin_to_one_cpu();
        for (unsigned i = 0; i < 3; i++)
                pthread_create(&threads[i], NULL, burn_when_called, NULL);
        for (unsigned i = 0; atomic_load(&followers_stopped) < 4 && now_ms() < end; i++) {
                uint64_t began;

                touch_pages(near, PAGES); /* it comes to this CPU */
                began = now_ms();
                touch(map + i % PAGES * PAGE);
                worst = now_ms() - began > worst ? now_ms() - began : worst;
        }
        atomic_store(&stop, true);
        for (unsigned i = 0; i < 3; i++)
                pthread_join(threads[i], NULL);
        fprintf(stderr, "%u followers stopped with a message: worst %llu ms\n",
                atomic_load(&followers_stopped), (unsigned long long)worst);
        return worst;
}

/* In a child of an undumpable process, which does not own its files in /proc, as well. */
START_TEST(fault_of_a_follower_that_is_stopped_in_the_midst_of_it_is_not_forgotten)
{
        struct flaky *f = flaky_new(PAGES, PAGE, true);
        struct pg_pool *pool = open_frames(PG_DELIVERY_THREAD, 64, _i ? PG_POOL_INHERIT : 0);
        uint64_t limit = *SANITIZER ? 5000 : 1000;
        pid_t child = 0;

        atomic_store(&f->hook, crowd_a_follower);
        if (_i) {
                ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 0), 0);
                child = fork();
        }
        if (child == 0 && _i)
                _exit(worst_of_stopped(pool, f) >= limit);
        if (_i)
                expect_child(child, 0);
        else
                ck_assert_uint_lt(worst_of_stopped(pool, f), limit);
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

/* ---- a slow store -------------------------------------------------------------------------- */

struct slow_rig {
        struct flaky *slow, *fast;
        struct pg_pool *pool;
        char *slow_map, *fast_map;
        pthread_barrier_t barrier;
};

static void slow_open(struct slow_rig *r, int delivery, bool parallel)
{
        r->slow = parallel ? flaky_new_parallel(PAGES, PAGE) : flaky_new(PAGES, PAGE, true);
        r->fast = flaky_new(PAGES, PAGE, true);
        r->pool = open_frames(delivery, 64, PG_POOL_STRICT);
        r->slow_map = map_store(r->pool, &r->slow->store, PAGES, 0);
        r->fast_map = map_store(r->pool, &r->fast->store, PAGES, 0);
        atomic_store(&r->slow->sleep_us, SLOW_US);
}

static void slow_close(struct slow_rig *r)
{
        atomic_store(&r->slow->sleep_us, 0);
        close_pool(r->pool);
        flaky_delete(r->slow);
        flaky_delete(r->fast);
}

static void *touch_slowly(void *arg)
{
        struct slow_rig *r = arg;

        for (unsigned i = 0; i < 20; i++)
                if (r->slow_map[i * PAGE] != (char)i)
                        return (void *)1;
        return NULL;
}

static void *page_in_slowly(void *arg)
{
        struct slow_rig *r = arg;

        return (void *)(intptr_t)pg_page_in(r->pool, r->slow_map, 20 * PAGE);
}

/* One thread is always in the slow store; every other fault is quick. */
static void one_is_slow(int delivery, void *(*slowly)(void *))
{
        struct slow_rig r;
        uint64_t worst = 0;
        pthread_t thread;
        void *failed;

        slow_open(&r, delivery, false);
        pthread_create(&thread, NULL, slowly, &r);
        usleep(5000);
        for (unsigned i = 0; i < 300; i++) {
                uint64_t began = now_ms(), took;

                ck_assert_int_eq(r.fast_map[i * PAGE], (char)i);
                took = now_ms() - began;
                worst = took > worst ? took : worst;
                usleep(2000);
        }
        pthread_join(thread, &failed);
        ck_assert_ptr_null(failed);
        fprintf(stderr, "beside a store that sleeps: worst %llu ms\n", (unsigned long long)worst);
        ck_assert_uint_lt(worst, HELD_UP_MS);
        slow_close(&r);
}

START_TEST(fault_is_quick_beside_a_fault_in_a_sleeping_store)
{
        one_is_slow(_i, touch_slowly);
}
END_TEST

START_TEST(fault_is_quick_beside_a_page_in_in_a_sleeping_store)
{
        one_is_slow(_i, page_in_slowly);
}
END_TEST

struct pair_thread {
        struct slow_rig *r;
        unsigned worst_ms;
};

static void *touch_in_step(void *arg)
{
        struct pair_thread *t = arg;

        for (unsigned i = 0; i < 20; i++) {
                uint64_t began;

                pthread_barrier_wait(&t->r->barrier);
                began = now_ms();
                touch(t->r->fast_map + i * PAGE);
                if (now_ms() - began > t->worst_ms)
                        t->worst_ms = (unsigned)(now_ms() - began);
        }
        return NULL;
}

/* Both faults come at once, so that one read of the userfaultfd may return both. */
START_TEST(fault_is_quick_that_comes_together_with_a_slow_one)
{
        struct slow_rig r;
        struct pair_thread fast = {.r = &r};
        pthread_t thread;

        slow_open(&r, _i, false);
        pthread_barrier_init(&r.barrier, NULL, 2);
        pthread_create(&thread, NULL, touch_in_step, &fast);
        for (unsigned i = 0; i < 20; i++) {
                pthread_barrier_wait(&r.barrier);
                touch(r.slow_map + i * PAGE);
        }
        pthread_join(thread, NULL);
        fprintf(stderr, "together with a slow fault: worst %u ms\n", fast.worst_ms);
        ck_assert_uint_lt(fast.worst_ms, HELD_UP_MS);
        slow_close(&r);
}
END_TEST

struct burst {
        struct slow_rig *r;
        sem_t *let_in;
        unsigned i;
        bool is_slow;
        uint64_t began, ended;
};

static void *touch_once(void *arg)
{
        struct burst *b = arg;
        char *map = b->is_slow ? b->r->slow_map : b->r->fast_map;

        sem_wait(b->let_in);
        b->began = now_ms();
        touch(map + b->i * PAGE);
        b->ended = now_ms();
        return NULL;
}

static void freeze(struct flaky *f, _Atomic int *which, uint64_t offset)
{
        sem_t *sems = f->hook_arg;

        (void)which;
        if (offset != 100 * PAGE)
                return;
        sem_post(&sems[0]);
        while (sem_wait(&sems[1]) != 0)
                ;
}

/*
 * The handler that is in a store when faults arrive finds several of them at its next read. One of
 * these is slow; the rest must not be held up behind it, as others could serve them.
 */
static uint64_t worst_behind_a_slow_one(int delivery)
{
        struct slow_rig r;
        struct burst bursts[6];
        pthread_t threads[6], first;
        sem_t sems[2], let_in;
        struct burst frozen = {.r = &r, .let_in = &let_in, .i = 100};
        uint64_t worst = 0;

        slow_open(&r, delivery, true);
        sem_init(&sems[0], 0, 0);
        sem_init(&sems[1], 0, 0);
        sem_init(&let_in, 0, 1);
        r.fast->hook_arg = sems;
        atomic_store(&r.fast->hook, freeze);
        pthread_create(&first, NULL, touch_once, &frozen);
        sem_wait(&sems[0]);
        for (unsigned i = 0; i < 6; i++) {
                bursts[i] = (struct burst){.r = &r, .let_in = &let_in, .i = i, .is_slow = i == 0};
                pthread_create(&threads[i], NULL, touch_once, &bursts[i]);
                sem_post(&let_in);
                usleep(200);
        }
        sem_post(&sems[1]);
        pthread_join(first, NULL);
        for (unsigned i = 0; i < 6; i++) {
                pthread_join(threads[i], NULL);
                if (!bursts[i].is_slow && bursts[i].ended - bursts[i].began > worst)
                        worst = bursts[i].ended - bursts[i].began;
        }
        fprintf(stderr, "behind a slow fault: worst %llu ms\n", (unsigned long long)worst);
        atomic_store(&r.fast->hook, NULL);
        slow_close(&r);
        return worst;
}

/* What is held up is held up every time. On a busy machine anything may take long once. */
START_TEST(faults_behind_a_slow_one_are_not_held_up)
{
        uint64_t worst = UINT64_MAX;

        for (unsigned tries = 0; worst >= HELD_UP_MS && tries < 5; tries++)
                worst = worst_behind_a_slow_one(_i);
        /* The frozen store is serial, so in signal delivery all waited for the gate alone. */
        ck_assert_uint_lt(worst, HELD_UP_MS);
}
END_TEST

/* ---- many threads -------------------------------------------------------------------------- */

static void *visit(void *arg)
{
        char *map = arg;

        for (unsigned i = 0; i < 16; i++)
                map[i * 31 % 64 * PAGE + 8]++;
        return NULL;
}

START_TEST(threads_come_and_go_by_the_hundred)
{
        struct pg_pool *pool = open_frames(_i, 32, 0);
        pthread_t threads[100];
        struct pg_thread_stats mine = {.size = sizeof(mine)};
        pthread_attr_t attr;

        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, 128 << 10);
        for (unsigned round = 0; round < 2; round++) {
                char *maps[100];

                for (unsigned i = 0; i < 100; i++) {
                        maps[i] = map_pages(pool, 64, 0);
                        ck_assert_int_eq(pthread_create(&threads[i], &attr, visit, maps[i]), 0);
                }
                for (unsigned i = 0; i < 100; i++) {
                        pthread_join(threads[i], NULL);
                        for (unsigned k = 0; k < 16; k++)
                                ck_assert_int_eq(maps[i][k * 31 % 64 * PAGE + 8], 1);
                        ck_assert_int_eq(pg_unmap(pool, maps[i], 64 * PAGE), 0);
                }
        }
        /* Of each page the first touch; and the second, but for those that are still there. */
        ck_assert_uint_ge(stats_of(pool).faults, 200 * 16 + 2 * (1600 - 64));
        if (_i == PG_DELIVERY_SIGNAL || !is_masked("thread_id"))
                ck_assert_int_eq(pg_thread_stats_get(pool, 0, &mine), 0);
        else
                ck_assert_int_eq(pg_thread_stats_get(pool, 0, &mine), -ENOTSUP);
        close_pool(pool);
}
END_TEST

TESTS("handler")
{
        tcase_add_loop_test(tc, busy_threads_on_the_same_cpu_do_not_starve_faults, 0, 4);
        add_for_both(tc, process_confined_to_one_busy_cpu_does_not_starve);
        tcase_add_loop_test(
                tc, fault_of_a_follower_that_is_stopped_in_the_midst_of_it_is_not_forgotten, 0, 2);
        add_for_both(tc, fault_is_quick_beside_a_fault_in_a_sleeping_store);
        add_for_both(tc, fault_is_quick_beside_a_page_in_in_a_sleeping_store);
        add_for_both(tc, fault_is_quick_that_comes_together_with_a_slow_one);
        add_for_both(tc, faults_behind_a_slow_one_are_not_held_up);
        add_for_both(tc, threads_come_and_go_by_the_hundred);
}
