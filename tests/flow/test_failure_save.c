/* SPDX-License-Identifier: MIT */
/*
 * test_failure_save.c - a store that fails to save, or is full: the page returns to the program
 * with its bytes, and what can still be done is done.
 *
 * Swap and the store of mappings are flaky stores; every test ends by reading back every byte it
 * wrote, because "nothing is lost" is what all this is about.
 */
#include "flaky_store.h"
#include "sigbus.h"
#include "support.h"

#define FRAMES 16u
#define PAGES  64u

struct rig {
        struct flaky *f;
        struct pg_pool *pool;
        char *map;
};

static struct rig rig_swap(int delivery, size_t places, unsigned flags)
{
        struct rig r = {.f = flaky_new(places, PAGE, true)};

        hit_install();
        r.pool = open_swap(delivery, FRAMES, flags, &r.f->store);
        r.map = map_pages(r.pool, PAGES, 0);
        return r;
}

static struct rig rig_shared(int delivery, unsigned flags)
{
        struct rig r = {.f = flaky_new(PAGES, PAGE, true)};

        hit_install();
        r.pool = open_frames(delivery, FRAMES, flags);
        r.map = map_store(r.pool, &r.f->store, PAGES, PG_MAP_SHARED);
        return r;
}

static void rig_close(struct rig *r)
{
        close_pool(r->pool);
        flaky_delete(r->f);
}

static void write_pages(struct rig *r, unsigned first, unsigned end)
{
        for (unsigned i = first; i < end; i++) {
                r->map[i * PAGE] = (char)(i + 100);
                r->map[i * PAGE + 4000] = (char)(i + 50);
        }
}

static void expect_pages(struct rig *r, unsigned first, unsigned end)
{
        for (unsigned i = first; i < end; i++) {
                expect_value(r->map + i * PAGE, (char)(i + 100));
                expect_value(r->map + i * PAGE + 4000, (char)(i + 50));
        }
}

static void fail_save(struct rig *r, int error)
{
        atomic_store(&r->f->fail_save, error);
}

/* ---- explicit calls ------------------------------------------------------------------------ */

START_TEST(page_out_to_a_failing_store_returns_the_pages)
{
        struct rig r = rig_swap(_i, PAGES, PG_POOL_STRICT);

        write_pages(&r, 0, 8);
        fail_save(&r, EIO);
        ck_assert_int_eq(pg_page_out(r.pool, r.map, 8 * PAGE), -EIO);
        ck_assert_uint_eq(stats_of(r.pool).errors_save, 8);
        ck_assert_uint_eq(stats_of(r.pool).errors_full, 0);
        ck_assert_uint_eq(stats_of(r.pool).evictions_dirty, 0);
        ck_assert_int_eq(atomic_load(&r.f->gets), atomic_load(&r.f->frees));
        expect_pages(&r, 0, 8);
        ck_assert_uint_eq(stats_of(r.pool).faults, 8); /* they never left */
        fail_save(&r, 0);
        ck_assert_int_eq(pg_page_out(r.pool, r.map, 8 * PAGE), 0);
        expect_pages(&r, 0, 8);
        rig_close(&r);
}
END_TEST

START_TEST(page_out_to_a_full_store_answers_enomem)
{
        struct rig r = rig_swap(_i, 3, PG_POOL_STRICT);

        write_pages(&r, 0, 8);
        ck_assert_int_eq(pg_page_out(r.pool, r.map, 8 * PAGE), -ENOMEM);
        ck_assert_uint_eq(stats_of(r.pool).errors_full, stats_of(r.pool).errors_save);
        ck_assert_uint_eq(stats_of(r.pool).evictions_dirty, 3);
        ck_assert_uint_gt(stats_of(r.pool).errors_full, 0);
        expect_pages(&r, 0, 8);
        rig_close(&r);
}
END_TEST

START_TEST(location_get_that_fails_returns_the_pages)
{
        struct rig r = rig_swap(_i, PAGES, PG_POOL_STRICT);

        write_pages(&r, 0, 4);
        atomic_store(&r.f->fail_get, EIO);
        ck_assert_int_eq(pg_page_out(r.pool, r.map, 4 * PAGE), -EIO);
        ck_assert_int_eq(atomic_load(&r.f->saves), 0);
        expect_pages(&r, 0, 4);
        atomic_store(&r.f->fail_get, ENOSPC);
        ck_assert_int_eq(pg_page_out(r.pool, r.map, 4 * PAGE), -ENOMEM);
        ck_assert_uint_eq(stats_of(r.pool).errors_save, 8);
        ck_assert_uint_eq(stats_of(r.pool).errors_full, 4);
        atomic_store(&r.f->fail_get, 0);
        ck_assert_int_eq(pg_page_out(r.pool, r.map, 4 * PAGE), 0);
        expect_pages(&r, 0, 4);
        rig_close(&r);
}
END_TEST

START_TEST(one_bad_place_does_not_keep_its_neighbours_from_being_saved)
{
        struct rig r = rig_shared(_i, PG_POOL_STRICT);

        write_pages(&r, 0, 8);
        atomic_store(&r.f->fail_page, 3);
        fail_save(&r, EIO);
        ck_assert_int_eq(pg_sync(r.pool, r.map, 8 * PAGE), -EIO);
        ck_assert_uint_eq(stats_of(r.pool).errors_save, 1);
        ck_assert_int_eq(r.f->pages[2 * PAGE], 102);
        ck_assert_int_eq(r.f->pages[4 * PAGE], 104);
        ck_assert_int_eq(r.f->pages[3 * PAGE], 3);
        fail_save(&r, 0);
        ck_assert_int_eq(pg_sync(r.pool, r.map, 8 * PAGE), 0);
        ck_assert_int_eq(r.f->pages[3 * PAGE], 103);
        rig_close(&r);
}
END_TEST

/* ---- faults that need a frame -------------------------------------------------------------- */

START_TEST(clean_pages_are_dropped_where_dirty_ones_cannot_be_saved)
{
        struct rig r = rig_swap(_i & 1, PAGES, _i & 2 ? 0 : PG_POOL_STRICT);
        struct flaky *f = flaky_new(PAGES, PAGE, true);
        char *clean = map_store(r.pool, &f->store, PAGES, 0);

        ck_assert_int_eq(pg_advise(r.pool, clean, PAGE, PG_ADVICE_RANDOM), 0);
        fail_save(&r, _i & 4 ? EIO : ENOSPC);
        write_pages(&r, 0, FRAMES / 2);
        for (unsigned i = 0; i < PAGES; i++)
                expect_value(clean + i * PAGE, (char)i);
        expect_pages(&r, 0, FRAMES / 2);
        ck_assert_uint_eq(stats_of(r.pool).errors_frames, 0);
        ck_assert_uint_eq(stats_of(r.pool).evictions_dirty, 0);
        ck_assert_uint_gt(stats_of(r.pool).evictions_clean, 0);
        fail_save(&r, 0);
        rig_close(&r);
        flaky_delete(f);
}
END_TEST

START_TEST(few_clean_pages_are_found_among_many_that_cannot_be_saved)
{
        struct flaky *swap = flaky_new(256, PAGE, true), *f = flaky_new(PAGES, PAGE, true);
        struct pg_pool *pool;
        char *dirty, *clean;

        hit_install();
        pool = open_swap(_i & 1, 128, _i & 2 ? 0 : PG_POOL_STRICT, &swap->store);
        clean = map_store(pool, &f->store, PAGES, 0);
        ck_assert_int_eq(pg_advise(pool, clean, PAGE, PG_ADVICE_RANDOM), 0);
        dirty = map_pages(pool, 120, 0);
        atomic_store(&swap->fail_save, _i & 4 ? EIO : ENOSPC);
        memset(dirty, 1, 120 * PAGE);
        for (unsigned i = 0; i < PAGES; i++)
                expect_value(clean + i * PAGE, (char)i);
        for (unsigned i = 0; i < 120; i++)
                expect_value(dirty + i * PAGE, 1);
        ck_assert_uint_eq(stats_of(pool).errors_frames, 0);
        close_pool(pool);
        flaky_delete(f);
        flaky_delete(swap);
}
END_TEST

START_TEST(all_zero_pages_go_out_where_the_store_fails)
{
        struct rig r = rig_swap(_i, PAGES, PG_POOL_STRICT);

        fail_save(&r, EIO);
        for (unsigned i = 0; i < PAGES; i++)
                r.map[i * PAGE] = 0;
        ck_assert_uint_eq(stats_of(r.pool).zero_pages_out, PAGES - FRAMES);
        ck_assert_uint_eq(stats_of(r.pool).errors_save, 0);
        ck_assert_uint_eq(stats_of(r.pool).errors_frames, 0);
        fail_save(&r, 0);
        rig_close(&r);
}
END_TEST

static void nothing_can_go(int i, int error)
{
        struct rig r = rig_swap(i & 1, PAGES, i & 2 ? 0 : PG_POOL_STRICT);
        uint64_t before;

        pg_advise(r.pool, r.map, PAGE, PG_ADVICE_RANDOM);
        write_pages(&r, 0, FRAMES);
        fail_save(&r, error);
        expect_sigbus(r.map + FRAMES * PAGE, true);
        ck_assert_uint_eq(stats_of(r.pool).errors_frames, 1);
        ck_assert_uint_gt(stats_of(r.pool).errors_save, 0);
        ck_assert_uint_eq(stats_of(r.pool).errors_load, 0);
        expect_pages(&r, 0, FRAMES);
        ck_assert_int_eq(pg_page_in(r.pool, r.map + FRAMES * PAGE, PAGE),
                         error == ENOSPC ? -ENOMEM : -error);
        fail_save(&r, 0);
        before = stats_of(r.pool).errors_frames;
        ck_assert_int_eq(pg_page_in(r.pool, r.map + FRAMES * PAGE, PAGE), 0);
        write_pages(&r, FRAMES, PAGES);
        expect_pages(&r, 0, PAGES);
        ck_assert_uint_eq(stats_of(r.pool).errors_frames, before);
        rig_close(&r);
}

START_TEST(fault_without_a_frame_is_sigbus_until_a_full_store_has_room)
{
        nothing_can_go(_i, ENOSPC);
}
END_TEST

START_TEST(fault_without_a_frame_is_sigbus_until_a_failing_store_is_healed)
{
        nothing_can_go(_i, EIO);
}
END_TEST

/* Frames and places are full of modified pages: each touch lets a page and a victim change
 * places. */
START_TEST(page_that_is_out_can_be_had_although_the_swap_store_is_full)
{
        struct rig r = rig_swap(_i & 1, FRAMES, _i & 2 ? 0 : PG_POOL_STRICT);

        pg_advise(r.pool, r.map, PAGE, PG_ADVICE_RANDOM);
        write_pages(&r, 0, 2 * FRAMES);
        for (unsigned round = 0; round < 3; round++)
                expect_pages(&r, 0, 2 * FRAMES);
        ck_assert_uint_gt(stats_of(r.pool).above_budget, 0);
        ck_assert_uint_eq(stats_of(r.pool).errors_frames, 0);
        ck_assert_uint_le(stats_of(r.pool).frames_peak, FRAMES + 1);
        expect_sigbus(r.map + 2 * FRAMES * PAGE, true); /* a new page has nothing to exchange */
        ck_assert_int_eq(pg_page_in(r.pool, r.map, FRAMES / 2 * PAGE), 0);
        expect_pages(&r, 0, 2 * FRAMES);
        rig_close(&r);
}
END_TEST

START_TEST(zram_at_its_limit_loses_nothing)
{
        struct pg_zram_config zram = {.size = sizeof(zram), .limit_bytes = 256 << 10};
        struct pg_pool *pool;
        struct pg_store *swap;
        uint64_t seed = 88172645463325252u, check = seed;
        unsigned written, npages = 512, refused = 0;
        char *map;

        hit_install();
        ck_assert_int_eq(pg_store_zram(&swap, &zram), 0);
        pool = open_swap(_i & 1, 64, _i & 2 ? 0 : PG_POOL_STRICT, swap);
        map = map_pages(pool, npages, 0);
        for (written = 0; written < npages && !refused; written++) {
                uint64_t *words = (uint64_t *)(void *)(map + written * PAGE);

                refused = hit_touch(words, true).sig == SIGBUS;
                ck_assert(refused || hit_touch(words, true).sig == 0);
                for (unsigned i = 0; i < PAGE / 8 && !refused; i++) {
                        seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
                        words[i] = seed;
                }
        }
        ck_assert_msg(refused, "256 KiB were not full with %u pages of noise", written);
        written--;
        ck_assert_uint_gt(written, 64);
        ck_assert_uint_gt(stats_of(pool).swap_limit_hits, 0);
        ck_assert_uint_le(stats_of(pool).swap_memory_bytes, zram.limit_bytes);
        ck_assert_uint_eq(stats_of(pool).errors_frames, 1);
        ck_assert_int_eq(pg_advise(pool, map + (written - 8) * PAGE, 8 * PAGE, PG_ADVICE_DISCARD),
                         0);
        for (unsigned page = 0; page < written - 8; page++) {
                uint64_t *words = (uint64_t *)(void *)(map + page * PAGE);

                for (unsigned i = 0; i < PAGE / 8; i++) {
                        check ^= check << 13, check ^= check >> 7, check ^= check << 17;
                        if (i == 0)
                                ck_assert_int_eq(hit_touch(words, false).sig, 0);
                        if (words[i] != check)
                                ck_abort_msg("page %u, word %u of %u pages", page, i, written);
                }
        }
        close_pool(pool);
        ck_assert_int_eq(pg_store_close(swap), 0);
}
END_TEST

START_TEST(resize_that_cannot_save_leaves_the_budget_as_it_was)
{
        struct rig r = rig_swap(_i & 1, PAGES, PG_POOL_STRICT);

        write_pages(&r, 0, FRAMES);
        fail_save(&r, _i & 2 ? EIO : ENOSPC);
        ck_assert_int_eq(pg_resize(r.pool, 8 * PAGE), _i & 2 ? -EIO : -ENOSPC);
        ck_assert_uint_eq(stats_of(r.pool).frames_total, FRAMES);
        expect_pages(&r, 0, FRAMES);
        fail_save(&r, 0);
        ck_assert_int_eq(pg_resize(r.pool, 8 * PAGE), 0);
        ck_assert_uint_eq(stats_of(r.pool).frames_total, 8);
        expect_pages(&r, 0, FRAMES);
        rig_close(&r);
}
END_TEST

/* ---- shared mappings ----------------------------------------------------------------------- */

START_TEST(sync_reports_the_error_and_writes_the_page_next_time)
{
        static const int errors[] = {EIO, ENOSPC};
        struct rig r = rig_shared(_i & 1, PG_POOL_STRICT);
        int error = errors[_i >> 1];

        write_pages(&r, 0, 4);
        fail_save(&r, error);
        ck_assert_int_eq(pg_sync(r.pool, r.map, 4 * PAGE), -error);
        ck_assert_int_eq(r.f->pages[0], 0);
        fail_save(&r, 0);
        ck_assert_int_eq(pg_sync(r.pool, r.map, 4 * PAGE), 0);
        ck_assert_int_eq(r.f->pages[3 * PAGE], 103);
        ck_assert_int_ge(atomic_load(&r.f->syncs), 1);
        expect_pages(&r, 0, 4);
        rig_close(&r);
}
END_TEST

START_TEST(sync_that_is_not_durable_is_reported)
{
        struct rig r = rig_shared(_i, PG_POOL_STRICT);

        write_pages(&r, 0, 4);
        atomic_store(&r.f->fail_sync, EIO);
        ck_assert_int_eq(pg_sync(r.pool, r.map, 4 * PAGE), -EIO);
        atomic_store(&r.f->fail_sync, 0);
        ck_assert_int_eq(pg_sync(r.pool, r.map, 4 * PAGE), 0);
        rig_close(&r);
}
END_TEST

START_TEST(sync_of_a_pinned_page_reports_and_counts_the_error)
{
        struct rig r = rig_shared(_i, PG_POOL_STRICT);

        ck_assert_int_eq(pg_pin(r.pool, r.map, PAGE), 0);
        write_pages(&r, 0, 1);
        fail_save(&r, EIO);
        ck_assert_int_eq(pg_sync(r.pool, r.map, PAGE), -EIO);
        ck_assert_uint_eq(stats_of(r.pool).errors_save, 1);
        fail_save(&r, 0);
        ck_assert_int_eq(pg_sync(r.pool, r.map, PAGE), 0);
        ck_assert_int_eq(r.f->pages[0], 100);
        ck_assert_int_eq(pg_unpin(r.pool, r.map, PAGE), 0);
        rig_close(&r);
}
END_TEST

START_TEST(unmap_of_a_failing_shared_mapping_leaves_it_alive_and_intact)
{
        static const int errors[] = {EIO, ENOSPC};
        struct rig r = rig_shared(_i & 1, PG_POOL_STRICT);
        int error = errors[_i >> 1];

        write_pages(&r, 0, 8);
        fail_save(&r, error);
        ck_assert_int_eq(pg_unmap(r.pool, r.map, PAGES * PAGE), -error);
        expect_pages(&r, 0, 8);
        expect_value(r.map + 20 * PAGE, 20); /* a page that was out comes in as ever */
        ck_assert_int_eq(pg_close(r.pool), -error);
        write_pages(&r, 8, 9);
        expect_pages(&r, 0, 9);
        fail_save(&r, 0);
        ck_assert_int_eq(pg_unmap(r.pool, r.map, PAGES * PAGE), 0);
        for (unsigned i = 0; i < 9; i++)
                ck_assert_int_eq(r.f->pages[i * PAGE], (char)(i + 100));
        rig_close(&r);
}
END_TEST

START_TEST(close_of_a_failing_pool_works_after_discard)
{
        struct rig r = rig_shared(_i, PG_POOL_STRICT);

        write_pages(&r, 0, 8);
        fail_save(&r, EIO);
        ck_assert_int_eq(pg_close(r.pool), -EIO);
        ck_assert_int_eq(pg_advise(r.pool, r.map, PAGES * PAGE, PG_ADVICE_DISCARD), 0);
        rig_close(&r);
}
END_TEST

START_TEST(evicted_shared_page_whose_store_fails_returns_to_the_program)
{
        struct rig r = rig_shared(_i & 1, _i & 2 ? 0 : PG_POOL_STRICT);

        pg_advise(r.pool, r.map, PAGE, PG_ADVICE_RANDOM);
        write_pages(&r, 0, FRAMES / 2);
        fail_save(&r, EIO);
        for (unsigned i = FRAMES; i < PAGES; i++)
                expect_value(r.map + i * PAGE, (char)i);
        expect_pages(&r, 0, FRAMES / 2);
        ck_assert_uint_gt(stats_of(r.pool).errors_save, 0);
        fail_save(&r, 0);
        rig_close(&r);
}
END_TEST

/* ---- pinned -------------------------------------------------------------------------------- */

START_TEST(pin_of_too_much_is_refused_and_undone)
{
        struct rig r = rig_swap(_i, PAGES, PG_POOL_STRICT);

        write_pages(&r, 0, 2);
        ck_assert_int_eq(pg_pin(r.pool, r.map, 2 * PAGE), 0);
        ck_assert_int_eq(pg_pin(r.pool, r.map, PAGES * PAGE), -ENOMEM);
        ck_assert_uint_eq(stats_of(r.pool).frames_pinned, 2);
        ck_assert_ptr_null(pg_map(r.pool, PAGES * PAGE, PG_MAP_LOCK));
        ck_assert_int_eq(errno, ENOMEM);
        ck_assert_uint_eq(stats_of(r.pool).frames_pinned, 2);
        write_pages(&r, 0, PAGES);
        expect_pages(&r, 0, PAGES);
        rig_close(&r);
}
END_TEST

START_TEST(faults_are_served_by_the_reserve_when_the_rest_is_pinned)
{
        struct rig r = rig_swap(_i & 1, PAGES, _i & 2 ? 0 : PG_POOL_STRICT);

        ck_assert_int_eq(pg_pin(r.pool, r.map, (FRAMES - 4) * PAGE), 0);
        ck_assert_uint_eq(stats_of(r.pool).frames_pinned, FRAMES - 4);
        ck_assert_uint_eq(pg_free_get(r.pool), 0);
        ck_assert_int_eq(pg_pin(r.pool, r.map + 40 * PAGE, PAGE), -ENOMEM);
        ck_assert_int_eq(pg_page_out(r.pool, r.map, PAGE), -EBUSY);
        ck_assert_int_eq(pg_advise(r.pool, r.map, PAGE, PG_ADVICE_DISCARD), -EBUSY);
        ck_assert_int_eq(pg_resize(r.pool, 8 * PAGE), -ENOMEM);
        write_pages(&r, 0, PAGES);
        expect_pages(&r, 0, PAGES);
        ck_assert_uint_eq(stats_of(r.pool).errors_frames, 0);
        rig_close(&r);
}
END_TEST

TESTS("failure_save")
{
        add_for_both(tc, page_out_to_a_failing_store_returns_the_pages);
        add_for_both(tc, page_out_to_a_full_store_answers_enomem);
        add_for_both(tc, location_get_that_fails_returns_the_pages);
        add_for_both(tc, one_bad_place_does_not_keep_its_neighbours_from_being_saved);
        tcase_add_loop_test(tc, clean_pages_are_dropped_where_dirty_ones_cannot_be_saved, 0, 8);
        tcase_add_loop_test(tc, few_clean_pages_are_found_among_many_that_cannot_be_saved, 0, 8);
        add_for_both(tc, all_zero_pages_go_out_where_the_store_fails);
        tcase_add_loop_test(tc, fault_without_a_frame_is_sigbus_until_a_full_store_has_room, 0, 4);
        tcase_add_loop_test(tc, fault_without_a_frame_is_sigbus_until_a_failing_store_is_healed, 0,
                            4);
        tcase_add_loop_test(tc, page_that_is_out_can_be_had_although_the_swap_store_is_full, 0, 4);
        tcase_add_loop_test(tc, zram_at_its_limit_loses_nothing, 0, 4);
        tcase_add_loop_test(tc, resize_that_cannot_save_leaves_the_budget_as_it_was, 0, 4);
        tcase_add_loop_test(tc, sync_reports_the_error_and_writes_the_page_next_time, 0, 4);
        add_for_both(tc, sync_that_is_not_durable_is_reported);
        add_for_both(tc, sync_of_a_pinned_page_reports_and_counts_the_error);
        tcase_add_loop_test(tc, unmap_of_a_failing_shared_mapping_leaves_it_alive_and_intact, 0, 4);
        add_for_both(tc, close_of_a_failing_pool_works_after_discard);
        tcase_add_loop_test(tc, evicted_shared_page_whose_store_fails_returns_to_the_program, 0, 4);
        add_for_both(tc, pin_of_too_much_is_refused_and_undone);
        tcase_add_loop_test(tc, faults_are_served_by_the_reserve_when_the_rest_is_pinned, 0, 4);
}
