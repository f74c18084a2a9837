/* SPDX-License-Identifier: MIT */
/* What the simulator makes of a trace: which events are touches, when a life ends, what is next. */
#include "generate.h"
#include "model.h"
#include "steps.h"

#include "../run_tests.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/unpaged-steps-XXXXXX";
static char why[TRACE_WHY], note[TRACE_WHY];

static void begin(void)
{
        int fd;

        memset(path + sizeof(path) - 7, 'X', 6);
        fd = mkstemp(path);
        ck_assert_int_ge(fd, 0);
        close(fd);
}

static void end(void)
{
        unlink(path);
}

static void write_trace(const struct pg_trace_event *events, size_t n)
{
        struct pg_trace_header header = {.page_size = 4096, .frames = 7};
        struct trace_file_writer *w;

        ck_assert_int_eq(trace_file_create(path, &header, &w, why), 0);
        for (size_t i = 0; i < n; i++) {
                struct pg_trace_event e = events[i];

                e.count = e.count ? e.count : 1;
                trace_file_add(w, &e);
        }
        ck_assert_int_eq(trace_file_finish(w, true, why), 0);
}

static struct steps *open_steps(void)
{
        struct steps *s;

        ck_assert_msg(steps_open(&s, path, true, NULL, NULL, note, why) == 0, "%s", why);
        return s;
}

struct expected {
        uint32_t page;
        enum step what;
        uint32_t next;
};

static void check_steps(struct steps *s, const struct expected *want, long n)
{
        const uint32_t *piece, *next;

        ck_assert_int_eq(steps_next(s, &piece, &next, why), n);
        for (long i = 0; i < n; i++) {
                ck_assert_uint_eq(step_page(piece[i]), want[i].page);
                ck_assert_int_eq(step_what(piece[i]), want[i].what);
                if (want[i].what != STEP_FORGET)
                        ck_assert_uint_eq(next[i], want[i].next);
        }
        ck_assert_int_eq(steps_next(s, &piece, &next, why), 0);
}

START_TEST(touches_are_what_programs_did_and_not_what_the_pool_did)
{
        static const struct pg_trace_event events[] = {
                {.kind = PG_TRACE_FAULT, .page = 100, .dirty = true},
                {.kind = PG_TRACE_AHEAD, .page = 101},
                {.kind = PG_TRACE_TIME, .count = 77},
                {.kind = PG_TRACE_QUEUED, .page = 100, .dirty = true},
                {.kind = PG_TRACE_RESCUED, .page = 100, .dirty = true},
                {.kind = PG_TRACE_WRITTEN, .page = 101, .dirty = true},
                {.kind = PG_TRACE_GAP, .count = 5},
                {.kind = PG_TRACE_LEFT, .page = 100, .dirty = true},
                {.kind = PG_TRACE_RETURNED, .page = 101},
                {.kind = PG_TRACE_FRAMES, .count = 9},
                {.kind = PG_TRACE_ACCESS, .page = UINT64_MAX},
        };
        static const struct expected want[] = {
                {0, STEP_WRITE, 2},     {1, STEP_READ, 3},     {0, STEP_WRITE, NEVER},
                {1, STEP_WRITE, NEVER}, {2, STEP_READ, NEVER},
        };
        const struct steps_facts *f;
        struct steps *s;

        write_trace(events, sizeof(events) / sizeof(events[0]));
        s = open_steps();
        f = steps_facts(s);
        ck_assert_str_eq(note, "");
        ck_assert_uint_eq(f->touches, 5);
        ck_assert_uint_eq(f->writes, 3);
        ck_assert_uint_eq(f->first_touches, 3);
        ck_assert_uint_eq(f->ahead, 1);
        ck_assert_uint_eq(f->lost, 5);
        ck_assert_uint_eq(f->pages, 3);
        ck_assert_uint_eq(f->most_alive, 3);
        ck_assert_uint_eq(f->header.frames, 7);
        ck_assert_uint_eq(steps_keys(s)[0], 100);
        ck_assert_uint_eq(steps_keys(s)[2], UINT64_MAX);
        check_steps(s, want, 5);
        steps_close(s);
}
END_TEST

START_TEST(after_it_was_forgotten_a_page_is_touched_for_the_first_time)
{
        static const struct pg_trace_event events[] = {
                {.kind = PG_TRACE_ACCESS, .page = 10},
                {.kind = PG_TRACE_ACCESS, .page = 20},
                {.kind = PG_TRACE_FORGOTTEN, .page = 9, .count = 11},         /* 10, but not 20 */
                {.kind = PG_TRACE_FORGOTTEN, .page = 0, .count = UINT64_MAX}, /* 20 as well */
                {.kind = PG_TRACE_FORGOTTEN, .page = 10},                     /* again */
                {.kind = PG_TRACE_ACCESS, .page = 10},
        };
        static const struct expected want[] = {{0, STEP_READ, NEVER},
                                               {1, STEP_READ, NEVER},
                                               {0, STEP_FORGET, 0},
                                               {1, STEP_FORGET, 0},
                                               {0, STEP_READ, NEVER}};
        struct steps *s;

        write_trace(events, sizeof(events) / sizeof(events[0]));
        s = open_steps();
        ck_assert_uint_eq(steps_facts(s)->first_touches, 3);
        ck_assert_uint_eq(steps_facts(s)->pages, 2);
        ck_assert_uint_eq(steps_facts(s)->most_alive, 2);
        check_steps(s, want, 5);
        steps_close(s);
}
END_TEST

START_TEST(a_page_that_is_moved_is_the_same_page)
{
        static const struct pg_trace_event events[] = {
                {.kind = PG_TRACE_ACCESS, .page = 10},
                {.kind = PG_TRACE_ACCESS, .page = 31},
                {.kind = PG_TRACE_MOVED, .page = 10, .count = 2, .to = 30}, /* onto 31, too */
                {.kind = PG_TRACE_ACCESS, .page = 30},                      /* what was 10 */
                {.kind = PG_TRACE_ACCESS, .page = 31},                      /* new */
                {.kind = PG_TRACE_ACCESS, .page = 10},                      /* new */
        };
        static const struct expected want[] = {{0, STEP_READ, 2},     {1, STEP_READ, NEVER},
                                               {1, STEP_FORGET, 0},   {0, STEP_READ, NEVER},
                                               {1, STEP_READ, NEVER}, {2, STEP_READ, NEVER}};
        struct steps *s;

        write_trace(events, sizeof(events) / sizeof(events[0]));
        s = open_steps();
        ck_assert_uint_eq(steps_facts(s)->first_touches, 4);
        check_steps(s, want, 6);
        steps_close(s);
}
END_TEST

START_TEST(a_trace_that_ends_before_its_time_says_so)
{
        static const struct pg_trace_event events[] = {{.kind = PG_TRACE_ACCESS, .page = 10},
                                                       {.kind = PG_TRACE_ACCESS, .page = 20}};
        static const struct expected want[] = {{0, STEP_READ, NEVER}, {1, STEP_READ, NEVER}};
        struct steps *s;

        write_trace(events, 2);
        ck_assert_int_eq(truncate(path, PG_TRACE_HEADER_SIZE + 4), 0);
        s = open_steps();
        ck_assert_ptr_nonnull(strstr(note, "before its time"));
        check_steps(s, want, 2);
        steps_close(s);
        ck_assert_int_eq(steps_open(&s, "/nonexistent/trace", false, NULL, NULL, note, why),
                         -ENOENT);
        ck_assert_ptr_nonnull(strstr(why, "/nonexistent/trace"));
}
END_TEST

/* Next touches are right, over the ends of pieces, too. */
START_TEST(each_touch_knows_the_next_one)
{
        struct generator_settings g = {.kind_name = "zipf",
                                       .pages = 5000,
                                       .accesses = 3 * STEPS_PIECE + 100,
                                       .seed = 1,
                                       .alpha_ppm = 800000,
                                       .writes_pct = 10};
        static uint32_t due[5000];
        const uint32_t *piece, *next;
        uint64_t touch = 0, writes = 0;
        struct steps *s;
        long n;

        ck_assert_msg(generate(&g, path, why) == 0, "%s", why);
        s = open_steps();
        memset(due, 0, sizeof(due));
        while ((n = steps_next(s, &piece, &next, why)) > 0)
                for (long i = 0; i < n; i++, touch++) {
                        uint32_t page = step_page(piece[i]);

                        writes += step_what(piece[i]) == STEP_WRITE;
                        /* what was foretold at its last touch */
                        ck_assert(due[page] == 0 || due[page] == touch + 1);
                        due[page] = next[i] + 1; /* NEVER: 0 */
                }
        ck_assert_uint_eq(touch, g.accesses);
        ck_assert_uint_eq(steps_facts(s)->touches, g.accesses);
        ck_assert_uint_eq(steps_facts(s)->writes, writes);
        for (uint32_t page = 0; page < steps_facts(s)->pages; page++)
                ck_assert_uint_eq(due[page], 0);
        steps_close(s);
}
END_TEST

TESTS("steps")
{
        tcase_add_checked_fixture(tc, begin, end);
        tcase_add_test(tc, touches_are_what_programs_did_and_not_what_the_pool_did);
        tcase_add_test(tc, after_it_was_forgotten_a_page_is_touched_for_the_first_time);
        tcase_add_test(tc, a_page_that_is_moved_is_the_same_page);
        tcase_add_test(tc, a_trace_that_ends_before_its_time_says_so);
        tcase_add_test(tc, each_touch_knows_the_next_one);
}
