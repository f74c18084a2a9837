/* SPDX-License-Identifier: MIT */
/* Pinned pages never fault, whatever the rest of the pool goes through; pins do not nest. */
#include "flaky_store.h"
#include "probe.h"

START_TEST(pinned_pages_do_not_fault_while_the_rest_is_thrashed)
{
        struct pg_pool *pool = open_frames(_i, 16, PG_POOL_STRICT);
        char *addr = map_pages(pool, 64, 0);
        uint64_t before;

        fill_pages(addr, 64, 1);
        ck_assert_int_eq(pg_pin(pool, addr, 8 * PAGE), 0);
        ck_assert_uint_eq(stats_of(pool).frames_pinned, 8);
        for (int round = 0; round < 3; round++)
                check_pages(addr + 8 * PAGE, 56, 1 + 8);
        before = faults_of(pool);
        check_pages(addr, 8, 1);
        fill_pages(addr, 8, 1);
        ck_assert_uint_eq(faults_of(pool), before);
        close_pool(pool);
}
END_TEST

START_TEST(one_unpin_undoes_any_number_of_pins)
{
        struct pg_pool *pool = open_frames(_i, 16, PG_POOL_STRICT);
        char *addr = map_pages(pool, 64, 0);

        for (int i = 0; i < 3; i++) {
                ck_assert_int_eq(pg_pin(pool, addr, 4 * PAGE), 0);
                ck_assert_uint_eq(stats_of(pool).frames_pinned, 4);
        }
        ck_assert_uint_eq(faults_of(pool), 4);
        ck_assert_int_eq(pg_unpin(pool, addr, 4 * PAGE), 0);
        ck_assert_uint_eq(stats_of(pool).frames_pinned, 0);
        ck_assert_int_eq(pg_unpin(pool, addr, 4 * PAGE), 0);
        touch_pages(addr + 4 * PAGE, 60);
        ck_assert_uint_eq(count_resident(pool, addr, 4), 0);
        close_pool(pool);
}
END_TEST

START_TEST(pages_in_every_state_can_be_pinned)
{
        struct pg_pool *pool = open_frames(_i, 32, 0);
        char *addr = map_pages(pool, 16, 0);

        fill_pages(addr + 4 * PAGE, 12, 5); /* 0 to 3 are born */
        ck_assert_int_eq(pg_page_out(pool, addr + 4 * PAGE, 4 * PAGE), 0);
        ck_assert_int_eq(pg_advise(pool, addr + 8 * PAGE, 4 * PAGE, PG_ADVICE_COLD), 0);
        ck_assert_uint_ge(stats_of(pool).frames_queued, 4);
        ck_assert_int_eq(pg_pin(pool, addr, 16 * PAGE), 0);
        ck_assert_uint_eq(stats_of(pool).frames_pinned, 16);
        ck_assert_uint_eq(stats_of(pool).rescues, 4);
        check_pages(addr + 4 * PAGE, 12, 5);
        ck_assert_int_eq(touch(addr), 0);
        ck_assert_int_eq(pg_unpin(pool, addr, 16 * PAGE), 0);
        ck_assert_uint_eq(stats_of(pool).frames_pinned, 0);
        check_pages(addr + 4 * PAGE, 12, 5);
        close_pool(pool);
}
END_TEST

/* 4 frames, or half of a pool of fewer than 8, stay unpinned. */
START_TEST(a_pin_that_leaves_no_frames_is_refused_and_undone)
{
        static const struct {
                uint32_t frames, pins;
        } cases[] = {{4, 2}, {6, 3}, {7, 4}, {8, 4}, {16, 12}};

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct pg_pool *pool = open_frames(_i, cases[i].frames, PG_POOL_STRICT);
                char *addr = map_pages(pool, 32, 0);

                ck_assert_int_eq(pg_pin(pool, addr, (cases[i].pins + 1) * PAGE), -ENOMEM);
                ck_assert_msg(stats_of(pool).frames_pinned == 0,
                              "%u frames are still pinned after the refusal",
                              stats_of(pool).frames_pinned);
                ck_assert_int_eq(pg_pin(pool, addr, cases[i].pins * PAGE), 0);
                ck_assert_int_eq(pg_pin(pool, addr + 31 * PAGE, PAGE), -ENOMEM);
                ck_assert_uint_eq(stats_of(pool).frames_pinned, cases[i].pins);
                fill_pages(addr, 32, 7);
                check_pages(addr, 32, 7);
                close_pool(pool);
        }
}
END_TEST

/* What an earlier call pinned is not this call's to undo. */
START_TEST(a_refused_pin_leaves_earlier_pins_alone)
{
        struct pg_pool *pool = open_frames(_i, 16, PG_POOL_STRICT);
        char *addr = map_pages(pool, 32, 0);

        ck_assert_int_eq(pg_pin(pool, addr + 2 * PAGE, 3 * PAGE), 0);
        ck_assert_int_eq(pg_pin(pool, addr, 32 * PAGE), -ENOMEM);
        ck_assert_uint_eq(stats_of(pool).frames_pinned, 3);
        fill_pages(addr, 32, 7);
        ck_assert_uint_eq(count_resident(pool, addr + 2 * PAGE, 3), 3);
        close_pool(pool);
}
END_TEST

START_TEST(a_pin_that_cannot_load_says_why_and_pins_the_rest)
{
        struct pg_pool *pool = open_frames(_i, 16, PG_POOL_STRICT);
        struct flaky *f = flaky_new(16, PAGE, true);
        char *addr = map_store(pool, &f->store, 16, 0);

        atomic_store(&f->fail_page, 1);
        atomic_store(&f->fail_load, EIO);
        ck_assert_int_eq(pg_pin(pool, addr, 4 * PAGE), -EIO);
        atomic_store(&f->fail_load, 0);
        ck_assert_int_eq(pg_pin(pool, addr, 4 * PAGE), 0);
        ck_assert_uint_eq(stats_of(pool).frames_pinned, 4);
        check_pages(addr, 4, 0);
        ck_assert_int_eq(pg_unpin(pool, addr, 4 * PAGE), 0);
        ck_assert_uint_eq(stats_of(pool).frames_pinned, 0);
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

TESTS("pin")
{
        add_for_both(tc, pinned_pages_do_not_fault_while_the_rest_is_thrashed);
        add_for_both(tc, one_unpin_undoes_any_number_of_pins);
        add_for_both(tc, pages_in_every_state_can_be_pinned);
        add_for_both(tc, a_pin_that_leaves_no_frames_is_refused_and_undone);
        add_for_both(tc, a_refused_pin_leaves_earlier_pins_alone);
        add_for_both(tc, a_pin_that_cannot_load_says_why_and_pins_the_rest);
}
