/* SPDX-License-Identifier: MIT */
/* pg_resize: growing is immediate, shrinking evicts, and a refusal leaves the budget as it was. */
#include "child.h"
#include "flaky_store.h"
#include "probe.h"

#include <pthread.h>
#include <unpaged/statistics.h>

START_TEST(growing_is_immediate)
{
        struct pg_pool *pool = open_frames(_i, 8, PG_POOL_STRICT);
        char *addr = map_pages(pool, 32, 0);

        fill_pages(addr, 8, 1);
        ck_assert_int_eq(pg_resize(pool, 8 * PAGE), 0);
        ck_assert_uint_eq(stats_of(pool).budget_changes, 0);
        ck_assert_int_eq(pg_resize(pool, 32 * PAGE), 0);
        ck_assert_uint_eq(stats_of(pool).budget_changes, 1);
        ck_assert_uint_eq(stats_of(pool).frames_total, 32);
        ck_assert_settles(stats_of(pool).frames_free == 24);
        fill_pages(addr + 8 * PAGE, 24, 9);
        check_pages(addr, 32, 1);
        ck_assert_uint_eq(faults_of(pool), 32);
        ck_assert_uint_eq(stats_of(pool).evictions_dirty, 0);
        close_pool(pool);
}
END_TEST

START_TEST(shrinking_evicts)
{
        struct pg_pool *pool = open_frames(_i, 32, PG_POOL_STRICT);
        char *addr = map_pages(pool, 32, 0);

        fill_pages(addr, 32, 1);
        ck_assert_int_eq(pg_resize(pool, 8 * PAGE), 0);
        ck_assert_uint_eq(stats_of(pool).frames_total, 8);
        check_resident(pool, addr, 32, 8);
        ck_assert_uint_eq(stats_of(pool).evictions_dirty, 24);
        check_pages(addr, 32, 1);
        check_resident(pool, addr, 32, 8);
        ck_assert_int_eq(pg_resize(pool, 32 * PAGE), 0);
        check_pages(addr, 32, 1);
        check_resident(pool, addr, 32, 32);
        close_pool(pool);
}
END_TEST

START_TEST(a_budget_in_bytes_includes_the_buffers)
{
        struct pg_config config = config_frames(_i, 0, 0);
        struct pg_pool *pool;
        struct pg_stats stats;

        config.budget = 1 << 20;
        pool = open_config(&config);
        stats = stats_of(pool);
        ck_assert_uint_eq(stats.frames_total * stats.page_size + stats.buffer_bytes, 1 << 20);
        ck_assert_int_eq(pg_resize(pool, 2 << 20), 0);
        stats = stats_of(pool);
        ck_assert_uint_eq(stats.frames_total * stats.page_size + stats.buffer_bytes, 2 << 20);
        close_pool(pool);
}
END_TEST

START_TEST(a_budget_that_cannot_be_is_refused)
{
        struct pg_pool *pool = open_frames(_i, 32, PG_POOL_STRICT);
        char *addr = map_pages(pool, 32, 0);

        ck_assert_int_eq(pg_resize(pool, 3 * PAGE), -EINVAL);
        ck_assert_int_eq(pg_resize(pool, 0), -EINVAL);
        ck_assert_int_eq(pg_resize(pool, (size_t)1 << 50), -EINVAL);
        ck_assert_int_eq(pg_pin(pool, addr, 16 * PAGE), 0);
        fill_pages(addr, 32, 1);
        ck_assert_int_eq(pg_resize(pool, 16 * PAGE), -ENOMEM);
        ck_assert_int_eq(pg_resize(pool, 19 * PAGE), -ENOMEM);
        ck_assert_uint_eq(stats_of(pool).frames_total, 32);
        check_resident(pool, addr, 32, 32);
        ck_assert_int_eq(pg_resize(pool, 20 * PAGE), 0);
        ck_assert_uint_eq(stats_of(pool).frames_total, 20);
        check_pages(addr, 32, 1);
        close_pool(pool);
}
END_TEST

START_TEST(a_store_that_refuses_leaves_the_budget_as_it_was)
{
        static const int errors[] = {EIO, ENOSPC};

        for (size_t i = 0; i < 2; i++) {
                struct flaky *swap = flaky_new(64, PAGE, true);
                struct pg_pool *pool;
                char *addr;

                pool = open_swap(_i, 16, PG_POOL_STRICT, &swap->store);
                addr = map_pages(pool, 16, 0);
                fill_pages(addr, 16, 1);
                atomic_store(&swap->fail_save, errors[i]);
                ck_assert_int_eq(pg_resize(pool, 8 * PAGE), -errors[i]);
                ck_assert_uint_eq(stats_of(pool).frames_total, 16);
                check_pages(addr, 16, 1);
                atomic_store(&swap->fail_save, 0);
                ck_assert_int_eq(pg_resize(pool, 8 * PAGE), 0);
                check_pages(addr, 16, 1);
                close_pool(pool);
                flaky_delete(swap);
        }
}
END_TEST

struct churn {
        char *addr;
        size_t npages;
        uint64_t wrong;
        _Atomic bool *stop;
};

static void *churn(void *arg)
{
        struct churn *c = arg;

        for (uint64_t round = 1; !atomic_load(c->stop); round++) {
                for (size_t i = 0; i < c->npages; i++)
                        *(uint64_t *)(void *)(c->addr + i * PAGE) = round + i;
                for (size_t i = 0; i < c->npages; i++)
                        c->wrong += *(uint64_t *)(void *)(c->addr + i * PAGE) != round + i;
        }
        return NULL;
}

START_TEST(the_budget_may_change_while_threads_fault)
{
        struct pg_pool *pool = open_frames(_i, 32, 0);
        char *addr = map_pages(pool, 96, 0);
        _Atomic bool stop = false;
        struct churn churns[3];
        pthread_t threads[3];

        for (size_t i = 0; i < 3; i++) {
                churns[i] =
                        (struct churn){.addr = addr + i * 32 * PAGE, .npages = 32, .stop = &stop};
                pthread_create(&threads[i], NULL, churn, &churns[i]);
        }
        for (unsigned i = 0; i < 100; i++) {
                uint32_t frames = 8 + i * 37 % 90;

                ck_assert_int_eq(pg_resize(pool, frames * PAGE), 0);
                ck_assert_uint_eq(stats_of(pool).frames_total, frames);
                usleep(500);
        }
        atomic_store(&stop, true);
        for (size_t i = 0; i < 3; i++) {
                pthread_join(threads[i], NULL);
                ck_assert_uint_eq(churns[i].wrong, 0);
        }
        ck_assert_int_eq(pg_resize(pool, 8 * PAGE), 0);
        ck_assert_settles(count_resident(pool, addr, 96) <= 8);
        close_pool(pool);
}
END_TEST

/* ---- while a change is under way ------------------------------------------------------------ */

enum { MANY = 1024, BATCH_MOST = 64 };

struct change {
        struct pg_pool *pool;
        size_t frames;
        intptr_t error;
        _Atomic bool ended;
};

static void *change(void *arg)
{
        struct change *c = arg;

        c->error = pg_resize(c->pool, c->frames * PAGE);
        atomic_store(&c->ended, true);
        return NULL;
}

static int follows(struct pg_store *store)
{
        (void)store;
        return 0;
}

static void followed(struct pg_store *store)
{
        (void)store;
}

/* Its memory is the child's own after fork. */
static struct flaky *inherited_flaky(size_t npages)
{
        static struct pg_store_ops ops;
        struct flaky *f = flaky_new(npages, PAGE, true);

        ops = *f->store.ops;
        ops.fork_prepare = ops.fork_child = follows;
        ops.fork_parent = followed;
        ck_assert_int_eq(pg_store_close(&f->store), 0);
        ck_assert_int_eq(pg_store_init(&f->store, &ops, npages * PAGE), 0);
        return f;
}

struct slow {
        struct flaky *swap;
        struct pg_pool *pool;
        char *addr;
        struct change first;
        pthread_t thread;
};

/* A pool of MANY pages shrinks to a few frames, into a slow store; the first pages have left. */
static void slow_begin(struct slow *s, int delivery)
{
        s->swap = inherited_flaky(2 * MANY);
        s->pool = open_swap(delivery, MANY, INHERIT, &s->swap->store);
        s->addr = map_pages(s->pool, MANY, 0);
        fill_pages(s->addr, MANY, 1);
        s->first = (struct change){.pool = s->pool, .frames = 8};
        atomic_store(&s->swap->sleep_us, 5000);
        pthread_create(&s->thread, NULL, change, &s->first);
        ck_assert_settles(atomic_load(&s->swap->saves) > 0);
}

static void slow_end(struct slow *s, intptr_t error)
{
        atomic_store(&s->swap->sleep_us, 0);
        pthread_join(s->thread, NULL);
        ck_assert_int_eq(s->first.error, error);
        atomic_store(&s->swap->fail_get, 0);
        atomic_store(&s->swap->fail_save, 0);
        check_pages(s->addr, MANY, 1);
        close_pool(s->pool);
        flaky_delete(s->swap);
}

/* What the child sees: the store is full for it, and all is there. */
static void live_with_the_budget_from_before(struct slow *s)
{
        atomic_store(&s->swap->sleep_us, 0);
        atomic_store(&s->swap->fail_get, ENOSPC);
        CHILD_CHECK(stats_of(s->pool).frames_total == MANY);
        CHILD_CHECK(stats_of(s->pool).budget_changes == 0);
        for (size_t i = 0; i < MANY; i++)
                CHILD_CHECK(*(uint64_t *)(void *)(s->addr + i * PAGE) == 1 + i);
        CHILD_CHECK(pg_resize(s->pool, 2 * MANY * PAGE) == 0);
        _exit(0);
}

START_TEST(fork_waits_for_a_batch_of_pages_only)
{
        struct slow s;
        int before;
        pid_t child;

        slow_begin(&s, _i);
        before = atomic_load(&s.swap->saves);
        child = fork();
        if (child == 0)
                live_with_the_budget_from_before(&s);
        ck_assert_int_le(atomic_load(&s.swap->saves) - before, 2 * BATCH_MOST);
        ck_assert(!atomic_load(&s.first.ended));
        expect_child(child, 0);
        slow_end(&s, 0);
}
END_TEST

START_TEST(nor_for_a_store_that_refuses)
{
        struct slow s;
        int before;
        pid_t child;

        slow_begin(&s, _i);
        atomic_store(&s.swap->fail_save, EIO);
        before = atomic_load(&s.swap->saves);
        child = fork();
        if (child == 0)
                live_with_the_budget_from_before(&s);
        ck_assert_int_le(atomic_load(&s.swap->saves) - before, 3 * BATCH_MOST);
        expect_child(child, 0);
        slow_end(&s, -EIO);
}
END_TEST

START_TEST(two_changes_follow_each_other)
{
        struct slow s;
        struct change second;
        pthread_t thread;

        slow_begin(&s, _i);
        second = (struct change){.pool = s.pool, .frames = 100};
        pthread_create(&thread, NULL, change, &second);
        usleep(10000);
        ck_assert(!atomic_load(&second.ended));
        atomic_store(&s.swap->sleep_us, 0);
        pthread_join(thread, NULL);
        ck_assert_int_eq(second.error, 0);
        ck_assert_settles(atomic_load(&s.first.ended));
        ck_assert_uint_eq(stats_of(s.pool).frames_total, 100);
        ck_assert_uint_eq(stats_of(s.pool).budget_changes, 2);
        ck_assert_uint_le(count_resident(s.pool, s.addr, MANY), 100);
        slow_end(&s, 0);
}
END_TEST

START_TEST(two_changes_that_fail_leave_the_budget_as_it_was)
{
        struct slow s;
        struct change second;
        pthread_t thread;

        slow_begin(&s, _i);
        second = (struct change){.pool = s.pool, .frames = 100};
        pthread_create(&thread, NULL, change, &second);
        usleep(10000);
        atomic_store(&s.swap->fail_get, ENOSPC);
        pthread_join(thread, NULL);
        ck_assert_int_eq(second.error, -ENOSPC);
        ck_assert_uint_eq(stats_of(s.pool).frames_total, MANY);
        ck_assert_uint_eq(stats_of(s.pool).budget_changes, 0);
        slow_end(&s, -ENOSPC);
}
END_TEST

TESTS("resize")
{
        add_for_both(tc, growing_is_immediate);
        add_for_both(tc, shrinking_evicts);
        add_for_both(tc, a_budget_in_bytes_includes_the_buffers);
        add_for_both(tc, a_budget_that_cannot_be_is_refused);
        add_for_both(tc, a_store_that_refuses_leaves_the_budget_as_it_was);
        add_for_both(tc, the_budget_may_change_while_threads_fault);
        add_for_both(tc, fork_waits_for_a_batch_of_pages_only);
        add_for_both(tc, nor_for_a_store_that_refuses);
        add_for_both(tc, two_changes_follow_each_other);
        add_for_both(tc, two_changes_that_fail_leave_the_budget_as_it_was);
}
