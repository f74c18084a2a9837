/* SPDX-License-Identifier: MIT */
/* test_curve_view.c - what a curve is taken to mean, of runs that are made up. */
#include "../run_tests.h"
#include "curve_view.h"

#include <string.h>

#define PAGE  4096u
#define FIRST 1000u
#define MOST  10000u

/* A run with 6000 frames: each frame more, up to 9000, saves two misses. */
static uint64_t misses(const void *arg, uint64_t frames)
{
        (void)arg;
        return FIRST + (frames < 9000 ? 2 * (9000 - frames) : 0);
}

/* 12 000 pages left and 8000 came back, which took as long as the program itself, and half as
 * long. */
static struct curve_view run_with(uint64_t frames)
{
        return (struct curve_view){.misses = misses,
                                   .name = "made-up",
                                   .page_size = PAGE,
                                   .least = frames * 8 / 10,
                                   .enough = 9000,
                                   .budget = frames,
                                   .given = frames * PAGE,
                                   .first = FIRST,
                                   .most = MOST,
                                   .left = 12000,
                                   .back = 8000,
                                   .kept_ns = 12e8,
                                   .miss_ns = 1e5,
                                   .leave_ns = 1e5,
                                   .doubt = 0.1};
}

static const char *sentence_of(const struct curve_view *v)
{
        static char text[512];
        struct ink ink = {text, sizeof(text) - 1, 0, false};

        memset(text, 0, sizeof(text));
        curve_view_sentence(v, &ink);
        return text;
}

START_TEST(with_the_budget_it_takes_what_it_took)
{
        struct curve_view v = run_with(6000);
        struct slowdown s = curve_view_slowdown(&v, 6000);

        ck_assert_double_eq_tol(s.middle, (12e8 + 6000 * 1e5 + 12000 * 1e5) / 12e8, 1e-9);
        /* A tenth more or less of what was lost is a tenth less or more of what was kept. */
        ck_assert_double_eq_tol(s.high, 1 + 1.1 * 18e8 / (12e8 - 0.1 * 18e8), 1e-9);
        ck_assert_double_eq_tol(s.low, 1 + 0.9 * 18e8 / (12e8 + 0.1 * 18e8), 1e-9);
}
END_TEST

/* The lower end of the range is never less than the program alone. */
START_TEST(however_much_is_in_doubt_it_is_slower)
{
        struct curve_view v = run_with(6000);

        for (v.doubt = 0; v.doubt < 0.95; v.doubt += 0.1) {
                struct slowdown s = curve_view_slowdown(&v, 6000);

                ck_assert_double_gt(s.low, 1);
                ck_assert_double_ge(s.middle, s.low);
                ck_assert_double_ge(s.high, s.middle);
        }
}
END_TEST

START_TEST(more_memory_never_costs_time_and_with_all_pages_nothing_is_lost)
{
        struct curve_view v = run_with(6000);
        double last = 1e9;

        for (uint64_t frames = v.least; frames <= MOST + 100; frames++) {
                double now = curve_view_slowdown(&v, frames).middle;

                ck_assert_double_le(now, last + 1e-9);
                ck_assert_double_ge(now, 1);
                last = now;
        }
        ck_assert_double_eq(curve_view_slowdown(&v, MOST).middle, 1);
        ck_assert_double_gt(curve_view_slowdown(&v, 9900).middle, 1);
}
END_TEST

/* Half of it stays away: the curve alone would say that 9000 frames are enough. */
START_TEST(pages_that_leave_and_do_not_come_back_count)
{
        struct curve_view v = run_with(6000);

        ck_assert_double_gt(curve_view_slowdown(&v, 9000).middle, 1.05);
        ck_assert_uint_gt(curve_view_sufficient(&v), 9000);
        ck_assert_uint_lt(curve_view_sufficient(&v), MOST);
        ck_assert_double_le(curve_view_slowdown(&v, curve_view_sufficient(&v)).middle, 1.05);
}
END_TEST

START_TEST(a_budget_that_had_room_for_nearly_all_is_judged_too)
{
        struct curve_view v = run_with(9990);

        v.left = 30;
        v.back = 0;
        v.miss_ns = 0;
        ck_assert_uint_eq(curve_view_sufficient(&v), 9990);
        ck_assert_str_eq(sentence_of(&v),
                         "39 MiB would have sufficed to run at most 5 % slower than "
                         "with all the memory it could want.");
        v.leave_ns = 1e8; /* to a slow disk */
        ck_assert_uint_gt(curve_view_sufficient(&v), 9990);
        ck_assert_uint_le(curve_view_sufficient(&v), MOST);
}
END_TEST

START_TEST(where_nothing_left_all_that_is_known_is_what_there_was)
{
        struct curve_view v = run_with(6000);

        v.left = v.back = 0;
        v.leave_ns = v.miss_ns = 0;
        v.least = v.enough = 700;
        ck_assert_uint_eq(curve_view_sufficient(&v), 700);
        ck_assert_ptr_nonnull(strstr(sentence_of(&v), "and perhaps less"));
}
END_TEST

START_TEST(a_run_that_is_nearly_all_paging_has_no_upper_end)
{
        struct curve_view v = run_with(6000);

        v.kept_ns = 1e7;
        ck_assert_ptr_nonnull(strstr(sentence_of(&v), "it takes more than "));
}
END_TEST

START_TEST(a_short_run_has_no_verdict)
{
        struct curve_view v = run_with(6000);

        v.no_verdict = CURVE_SHORT;
        ck_assert_ptr_nonnull(strstr(sentence_of(&v), "cannot be told"));
}
END_TEST

TESTS("curve view")
{
        tcase_add_test(tc, with_the_budget_it_takes_what_it_took);
        tcase_add_test(tc, however_much_is_in_doubt_it_is_slower);
        tcase_add_test(tc, more_memory_never_costs_time_and_with_all_pages_nothing_is_lost);
        tcase_add_test(tc, pages_that_leave_and_do_not_come_back_count);
        tcase_add_test(tc, a_budget_that_had_room_for_nearly_all_is_judged_too);
        tcase_add_test(tc, where_nothing_left_all_that_is_known_is_what_there_was);
        tcase_add_test(tc, a_run_that_is_nearly_all_paging_has_no_upper_end);
        tcase_add_test(tc, a_short_run_has_no_verdict);
}
