/* SPDX-License-Identifier: MIT */
/*
 * The what-if curve equals the replay of a segmented FIFO at every size, to the unit, and stays near
 * it where only some pages are followed.
 *
 * The replay is written from the definition alone: two queues as arrays, a page looked for from end
 * to end. Its misses are counted by it, its faults and demotions are what the curve is told.
 */
#include "miss_curve.h"
#include "bench_util.h"

#include "../run_tests.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
        PAGES = 60,    /* of random traces */
        FRAMES = 80,   /* sizes are tried up to this: more than there are pages */
        EVENTS = 2500, /* in one trace */
};

struct event {
        uint64_t page;
        enum { TOUCH, FORGET, AHEAD } what;
};

/* ---- a segmented FIFO ------------------------------------------------------------------------ */

struct fifo {
        uint32_t count;
        uint64_t page[FRAMES]; /* oldest first */
};

static bool fifo_take(struct fifo *f, uint64_t page)
{
        for (uint32_t i = 0; i < f->count; i++)
                if (f->page[i] == page) {
                        memmove(&f->page[i], &f->page[i + 1],
                                (f->count - i - 1) * sizeof(f->page[0]));
                        f->count--;
                        return true;
                }
        return false;
}

static void fifo_put(struct fifo *f, uint64_t page)
{
        f->page[f->count++] = page;
}

static bool fifo_has(const struct fifo *f, uint64_t page)
{
        for (uint32_t i = 0; i < f->count; i++)
                if (f->page[i] == page)
                        return true;
        return false;
}

/* Misses with so many frames, of which `primary` are mapped; if there is a curve, it is told. */
static uint64_t replay(const struct event *events, size_t n, uint32_t frames, uint32_t primary,
                       struct miss_curve *curve)
{
        struct fifo mapped = {0}, waiting = {0};
        uint64_t misses = 0;

        for (size_t i = 0; i < n; i++) {
                uint64_t page = events[i].page;

                if (events[i].what == FORGET) {
                        bool inside = fifo_take(&mapped, page);

                        fifo_take(&waiting, page);
                        if (curve)
                                miss_curve_forgotten(curve, page, inside);
                        continue;
                }
                if (fifo_has(&mapped, page))
                        continue;
                misses += !fifo_take(&waiting, page) && events[i].what == TOUCH;
                if (mapped.count == primary) {
                        uint64_t demoted = mapped.page[0];

                        fifo_take(&mapped, demoted);
                        fifo_put(&waiting, demoted);
                        if (waiting.count > frames - primary)
                                fifo_take(&waiting, waiting.page[0]);
                        if (curve)
                                miss_curve_demoted(curve, demoted);
                }
                fifo_put(&mapped, page);
                if (curve)
                        miss_curve_fault(curve, page, events[i].what == TOUCH);
        }
        return misses;
}

/* ---- exactness ------------------------------------------------------------------------------- */

/* Uniform, skewed, looping, in phases; with one event in `forgets` (0: none) that forgets a page,
 * or all of some. */
static void make_trace(struct event *events, size_t n, uint64_t seed, unsigned forgets)
{
        uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;

        for (size_t i = 0; i < n; i++) {
                uint64_t lot = random_next(&state), page;

                switch (seed % 4) {
                case 0:
                        page = lot % PAGES;
                        break;
                case 1:
                        page = (lot % PAGES) * (lot / PAGES % PAGES) / PAGES;
                        break;
                case 2:
                        page = i % (PAGES - 20 + i / 500);
                        break;
                default:
                        page = (i / 700 * 17 + lot % 25) % PAGES;
                }
                events[i] = (struct event){page, lot >> 40 & 15 ? TOUCH : AHEAD};
                if (forgets && (lot >> 32) % forgets == 0)
                        for (uint64_t k = lot >> 50 & 15; i + 1 < n; k--) {
                                events[++i] = (struct event){(page + k) % PAGES, FORGET};
                                if (k == 0)
                                        break;
                        }
        }
}

static void check_every_size(uint64_t seed, uint32_t primary, unsigned forgets)
{
        static struct event events[EVENTS];
        struct miss_curve curve;

        make_trace(events, EVENTS, seed, forgets);
        ck_assert_int_eq(miss_curve_init(&curve, PAGES), 0);
        replay(events, EVENTS, FRAMES, primary, &curve);
        for (uint32_t frames = primary; frames < FRAMES; frames++) {
                uint64_t misses = replay(events, EVENTS, frames, primary, NULL);

                ck_assert_msg(miss_curve_misses(&curve, frames) == misses,
                              "seed %lu, primary %u, frames %u: %lu misses, the curve says %lu",
                              seed, primary, frames, misses, miss_curve_misses(&curve, frames));
        }
        ck_assert_uint_eq(curve.shift, 0);
        if (curve.looks > 0) /* else nothing was ever demoted */
                ck_assert_uint_eq(miss_curve_primary(&curve), primary);
        ck_assert_uint_eq(miss_curve_misses(&curve, miss_curve_primary(&curve) - 1), curve.faults);
        ck_assert_uint_eq(miss_curve_misses(&curve, miss_curve_enough(&curve)),
                          miss_curve_first(&curve));
        if (miss_curve_enough(&curve) > miss_curve_primary(&curve))
                ck_assert_uint_gt(miss_curve_misses(&curve, miss_curve_enough(&curve) - 1),
                                  miss_curve_first(&curve));
        miss_curve_destroy(&curve);
}

START_TEST(equals_the_replay_at_every_size)
{
        for (uint64_t seed = 0; seed < 12; seed++)
                for (uint32_t primary = 1; primary < PAGES; primary += 1 + primary / 3)
                        check_every_size(seed, primary, 0);
}
END_TEST

START_TEST(equals_it_where_pages_are_forgotten)
{
        for (uint64_t seed = 0; seed < 12; seed++)
                for (uint32_t primary = 1; primary < PAGES; primary += 1 + primary / 3) {
                        check_every_size(seed, primary, 300);
                        check_every_size(seed, primary, 40);
                }
}
END_TEST

/* ---- sampling -------------------------------------------------------------------------------- */

enum {
        MANY = 40000,  /* pages */
        MAPPED = 1000, /* of the primary segment */
        LONG = 400000, /* touches */
        SIZES = 100,   /* at which two curves are compared */
};

/* Uniform; the lower the more often; a loop; phases, with a few pages that are always in use. */
static uint64_t page_of(unsigned kind, uint64_t i, uint64_t lot)
{
        uint64_t skewed = (lot & 0xffff) * (lot >> 16 & 0xffff) >> 16;

        switch (kind) {
        case 0:
                return lot % MANY;
        case 1:
                return skewed * skewed / (0xffffffff / MANY);
        case 2:
                return i % (MANY * 3 / 4);
        default:
                return lot % 4 ? i / 100000 * 3000 + (lot >> 8) % 6000
                               : MANY * 4 + (lot >> 8) % 3000;
        }
}

/* A primary segment alone: what is behind it does not change what happens. */
static void run_long(struct miss_curve *curve, unsigned kind)
{
        static uint64_t mapped[MAPPED];
        static bool is_mapped[8 * MANY];
        uint64_t state = kind + 1;
        size_t count = 0;

        memset(is_mapped, 0, sizeof(is_mapped));
        for (uint64_t i = 0; i < LONG; i++) {
                uint64_t page = page_of(kind, i, random_next(&state));

                if (is_mapped[page])
                        continue;
                is_mapped[page] = true;
                if (count >= MAPPED) {
                        is_mapped[mapped[count % MAPPED]] = false;
                        miss_curve_demoted(curve, mapped[count % MAPPED]);
                }
                miss_curve_fault(curve, page, true);
                mapped[count++ % MAPPED] = page;
        }
}

/* The mean over all sizes of how far two curves are apart, in parts of the faults. */
static double distance(const struct miss_curve *a, const struct miss_curve *b)
{
        uint64_t from = MAPPED + 1, to = miss_curve_enough(a);
        double sum = 0;

        for (unsigned i = 0; i < SIZES; i++) {
                uint64_t frames = from + (to - from) * i / SIZES;
                uint64_t x = miss_curve_misses(a, frames), y = miss_curve_misses(b, frames);

                sum += (double)(x > y ? x - y : y - x) / (double)a->faults;
        }
        return sum / SIZES;
}

START_TEST(stays_near_it_where_few_pages_are_followed)
{
        for (unsigned kind = 0; kind < 4; kind++) {
                struct miss_curve whole;

                ck_assert_int_eq(miss_curve_init(&whole, 2 * MANY), 0);
                run_long(&whole, kind);
                ck_assert_uint_eq(whole.shift, 0);
                for (uint32_t capacity = 512; capacity <= 8192; capacity *= 4) {
                        struct miss_curve some;
                        double apart;

                        ck_assert_int_eq(miss_curve_init(&some, capacity), 0);
                        run_long(&some, kind);
                        ck_assert_uint_gt(some.shift, 0);
                        ck_assert_uint_le(some.pages, capacity);
                        ck_assert_uint_eq(some.faults, whole.faults);
                        apart = distance(&whole, &some);
                        printf("kind %u, %5u pages of %lu followed: error %.4f\n", kind, some.pages,
                               whole.first, apart);
                        ck_assert_double_lt(apart * apart * some.pages, 3 * 3);
                        miss_curve_destroy(&some);
                }
                miss_curve_destroy(&whole);
        }
}
END_TEST

/* ---- what a pool may do ---------------------------------------------------------------------- */

/* One mapped frame: what was in it goes. */
static void touch(struct miss_curve *c, uint64_t page, uint64_t before)
{
        if (before)
                miss_curve_demoted(c, before);
        miss_curve_fault(c, page, true);
}

START_TEST(a_renamed_page_keeps_its_place)
{
        struct miss_curve c;

        ck_assert_int_eq(miss_curve_init(&c, 64), 0);
        for (uint64_t page = 1; page <= 10; page++)
                touch(&c, page, page - 1);
        miss_curve_renamed(&c, 4, 1004);
        touch(&c, 1004, 10); /* behind 10, 9, 8, 7, 6, 5 */
        ck_assert_uint_eq(miss_curve_misses(&c, 6), 11);
        ck_assert_uint_eq(miss_curve_misses(&c, 7), 10);
        touch(&c, 4, 1004); /* nobody has heard of it */
        ck_assert_uint_eq(miss_curve_first(&c), 11);
        miss_curve_destroy(&c);
}
END_TEST

START_TEST(counts_begin_again_and_pages_stay_known)
{
        struct miss_curve c;

        ck_assert_int_eq(miss_curve_init(&c, 64), 0);
        touch(&c, 1, 0);
        touch(&c, 2, 1);
        miss_curve_restart(&c);
        ck_assert_uint_eq(miss_curve_misses(&c, 1), 0);
        touch(&c, 1, 2);
        ck_assert_uint_eq(miss_curve_first(&c), 0);
        ck_assert_uint_eq(miss_curve_misses(&c, 1), 1);
        ck_assert_uint_eq(miss_curve_misses(&c, 2), 0);
        miss_curve_destroy(&c);
}
END_TEST

/* Events that make no sense, of a trace with a gap, must not break it. */
START_TEST(survives_events_that_do_not_fit)
{
        struct miss_curve c;
        uint64_t state = 1;

        ck_assert_int_eq(miss_curve_init(&c, 50), 0);
        for (unsigned i = 0; i < 200000; i++) {
                uint64_t lot = random_next(&state), page = (lot >> 8) % (i % 4096 + 1);

                switch (lot % 8) {
                case 0:
                        miss_curve_forgotten(&c, page, lot >> 7 & 1);
                        break;
                case 1:
                        miss_curve_renamed(&c, page, lot >> 20 & 0xfff);
                        break;
                case 2:
                case 3:
                case 4:
                        miss_curve_demoted(&c, page);
                        break;
                default:
                        miss_curve_fault(&c, page, lot >> 7 & 1);
                }
                ck_assert_uint_le(c.pages, c.capacity);
                ck_assert_uint_le(c.now, c.times);
        }
        for (uint64_t frames = 1; frames < 10000; frames++)
                ck_assert_uint_ge(miss_curve_misses(&c, frames - 1), miss_curve_misses(&c, frames));
        miss_curve_destroy(&c);
}
END_TEST

/* Imported traces may have it. */
START_TEST(the_last_of_all_names_takes_no_place)
{
        struct miss_curve c;

        ck_assert_int_eq(miss_curve_init(&c, 50), 0);
        for (unsigned i = 0; i < 1000; i++) {
                miss_curve_fault(&c, UINT64_MAX, true);
                miss_curve_fault(&c, i % 40, true);
                miss_curve_demoted(&c, UINT64_MAX);
                miss_curve_demoted(&c, i % 40);
        }
        ck_assert_uint_eq(c.pages, 40);
        ck_assert_uint_eq(c.shift, 0);
        ck_assert_uint_eq(miss_curve_first(&c), 40);
        miss_curve_destroy(&c);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("curve");
        TCase *exact = tcase_create("exact"), *sampled = tcase_create("sampled");
        TCase *events = tcase_create("events");

        tcase_add_test(exact, equals_the_replay_at_every_size);
        tcase_add_test(exact, equals_it_where_pages_are_forgotten);
        tcase_add_test(sampled, stays_near_it_where_few_pages_are_followed);
        tcase_add_test(events, a_renamed_page_keeps_its_place);
        tcase_add_test(events, counts_begin_again_and_pages_stay_known);
        tcase_add_test(events, survives_events_that_do_not_fit);
        tcase_add_test(events, the_last_of_all_names_takes_no_place);
        suite_add_tcase(suite, exact);
        suite_add_tcase(suite, sampled);
        suite_add_tcase(suite, events);
        return run_suite(suite);
}
