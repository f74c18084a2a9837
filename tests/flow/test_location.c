/* SPDX-License-Identifier: MIT */
/* pg_location_query says where a page lives, pg_free_get what can be had without evicting. */
#include "flaky_store.h"
#include "probe.h"

/* The location, or PG_LOCATION_NONE; *resident as the call says. A fault that was just served may
 * not be settled yet: pg_unpin waits for it, and does nothing else to pages that are not pinned. */
static pg_location where(struct pg_pool *pool, char *addr, int *resident)
{
        pg_location location = 0;

        ck_assert_int_eq(pg_unpin(pool, (char *)((uintptr_t)addr & ~(PAGE - 1)), PAGE), 0);
        *resident = pg_location_query(pool, addr, &location);
        return location;
}

START_TEST(an_anonymous_page_lives_in_zero_then_in_swap)
{
        struct pg_pool *pool = open_frames(_i, 8, PG_POOL_STRICT);
        char *addr = map_pages(pool, 4, 0);
        char *uninit = map_pages(pool, 4, PG_MAP_UNINIT);
        pg_location there;
        int resident;

        ck_assert_uint_eq(where(pool, addr, &resident), PG_LOCATION_ANON_ZERO);
        ck_assert_int_eq(resident, 0);
        ck_assert_uint_eq(where(pool, uninit + 5, &resident), PG_LOCATION_ANON_UNINIT);
        ck_assert_int_eq(resident, 0);
        fill_pages(addr, 1, 1);
        ck_assert_uint_eq(where(pool, addr + PAGE - 1, &resident), PG_LOCATION_NONE);
        ck_assert_int_eq(resident, 1);
        ck_assert_int_eq(pg_page_out(pool, addr, PAGE), 0);
        there = where(pool, addr, &resident);
        ck_assert_int_eq(resident, 0);
        ck_assert_uint_lt(there, PG_LOCATION_ANON_UNINIT);
        ck_assert_uint_eq(there % PAGE, 0);
        check_pages(addr, 1, 1); /* only read: the copy in the swap store is kept */
        ck_assert_uint_eq(where(pool, addr, &resident), there);
        ck_assert_int_eq(resident, 1);
        fill_pages(addr, 1, 2); /* and written: it is not */
        ck_assert_uint_eq(where(pool, addr, &resident), PG_LOCATION_NONE);
        ck_assert_int_eq(resident, 1);
        ck_assert_uint_eq(where(pool, addr + PAGE, &resident), PG_LOCATION_ANON_ZERO);
        close_pool(pool);
}
END_TEST

START_TEST(a_page_of_a_store_lives_where_it_was_mapped_from)
{
        struct pg_pool *pool = open_frames(_i, 8, PG_POOL_STRICT);
        struct flaky *f = flaky_new(16, PAGE, true);
        pg_location base, again;
        char *shared, *private;
        int resident;

        ck_assert_int_eq(pg_attach(pool, &f->store, &base), 0);
        ck_assert_int_eq(pg_attach(pool, &f->store, &again), 0);
        ck_assert_uint_eq(base, again);
        shared = pg_map_unpaged(pool, base + 2 * PAGE, 4 * PAGE, PG_MAP_SHARED);
        private = pg_map_unpaged(pool, base + 8 * PAGE, 4 * PAGE, 0);
        ck_assert(shared && private);
        for (size_t i = 0; i < 4; i++) {
                ck_assert_uint_eq(where(pool, shared + i * PAGE, &resident), base + (2 + i) * PAGE);
                ck_assert_int_eq(resident, 0);
        }
        check_pages(shared, 1, 2);
        ck_assert_uint_eq(where(pool, shared, &resident), base + 2 * PAGE);
        ck_assert_int_eq(resident, 1);
        fill_pages(shared, 1, 70);
        ck_assert_uint_eq(where(pool, shared, &resident), PG_LOCATION_NONE);
        ck_assert_int_eq(pg_page_out(pool, shared, PAGE), 0);
        ck_assert_uint_eq(where(pool, shared, &resident), base + 2 * PAGE);
        ck_assert_int_eq(resident, 0);
        fill_pages(private, 1, 70);
        ck_assert_int_eq(pg_page_out(pool, private, PAGE), 0);
        ck_assert_uint_ne(where(pool, private, &resident) >> 56, base >> 56);
        ck_assert_int_eq(pg_advise(pool, private, PAGE, PG_ADVICE_DISCARD), 0);
        ck_assert_uint_eq(where(pool, private, &resident), base + 8 * PAGE);
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

START_TEST(a_queued_page_is_resident)
{
        struct pg_pool *pool = open_frames(_i, 16, 0);
        char *addr = map_pages(pool, 4, 0);
        int resident;

        fill_pages(addr, 1, 1);
        ck_assert_int_eq(pg_advise(pool, addr, PAGE, PG_ADVICE_COLD), 0);
        ck_assert_uint_eq(where(pool, addr, &resident), PG_LOCATION_NONE);
        ck_assert_int_eq(resident, 1);
        close_pool(pool);
}
END_TEST

START_TEST(outside_every_mapping_is_einval)
{
        struct pg_pool *pool = open_frames(_i, 8, 0), *other = open_frames(_i, 8, 0);
        char *addr = map_pages(pool, 4, 0);
        pg_location location = 5;

        ck_assert_int_eq(pg_location_query(pool, addr - 1, &location), -EINVAL);
        ck_assert_int_eq(pg_location_query(pool, addr + 4 * PAGE, &location), -EINVAL);
        ck_assert_int_eq(pg_location_query(pool, &location, &location), -EINVAL);
        ck_assert_int_eq(pg_location_query(pool, NULL, &location), -EINVAL);
        ck_assert_int_eq(pg_location_query(other, addr, &location), -EINVAL);
        ck_assert_uint_eq(location, 5);
        ck_assert_int_eq(pg_unmap(pool, addr, 4 * PAGE), 0);
        ck_assert_int_eq(pg_location_query(pool, addr, &location), -EINVAL);
        close_pool(pool);
        close_pool(other);
}
END_TEST

/* Free frames, less the four that the pool keeps for faults. */
START_TEST(free_bytes_are_what_can_be_had_without_evicting)
{
        struct pg_pool *pool = open_frames(_i, 16, PG_POOL_STRICT);
        char *addr = map_pages(pool, 32, 0);

        ck_assert_uint_eq(pg_free_get(pool), 12 * PAGE);
        fill_pages(addr, 3, 1);
        ck_assert_uint_eq(pg_free_get(pool), 9 * PAGE);
        ck_assert_int_eq(pg_pin(pool, addr + 8 * PAGE, 9 * PAGE), 0);
        ck_assert_uint_eq(pg_free_get(pool), 0);
        ck_assert_uint_eq(stats_of(pool).evictions_dirty + stats_of(pool).evictions_clean, 0);
        fill_pages(addr, 8, 1);
        ck_assert_uint_eq(pg_free_get(pool), 0);
        ck_assert_int_eq(pg_unpin(pool, addr, 32 * PAGE), 0);
        ck_assert_int_eq(pg_page_out(pool, addr, 32 * PAGE), 0);
        ck_assert_uint_eq(pg_free_get(pool), 12 * PAGE);
        close_pool(pool);
}
END_TEST

TESTS("location")
{
        add_for_both(tc, an_anonymous_page_lives_in_zero_then_in_swap);
        add_for_both(tc, a_page_of_a_store_lives_where_it_was_mapped_from);
        add_for_both(tc, a_queued_page_is_resident);
        add_for_both(tc, outside_every_mapping_is_einval);
        add_for_both(tc, free_bytes_are_what_can_be_had_without_evicting);
}
