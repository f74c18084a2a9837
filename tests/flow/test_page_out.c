/* SPDX-License-Identifier: MIT */
/*
 * pg_page_out, in the scenario of Zephyr's own test: a pool of 16 frames and a swap store that is
 * too small for it. HALF = (places - 1) / 2.
 */
#include "flaky_store.h"
#include "probe.h"

#define FRAMES ((size_t)16)
#define PLACES ((size_t)10)
#define HALF   ((PLACES - 1) / 2)

static struct pg_pool *open_small(int delivery, struct flaky *swap)
{
        struct pg_config config = config_frames(delivery, (uint32_t)FRAMES, PG_POOL_STRICT);

        config.swap = &swap->store;
        return open_config(&config);
}

static void scenario(struct pg_pool *pool, char *arena, size_t npages)
{
        uint64_t before;

        ck_assert_int_eq(pg_page_in(pool, arena, npages * PAGE), 0);
        fill_pages(arena, npages, 1000);
        ck_assert_int_eq(pg_page_out(pool, arena, HALF * PAGE), 0);
        ck_assert_uint_eq(count_resident(pool, arena, HALF), 0);

        before = faults_of(pool);
        fill_pages(arena, HALF, 2000);
        ck_assert_uint_eq(faults_of(pool) - before, HALF);

        ck_assert_int_eq(pg_page_out(pool, arena, npages * PAGE), -ENOMEM);
        ck_assert_uint_gt(count_resident(pool, arena, npages), 0);
        ck_assert_uint_lt(count_resident(pool, arena, npages), npages);
        check_pages(arena, HALF, 2000);
        check_pages(arena + HALF * PAGE, npages - HALF, 1000 + HALF);
}

START_TEST(what_was_written_out_costs_one_fault_a_page)
{
        struct flaky *swap = flaky_new(PLACES, PAGE, true);
        struct pg_pool *pool = open_small(_i, swap);
        char *arena = map_pages(pool, FRAMES, 0);

        scenario(pool, arena, FRAMES);
        ck_assert_uint_gt(stats_of(pool).errors_full, 0);
        scenario(pool, arena, FRAMES);
        close_pool(pool);
        flaky_delete(swap);
}
END_TEST

START_TEST(pages_that_were_pinned_once_go_out_like_others)
{
        struct flaky *swap = flaky_new(PLACES, PAGE, true);
        struct pg_pool *pool = open_small(_i, swap);
        char *arena = map_pages(pool, FRAMES, 0);

        ck_assert_int_eq(pg_pin(pool, arena, HALF * PAGE), 0);
        ck_assert_int_eq(pg_unpin(pool, arena, HALF * PAGE), 0);
        scenario(pool, arena, FRAMES);
        close_pool(pool);
        flaky_delete(swap);
}
END_TEST

START_TEST(frames_of_pages_that_went_out_are_free)
{
        struct pg_pool *pool = open_frames(_i, 16, 0);
        char *addr = map_pages(pool, 12, 0);

        fill_pages(addr, 12, 1);
        ck_assert_int_eq(pg_page_out(pool, addr, 12 * PAGE), 0);
        ck_assert_uint_eq(stats_of(pool).frames_free, 16);
        ck_assert_uint_eq(stats_of(pool).evictions_dirty, 12);
        ck_assert_int_eq(pg_page_out(pool, addr, 12 * PAGE), 0); /* nothing is left to do */
        ck_assert_uint_eq(stats_of(pool).evictions_dirty, 12);
        check_pages(addr, 12, 1);
        close_pool(pool);
}
END_TEST

START_TEST(a_pinned_page_is_busy_and_the_rest_goes)
{
        struct pg_pool *pool = open_frames(_i, 16, 0);
        char *addr = map_pages(pool, 8, 0);

        fill_pages(addr, 8, 1);
        ck_assert_int_eq(pg_pin(pool, addr + 3 * PAGE, PAGE), 0);
        ck_assert_int_eq(pg_page_out(pool, addr, 8 * PAGE), -EBUSY);
        ck_assert(is_resident(pool, addr + 3 * PAGE));
        ck_assert_uint_eq(count_resident(pool, addr, 8), 1);
        check_pages(addr, 8, 1);
        close_pool(pool);
}
END_TEST

START_TEST(a_store_that_fails_is_eio_and_nothing_is_lost)
{
        struct flaky *swap = flaky_new(32, PAGE, true);
        struct pg_pool *pool = open_small(_i, swap);
        char *addr = map_pages(pool, 8, 0);

        fill_pages(addr, 8, 1);
        atomic_store(&swap->fail_save, EIO);
        ck_assert_int_eq(pg_page_out(pool, addr, 8 * PAGE), -EIO);
        ck_assert_uint_eq(count_resident(pool, addr, 8), 8);
        ck_assert_int_eq(atomic_load(&swap->gets), atomic_load(&swap->frees));
        atomic_store(&swap->fail_save, 0);
        check_pages(addr, 8, 1);
        ck_assert_int_eq(pg_page_out(pool, addr, 8 * PAGE), 0);
        check_pages(addr, 8, 1);
        close_pool(pool);
        flaky_delete(swap);
}
END_TEST

TESTS("page_out")
{
        add_for_both(tc, what_was_written_out_costs_one_fault_a_page);
        add_for_both(tc, pages_that_were_pinned_once_go_out_like_others);
        add_for_both(tc, frames_of_pages_that_went_out_are_free);
        add_for_both(tc, a_pinned_page_is_busy_and_the_rest_goes);
        add_for_both(tc, a_store_that_fails_is_eio_and_nothing_is_lost);
}
