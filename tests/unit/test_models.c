/* SPDX-License-Identifier: MIT */
/*
 * The references of the simulator are what they say they are: MIN as a search through the whole
 * future finds it, LRU as stack distances have it, ARC on sequences whose outcome is known. And on
 * random ones none of them, nor any policy, beats MIN.
 */
#include "model.h"
#include "bench_util.h"

#include "../run_tests.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGES = 60, STEPS = 3000 };

static uint32_t steps[STEPS], next[STEPS];

static bool is_touch(uint32_t step)
{
        return step_what(step) != STEP_FORGET;
}

/* Touches that prefer some pages, loops among them, and now and then a page is forgotten. */
static void make_steps(uint64_t seed)
{
        uint32_t touches[STEPS], count = 0;

        for (uint32_t i = 0; i < STEPS; i++) {
                uint32_t page =
                        i / 500 % 2 ? i % (PAGES / 2)
                                    : (uint32_t)random_below(&seed, random_below(&seed, PAGES) + 1);
                enum step what = random_below(&seed, 50) == 0  ? STEP_FORGET
                                 : random_below(&seed, 4) == 0 ? STEP_WRITE
                                                               : STEP_READ;

                steps[i] = step_make(page, what);
                if (is_touch(steps[i]))
                        touches[count++] = i;
        }
        for (uint32_t t = 0; t < count; t++) {
                uint32_t i = touches[t], n = t;

                next[i] = NEVER;
                for (uint32_t j = i + 1; j < STEPS; j++) {
                        n += is_touch(steps[j]);
                        if (step_page(steps[j]) != step_page(steps[i]))
                                continue;
                        if (is_touch(steps[j]))
                                next[i] = n;
                        break;
                }
        }
}

static struct model_counts replay(struct model *model, size_t n)
{
        struct model_counts counts;
        size_t first = n / 3; /* in two pieces */

        model->ops->replay(model, steps, next, first);
        model->ops->replay(model, steps + first, next + first, n - first);
        ck_assert_str_eq(model->wrong, "");
        counts = model->counts;
        model->ops->close(model);
        return counts;
}

typedef int open_reference(struct model **model, uint32_t pages, uint32_t frames);

static uint64_t misses_of(open_reference *open, uint32_t frames, size_t n)
{
        struct model *model;

        ck_assert_int_eq(open(&model, PAGES, frames), 0);
        return replay(model, n).misses;
}

static uint64_t policy_misses(const struct pg_policy_ops *policy, uint32_t frames, bool far,
                              bool strict)
{
        static uint64_t keys[PAGES];
        struct pool_model c = {.policy = policy,
                               .keys = keys,
                               .pages = PAGES,
                               .frames = frames,
                               .far = far,
                               .strict = strict,
                               .check = true};
        struct model *model;

        for (uint32_t page = 0; page < PAGES; page++)
                keys[page] = 1000 + page;
        ck_assert_int_eq(model_pool_open(&model, &c), 0);
        return replay(model, STEPS).misses;
}

/* ---- by definition ---------------------------------------------------------------------------- */

/* Both keep, of each resident page, when it was or will be touched, and look through all. */
static uint64_t misses_by_search(uint32_t frames, bool into_future)
{
        uint64_t when[PAGES], misses = 0;
        bool resident[PAGES] = {false};
        uint32_t count = 0;

        for (uint32_t i = 0; i < STEPS; i++) {
                uint32_t page = step_page(steps[i]), victim = PAGES;

                if (!is_touch(steps[i])) {
                        count -= resident[page];
                        resident[page] = false;
                        continue;
                }
                if (!resident[page]) {
                        misses++;
                        for (uint32_t p = 0; p < PAGES && count == frames; p++)
                                if (resident[p] && (victim == PAGES || when[p] > when[victim]))
                                        victim = p;
                        if (victim < PAGES)
                                resident[victim] = false;
                        count += victim == PAGES;
                        resident[page] = true;
                }
                when[page] = into_future ? next[i] : STEPS - i;
        }
        return misses;
}

START_TEST(min_evicts_what_is_touched_last)
{
        make_steps((uint64_t)_i + 1);
        for (uint32_t frames = 1; frames <= PAGES; frames += 1 + frames / 4)
                ck_assert_uint_eq(misses_of(model_min_open, frames, STEPS),
                                  misses_by_search(frames, true));
}
END_TEST

START_TEST(lru_evicts_what_was_touched_first)
{
        make_steps((uint64_t)_i + 1);
        for (uint32_t frames = 1; frames <= PAGES; frames += 1 + frames / 4)
                ck_assert_uint_eq(misses_of(model_lru_open, frames, STEPS),
                                  misses_by_search(frames, false));
}
END_TEST

/* LRU and MIN are stack algorithms: with a frame more they hold what they held, and one more. */
START_TEST(more_frames_never_miss_more)
{
        uint64_t lru = UINT64_MAX, min = UINT64_MAX;

        make_steps((uint64_t)_i + 1);
        for (uint32_t frames = 1; frames <= PAGES; frames++) {
                uint64_t lru_now = misses_of(model_lru_open, frames, STEPS);
                uint64_t min_now = misses_of(model_min_open, frames, STEPS);

                ck_assert_uint_le(lru_now, lru);
                ck_assert_uint_le(min_now, min);
                lru = lru_now;
                min = min_now;
        }
        ck_assert_uint_eq(lru, min); /* all fits: first touches alone */
}
END_TEST

START_TEST(nothing_misses_less_than_min)
{
        const struct pg_policy_ops *policy;

        make_steps((uint64_t)_i + 1);
        for (uint32_t frames = 4; frames <= PAGES; frames += 7) {
                uint64_t least = misses_of(model_min_open, frames, STEPS);

                ck_assert_uint_ge(misses_of(model_lru_open, frames, STEPS), least);
                ck_assert_uint_ge(misses_of(model_arc_open, frames, STEPS), least);
                for (unsigned i = 0; (policy = pg_policy_at(i)); i++) {
                        ck_assert_uint_ge(policy_misses(policy, frames, false, false), least);
                        ck_assert_uint_ge(policy_misses(policy, frames, true, false), least);
                        ck_assert_uint_ge(policy_misses(policy, frames, false, true), least);
                }
        }
}
END_TEST

/* ---- ARC -------------------------------------------------------------------------------------- */

static size_t touch_each(size_t n, uint32_t first, uint32_t count)
{
        for (uint32_t i = 0; i < count; i++)
                steps[n++] = step_make(first + i, STEP_READ);
        return n;
}

START_TEST(arc_keeps_what_was_used_twice_through_a_scan)
{
        size_t n = touch_each(0, 0, 5);

        n = touch_each(n, 0, 5);
        n = touch_each(n, 10, 40); /* the scan */
        n = touch_each(n, 0, 5);
        ck_assert_uint_eq(misses_of(model_arc_open, 10, n), 5 + 40);
        ck_assert_uint_eq(misses_of(model_lru_open, 10, n), 5 + 40 + 5);
}
END_TEST

START_TEST(arc_is_lru_where_nothing_comes_twice)
{
        size_t n = 0;

        for (int round = 0; round < 10; round++)
                n = touch_each(n, 0, 12);
        ck_assert_uint_eq(misses_of(model_arc_open, 10, n), 120);
        ck_assert_uint_eq(misses_of(model_lru_open, 10, n), 120);
        ck_assert_uint_eq(misses_of(model_arc_open, 12, n), 12);
}
END_TEST

/* Worked by hand. a and b are used twice; c and d, used once, make room for e and f, and leave
 * ghosts. c comes back: its ghost lets the share of pages used once grow from 0 to 1, and e, the
 * second one of them, goes. f and a are still there. */
START_TEST(arc_learns_from_a_ghost)
{
        enum { a, b, c, d, e, f };
        const uint32_t pages[] = {a, b, a, b, c, d, e, f, c, f, a};
        size_t n = 0;

        for (; n < sizeof(pages) / sizeof(pages[0]); n++)
                steps[n] = step_make(pages[n], STEP_READ);
        ck_assert_uint_eq(misses_of(model_arc_open, 4, n), 7);
        steps[n++] = step_make(e, STEP_READ);
        ck_assert_uint_eq(misses_of(model_arc_open, 4, n), 8);
}
END_TEST

/* ---- policies that break their contract -------------------------------------------------------- */

static uint32_t select_nothing(void *self)
{
        (void)self;
        return PG_NO_FRAME;
}

static uint32_t select_beyond(void *self)
{
        (void)self;
        return 1000000;
}

static uint32_t select_first(void *self)
{
        (void)self;
        return 0;
}

static size_t footprint_huge(uint32_t nframes)
{
        return 33 * (size_t)nframes + 4096;
}

static const char *wrong_of(const struct pg_policy_ops *policy)
{
        static char wrong[160];
        static uint64_t keys[PAGES];
        struct pool_model c = {.policy = policy, .keys = keys, .pages = PAGES, .frames = 8};
        struct model *model;

        ck_assert_int_eq(model_pool_open(&model, &c), 0);
        model->ops->replay(model, steps, NULL, STEPS);
        memcpy(wrong, model->wrong, sizeof(wrong));
        model->ops->close(model);
        return wrong;
}

START_TEST(a_policy_that_breaks_its_contract_is_told_so)
{
        struct pg_policy_ops policy = *pg_policy_find("fifo");
        struct pool_model c = {.policy = &policy, .frames = 8};
        struct model *model;

        make_steps(1);
        policy.select = select_nothing;
        ck_assert_ptr_nonnull(strstr(wrong_of(&policy), "names no frame"));
        policy.select = select_beyond;
        ck_assert_ptr_nonnull(strstr(wrong_of(&policy), "names no frame"));
        policy.select = select_first; /* although it may wait already */
        ck_assert_ptr_nonnull(strstr(wrong_of(&policy), "named frame 0"));
        policy.footprint = footprint_huge;
        ck_assert_int_eq(model_pool_open(&model, &c), -EINVAL);
}
END_TEST

TESTS("models")
{
        tcase_add_loop_test(tc, min_evicts_what_is_touched_last, 0, 5);
        tcase_add_loop_test(tc, lru_evicts_what_was_touched_first, 0, 5);
        tcase_add_loop_test(tc, more_frames_never_miss_more, 0, 5);
        tcase_add_loop_test(tc, nothing_misses_less_than_min, 0, 5);
        tcase_add_test(tc, arc_keeps_what_was_used_twice_through_a_scan);
        tcase_add_test(tc, arc_is_lru_where_nothing_comes_twice);
        tcase_add_test(tc, arc_learns_from_a_ghost);
        tcase_add_test(tc, a_policy_that_breaks_its_contract_is_told_so);
}
