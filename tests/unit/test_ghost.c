/* SPDX-License-Identifier: MIT */
/* The ghosts of pages that went out: remembered for as many departures as there are frames. */
#include "ghost.h"

#include "../run_tests.h"

#include <check.h>
#include <stdlib.h>

#define FRAMES 1000u

static struct ghosts ghosts;

static void begin(void)
{
        ck_assert_int_eq(ghosts_init(&ghosts, 4 * FRAMES), 0);
}

static void end(void)
{
        ghosts_destroy(&ghosts);
}

/* Of keys that left one after the other, how many of `n` are remembered. */
static unsigned remembered(uint32_t frames, uint64_t first, unsigned n)
{
        unsigned found = 0;

        for (uint64_t key = first; key < first + n; key++)
                found += ghost_take(&ghosts, frames, key);
        return found;
}

START_TEST(a_page_that_left_is_remembered_once)
{
        ck_assert(!ghost_take(&ghosts, FRAMES, 7));
        ghost_add(&ghosts, FRAMES, 7);
        ck_assert(!ghost_take(&ghosts, FRAMES, 8));
        ck_assert(ghost_take(&ghosts, FRAMES, 7));
        ck_assert(!ghost_take(&ghosts, FRAMES, 7));
}
END_TEST

/* Places are shared by hash: of as many keys as there are frames more than half keep theirs. */
START_TEST(those_that_left_longer_ago_than_there_are_frames_are_forgotten)
{
        for (uint64_t key = 0; key < 3 * FRAMES; key++)
                ghost_add(&ghosts, FRAMES, key);
        ck_assert_uint_eq(remembered(FRAMES, 0, 2 * FRAMES - 1), 0);
        ck_assert_uint_gt(remembered(FRAMES, 2 * FRAMES, FRAMES), FRAMES / 2);
}
END_TEST

START_TEST(pages_that_never_left_are_hardly_ever_taken_for_others)
{
        for (uint64_t key = 0; key < FRAMES; key++)
                ghost_add(&ghosts, FRAMES, key);
        ck_assert_uint_lt(remembered(FRAMES, 1u << 20, 10 * FRAMES), 10 * FRAMES / 100);
}
END_TEST

START_TEST(a_new_limit_forgets_some_and_breaks_nothing)
{
        for (uint64_t key = 0; key < FRAMES; key++)
                ghost_add(&ghosts, FRAMES, key);
        remembered(4 * FRAMES, 0, FRAMES);
        for (uint64_t key = 0; key < 4 * FRAMES; key++)
                ghost_add(&ghosts, 4 * FRAMES, key);
        ck_assert_uint_gt(remembered(4 * FRAMES, 0, 4 * FRAMES), 2 * FRAMES);
        ghost_add(&ghosts, 1, 5);
        ck_assert(ghost_take(&ghosts, 1, 5));
}
END_TEST

TESTS("ghost")
{
        tcase_add_checked_fixture(tc, begin, end);
        tcase_add_test(tc, a_page_that_left_is_remembered_once);
        tcase_add_test(tc, those_that_left_longer_ago_than_there_are_frames_are_forgotten);
        tcase_add_test(tc, pages_that_never_left_are_hardly_ever_taken_for_others);
        tcase_add_test(tc, a_new_limit_forgets_some_and_breaks_nothing);
}
