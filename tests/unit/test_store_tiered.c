/* SPDX-License-Identifier: MIT */
/*
 * test_store_tiered.c - two stores as one: which pages go down and come up, and that none is lost
 * whatever happens in the middle of a move, or to the lower store.
 */
#include "backends/tiered.h"
#include "store_tiered_support.h"
#include "../flow/flaky_store.h"
#include "../flow/probe.h"
#include "../flow/support.h"

#define UPPER 64u
#define LOWER 1024u
#define BATCH 32u /* pages of 4 KiB that go down together */
#define MOST  (UPPER + LOWER)

/* ---- which pages, and when ------------------------------------------------------------------- */

/* A tiered store whose two stores tell what is asked of them. */
struct rig {
        struct flaky *upper, *lower;
        struct pg_store *store;
        const struct pg_store_ops *ops;
        uint64_t offsets[MOST];
        uint64_t seeds[MOST]; /* 0: never written */
        unsigned count;
        void (*in_move)(struct rig *r); /* called once, when a batch is being written */
};

/* The tiered store has closed it. */
static void forget(struct flaky *f)
{
        free(f->pages);
        free((void *)f->taken);
        free(f);
}

static void rig_open(struct rig *r, size_t lower)
{
        *r = (struct rig){.upper = flaky_new_parallel(UPPER, PAGE),
                          .lower = flaky_new_parallel(lower, PAGE)};
        r->store = tiered(&r->upper->store, &r->lower->store);
        r->ops = r->store->ops;
        r->store->page_size = PAGE;
}

static uint64_t taken(const struct flaky *f)
{
        uint64_t n = 0;

        for (size_t i = 0; i < f->npages; i++)
                n += f->taken[i];
        return n;
}

static uint64_t lower_pages(const struct rig *r)
{
        struct pg_store_stats stats = {.size = sizeof(stats)};

        r->ops->stats(r->store, &stats);
        return stats.lower_pages;
}

static int write_page(struct rig *r, unsigned i, uint64_t seed)
{
        char page[PAGE];
        int error;

        conform_fill(page, PAGE, seed);
        error = r->ops->page_out(r->store, r->offsets[i], 1, page);
        if (!error)
                r->seeds[i] = seed;
        return error;
}

static void get_place(struct rig *r)
{
        ck_assert_int_eq(r->ops->location_get(r->store, &r->offsets[r->count], true), 0);
        r->seeds[r->count++] = 0;
}

static void write_new(struct rig *r, unsigned n)
{
        for (unsigned i = 0; i < n; i++) {
                get_place(r);
                ck_assert_int_eq(write_page(r, r->count - 1, 1000 + 5 * r->count), 0);
        }
}

static bool page_is_right(struct rig *r, unsigned i)
{
        char page[PAGE], got[PAGE];

        conform_fill(page, PAGE, r->seeds[i]);
        return r->ops->page_in(r->store, r->offsets[i], 1, got) == 0 &&
               memcmp(page, got, PAGE) == 0;
}

/* Nothing is lost, and nothing is kept for nobody. */
static void check_all(struct rig *r)
{
        uint64_t written = 0;

        for (unsigned i = 0; i < r->count; i++) {
                written += r->seeds[i] != 0;
                conform_expect(!r->seeds[i] || page_is_right(r, i), "page %u is lost", i);
        }
        ck_assert_uint_eq(taken(r->lower), lower_pages(r));
        ck_assert_uint_eq(taken(r->upper) + taken(r->lower), written);
}

static void rig_close(struct rig *r)
{
        check_all(r);
        for (unsigned i = 0; i < r->count; i++)
                r->ops->location_free(r->store, r->offsets[i]);
        ck_assert_uint_eq(taken(r->lower) + taken(r->upper), 0);
        ck_assert_int_eq(pg_store_close(r->store), 0);
        forget(r->upper);
        forget(r->lower);
}

static bool is_below(struct rig *r, unsigned i)
{
        int loads = atomic_load(&r->lower->loads);

        ck_assert(page_is_right(r, i));
        return atomic_load(&r->lower->loads) != loads;
}

START_TEST(oldest_go_down_in_one_write)
{
        struct rig r;

        rig_open(&r, LOWER);
        write_new(&r, UPPER);
        ck_assert_int_eq(atomic_load(&r.lower->saves), 0);
        write_new(&r, 1);
        ck_assert_int_eq(atomic_load(&r.lower->saves), 1);
        ck_assert_uint_eq(lower_pages(&r), BATCH);
        for (unsigned i = 0; i < r.count; i++) {
                ck_assert_int_eq(r.ops->is_near(r.store, r.offsets[i]), i >= BATCH);
                ck_assert_int_eq(is_below(&r, i), i < BATCH);
        }
        rig_close(&r);
}
END_TEST

START_TEST(what_was_asked_for_stays_above)
{
        struct rig r;

        rig_open(&r, LOWER);
        write_new(&r, UPPER);
        for (unsigned i = 0; i < UPPER; i += 2)
                ck_assert(page_is_right(&r, i));
        write_new(&r, 1);
        for (unsigned i = 0; i < UPPER; i++)
                ck_assert_int_eq(is_below(&r, i), i % 2);
        rig_close(&r);
}
END_TEST

START_TEST(neighbours_are_read_in_one_call)
{
        char got[BATCH * PAGE], page[PAGE];
        struct rig r;
        int loads;

        rig_open(&r, LOWER);
        write_new(&r, UPPER + 1);
        loads = atomic_load(&r.lower->loads);
        ck_assert_int_eq(r.ops->page_in(r.store, r.offsets[0], BATCH, got), 0);
        ck_assert_int_eq(atomic_load(&r.lower->loads), loads + 1);
        for (unsigned i = 0; i < BATCH; i++) {
                conform_fill(page, PAGE, r.seeds[i]);
                ck_assert_mem_eq(page, got + i * PAGE, PAGE);
        }
        rig_close(&r);
}
END_TEST

START_TEST(page_asked_for_twice_comes_up)
{
        struct rig r;

        rig_open(&r, LOWER);
        write_new(&r, UPPER + 1); /* room for 31 more */
        ck_assert(is_below(&r, 3));
        ck_assert(is_below(&r, 3));
        ck_assert(!is_below(&r, 3));
        ck_assert_uint_eq(lower_pages(&r), BATCH - 1);
        ck_assert(is_below(&r, 4));
        ck_assert_uint_eq(lower_pages(&r), BATCH - 1);
        rig_close(&r);
}
END_TEST

START_TEST(page_that_comes_up_sends_older_ones_down)
{
        struct rig r;

        rig_open(&r, LOWER);
        write_new(&r, UPPER + BATCH); /* it is full */
        ck_assert_uint_eq(taken(r.upper), UPPER);
        ck_assert(is_below(&r, 3));
        ck_assert(is_below(&r, 3));
        ck_assert(!is_below(&r, 3));
        ck_assert_uint_eq(lower_pages(&r), 2 * BATCH - 1);
        rig_close(&r);
}
END_TEST

/* ---- in the middle of a move ----------------------------------------------------------------- */

static void hook(struct flaky *f, _Atomic int *which, uint64_t offset)
{
        struct rig *r = f->hook_arg;
        void (*in_move)(struct rig *) = r->in_move;

        (void)offset;
        if (which != &f->fail_save || !in_move)
                return;
        r->in_move = NULL;
        in_move(r);
}

static void move_with(struct rig *r, void (*in_move)(struct rig *r))
{
        rig_open(r, LOWER);
        write_new(r, UPPER);
        r->in_move = in_move;
        r->lower->hook_arg = r;
        atomic_store(&r->lower->hook, hook);
        write_new(r, 1);
        ck_assert_ptr_null(r->in_move);
        atomic_store(&r->lower->hook, NULL);
}

static void ask(struct rig *r)
{
        ck_assert(page_is_right(r, 5));
}

START_TEST(page_asked_for_in_a_move_stays)
{
        struct rig r;

        move_with(&r, ask);
        ck_assert_uint_eq(lower_pages(&r), BATCH - 1);
        ck_assert(!is_below(&r, 5));
        write_new(&r, 2 * UPPER); /* it is one of the list again */
        ck_assert(is_below(&r, 5));
        rig_close(&r);
}
END_TEST

static void rewrite(struct rig *r)
{
        ck_assert_int_eq(write_page(r, 5, 77), 0);
}

START_TEST(page_written_in_a_move_keeps_what_was_written)
{
        struct rig r;

        move_with(&r, rewrite);
        ck_assert_uint_eq(lower_pages(&r), BATCH - 1);
        rig_close(&r);
}
END_TEST

static void free_and_take(struct rig *r)
{
        uint64_t was = r->offsets[5];

        r->ops->location_free(r->store, was);
        ck_assert_int_eq(r->ops->location_get(r->store, &r->offsets[5], true), 0);
        ck_assert_uint_eq(r->offsets[5], was);
        ck_assert_int_eq(write_page(r, 5, 78), 0);
}

/* The upper store gives the new page the place of the old one, so that only the mark tells. */
START_TEST(page_freed_in_a_move_and_taken_by_another_is_the_others)
{
        struct rig r;

        move_with(&r, free_and_take);
        ck_assert_uint_eq(lower_pages(&r), BATCH - 1);
        rig_close(&r);
}
END_TEST

static void just_free(struct rig *r)
{
        r->ops->location_free(r->store, r->offsets[5]);
        r->seeds[5] = 0;
}

START_TEST(page_freed_in_a_move_is_gone)
{
        struct rig r;

        move_with(&r, just_free);
        ck_assert_uint_eq(lower_pages(&r), BATCH - 1);
        ck_assert_int_eq(r.ops->location_get(r.store, &r.offsets[5], true), 0);
        rig_close(&r);
}
END_TEST

/* Few pages that are freed and written again all the time, while a batch is being read: places are
 * picked twice, are another page's when they are read, and have the word from before. */
START_TEST(threads_that_free_and_take_do_not_mislead_the_mover)
{
        struct rig r;

        rig_open(&r, LOWER);
        r.upper->npages = 16; /* it is full soon */
        atomic_store(&r.upper->sleep_us, 20);
        conform_threads_do_not_meet(r.store, PAGE, CONFORM_THREADS, 12, *SANITIZER ? 1000 : 4000);
        atomic_store(&r.upper->sleep_us, 0);
        ck_assert_uint_eq(lower_pages(&r), 0);
        for (unsigned i = 0; i < CONFORM_THREADS * 12; i++) /* no place was lost */
                get_place(&r);
        ck_assert_uint_le(tiered_of(r.store)->count, CONFORM_THREADS * 12);
        rig_close(&r);
}
END_TEST

/* ---- a lower store that fails or is full ----------------------------------------------------- */

START_TEST(failing_lower_store_loses_nothing)
{
        unsigned wrong = 0;
        struct rig r;

        rig_open(&r, LOWER);
        write_new(&r, UPPER);
        get_place(&r);
        atomic_store(&r.lower->fail_save, EIO);
        ck_assert_int_eq(write_page(&r, UPPER, 99), -EIO);
        check_all(&r);
        atomic_store(&r.lower->fail_save, 0);
        ck_assert_int_eq(write_page(&r, UPPER, 99), 0);
        ck_assert_uint_eq(lower_pages(&r), BATCH);
        atomic_store(&r.lower->fail_load, EIO);
        for (unsigned i = 0; i < r.count; i++)
                wrong += !page_is_right(&r, i);
        ck_assert_uint_eq(wrong, BATCH);
        atomic_store(&r.lower->fail_load, 0);
        rig_close(&r);
}
END_TEST

START_TEST(one_bad_place_does_not_keep_the_others_from_going)
{
        struct rig r;

        rig_open(&r, LOWER);
        write_new(&r, UPPER);
        atomic_store(&r.lower->fail_page, 5);
        atomic_store(&r.lower->fail_save, EIO);
        write_new(&r, 1);
        ck_assert_uint_eq(lower_pages(&r), BATCH - 1);
        atomic_store(&r.lower->fail_save, 0);
        rig_close(&r);
}
END_TEST

START_TEST(store_is_full_when_the_lower_one_is)
{
        struct rig r;
        unsigned written = 0;

        rig_open(&r, 50);
        for (; written < UPPER + 60; written++) {
                get_place(&r);
                if (write_page(&r, written, 1000 + 5 * written) != 0)
                        break;
        }
        ck_assert_uint_eq(written, UPPER + 50);
        ck_assert_int_eq(write_page(&r, written, 99), -ENOSPC);
        ck_assert_int_eq(write_page(&r, 3, 99), 0); /* over its old copy */
        check_all(&r);
        r.ops->location_free(r.store, r.offsets[7]);
        r.offsets[7] = r.offsets[--r.count];
        r.seeds[7] = 0;
        ck_assert_int_eq(write_page(&r, 7, 99), 0);
        rig_close(&r);
}
END_TEST

/* What the upper one never takes goes down itself. */
START_TEST(page_that_the_upper_store_refuses_goes_down)
{
        struct rig r;

        rig_open(&r, LOWER);
        atomic_store(&r.upper->fail_get, ENOSPC);
        write_new(&r, 20);
        ck_assert_uint_eq(lower_pages(&r), 20);
        ck_assert_uint_eq(taken(r.upper), 0);
        rig_close(&r);
}
END_TEST

/* ---- the rest -------------------------------------------------------------------------------- */

START_TEST(stores_that_do_not_fit_are_refused)
{
        struct flaky *serial = flaky_new(8, PAGE, true), *good = flaky_new_parallel(8, PAGE);
        struct pg_tiered_config config = {.size = sizeof(config)};
        struct pg_store *store = NULL;

        ck_assert_int_eq(pg_store_tiered(&store, &config), -EINVAL);
        ck_assert_ptr_nonnull(strstr(pg_last_error(), "upper"));
        config.upper = &good->store;
        ck_assert_int_eq(pg_store_tiered(&store, &config), -EINVAL);
        ck_assert_ptr_nonnull(strstr(pg_last_error(), "lower"));
        config.lower = &serial->store;
        ck_assert_int_eq(pg_store_tiered(&store, &config), -EINVAL);
        ck_assert_ptr_nonnull(strstr(pg_last_error(), "PG_STORE_PARALLEL"));
        config.lower = &good->store;
        ck_assert_int_eq(pg_store_tiered(&store, &config), -EINVAL);
        ck_assert_ptr_nonnull(strstr(pg_last_error(), "same"));
        config.size = 4;
        ck_assert_int_eq(pg_store_tiered(&store, &config), -EINVAL);
        ck_assert_ptr_null(store);
        flaky_delete(serial);
        flaky_delete(good);
}
END_TEST

/* A thread of the parent was reading a page when the process forked. */
START_TEST(page_that_the_parent_was_reading_is_not_locked_in_a_child)
{
        struct rig r = {.store = tiered(zram(0), zram(0))};
        struct tiered *t = tiered_of(r.store);

        r.ops = r.store->ops;
        r.store->page_size = PAGE;
        write_new(&r, 1);
        atomic_fetch_or(&t->places[0].word, PLACE_LOCKED);
        ck_assert_int_eq(r.ops->fork_prepare(r.store), 0);
        ck_assert(!futex_lock_try(&t->moving));
        ck_assert_int_eq(r.ops->fork_child(r.store), 0);
        ck_assert(page_is_right(&r, 0));
        ck_assert(futex_lock_try(&t->moving));
        futex_lock_drop(&t->moving);
        ck_assert_int_eq(r.ops->fork_prepare(r.store), 0);
        ck_assert_int_eq(r.ops->fork_prepare(r.store), 0); /* for a second pool */
        r.ops->fork_parent(r.store);
        r.ops->fork_parent(r.store); /* as for a store that was not prepared */
        ck_assert(futex_lock_try(&t->moving));
        futex_lock_drop(&t->moving);
        ck_assert_int_eq(pg_store_close(r.store), 0);
}
END_TEST

TESTS("store_tiered")
{
        tcase_add_test(tc, oldest_go_down_in_one_write);
        tcase_add_test(tc, what_was_asked_for_stays_above);
        tcase_add_test(tc, neighbours_are_read_in_one_call);
        tcase_add_test(tc, page_asked_for_twice_comes_up);
        tcase_add_test(tc, page_that_comes_up_sends_older_ones_down);
        tcase_add_test(tc, page_asked_for_in_a_move_stays);
        tcase_add_test(tc, page_written_in_a_move_keeps_what_was_written);
        tcase_add_test(tc, page_freed_in_a_move_and_taken_by_another_is_the_others);
        tcase_add_test(tc, page_freed_in_a_move_is_gone);
        tcase_add_test(tc, threads_that_free_and_take_do_not_mislead_the_mover);
        tcase_add_test(tc, failing_lower_store_loses_nothing);
        tcase_add_test(tc, one_bad_place_does_not_keep_the_others_from_going);
        tcase_add_test(tc, store_is_full_when_the_lower_one_is);
        tcase_add_test(tc, page_that_the_upper_store_refuses_goes_down);
        tcase_add_test(tc, stores_that_do_not_fit_are_refused);
        tcase_add_test(tc, page_that_the_parent_was_reading_is_not_locked_in_a_child);
}
