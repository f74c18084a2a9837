/* SPDX-License-Identifier: MIT */
/*
 * What the pager learns from how pages were used: which come in clean, which wait in the victim
 * queue, and that readahead goes over what is in.
 */
#include "flaky_store.h"
#include "probe.h"

#define FRAMES ((size_t)256)
#define NPAGES ((size_t)1024)

/* Too few frames, no readahead, and every page has been written once and is out, or about to be. */
static struct pg_pool *open_full(int delivery, const char *policy, char **addr)
{
        struct pg_config config = config_frames(delivery, FRAMES, 0);
        struct pg_pool *pool;

        config.policy = policy;
        pool = open_config(&config);
        *addr = map_pages(pool, NPAGES, 0);
        ck_assert_int_eq(pg_advise(pool, *addr, NPAGES * PAGE, PG_ADVICE_RANDOM), 0);
        fill_pages(*addr, NPAGES, 0);
        return pool;
}

static char *map_random(struct pg_pool *pool, struct flaky *f, unsigned flags)
{
        char *addr = map_store(pool, &f->store, NPAGES, flags);

        ck_assert_int_eq(pg_advise(pool, addr, NPAGES * PAGE, PG_ADVICE_RANDOM), 0);
        return addr;
}

static void rewrite_pages(char *addr, uint64_t add)
{
        for (size_t i = 0; i < NPAGES; i++) {
                volatile uint64_t *word = (volatile uint64_t *)(void *)(addr + i * PAGE);
                uint64_t seen = *word; /* a page that is read first tells nothing by its fault */

                ck_assert_uint_eq(seen, i + add);
                *word = seen + 1;
        }
}

START_TEST(pages_that_have_not_told_come_in_as_others_of_their_mapping_did)
{
        char *addr;
        struct pg_pool *pool = open_full(_i, "fifo", &addr);

        for (uint64_t round = 0; round < 2; round++) {
                uint64_t before = stats_of(pool).protect_faults;

                rewrite_pages(addr, round);
                ck_assert_uint_lt(stats_of(pool).protect_faults - before, NPAGES / 4);
                ck_assert_uint_gt(stats_of(pool).protect_faults - before, 0);
        }
        close_pool(pool);
}
END_TEST

START_TEST(a_mapping_that_is_only_read_from_now_on_is_found_out)
{
        char *addr;
        struct pg_pool *pool = open_full(_i, "fifo", &addr);
        uint64_t before;

        rewrite_pages(addr, 0);
        for (int round = 0; round < 40; round++)
                check_pages(addr, NPAGES, 1);
        before = stats_of(pool).evictions_dirty;
        check_pages(addr, NPAGES, 1);
        ck_assert_uint_lt(stats_of(pool).evictions_dirty - before, NPAGES / 4);
        close_pool(pool);
}
END_TEST

START_TEST(a_page_of_a_shared_mapping_is_not_written_because_its_neighbours_were)
{
        struct pg_pool *pool = open_frames(_i, FRAMES, 0);
        struct flaky *f = flaky_new(NPAGES, PAGE, true);
        char *addr = map_random(pool, f, PG_MAP_SHARED);

        for (size_t i = 0; i < NPAGES / 2; i++)
                *(volatile uint64_t *)(void *)(addr + i * PAGE) = i;
        check_pages(addr, NPAGES, 0);
        ck_assert_int_eq(pg_unmap(pool, addr, NPAGES * PAGE), 0);
        ck_assert_uint_eq(stats_of(pool).pages_out, NPAGES / 2);
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

START_TEST(clean_pages_of_a_near_store_do_not_wait_in_the_queue)
{
        char *addr;
        struct pg_pool *pool = open_full(_i, "fifo", &addr);
        uint64_t rescues;

        check_pages(addr, NPAGES, 0);
        ck_assert_uint_eq(stats_of(pool).frames_queued, 0);
        rescues = stats_of(pool).rescues;
        for (size_t i = 0; i < 8 * NPAGES; i++)
                touch(addr + i * 401 % NPAGES * PAGE);
        ck_assert_uint_eq(stats_of(pool).rescues, rescues);
        ck_assert_uint_eq(stats_of(pool).frames_queued, 0);
        close_pool(pool);
}
END_TEST

START_TEST(pages_of_other_stores_wait_in_the_queue)
{
        struct pg_pool *pool = open_frames(_i, FRAMES, 0);
        struct flaky *f = flaky_new(NPAGES, PAGE, true);
        char *addr = map_random(pool, f, 0);

        check_pages(addr, NPAGES, 0);
        ck_assert_uint_gt(stats_of(pool).frames_queued, FRAMES / 10);
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

/* Three touches of hot pages for one of a cold one, in an order that shows nothing: with the ghosts
 * the policy finds out which are hot, although no page ever waits in the queue. */
START_TEST(the_policy_learns_from_ghosts_which_pages_are_wanted)
{
        char *addr;
        struct pg_pool *pool = open_full(_i, "sieve", &addr);
        size_t hot = FRAMES / 2, cold = 0;
        uint64_t before = 0, all, random = 1;

        check_pages(addr, NPAGES, 0);
        for (size_t i = 0; i < 64 * NPAGES; i++) {
                if (i == 32 * NPAGES)
                        before = faults_of(pool), cold = 0;
                if (i % 4 == 0)
                        touch(addr + (hot + cold++ % (NPAGES - hot)) * PAGE);
                else
                        touch(addr + random_below(&random, hot) * PAGE);
        }
        all = faults_of(pool) - before;
        ck_assert_uint_gt(all, cold / 2);
        ck_assert_uint_lt(all, cold + cold / 3); /* 1.0 to 1.05; by order of arrival 1.63 */
        close_pool(pool);
}
END_TEST

START_TEST(readahead_goes_over_pages_that_are_in)
{
        struct pg_pool *pool = open_frames(_i, 4096, 0);
        struct flaky *f = flaky_new(NPAGES, PAGE, true);
        char *addr = map_random(pool, f, 0);
        uint64_t before;

        ck_assert_int_eq(pg_advise(pool, addr, NPAGES * PAGE, PG_ADVICE_NORMAL), 0);
        for (size_t i = NPAGES / 8; i-- > 0;) /* downwards, which is no stream */
                touch(addr + (i * 8 + 5) * PAGE);
        before = faults_of(pool);
        check_pages(addr, NPAGES, 0);
        ck_assert_uint_le(faults_of(pool) - before, NPAGES / 16);
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

TESTS("write_predict")
{
        add_for_both(tc, pages_that_have_not_told_come_in_as_others_of_their_mapping_did);
        add_for_both(tc, a_mapping_that_is_only_read_from_now_on_is_found_out);
        add_for_both(tc, a_page_of_a_shared_mapping_is_not_written_because_its_neighbours_were);
        add_for_both(tc, clean_pages_of_a_near_store_do_not_wait_in_the_queue);
        add_for_both(tc, pages_of_other_stores_wait_in_the_queue);
        add_for_both(tc, the_policy_learns_from_ghosts_which_pages_are_wanted);
        add_for_both(tc, readahead_goes_over_pages_that_are_in);
}
