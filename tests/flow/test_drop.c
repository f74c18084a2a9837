/* SPDX-License-Identifier: MIT */
/* Clean pages are dropped where they are mapped: what was there, and what must not come back. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unpaged/statistics.h>
#include "flaky_store.h"
#include "probe.h"

#define FRAMES ((size_t)64)
#define NPAGES ((size_t)256)

/* All pages have been written and are out, or resident and clean. */
static struct pg_pool *open_clean(int delivery, unsigned flags, char **addr)
{
        struct pg_config config = config_frames(delivery, FRAMES, flags);
        struct pg_pool *pool;

        config.policy = "fifo"; /* who is in is who came last */
        pool = open_config(&config);
        *addr = map_pages(pool, NPAGES, 0);
        ck_assert_int_eq(pg_advise(pool, *addr, NPAGES * PAGE, PG_ADVICE_RANDOM), 0);
        fill_pages(*addr, NPAGES, 7);
        check_pages(*addr, NPAGES, 7);
        return pool;
}

static void evict_all(struct pg_pool *pool, char *addr)
{
        check_pages(addr + NPAGES / 2 * PAGE, NPAGES / 2, 7 + NPAGES / 2);
        ck_assert(!is_resident(pool, addr));
}

START_TEST(clean_pages_go_and_come_back_as_they_were)
{
        char *addr;
        struct pg_pool *pool = open_clean(_i & 1, _i & 2 ? PG_POOL_STRICT : 0, &addr);
        struct pg_stats before = stats_of(pool);

        for (int round = 0; round < 4; round++)
                check_pages(addr, NPAGES, 7);
        ck_assert_uint_eq(stats_of(pool).evictions_dirty, before.evictions_dirty);
        ck_assert_uint_eq(stats_of(pool).pages_out, before.pages_out);
        ck_assert_uint_ge(stats_of(pool).evictions_clean - before.evictions_clean, 3 * NPAGES);
        close_pool(pool);
}
END_TEST

START_TEST(what_the_program_drops_by_madvise_stays_dropped)
{
        char *addr;
        struct pg_pool *pool = open_clean(_i & 1, _i & 2 ? PG_POOL_STRICT : 0, &addr);

        check_pages(addr, 8, 7);
        for (size_t i = 0; i < 8; i++)
                ck_assert(is_resident(pool, addr + i * PAGE));
        ck_assert_int_eq(madvise(addr + 2 * PAGE, 2 * PAGE, MADV_DONTNEED), 0);
        evict_all(pool, addr);
        for (size_t i = 0; i < 8; i++) {
                uint64_t seen = *(volatile uint64_t *)(void *)(addr + i * PAGE);

                ck_assert_uint_eq(seen, i == 2 || i == 3 ? 0 : 7 + i);
        }
        close_pool(pool);
}
END_TEST

/* The kernel does not drop what is locked. It stays, and its neighbours are none the worse. */
START_TEST(locked_pages_stay_and_the_others_of_their_batch_come_back)
{
        char *addr;
        struct pg_pool *pool = open_clean(_i & 1, _i & 2 ? PG_POOL_STRICT : 0, &addr);

        check_pages(addr, 8, 7);
        if (mlock(addr + 3 * PAGE, PAGE) != 0) {
                printf("skipped: mlock: %s\n", strerror(errno));
                close_pool(pool);
                return;
        }
        for (int round = 0; round < 4; round++)
                check_pages(addr, NPAGES, 7);
        ck_assert_int_eq(munlock(addr + 3 * PAGE, PAGE), 0);
        check_pages(addr, NPAGES, 7);
        close_pool(pool);
}
END_TEST

/* ---- a write meets the drop ---------------------------------------------------------------- */

static struct {
        char *addr;
        _Atomic bool stop;
        uint64_t counts[NPAGES];
} writer;

/* Counts in the second words of pages that were read a moment ago, and so are clean. */
static void *count_on(void *arg)
{
        uint64_t random = 1;

        (void)arg;
        while (!atomic_load(&writer.stop)) {
                size_t page;
                volatile uint64_t *word;

                page = random_below(&random, NPAGES);
                word = (volatile uint64_t *)(void *)(writer.addr + page * PAGE + 8);
                ck_assert_uint_eq(*word, writer.counts[page]);
                *word = ++writer.counts[page];
        }
        return NULL;
}

START_TEST(a_write_that_meets_the_drop_is_not_lost)
{
        struct pg_pool *pool = open_frames(_i, FRAMES, 0);
        pthread_t thread;

        writer.addr = map_pages(pool, NPAGES, 0);
        ck_assert_int_eq(pg_advise(pool, writer.addr, NPAGES * PAGE, PG_ADVICE_RANDOM), 0);
        for (size_t i = 0; i < NPAGES; i++)
                *(uint64_t *)(void *)(writer.addr + i * PAGE) = i;
        ck_assert_int_eq(pthread_create(&thread, NULL, count_on, NULL), 0);
        for (size_t i = 0; i < 25 * NPAGES; i++)
                ck_assert_uint_eq(
                        *(volatile uint64_t *)(void *)(writer.addr + i * 37 % NPAGES * PAGE),
                        i * 37 % NPAGES);
        atomic_store(&writer.stop, true);
        pthread_join(thread, NULL);
        for (size_t i = 0; i < NPAGES; i++)
                ck_assert_uint_eq(*(uint64_t *)(void *)(writer.addr + i * PAGE + 8),
                                  writer.counts[i]);
        ck_assert_uint_gt(stats_of(pool).evictions_clean, 0);
        ck_assert_uint_gt(stats_of(pool).protect_faults, 0);
        close_pool(pool);
}
END_TEST

/* ---- the program drops what goes out -------------------------------------------------------- */

static struct {
        char *addr;
        _Atomic bool stop;
} dropper;

static void *drop_on(void *arg)
{
        uint64_t random = 1;

        while (!atomic_load(&dropper.stop))
                madvise(dropper.addr + random_below(&random, NPAGES) * PAGE, PAGE, MADV_DONTNEED);
        return arg;
}

/* Pages that cannot be moved are copied out: the copy meets holes. */
START_TEST(the_program_may_drop_pages_that_are_going_out)
{
        struct pg_pool *pool = open_frames(_i, FRAMES / 4, 0);
        struct flaky *f = flaky_new(NPAGES, PAGE, true);
        pthread_t thread;

        dropper.addr = map_store(pool, &f->store, NPAGES, PG_MAP_READONLY);
        atomic_store(&dropper.stop, false);
        ck_assert_int_eq(pthread_create(&thread, NULL, drop_on, NULL), 0);
        for (int round = 0; round < 20; round++)
                for (size_t i = 0; i < NPAGES; i++)
                        ck_assert_uint_eq(*(volatile uint64_t *)(void *)(dropper.addr + i * PAGE),
                                          i);
        atomic_store(&dropper.stop, true);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        ck_assert_uint_gt(stats_of(pool).evictions_clean, 0);
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

/* Whether a page is near may change at any moment. One that was to wait in the queue is not dropped
 * after all. */
static bool now_and_then(struct pg_store *store, uint64_t offset)
{
        static _Atomic unsigned asked;

        (void)store;
        (void)offset;
        return atomic_fetch_add(&asked, 1) % 3 == 0;
}

START_TEST(pages_that_are_near_now_and_then_are_not_lost)
{
        static struct pg_store_ops ops;
        struct flaky *f = flaky_new(2 * NPAGES, PAGE, true);
        struct pg_config config = config_frames(_i, FRAMES, 0);
        struct pg_pool *pool;
        char *addr;

        ops = *f->store.ops;
        ops.flags |= PG_STORE_NEAR;
        ops.is_near = now_and_then;
        ck_assert_int_eq(pg_store_close(&f->store), 0);
        ck_assert_int_eq(pg_store_init(&f->store, &ops, 2 * NPAGES * PAGE), 0);
        config.swap = &f->store;
        pool = open_config(&config);
        addr = map_pages(pool, NPAGES, 0);
        fill_pages(addr, NPAGES, 7);
        for (int round = 0; round < 10; round++) {
                check_pages(addr, NPAGES, 7);
                for (size_t i = NPAGES; i-- > 0;) /* so that some are rescued */
                        check_pages(addr + i * PAGE, 1, 7 + i);
        }
        ck_assert_uint_gt(stats_of(pool).evictions_clean, NPAGES);
        ck_assert_uint_gt(stats_of(pool).rescues, 0);
        ck_assert_int_eq(pg_page_out(pool, addr, NPAGES * PAGE), 0);
        check_pages(addr, NPAGES, 7);
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

TESTS("drop")
{
        add_for_both(tc, pages_that_are_near_now_and_then_are_not_lost);
        tcase_add_loop_test(tc, clean_pages_go_and_come_back_as_they_were, 0, 4);
        tcase_add_loop_test(tc, what_the_program_drops_by_madvise_stays_dropped, 0, 4);
        tcase_add_loop_test(tc, locked_pages_stay_and_the_others_of_their_batch_come_back, 0, 4);
        add_for_both(tc, a_write_that_meets_the_drop_is_not_lost);
        add_for_both(tc, the_program_may_drop_pages_that_are_going_out);
}
