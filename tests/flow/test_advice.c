/* SPDX-License-Identifier: MIT */
/* Every advice does what it says: readahead by kind, WILL_NEED, COLD, DISCARD. */
#include "flaky_store.h"
#include "probe.h"

#include <pthread.h>
#include <unpaged/policy.h>
#include <unpaged/statistics.h>

#define NPAGES ((size_t)1024)

/* Faults of one reading of a store's pages in order, with an advice. Readahead needs a pool of some
 * size: windows are limited by its buffers. */
static uint64_t faults_of_reading(int delivery, enum pg_advice advice, unsigned flags)
{
        struct pg_pool *pool = open_frames(delivery, 4096, flags);
        struct flaky *f = flaky_new(NPAGES, PAGE, true);
        struct pg_stats stats;
        char *addr = map_store(pool, &f->store, NPAGES, 0);

        ck_assert_int_eq(pg_advise(pool, addr, NPAGES * PAGE, advice), 0);
        check_pages(addr, NPAGES, 0);
        stats = stats_of(pool);
        ck_assert_uint_eq(stats.faults + stats.ahead_pages, NPAGES);
        ck_assert_uint_eq(stats.pages_in, NPAGES);
        ck_assert_uint_eq((uint64_t)atomic_load(&f->loads), stats.faults);
        ck_assert_uint_eq(stats.ahead_wasted, 0);
        ck_assert_uint_le(stats.ahead_used, stats.ahead_pages);
        close_pool(pool);
        flaky_delete(f);
        return stats.faults;
}

START_TEST(a_sequential_reading_takes_far_fewer_faults_than_pages)
{
        uint64_t normal = faults_of_reading(_i, PG_ADVICE_NORMAL, 0);
        uint64_t sequential = faults_of_reading(_i, PG_ADVICE_SEQUENTIAL, 0);

        ck_assert_uint_le(normal, NPAGES / 16);
        ck_assert_uint_le(sequential, normal);
        ck_assert_uint_eq(faults_of_reading(_i, PG_ADVICE_RANDOM, 0), NPAGES);
        ck_assert_uint_eq(faults_of_reading(_i, PG_ADVICE_SEQUENTIAL, PG_POOL_STRICT), NPAGES);
}
END_TEST

START_TEST(a_random_reading_is_not_read_ahead)
{
        struct pg_pool *pool = open_frames(_i, 4096, 0);
        char *addr = map_pages(pool, NPAGES, 0);
        size_t at = 0;

        for (size_t i = 0; i < 256; i++) {
                at = (at + 401) % NPAGES;
                touch(addr + at * PAGE);
        }
        ck_assert_uint_eq(faults_of(pool), 256);
        ck_assert_uint_eq(stats_of(pool).ahead_pages, 0);
        close_pool(pool);
}
END_TEST

START_TEST(will_need_brings_in_what_free_frames_allow)
{
        struct pg_pool *pool = open_frames(_i, 32, PG_POOL_STRICT);
        char *addr = map_pages(pool, 64, 0);
        uint64_t before;

        fill_pages(addr, 16, 1);
        ck_assert_int_eq(pg_page_out(pool, addr, 16 * PAGE), 0);
        ck_assert_int_eq(pg_advise(pool, addr, 16 * PAGE, PG_ADVICE_WILL_NEED), 0);
        before = faults_of(pool);
        check_pages(addr, 16, 1);
        ck_assert_uint_eq(faults_of(pool), before);

        ck_assert_int_eq(pg_advise(pool, addr, 64 * PAGE, PG_ADVICE_WILL_NEED), 0);
        ck_assert_uint_eq(stats_of(pool).evictions_dirty, 16); /* the page_out; nothing since */
        ck_assert_uint_eq(stats_of(pool).evictions_clean, 0);
        ck_assert_uint_ge(count_resident(pool, addr, 64), 28);
        close_pool(pool);
}
END_TEST

START_TEST(will_need_reports_no_error)
{
        struct pg_pool *pool = open_frames(_i, 32, PG_POOL_STRICT);
        struct flaky *f = flaky_new(16, PAGE, true);
        char *addr = map_store(pool, &f->store, 16, 0);

        atomic_store(&f->fail_load, EIO);
        atomic_store(&f->fail_page, 5);
        ck_assert_int_eq(pg_advise(pool, addr, 16 * PAGE, PG_ADVICE_WILL_NEED), 0);
        atomic_store(&f->fail_load, 0);
        ck_assert_int_eq(pg_page_in(pool, addr, 16 * PAGE), 0);
        check_pages(addr, 16, 0);
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

/* A page in the victim queue is unmapped, but in its frame: a touch asks no store. */
START_TEST(a_cold_page_is_queued_and_rescued_without_a_store)
{
        struct flaky *swap = flaky_new(128, PAGE, true);
        struct pg_pool *pool = open_swap(_i, 64, 0, &swap->store);
        char *addr = map_pages(pool, 32, 0);

        fill_pages(addr, 32, 1);
        ck_assert_int_eq(pg_advise(pool, addr, 8 * PAGE, PG_ADVICE_COLD), 0);
        ck_assert_uint_eq(stats_of(pool).frames_queued, 8);
        ck_assert_uint_eq(count_resident(pool, addr, 8), 8);
        check_pages(addr, 8, 1);
        ck_assert_settles(stats_of(pool).rescues == 8);
        ck_assert_settles(stats_of(pool).frames_queued == 0);
        ck_assert_uint_eq(stats_of(pool).pages_in + stats_of(pool).pages_out, 0);
        ck_assert_int_eq(atomic_load(&swap->gets) + atomic_load(&swap->loads), 0);
        close_pool(pool);
        flaky_delete(swap);
}
END_TEST

START_TEST(cold_pages_go_first)
{
        struct pg_pool *pool = open_frames(_i, 64, 0);
        char *addr = map_pages(pool, 128, 0);

        pg_advise(pool, addr, 128 * PAGE, PG_ADVICE_RANDOM);
        fill_pages(addr, 64, 1);
        ck_assert_int_eq(pg_advise(pool, addr + 40 * PAGE, 8 * PAGE, PG_ADVICE_COLD), 0);
        fill_pages(addr + 64 * PAGE, 6, 65);
        ck_assert_uint_le(count_resident(pool, addr + 40 * PAGE, 8), 2);
        ck_assert_uint_ge(count_resident(pool, addr, 40), 40);
        check_pages(addr, 70, 1);
        close_pool(pool);
}
END_TEST

START_TEST(discarded_anonymous_pages_read_as_zeros)
{
        struct flaky *swap = flaky_new(64, PAGE, true);
        struct pg_pool *pool = open_swap(_i, 32, 0, &swap->store);
        char *addr = map_pages(pool, 16, 0);

        fill_pages(addr, 16, 1);
        ck_assert_int_eq(pg_page_out(pool, addr, 4 * PAGE), 0);
        ck_assert_int_eq(pg_advise(pool, addr + 4 * PAGE, 4 * PAGE, PG_ADVICE_COLD), 0);
        ck_assert_int_eq(pg_advise(pool, addr, 12 * PAGE, PG_ADVICE_DISCARD), 0);
        check_resident(pool, addr, 16, 4);
        ck_assert_settles(stats_of(pool).frames_free == 28);
        ck_assert_uint_eq(stats_of(pool).frames_queued, 0);
        ck_assert_int_eq(atomic_load(&swap->frees), 4);
        for (size_t i = 0; i < 12 * PAGE; i++)
                ck_assert_int_eq(addr[i], 0);
        check_pages(addr + 12 * PAGE, 4, 13);
        close_pool(pool);
        flaky_delete(swap);
}
END_TEST

START_TEST(discarded_pages_of_a_store_read_as_the_store_has_them)
{
        struct pg_pool *pool = open_frames(_i, 8, PG_POOL_STRICT);
        struct flaky *f = flaky_new(16, PAGE, true);

        for (unsigned shared = 0; shared < 2; shared++) {
                char *addr = map_store(pool, &f->store, 6, shared ? PG_MAP_SHARED : 0);

                fill_pages(addr, 6, 100);
                ck_assert_int_eq(pg_advise(pool, addr, 6 * PAGE, PG_ADVICE_DISCARD), 0);
                check_pages(addr, 6, 0);
                ck_assert_int_eq(pg_unmap(pool, addr, 6 * PAGE), 0);
                ck_assert_int_eq(atomic_load(&f->saves), 0);
        }
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

START_TEST(a_pinned_page_is_not_discarded)
{
        struct pg_pool *pool = open_frames(_i, 16, 0);
        char *addr = map_pages(pool, 4, 0);

        fill_pages(addr, 4, 1);
        ck_assert_int_eq(pg_pin(pool, addr + PAGE, PAGE), 0);
        ck_assert_int_eq(pg_advise(pool, addr, 4 * PAGE, PG_ADVICE_DISCARD), -EBUSY);
        check_pages(addr + PAGE, 1, 2);
        ck_assert_int_eq(pg_advise(pool, addr, 4 * PAGE, (enum pg_advice)77), -EINVAL);
        close_pool(pool);
}
END_TEST

struct toggled {
        struct pg_pool *pool;
        char *addr;
        atomic_bool done;
};

static void *pin_and_unpin(void *arg)
{
        struct toggled *t = arg;

        while (!atomic_load(&t->done)) {
                ck_assert_int_eq(pg_pin(t->pool, t->addr, PAGE), 0);
                ck_assert_int_eq(pg_unpin(t->pool, t->addr, PAGE), 0);
        }
        return NULL;
}

/* Keeps a page that is unpinned BUSY for a while, with its word as it was. */
static void add_slowly(void *self, uint32_t frame, uint64_t key, enum pg_add how)
{
        for (volatile unsigned i = 0; how == PG_ADD_RETURNED && i < 20000; i++)
                ;
        pg_policy_find("fifo")->add(self, frame, key, how);
}

/* A page that was pinned when it was looked at, and is not any more when it is claimed. */
START_TEST(a_discard_that_says_busy_has_not_discarded)
{
        struct pg_policy_ops slow = *pg_policy_find("fifo");
        struct pg_config config = config_frames(_i, 16, 0);
        struct toggled t;
        unsigned refused = 0, done = 0;
        pthread_t thread;

        slow.add = add_slowly;
        config.policy_ops = &slow;
        t = (struct toggled){.pool = open_config(&config)};
        t.addr = map_pages(t.pool, 1, 0);
        ck_assert_int_eq(pthread_create(&thread, NULL, pin_and_unpin, &t), 0);
        for (uint64_t i = 1; i <= 5000 || ((refused == 0 || done == 0) && i < 1000000); i++) {
                _Atomic uint64_t *word = (_Atomic uint64_t *)t.addr;
                int error;

                atomic_store(word, i);
                error = pg_advise(t.pool, t.addr, PAGE, PG_ADVICE_DISCARD);
                if (error == 0) {
                        done++;
                        ck_assert_uint_eq(atomic_load(word), 0);
                } else {
                        refused++;
                        ck_assert_int_eq(error, -EBUSY);
                        ck_assert_uint_eq(atomic_load(word), i);
                }
        }
        ck_assert_uint_gt(refused, 0);
        ck_assert_uint_gt(done, 0);
        atomic_store(&t.done, true);
        pthread_join(thread, NULL);
        close_pool(t.pool);
}
END_TEST

TESTS("advice")
{
        add_for_both(tc, a_sequential_reading_takes_far_fewer_faults_than_pages);
        add_for_both(tc, a_random_reading_is_not_read_ahead);
        add_for_both(tc, will_need_brings_in_what_free_frames_allow);
        add_for_both(tc, will_need_reports_no_error);
        add_for_both(tc, a_cold_page_is_queued_and_rescued_without_a_store);
        add_for_both(tc, cold_pages_go_first);
        add_for_both(tc, discarded_anonymous_pages_read_as_zeros);
        add_for_both(tc, discarded_pages_of_a_store_read_as_the_store_has_them);
        add_for_both(tc, a_pinned_page_is_not_discarded);
        add_for_both(tc, a_discard_that_says_busy_has_not_discarded);
}
