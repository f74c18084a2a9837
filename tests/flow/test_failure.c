/* SPDX-License-Identifier: MIT */
/*
 * test_failure.c - a store that fails to load: SIGBUS at that access, and nowhere else.
 *
 * Page i of the flaky store reads as the word i, so a page that shows zeros, or its neighbour's
 * content, is found at once.
 */
#include "flaky_store.h"
#include "sigbus.h"
#include "support.h"

#define PAGES 64u
#define BAD   9u

struct rig {
        struct flaky *f;
        struct pg_pool *pool;
        char *map;
};

static struct rig rig_open(int delivery, uint32_t frames, unsigned pool_flags, unsigned map_flags)
{
        struct rig r = {.f = flaky_new(PAGES, PAGE, true)};

        hit_install();
        r.pool = open_frames(delivery, frames, pool_flags);
        r.map = map_store(r.pool, &r.f->store, PAGES, map_flags);
        return r;
}

static void rig_close(struct rig *r)
{
        close_pool(r->pool);
        flaky_delete(r->f);
}

static void break_page(struct rig *r, long page)
{
        atomic_store(&r->f->fail_page, page);
        atomic_store(&r->f->fail_load, EIO);
}

static void heal_store(struct rig *r)
{
        atomic_store(&r->f->fail_load, 0);
}

static char *page_at(struct rig *r, size_t page)
{
        return r->map + page * PAGE;
}

START_TEST(page_that_cannot_be_loaded_is_sigbus_at_that_access)
{
        struct rig r = rig_open(_i, 16, PG_POOL_STRICT, 0);

        break_page(&r, BAD);
        expect_sigbus(page_at(&r, BAD) + 100, false);
        expect_sigbus(page_at(&r, BAD) + 8, true);
        ck_assert_uint_eq(stats_of(r.pool).errors_load, 1);
        rig_close(&r);
}
END_TEST

START_TEST(neighbours_of_a_bad_page_go_on)
{
        struct rig r = rig_open(_i, 16, 0, 0);

        break_page(&r, BAD);
        for (unsigned i = 0; i < PAGES; i++) {
                if (i == BAD)
                        expect_sigbus(page_at(&r, i), false);
                else
                        expect_value(page_at(&r, i), (char)i);
        }
        ck_assert_uint_eq(stats_of(r.pool).errors_load, 1);
        expect_idle(r.pool);
        rig_close(&r);
}
END_TEST

START_TEST(failed_load_leaves_its_frame_free)
{
        struct rig r = rig_open(_i, 16, PG_POOL_STRICT, 0);

        break_page(&r, -1);
        for (unsigned i = 0; i < PAGES; i++)
                expect_sigbus(page_at(&r, i), false);
        ck_assert_uint_eq(stats_of(r.pool).frames_free, 16);
        ck_assert_uint_eq(stats_of(r.pool).errors_load, PAGES);
        ck_assert_uint_eq(stats_of(r.pool).pages_in, 0);
        rig_close(&r);
}
END_TEST

START_TEST(poisoned_page_stays_poisoned_until_page_in)
{
        struct rig r = rig_open(_i, 16, PG_POOL_STRICT, 0);
        int loads;

        break_page(&r, BAD);
        expect_sigbus(page_at(&r, BAD), false);
        heal_store(&r);
        loads = atomic_load(&r.f->loads);
        expect_sigbus(page_at(&r, BAD), false);
        ck_assert_int_eq(atomic_load(&r.f->loads), loads);
        ck_assert_int_eq(pg_page_in(r.pool, page_at(&r, BAD), PAGE), 0);
        expect_value(page_at(&r, BAD), BAD);
        ck_assert_int_eq(hit_touch(page_at(&r, BAD), true).sig, 0);
        ck_assert_uint_eq(stats_of(r.pool).errors_load, 1);
        rig_close(&r);
}
END_TEST

/* The kernel's mark of the poisoned page goes with it, and the touch is an ordinary fault. */
START_TEST(poisoned_page_that_the_program_drops_is_loaded_anew)
{
        struct rig r = rig_open(_i, 16, PG_POOL_STRICT, 0);

        break_page(&r, BAD);
        expect_sigbus(page_at(&r, BAD), false);
        heal_store(&r);
        ck_assert_int_eq(madvise(page_at(&r, BAD), PAGE, MADV_DONTNEED), 0);
        if (_i == PG_DELIVERY_SIGNAL || is_masked("poison") || is_masked("pagemap"))
                /* Of this madvise the pager does not hear, or cannot be sure. */
                expect_sigbus(page_at(&r, BAD), false);
        else
                expect_value(page_at(&r, BAD), BAD);
        ck_assert_int_eq(pg_page_in(r.pool, page_at(&r, BAD), PAGE), 0);
        expect_value(page_at(&r, BAD), BAD);
        rig_close(&r);
}
END_TEST

START_TEST(poisoned_page_that_the_program_drops_is_poisoned_again_while_its_store_fails)
{
        struct rig r = rig_open(_i, 16, PG_POOL_STRICT, 0);

        break_page(&r, BAD);
        for (unsigned i = 0; i < 3; i++) {
                expect_sigbus(page_at(&r, BAD), false);
                ck_assert_int_eq(madvise(page_at(&r, BAD), PAGE, MADV_DONTNEED), 0);
        }
        expect_sigbus(page_at(&r, BAD), true);
        rig_close(&r);
}
END_TEST

/* A page of the pool of which the program drops one of the kernel's. */
START_TEST(large_poisoned_page_of_which_a_piece_is_dropped_stays_poisoned)
{
        struct flaky *f = flaky_new(16, 16 * PAGE, true);
        struct pg_config config = config_frames(_i, 16, PG_POOL_STRICT);
        struct pg_pool *pool;
        pg_location base;
        char *map;

        hit_install();
        config.page_size = 16 * PAGE;
        pool = open_config(&config);
        ck_assert_int_eq(pg_attach(pool, &f->store, &base), 0);
        map = pg_map_unpaged(pool, base, 256 * PAGE, 0);
        ck_assert_ptr_nonnull(map);
        atomic_store(&f->fail_load, EIO);
        expect_sigbus(map, false);
        ck_assert_int_eq(madvise(map + PAGE, PAGE, MADV_DONTNEED), 0);
        expect_sigbus(map + PAGE, false);
        expect_sigbus(map, false);
        atomic_store(&f->fail_load, 0);
        ck_assert_int_eq(pg_page_in(pool, map, 16 * PAGE), 0);
        expect_value(map + PAGE, 0);
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

START_TEST(page_in_reports_the_bad_page_and_brings_in_the_rest)
{
        struct rig r = rig_open(_i, 64, 0, 0);
        uint64_t faults;

        break_page(&r, BAD);
        ck_assert_int_eq(pg_page_in(r.pool, r.map, 32 * PAGE), -EIO);
        faults = faults_of(r.pool);
        for (unsigned i = 0; i < 32; i++) {
                if (i == BAD)
                        expect_sigbus(page_at(&r, i), false);
                else
                        expect_value(page_at(&r, i), (char)i);
        }
        ck_assert_uint_eq(faults_of(r.pool), faults);
        ck_assert_uint_eq(stats_of(r.pool).errors_load, 1);
        ck_assert_int_eq(pg_page_in(r.pool, page_at(&r, BAD), PAGE), -EIO);
        expect_sigbus(page_at(&r, BAD), false);
        heal_store(&r);
        ck_assert_int_eq(pg_page_in(r.pool, r.map, 32 * PAGE), 0);
        expect_value(page_at(&r, BAD), BAD);
        rig_close(&r);
}
END_TEST

START_TEST(readahead_into_a_bad_page_does_not_poison_it)
{
        struct rig r = rig_open(_i, 256, 0, 0);

        ck_assert_int_eq(pg_advise(r.pool, r.map, PAGE, PG_ADVICE_SEQUENTIAL), 0);
        break_page(&r, BAD);
        expect_value(page_at(&r, BAD - 3), BAD - 3); /* reads ahead over the bad page */
        ck_assert_uint_gt(stats_of(r.pool).ahead_pages, 0);
        ck_assert_uint_eq(stats_of(r.pool).errors_load, 0);
        heal_store(&r);
        expect_value(page_at(&r, BAD), BAD);
        expect_value(page_at(&r, BAD + 1), BAD + 1);
        ck_assert_uint_eq(stats_of(r.pool).errors_load, 0);
        rig_close(&r);
}
END_TEST

START_TEST(discard_heals_a_poisoned_page)
{
        struct rig r = rig_open(_i, 16, PG_POOL_STRICT, 0);

        break_page(&r, BAD);
        expect_sigbus(page_at(&r, BAD), false);
        heal_store(&r);
        ck_assert_int_eq(pg_advise(r.pool, page_at(&r, BAD), PAGE, PG_ADVICE_DISCARD), 0);
        if (_i == PG_DELIVERY_THREAD && is_masked("poison"))
                ck_assert_int_eq(pg_page_in(r.pool, page_at(&r, BAD), PAGE), 0);
        expect_value(page_at(&r, BAD), BAD);
        rig_close(&r);
}
END_TEST

START_TEST(pin_of_a_bad_page_reports_it_and_leaks_no_pin)
{
        struct rig r = rig_open(_i, 32, PG_POOL_STRICT, 0);

        break_page(&r, BAD);
        ck_assert_int_eq(pg_pin(r.pool, page_at(&r, BAD), PAGE), -EIO);
        ck_assert_uint_eq(stats_of(r.pool).frames_pinned, 0);
        heal_store(&r);
        ck_assert_int_eq(pg_pin(r.pool, page_at(&r, BAD), PAGE), 0);
        ck_assert_uint_eq(stats_of(r.pool).frames_pinned, 1);
        ck_assert_int_eq(pg_unpin(r.pool, page_at(&r, BAD), PAGE), 0);
        ck_assert_uint_eq(stats_of(r.pool).frames_pinned, 0);
        rig_close(&r);
}
END_TEST

START_TEST(modified_page_that_cannot_be_loaded_again_keeps_its_copy)
{
        struct flaky *f = flaky_new(PAGES, PAGE, true);
        struct pg_pool *pool;
        char *map;

        hit_install();
        pool = open_swap(_i, 8, PG_POOL_STRICT, &f->store);
        map = map_pages(pool, 4, 0);
        map[PAGE] = 42;
        ck_assert_int_eq(pg_page_out(pool, map, 4 * PAGE), 0);
        atomic_store(&f->fail_load, EIO);
        expect_sigbus(map + PAGE, false);
        ck_assert_int_eq(pg_page_out(pool, map, 4 * PAGE), 0);
        atomic_store(&f->fail_load, 0);
        ck_assert_int_eq(pg_page_in(pool, map, 4 * PAGE), 0);
        expect_value(map + PAGE, 42);
        close_pool(pool);
        ck_assert_int_eq(atomic_load(&f->gets), atomic_load(&f->frees));
        flaky_delete(f);
}
END_TEST

START_TEST(unmap_of_poisoned_pages_succeeds)
{
        struct rig r = rig_open(_i, 16, PG_POOL_STRICT, PG_MAP_SHARED);

        break_page(&r, -1);
        expect_sigbus(page_at(&r, 3), false);
        expect_sigbus(page_at(&r, 4), false);
        ck_assert_int_eq(pg_unmap(r.pool, r.map, PAGES * PAGE), 0);
        rig_close(&r);
}
END_TEST

struct toucher {
        char *addr;
        _Atomic bool stop;
        uint64_t hits, reads, wrong;
};

static void *touch_for_long(void *arg)
{
        struct toucher *t = arg;

        while (!atomic_load(&t->stop)) {
                struct hit hit = hit_touch(t->addr, false);

                t->hits += hit.sig == SIGBUS;
                t->reads += hit.sig == 0;
                t->wrong += (hit.sig == 0 && hit.value != BAD) || hit.sig == SIGSEGV;
        }
        return NULL;
}

/* Who touches the page while it is healed gets SIGBUS or the content, and never zeros. */
START_TEST(page_healed_under_a_reader_never_shows_zeros)
{
        struct rig r = rig_open(_i, 16, PG_POOL_STRICT, 0);
        struct toucher t = {.addr = page_at(&r, BAD)};
        pthread_t thread;

        ck_assert_int_eq(pthread_create(&thread, NULL, touch_for_long, &t), 0);
        for (unsigned i = 0; i < 1000; i++) {
                int error;

                break_page(&r, BAD);
                error = pg_page_out(r.pool, t.addr, PAGE);
                ck_assert(error == 0 || error == -EBUSY);
                pg_page_in(r.pool, t.addr, PAGE);
                heal_store(&r);
                ck_assert_int_eq(pg_page_in(r.pool, t.addr, PAGE), 0);
        }
        atomic_store(&t.stop, true);
        pthread_join(thread, NULL);
        ck_assert_uint_eq(t.wrong, 0);
        rig_close(&r);
}
END_TEST

TESTS("failure")
{
        add_for_both(tc, page_that_cannot_be_loaded_is_sigbus_at_that_access);
        add_for_both(tc, neighbours_of_a_bad_page_go_on);
        add_for_both(tc, failed_load_leaves_its_frame_free);
        add_for_both(tc, poisoned_page_stays_poisoned_until_page_in);
        add_for_both(tc, poisoned_page_that_the_program_drops_is_loaded_anew);
        add_for_both(tc,
                     poisoned_page_that_the_program_drops_is_poisoned_again_while_its_store_fails);
        add_for_both(tc, large_poisoned_page_of_which_a_piece_is_dropped_stays_poisoned);
        add_for_both(tc, page_in_reports_the_bad_page_and_brings_in_the_rest);
        add_for_both(tc, readahead_into_a_bad_page_does_not_poison_it);
        add_for_both(tc, discard_heals_a_poisoned_page);
        add_for_both(tc, pin_of_a_bad_page_reports_it_and_leaks_no_pin);
        add_for_both(tc, modified_page_that_cannot_be_loaded_again_keeps_its_copy);
        add_for_both(tc, unmap_of_poisoned_pages_succeeds);
        add_for_both(tc, page_healed_under_a_reader_never_shows_zeros);
}
