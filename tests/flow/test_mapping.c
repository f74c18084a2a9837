/* SPDX-License-Identifier: MIT */
/* What a mapping shows: zeros, anything, or the pages of a store; and that it costs its own
 * pool. */
#include "flaky_store.h"
#include "probe.h"

START_TEST(anonymous_memory_starts_as_zeros_and_keeps_what_is_written)
{
        struct pg_pool *pool = open_frames(_i, 8, PG_POOL_STRICT);
        char *addr = map_pages(pool, 32, 0);

        for (size_t i = 0; i < 32 * PAGE; i++)
                ck_assert_int_eq(addr[i], 0);
        for (uint64_t round = 1; round < 4; round++) {
                fill_pages(addr, 32, round << 32);
                check_pages(addr, 32, round << 32);
        }
        ck_assert_int_eq(addr[8], 0);
        ck_assert_int_eq(addr[32 * PAGE - 1], 0);
        ck_assert_uint_ge(stats_of(pool).evictions_dirty, 32);
        ck_assert_int_eq(pg_unmap(pool, addr, 32 * PAGE), 0);
        close_pool(pool);
}
END_TEST

START_TEST(uninitialised_memory_asks_no_store_and_keeps_what_is_written)
{
        struct pg_pool *pool = open_frames(_i, 8, PG_POOL_STRICT);
        char *addr = map_pages(pool, 8, PG_MAP_UNINIT);

        touch_pages(addr, 8);
        ck_assert_uint_eq(stats_of(pool).pages_in, 0);
        ck_assert_uint_eq(faults_of(pool), 8);
        fill_pages(addr, 8, 77);
        ck_assert_int_eq(pg_page_out(pool, addr, 8 * PAGE), 0);
        check_pages(addr, 8, 77);
        close_pool(pool);
}
END_TEST

START_TEST(a_size_may_end_inside_a_page_of_a_store)
{
        struct pg_pool *pool = open_frames(_i, 8, PG_POOL_STRICT);
        struct flaky *f = flaky_new(8, PAGE, true);
        pg_location base;
        char *addr;

        ck_assert_int_eq(pg_attach(pool, &f->store, &base), 0);
        addr = pg_map_unpaged(pool, base + 2 * PAGE, 2 * PAGE + 100, PG_MAP_SHARED);
        ck_assert_ptr_nonnull(addr);
        check_pages(addr, 3, 2);
        fill_pages(addr, 3, 1000);
        ck_assert_int_eq(pg_unmap(pool, addr, 2 * PAGE + 100), 0);
        ck_assert_uint_eq(*(uint64_t *)(void *)(f->pages + 4 * PAGE), 1002);
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

START_TEST(a_thousand_mappings_live_side_by_side)
{
        struct pg_pool *pool = open_frames(_i, 64, 0);
        char *addr[1000];

        for (size_t i = 0; i < 1000; i++) {
                addr[i] = map_pages(pool, 1 + i % 3, 0);
                fill_pages(addr[i], 1 + i % 3, i << 8);
        }
        for (size_t i = 0; i < 1000; i += 2)
                ck_assert_int_eq(pg_unmap(pool, addr[i], (1 + i % 3) * PAGE), 0);
        for (size_t i = 1; i < 1000; i += 2)
                check_pages(addr[i], 1 + i % 3, i << 8);
        for (size_t i = 1; i < 1000; i += 2)
                ck_assert_int_eq(pg_unmap(pool, addr[i], (1 + i % 3) * PAGE), 0);
        ck_assert_uint_eq(stats_of(pool).frames_free, 64);
        ck_assert_uint_eq(stats_of(pool).swap_pages, 0);
        close_pool(pool);
}
END_TEST

START_TEST(addresses_are_used_again_and_start_as_zeros)
{
        struct pg_pool *pool = open_frames(_i, 16, 0);
        char *first = map_pages(pool, 8, 0);
        unsigned same = 0;

        fill_pages(first, 8, 5);
        ck_assert_int_eq(pg_unmap(pool, first, 8 * PAGE), 0);
        for (int i = 0; i < 20; i++) {
                char *addr = map_pages(pool, 8, 0);

                same += addr == first;
                for (size_t p = 0; p < 8; p++)
                        ck_assert_int_eq(touch(addr + p * PAGE), 0);
                fill_pages(addr, 8, 9);
                ck_assert_int_eq(pg_unmap(pool, addr, 8 * PAGE), 0);
        }
        ck_assert_uint_gt(same, 0);
        close_pool(pool);
}
END_TEST

START_TEST(a_locked_mapping_takes_its_frames_now_and_never_faults)
{
        struct pg_pool *pool = open_frames(_i, 16, PG_POOL_STRICT);
        char *locked = map_pages(pool, 8, PG_MAP_LOCK);
        char *rest = map_pages(pool, 64, 0);
        uint64_t before;

        ck_assert_uint_eq(stats_of(pool).frames_pinned, 8);
        fill_pages(locked, 8, 3);
        fill_pages(rest, 64, 100);
        before = faults_of(pool);
        check_pages(locked, 8, 3);
        ck_assert_uint_eq(faults_of(pool), before);
        check_samples(pool, PG_HISTOGRAM_FAULT, 64);
        ck_assert_int_eq(pg_unmap(pool, locked, 8 * PAGE), 0);
        ck_assert_uint_eq(stats_of(pool).frames_pinned, 0);
        check_pages(rest, 64, 100);
        close_pool(pool);
}
END_TEST

START_TEST(a_locked_mapping_that_is_too_large_leaves_nothing_behind)
{
        struct pg_pool *pool = open_frames(_i, 16, PG_POOL_STRICT);

        errno = 0;
        ck_assert_ptr_null(pg_map(pool, 13 * PAGE, PG_MAP_LOCK));
        ck_assert_int_eq(errno, ENOMEM);
        ck_assert_uint_eq(stats_of(pool).frames_pinned, 0);
        ck_assert_uint_eq(stats_of(pool).frames_free, 16);
        ck_assert_ptr_nonnull(pg_map(pool, 12 * PAGE, PG_MAP_LOCK));
        ck_assert_uint_eq(stats_of(pool).frames_pinned, 12);
        close_pool(pool);
}
END_TEST

START_TEST(each_pool_of_a_process_has_its_own_budget)
{
        struct pg_pool *small = open_frames(_i, 8, PG_POOL_STRICT);
        struct pg_pool *large = open_frames(_i, 32, PG_POOL_STRICT);
        struct pg_pool *other = open_frames(!_i, 8, PG_POOL_STRICT);
        char *in_small = map_pages(small, 32, 0);
        char *in_large = map_pages(large, 32, 0);
        char *in_other = map_pages(other, 32, 0);

        for (uint64_t round = 1; round < 3; round++) {
                fill_pages(in_small, 32, round << 8);
                fill_pages(in_large, 32, round << 16);
                fill_pages(in_other, 32, round << 24);
                check_pages(in_small, 32, round << 8);
                check_pages(in_large, 32, round << 16);
                check_pages(in_other, 32, round << 24);
        }
        ck_assert_uint_eq(faults_of(large), 32);
        ck_assert_uint_eq(faults_of(small), 4 * 32);
        ck_assert_uint_eq(faults_of(other), 4 * 32);
        ck_assert_uint_eq(stats_of(small).frames_peak, 8);
        ck_assert_uint_eq(stats_of(large).evictions_dirty, 0);
        close_pool(small);
        check_pages(in_large, 32, 2 << 16);
        close_pool(large);
        check_pages(in_other, 32, 2 << 24);
        close_pool(other);
}
END_TEST

START_TEST(every_page_size_works)
{
        for (size_t size = 4096; size <= 2u << 20; size *= 2) {
                struct pg_config config = config_frames(_i, 4, PG_POOL_STRICT);
                struct pg_pool *pool;
                char *addr;

                config.page_size = size;
                config.policy = "fifo";
                pool = open_config(&config);
                addr = pg_map(pool, 8 * size, 0);
                ck_assert_ptr_nonnull(addr);
                ck_assert_uint_eq((uintptr_t)addr % size, 0);
                for (size_t at = 0; at < 8 * size; at += 4096)
                        *(uint64_t *)(void *)(addr + at) = at + 1;
                for (size_t at = 0; at < 8 * size; at += 4096)
                        ck_assert_uint_eq(*(uint64_t *)(void *)(addr + at), at + 1);
                ck_assert_uint_eq(faults_of(pool), 16);
                ck_assert_uint_eq(stats_of(pool).page_size, size);
                probe_install();
                ck_assert_int_eq(access_signal(addr - 1, false), SIGSEGV);
                ck_assert_int_eq(access_signal(addr + 8 * size, false), SIGSEGV);
                close_pool(pool);
        }
}
END_TEST

TESTS("mapping")
{
        add_for_both(tc, anonymous_memory_starts_as_zeros_and_keeps_what_is_written);
        add_for_both(tc, uninitialised_memory_asks_no_store_and_keeps_what_is_written);
        add_for_both(tc, a_size_may_end_inside_a_page_of_a_store);
        add_for_both(tc, a_thousand_mappings_live_side_by_side);
        add_for_both(tc, addresses_are_used_again_and_start_as_zeros);
        add_for_both(tc, a_locked_mapping_takes_its_frames_now_and_never_faults);
        add_for_both(tc, a_locked_mapping_that_is_too_large_leaves_nothing_behind);
        add_for_both(tc, each_pool_of_a_process_has_its_own_budget);
        add_for_both(tc, every_page_size_works);
}
