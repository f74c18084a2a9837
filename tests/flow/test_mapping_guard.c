/* SPDX-License-Identifier: MIT */
/* What must not be accessed is SIGSEGV: guard pages, read-only mappings, mappings that are gone. */
#include "flaky_store.h"
#include "probe.h"

START_TEST(pages_before_and_after_a_mapping_are_inaccessible)
{
        struct pg_pool *pool = open_frames(_i, 8, PG_POOL_STRICT);
        char *addr = map_pages(pool, 4, 0);

        probe_install();
        ck_assert_int_eq(access_signal(addr - 1, false), SIGSEGV);
        ck_assert_int_eq(access_signal(addr - PAGE, true), SIGSEGV);
        ck_assert_int_eq(access_signal(addr + 4 * PAGE, true), SIGSEGV);
        ck_assert_int_eq(access_signal(addr + 5 * PAGE - 1, false), SIGSEGV);
        ck_assert_uint_eq(faults_of(pool), 0);
        ck_assert_int_eq(access_signal(addr, true), 0);
        ck_assert_int_eq(access_signal(addr + 4 * PAGE - 1, true), 0);
        ck_assert_uint_eq(faults_of(pool), 2);
        close_pool(pool);
}
END_TEST

/* In every state that a page of it can have. */
START_TEST(a_write_to_a_read_only_mapping_is_refused)
{
        struct pg_pool *pool = open_frames(_i, 8, 0);
        struct flaky *f = flaky_new(8, PAGE, true);
        char *addr = map_store(pool, &f->store, 4, PG_MAP_READONLY);

        pg_advise(pool, addr, 4 * PAGE, PG_ADVICE_RANDOM);
        probe_install();
        check_pages(addr, 3, 0);
        ck_assert_int_eq(access_signal(addr, true), SIGSEGV);
        ck_assert_int_eq(pg_page_out(pool, addr + PAGE, PAGE), 0);
        ck_assert_int_eq(access_signal(addr + PAGE, true), SIGSEGV);
        ck_assert_int_eq(pg_advise(pool, addr + 2 * PAGE, PAGE, PG_ADVICE_COLD), 0);
        ck_assert_int_eq(access_signal(addr + 2 * PAGE, true), SIGSEGV);
        ck_assert_int_eq(pg_pin(pool, addr, PAGE), 0);
        ck_assert_int_eq(access_signal(addr, true), SIGSEGV);
        check_pages(addr, 4, 0);
        ck_assert_int_eq(pg_page_out(pool, addr + PAGE, 3 * PAGE), 0);
        ck_assert_uint_eq(stats_of(pool).evictions_dirty, 0);
        ck_assert_int_eq(atomic_load(&f->saves), 0);
        check_pages(addr, 4, 0);
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

START_TEST(read_only_anonymous_memory_reads_as_zeros)
{
        struct pg_pool *pool = open_frames(_i, 8, PG_POOL_STRICT);
        char *addr = map_pages(pool, 16, PG_MAP_READONLY);

        probe_install();
        for (size_t i = 0; i < 16; i++) {
                ck_assert_int_eq(touch(addr + i * PAGE), 0);
                ck_assert_int_eq(access_signal(addr + i * PAGE, true), SIGSEGV);
        }
        ck_assert_uint_eq(faults_of(pool), 16);
        ck_assert_uint_eq(stats_of(pool).pages_out, 0);
        close_pool(pool);
}
END_TEST

START_TEST(a_mapping_that_was_unmapped_is_inaccessible)
{
        struct pg_pool *pool = open_frames(_i, 8, PG_POOL_STRICT);
        char *addr = map_pages(pool, 4, 0);
        int error, signals[4];

        fill_pages(addr, 4, 1);
        probe_install();
        /* Nothing that may allocate in between: it might get these addresses. */
        error = pg_unmap(pool, addr, 4 * PAGE);
        for (size_t i = 0; i < 4; i++)
                signals[i] = access_signal(addr + i * PAGE, false);
        ck_assert_int_eq(error, 0);
        for (size_t i = 0; i < 4; i++)
                ck_assert_int_eq(signals[i], SIGSEGV);
        ck_assert_uint_eq(stats_of(pool).frames_free, 8);
        close_pool(pool);
}
END_TEST

TESTS("mapping_guard")
{
        add_for_both(tc, pages_before_and_after_a_mapping_are_inaccessible);
        add_for_both(tc, a_write_to_a_read_only_mapping_is_refused);
        add_for_both(tc, read_only_anonymous_memory_reads_as_zeros);
        add_for_both(tc, a_mapping_that_was_unmapped_is_inaccessible);
}
