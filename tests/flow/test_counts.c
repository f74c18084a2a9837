/* SPDX-License-Identifier: MIT */
/* Strict pools count exactly: faults, evictions, loads and saves, not only bytes. */
#include "flaky_store.h"
#include "probe.h"

#include <unpaged/statistics.h>

START_TEST(n_pages_touched_are_n_faults)
{
        struct pg_pool *pool = open_frames(_i, 32, PG_POOL_STRICT);
        char *addr = map_pages(pool, 64, 0);

        for (size_t i = 0; i < 32; i++) {
                touch(addr + i * PAGE);
                ck_assert_uint_eq(faults_of(pool), i + 1);
        }
        touch_pages(addr, 32); /* a re-read of a resident page adds none */
        fill_pages(addr, 32, 1);
        ck_assert_uint_eq(faults_of(pool), 32);
        ck_assert_uint_eq(stats_of(pool).evictions_clean + stats_of(pool).evictions_dirty, 0);
        ck_assert_uint_eq(stats_of(pool).frames_free, 0);
        touch_pages(addr + 32 * PAGE, 32);
        ck_assert_uint_eq(faults_of(pool), 64);
        ck_assert_uint_eq(stats_of(pool).evictions_clean + stats_of(pool).evictions_dirty, 32);
        check_samples(pool, PG_HISTOGRAM_FAULT, 64);
        close_pool(pool);
}
END_TEST

START_TEST(a_page_only_read_is_dropped_without_a_write)
{
        struct pg_pool *pool = open_frames(_i, 8, PG_POOL_STRICT);
        struct flaky *f = flaky_new(32, PAGE, true);
        char *addr = map_store(pool, &f->store, 32, 0);

        for (int round = 0; round < 3; round++)
                check_pages(addr, 32, 0);
        ck_assert_uint_eq(faults_of(pool), 96);
        ck_assert_uint_eq(stats_of(pool).evictions_clean, 88);
        ck_assert_uint_eq(stats_of(pool).evictions_dirty, 0);
        ck_assert_uint_eq(stats_of(pool).pages_in, 96);
        ck_assert_int_eq(atomic_load(&f->loads), 96);
        ck_assert_int_eq(atomic_load(&f->saves), 0);
        ck_assert_uint_eq(stats_of(pool).pages_out, 0);
        ck_assert_uint_eq(stats_of(pool).protect_faults, 0);
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

/* A swapped page that comes back and is only read keeps its place in the swap store. */
START_TEST(a_swapped_page_only_read_is_not_written_again)
{
        struct flaky *swap = flaky_new(32, PAGE, true);
        struct pg_pool *pool = open_swap(_i, 8, PG_POOL_STRICT, &swap->store);
        char *addr = map_pages(pool, 16, 0);

        fill_pages(addr, 16, 1);
        ck_assert_int_eq(atomic_load(&swap->saves), 8);
        check_pages(addr, 16, 1); /* the other 8 are written, once */
        ck_assert_int_eq(atomic_load(&swap->saves), 16);
        for (int round = 0; round < 4; round++)
                check_pages(addr, 16, 1);
        ck_assert_int_eq(atomic_load(&swap->saves), 16);
        ck_assert_int_eq(atomic_load(&swap->gets), 16);
        ck_assert_int_eq(atomic_load(&swap->frees), 0);
        ck_assert_uint_eq(stats_of(pool).evictions_dirty, 16);
        ck_assert_uint_eq(stats_of(pool).evictions_clean, 16 + 4 * 16 - 8);
        close_pool(pool);
        ck_assert_int_eq(atomic_load(&swap->frees), 16);
        flaky_delete(swap);
}
END_TEST

START_TEST(a_first_write_to_a_clean_page_is_a_protect_fault_and_frees_its_copy)
{
        struct flaky *swap = flaky_new(32, PAGE, true);
        struct pg_pool *pool = open_swap(_i, 8, PG_POOL_STRICT, &swap->store);
        char *addr = map_pages(pool, 4, 0);

        fill_pages(addr, 4, 1);
        ck_assert_int_eq(pg_page_out(pool, addr, 4 * PAGE), 0);
        ck_assert_uint_eq(stats_of(pool).protect_faults, 0);
        check_pages(addr, 4, 1);
        ck_assert_int_eq(atomic_load(&swap->frees), 0);
        fill_pages(addr, 2, 9);
        ck_assert_settles(stats_of(pool).protect_faults == 2);
        ck_assert_settles(atomic_load(&swap->frees) == 2);
        ck_assert_uint_eq(faults_of(pool), 8);
        ck_assert_int_eq(pg_page_out(pool, addr, 4 * PAGE), 0);
        ck_assert_uint_eq(stats_of(pool).evictions_clean, 2);
        ck_assert_uint_eq(stats_of(pool).evictions_dirty, 4 + 2);
        check_pages(addr, 2, 9);
        close_pool(pool);
        flaky_delete(swap);
}
END_TEST

START_TEST(a_store_that_keeps_no_copy_gets_every_page_back)
{
        struct flaky *swap = flaky_new(32, PAGE, false);
        struct pg_pool *pool = open_swap(_i, 8, PG_POOL_STRICT, &swap->store);
        char *addr = map_pages(pool, 16, 0);

        fill_pages(addr, 16, 1);
        check_pages(addr, 16, 1);
        check_pages(addr, 16, 1);
        ck_assert_uint_eq(stats_of(pool).evictions_clean, 0);
        ck_assert_uint_eq(stats_of(pool).evictions_dirty, faults_of(pool) - 8);
        ck_assert_uint_eq(stats_of(pool).pages_out, faults_of(pool) - 8);
        check_resident(pool, addr, 16, 8);
        ck_assert_settles(atomic_load(&swap->gets) - atomic_load(&swap->frees) == 16 - 8);
        close_pool(pool);
        flaky_delete(swap);
}
END_TEST

START_TEST(an_all_zero_page_costs_no_store_a_write)
{
        struct flaky *swap = flaky_new(32, PAGE, true);
        pg_location location;
        struct pg_pool *pool = open_swap(_i, 8, PG_POOL_STRICT, &swap->store);
        char *addr = map_pages(pool, 4, 0);

        fill_pages(addr, 4, 1);
        ck_assert_int_eq(pg_page_out(pool, addr, 4 * PAGE), 0);
        ck_assert_int_eq(pg_location_query(pool, addr, &location), 0);
        ck_assert_uint_lt(location, PG_LOCATION_ANON_UNINIT);
        memset(addr, 0, 4 * PAGE);
        ck_assert_int_eq(pg_page_out(pool, addr, 4 * PAGE), 0);
        for (size_t i = 0; i < 4; i++) {
                ck_assert_int_eq(pg_location_query(pool, addr + i * PAGE, &location), 0);
                ck_assert_uint_eq(location, PG_LOCATION_ANON_ZERO);
        }
        ck_assert_int_eq(atomic_load(&swap->gets), 4);
        ck_assert_int_eq(atomic_load(&swap->frees), 4);
        ck_assert_uint_eq(stats_of(pool).zero_pages_out, 4);
        ck_assert_uint_eq(stats_of(pool).evictions_dirty, 8);
        ck_assert_uint_eq(stats_of(pool).pages_out, 4);
        for (size_t i = 0; i < 4 * PAGE; i++)
                ck_assert_int_eq(addr[i], 0);
        ck_assert_uint_eq(stats_of(pool).pages_in, 4); /* zeros are not read from a store */
        close_pool(pool);
        flaky_delete(swap);
}
END_TEST

START_TEST(histograms_sum_to_the_counts)
{
        struct flaky *swap = flaky_new(64, PAGE, true);
        struct pg_histogram h = {.size = sizeof(h)};
        struct pg_stats stats;
        struct pg_pool *pool = open_swap(_i, 8, PG_POOL_STRICT, &swap->store);
        char *addr = map_pages(pool, 48, 0);

        for (uint64_t round = 1; round < 4; round++) {
                fill_pages(addr, 48, round);
                check_pages(addr, 48, round);
        }
        usleep(1000); /* the last fault may not be settled */
        stats = stats_of(pool);
        check_samples(pool, PG_HISTOGRAM_FAULT, stats.faults + stats.protect_faults);
        check_samples(pool, PG_HISTOGRAM_EVICTION, stats.evictions_clean + stats.evictions_dirty);
        check_samples(pool, PG_HISTOGRAM_PAGE_IN, stats.pages_in);
        check_samples(pool, PG_HISTOGRAM_PAGE_OUT, stats.pages_out);
        ck_assert_uint_eq(stats.pages_in, (uint64_t)atomic_load(&swap->loads));
        ck_assert_uint_eq(stats.pages_out, (uint64_t)atomic_load(&swap->saves));
        ck_assert_int_eq(pg_histogram_get(pool, PG_HISTOGRAM_FAULT, &h), 0);
        for (unsigned i = 1; i < PG_HISTOGRAM_BINS; i++)
                ck_assert_uint_gt(h.bounds_ns[i], h.bounds_ns[i - 1]);
        ck_assert_uint_eq(h.bounds_ns[PG_HISTOGRAM_BINS - 1], UINT64_MAX);
        close_pool(pool);
        flaky_delete(swap);
}
END_TEST

START_TEST(frames_are_all_accounted_for)
{
        struct pg_pool *pool = open_frames(_i, 40, 0);
        char *addr = map_pages(pool, 80, 0);
        struct pg_stats s;

        ck_assert_uint_eq(stats_of(pool).frames_peak, 0);
        fill_pages(addr, 80, 1);
        ck_assert_int_eq(pg_pin(pool, addr, 5 * PAGE), 0);
        ck_assert_int_eq(pg_page_out(pool, addr + 70 * PAGE, 10 * PAGE), 0);
        ck_assert_settles(stats_of(pool).frames_busy == 0);
        s = stats_of(pool);
        ck_assert_uint_eq(s.frames_total, 40);
        ck_assert_uint_eq(s.frames_pinned, 5);
        ck_assert_uint_le(s.frames_peak, 40);
        ck_assert_uint_eq(s.frames_free + count_resident(pool, addr, 80), 40);
        ck_assert_uint_le(s.frames_queued, 8);
        ck_assert_uint_eq(s.frames_busy, 0);
        close_pool(pool);
}
END_TEST

TESTS("counts")
{
        add_for_both(tc, n_pages_touched_are_n_faults);
        add_for_both(tc, a_page_only_read_is_dropped_without_a_write);
        add_for_both(tc, a_swapped_page_only_read_is_not_written_again);
        add_for_both(tc, a_first_write_to_a_clean_page_is_a_protect_fault_and_frees_its_copy);
        add_for_both(tc, a_store_that_keeps_no_copy_gets_every_page_back);
        add_for_both(tc, an_all_zero_page_costs_no_store_a_write);
        add_for_both(tc, histograms_sum_to_the_counts);
        add_for_both(tc, frames_are_all_accounted_for);
}
