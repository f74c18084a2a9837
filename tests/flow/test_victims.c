/* SPDX-License-Identifier: MIT */
/* Which page goes next, on pools of a few frames; and that pins are never named. */
#include "probe.h"

static struct pg_pool *open_policy(int delivery, const char *policy, uint32_t frames)
{
        struct pg_config config = config_frames(delivery, frames, PG_POOL_STRICT);

        config.policy = policy;
        return open_config(&config);
}

START_TEST(fifo_evicts_in_the_order_of_arrival)
{
        for (uint32_t frames = 4; frames <= 8; frames++) {
                struct pg_pool *pool = open_policy(_i, "fifo", frames);
                char *addr = map_pages(pool, 64, 0);

                for (size_t i = 0; i < frames; i++) {
                        *(uint64_t *)(void *)(addr + i * PAGE) = i;
                        check_resident(pool, addr + i * PAGE, 1, 1);
                }
                for (size_t i = 0; i + frames < 64; i++) {
                        check_resident(pool, addr + i * PAGE, 1, 1);
                        *(uint64_t *)(void *)(addr + (i + frames) * PAGE) = i + frames;
                        ck_assert(!is_resident(pool, addr + i * PAGE));
                        check_resident(pool, addr, 64, frames);
                }
                check_pages(addr, 64, 0);
                close_pool(pool);
        }
}
END_TEST

/* Arrival out of order of address; a page that comes back goes to the end. `hasty`: the next
 * page is touched as soon as the program runs on. The order must be the same, or nothing is
 * repeatable. */
static void check_lru_order(int delivery, bool hasty)
{
        static const size_t arrival[] = {5, 1, 7, 0, 3};
        struct pg_pool *pool = open_policy(delivery, "lru", 5);
        char *addr = map_pages(pool, 16, 0);

        for (size_t i = 0; i < 5; i++) {
                touch(addr + arrival[i] * PAGE);
                if (!hasty)
                        check_resident(pool, addr + arrival[i] * PAGE, 1, 1);
        }
        /* Unpinned is returned: most recently used from now on. */
        ck_assert_int_eq(pg_pin(pool, addr + 5 * PAGE, PAGE), 0);
        ck_assert_int_eq(pg_unpin(pool, addr + 5 * PAGE, PAGE), 0);
        for (size_t i = 1; i < 5; i++) {
                check_resident(pool, addr + arrival[i] * PAGE, 1, 1);
                touch(addr + (8 + i) * PAGE);
                if (!hasty)
                        check_resident(pool, addr + (8 + i) * PAGE, 1, 1);
                ck_assert(!is_resident(pool, addr + arrival[i] * PAGE));
                ck_assert(is_resident(pool, addr + 5 * PAGE));
        }
        touch(addr + 15 * PAGE);
        ck_assert(!is_resident(pool, addr + 5 * PAGE));
        close_pool(pool);
}

START_TEST(lru_evicts_the_longest_unused)
{
        check_lru_order(_i, false);
}
END_TEST

START_TEST(the_order_of_victims_is_repeatable)
{
        for (int round = 0; round < 10; round++)
                check_lru_order(_i, true);
}
END_TEST

START_TEST(no_policy_ever_loses_a_page)
{
        const struct pg_policy_ops *ops;

        for (unsigned p = 0; (ops = pg_policy_at(p)) != NULL; p++) {
                struct pg_pool *pool = open_policy(_i, ops->name, 6);
                char *addr = map_pages(pool, 24, 0);

                ck_assert_ptr_eq(pg_policy_find(ops->name), ops);
                fill_pages(addr, 24, p * 100);
                ck_assert_int_eq(pg_pin(pool, addr + 3 * PAGE, PAGE), 0);
                for (int round = 0; round < 3; round++)
                        check_pages(addr, 24, p * 100);
                ck_assert(is_resident(pool, addr + 3 * PAGE));
                ck_assert_uint_eq(stats_of(pool).frames_free, 0);
                close_pool(pool);
        }
        ck_assert_ptr_null(pg_policy_find("none"));
}
END_TEST

TESTS("victims")
{
        add_for_both(tc, fifo_evicts_in_the_order_of_arrival);
        add_for_both(tc, lru_evicts_the_longest_unused);
        add_for_both(tc, the_order_of_victims_is_repeatable);
        add_for_both(tc, no_policy_ever_loses_a_page);
}
