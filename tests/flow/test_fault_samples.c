/* SPDX-License-Identifier: MIT */
/* A pool tells where the threads were whose faults it has sampled. */
#include "support.h"

#include <errno.h>
#include <pthread.h>
#include <unpaged/internals.h>

#define SAMPLES_MOST 1024

/* Two functions of which each is code between two addresses that are known: of itself, and the
 * next. They stand in a section of their own, in this order. */
#ifdef __clang__
#define PLACE(name) __attribute__((noinline, section("touching"), used)) name
#else
#define PLACE(name) __attribute__((noipa, section("touching"), used)) name
#endif

static void PLACE(touch_in_a)(volatile char *addr)
{
        *addr = 1;
}

static void PLACE(touch_in_b)(volatile char *addr)
{
        *addr = 2;
}

static void PLACE(touch_nothing)(void)
{
        __asm__ volatile("");
}

struct seen {
        unsigned in_a, in_b, elsewhere, broken;
        const char *from, *to; /* the mapping */
        pid_t tid;
};

static bool is_between(uint64_t pc, const void *from, const void *to)
{
        uintptr_t a = (uintptr_t)from, b = (uintptr_t)to;

        return a < b ? pc >= a && pc < b : pc >= a; /* the compiler may have the order reversed */
}

static void look_at(void *arg, const struct pg_fault_sample *s)
{
        struct seen *seen = arg;
        uint64_t here = (uint64_t)(uintptr_t)__builtin_frame_address(0);
        const char *page = s->page;

        seen->in_a += is_between(s->pc, (void *)touch_in_a, (void *)touch_in_b);
        seen->in_b += is_between(s->pc, (void *)touch_in_b, (void *)touch_nothing);
        seen->broken += s->size != sizeof(*s) || s->tid != seen->tid || page < seen->from ||
                        page >= seen->to || s->stack_size == 0 ||
                        s->sp / (16 << 20) != here / (16 << 20);
}

static struct seen samples_of(struct pg_pool *pool, char *addr, size_t npages, int *n,
                              uint64_t *loads)
{
        struct seen seen = {.from = addr, .to = addr + npages * PAGE, .tid = gettid()};

        *n = pg_fault_samples(pool, look_at, &seen, loads);
        return seen;
}

static struct pg_pool *open_sampled(int delivery, uint32_t every)
{
        struct pg_config config = config_frames(delivery, 64, PG_POOL_STRICT | PG_POOL_INHERIT);

        config.sample_every = every;
        return open_config(&config);
}

static bool can_be_sampled(int delivery)
{
        return delivery == PG_DELIVERY_SIGNAL || !is_masked("thread_id");
}

START_TEST(every_load_is_sampled_where_it_happens)
{
        struct pg_pool *pool = open_sampled(_i, 1);
        char *addr = map_pages(pool, 200, 0);
        struct seen seen;
        uint64_t loads;
        int n;

        for (size_t i = 0; i < 200; i++)
                (i % 4 ? touch_in_a : touch_in_b)(addr + i * PAGE);
        for (size_t i = 150; i < 200; i++) /* resident: no fault */
                touch_in_b(addr + i * PAGE);
        seen = samples_of(pool, addr, 200, &n, &loads);
        if (can_be_sampled(_i)) {
                ck_assert_int_eq(n, 200);
                ck_assert_uint_eq(loads, 200);
                ck_assert_uint_eq(seen.broken, 0);
                ck_assert_uint_eq(seen.in_a, 150);
                ck_assert_uint_eq(seen.in_b, 50);
        } else {
                ck_assert_int_eq(n, 0);
        }
        samples_of(pool, addr, 200, &n, &loads);
        ck_assert_int_eq(n, 0); /* each is told once */
        ck_assert_uint_eq(loads, 0);
        close_pool(pool);
}
END_TEST

/* Of more than there is room for a random choice stays, of early and late ones alike. */
START_TEST(more_samples_than_there_is_room_for_stand_for_all)
{
        struct pg_pool *pool = open_sampled(_i, 1);
        char *addr = map_pages(pool, 4096, 0);
        struct seen seen;
        uint64_t loads;
        int n;

        for (size_t i = 0; i < 4096; i++)
                (i < 1024 ? touch_in_a : touch_in_b)(addr + i * PAGE);
        seen = samples_of(pool, addr, 4096, &n, &loads);
        if (can_be_sampled(_i)) {
                ck_assert_int_eq(n, SAMPLES_MOST);
                ck_assert_uint_eq(loads, 4096);
                ck_assert_uint_eq(seen.broken, 0);
                ck_assert_uint_eq(seen.in_a + seen.in_b, SAMPLES_MOST);
                ck_assert_uint_gt(seen.in_a, SAMPLES_MOST / 4 - 80); /* 6 deviations */
                ck_assert_uint_lt(seen.in_a, SAMPLES_MOST / 4 + 80);
        }
        close_pool(pool);
}
END_TEST

START_TEST(one_in_n_is_sampled)
{
        struct pg_pool *pool = open_sampled(_i, 10);
        char *addr = map_pages(pool, 4000, 0);
        uint64_t loads;
        int n;

        for (size_t i = 0; i < 4000; i++)
                touch_in_a(addr + i * PAGE);
        samples_of(pool, addr, 4000, &n, &loads);
        if (can_be_sampled(_i)) {
                ck_assert_int_gt(n, 400 - 80); /* 7 deviations */
                ck_assert_int_lt(n, 400 + 80);
                ck_assert_uint_eq(loads, (uint64_t)n * 10);
        }
        close_pool(pool);
}
END_TEST

static void *touch_1000(void *addr)
{
        for (size_t i = 0; i < 1000; i++)
                touch_in_a((char *)addr + i * PAGE);
        return NULL;
}

/* Between one thread's turn and the choice of the next, others fault. */
START_TEST(threads_that_fault_together_do_not_stop_it)
{
        struct pg_pool *pool = open_sampled(_i, 2);
        char *addr = map_pages(pool, 4000, 0);
        pthread_t threads[4];
        uint64_t loads;
        int n;

        for (size_t i = 0; i < 4; i++)
                pthread_create(&threads[i], NULL, touch_1000, addr + i * 1000 * PAGE);
        for (size_t i = 0; i < 4; i++)
                pthread_join(threads[i], NULL);
        samples_of(pool, addr, 4000, &n, &loads);
        if (can_be_sampled(_i)) {
                ck_assert_int_eq(n, SAMPLES_MOST);
                ck_assert_uint_gt(loads, 4000 - 400);
                ck_assert_uint_lt(loads, 4000 + 400);
        }
        close_pool(pool);
}
END_TEST

START_TEST(a_child_has_samples_of_its_own)
{
        struct pg_pool *pool = open_sampled(_i, 1);
        char *addr = map_pages(pool, 100, 0);
        uint64_t loads;
        pid_t child;
        int n, status;

        for (size_t i = 0; i < 50; i++)
                touch_in_a(addr + i * PAGE);
        child = fork();
        if (child == 0) {
                struct seen seen;

                for (size_t i = 50; i < 80; i++)
                        touch_in_b(addr + i * PAGE);
                seen = samples_of(pool, addr, 100, &n, &loads);
                _exit(can_be_sampled(_i) && (n != 30 || seen.in_b != 30 || seen.broken) ? 1 : 0);
        }
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_int_eq(status, 0);
        samples_of(pool, addr, 100, &n, &loads);
        ck_assert_int_eq(n, can_be_sampled(_i) ? 50 : 0);
        close_pool(pool);
}
END_TEST

START_TEST(a_pool_that_samples_nothing_says_so)
{
        struct pg_pool *pool = open_sampled(_i, 0);
        char *addr = map_pages(pool, 1, 0);
        uint64_t loads;
        int n;

        touch_in_a(addr);
        samples_of(pool, addr, 1, &n, &loads);
        ck_assert_int_eq(n, -ENOENT);
        close_pool(pool);
}
END_TEST

TESTS("fault_samples")
{
        add_for_both(tc, every_load_is_sampled_where_it_happens);
        add_for_both(tc, more_samples_than_there_is_room_for_stand_for_all);
        add_for_both(tc, one_in_n_is_sampled);
        add_for_both(tc, threads_that_fault_together_do_not_stop_it);
        add_for_both(tc, a_child_has_samples_of_its_own);
        add_for_both(tc, a_pool_that_samples_nothing_says_so);
}
