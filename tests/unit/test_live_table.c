/* SPDX-License-Identifier: MIT */
/* test_live_table.c - the rows of `unpaged top`, of pools that are made up. */
#include "../run_tests.h"
#include "live_table.h"

#include <stdio.h>
#include <string.h>

#define PAGE   4096u
#define SECOND 1000000000u

static struct live_view views[8], earlier[8];
static struct live_views now = {.at = views}, before = {.at = earlier};
static struct table table;

/* A pool of `frames`, half of them in use, that was opened a second ago. */
static struct live_view *add_pool(pid_t pid, pid_t parent, uint64_t frames, const char *program)
{
        struct live_view *v = &views[now.count];

        *v = (struct live_view){.live = {.pid = pid,
                                         .start_ticks = 7,
                                         .page_size = PAGE,
                                         .opened_clock_ns = SECOND},
                                .clock_ns = 2 * (uint64_t)SECOND,
                                .parent = parent,
                                .user = 0};
        if (now.count > 0 && v[-1].live.pid == pid)
                v->live.pool = v[-1].live.pool + 1;
        v->gauges[PG_GAUGE_FRAMES_TOTAL] = frames;
        v->gauges[PG_GAUGE_FRAMES_FREE] = frames / 2;
        strcpy(v->live.program, program);
        now.count++;
        return v;
}

static void end_pool(struct live_view *v, enum pg_live_state state)
{
        v->has_ended = true;
        v->live.state = state;
}

static void clear(void)
{
        now.count = before.count = 0;
}

static void fill(struct table_order order)
{
        ck_assert_int_eq(table_fill(&table, &now, &before, NULL, 0), 0);
        table_sort(&table, &order);
}

/* "1 2 .3": the rows' processes, with a point for each parent. */
static const char *order_of(struct table_order order)
{
        static char text[256];

        fill(order);
        text[0] = '\0';
        for (size_t i = 0; i < table.count; i++)
                snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%.*s%d", i ? " " : "",
                         (int)table.rows[i].depth, "........", (int)table.rows[i].pid);
        return text;
}

static void free_table(void)
{
        table_free(&table);
}

START_TEST(pools_of_a_process_are_one_row)
{
        struct live_view *one = add_pool(10, 1, 100, "a"), *two = add_pool(10, 1, 300, "a");

        one->counters[PG_COUNTER_FAULTS] = 50;
        one->counters[PG_COUNTER_RESCUES] = 20;
        two->counters[PG_COUNTER_FAULTS] = 5;
        two->counters[PG_COUNTER_WAIT_NS] = SECOND / 4;
        one->gauges[PG_GAUGE_SWAP_PAGES] = 30;
        one->gauges[PG_GAUGE_SWAP_MEMORY_BYTES] = 5 * PAGE;
        two->live.delivery = 1;
        fill((struct table_order){.by = COLUMN_PID});
        ck_assert_uint_eq(table.count, 1);
        ck_assert_uint_eq(table.rows[0].memory, 200 * PAGE);
        ck_assert_uint_eq(table.rows[0].budget, 400 * PAGE);
        ck_assert_uint_eq(table.rows[0].compressed, 5 * PAGE);
        ck_assert_uint_eq(table.rows[0].unpacked, 30 * PAGE);
        ck_assert_double_eq_tol(table.rows[0].faults, 55, 1e-6);
        ck_assert_double_eq_tol(table.rows[0].loads, 35, 1e-6);
        ck_assert_double_eq_tol(table.rows[0].waiting, 25, 1e-6);
        ck_assert(table.rows[0].by_thread && table.rows[0].by_signal);
}
END_TEST

START_TEST(rates_are_those_since_the_last_reading)
{
        struct live_view *v = add_pool(10, 1, 100, "a");

        v->counters[PG_COUNTER_FAULTS] = 1000;
        earlier[0] = *v;
        before.count = 1;
        v->clock_ns += SECOND / 2;
        v->counters[PG_COUNTER_FAULTS] = 1100;
        fill((struct table_order){.by = COLUMN_PID});
        ck_assert_double_eq_tol(table.rows[0].faults, 200, 1e-6);
}
END_TEST

START_TEST(what_a_running_process_has_closed_does_not_count)
{
        end_pool(add_pool(10, 1, 100, "a"), PG_LIVE_CLOSED);
        add_pool(10, 1, 300, "a");
        end_pool(add_pool(10, 1, 500, "a"), PG_LIVE_CLOSED);
        fill((struct table_order){.by = COLUMN_PID});
        ck_assert_uint_eq(table.count, 1);
        ck_assert_uint_eq(table.rows[0].budget, 300 * PAGE);
        ck_assert(!table.rows[0].has_ended);
}
END_TEST

START_TEST(rows_are_sorted_by_any_column_and_back)
{
        struct live_view *a = add_pool(1, 0, 100, "c"), *b = add_pool(2, 0, 300, "a"),
                         *c = add_pool(3, 0, 200, "b");
        struct table_order by = {.is_flat = true};

        a->counters[PG_COUNTER_FAULTS] = 3;
        b->counters[PG_COUNTER_FAULTS] = 1;
        c->counters[PG_COUNTER_FAULTS] = 2;
        b->counters[PG_COUNTER_WAIT_NS] = 10;
        a->gauges[PG_GAUGE_SWAP_PAGES] = b->gauges[PG_GAUGE_SWAP_PAGES] = 8;
        a->gauges[PG_GAUGE_SWAP_MEMORY_BYTES] = 1000;
        b->gauges[PG_GAUGE_SWAP_MEMORY_BYTES] = 2000;
        b->gauges[PG_GAUGE_FRAMES_FREE] = 0;
        c->live.delivery = 1;
        static const struct {
                enum table_column by;
                const char *down, *up;
        } orders[] = {
                {COLUMN_PID, "1 2 3", "3 2 1"},      {COLUMN_USER, "1 2 3", "1 2 3"},
                {COLUMN_MEMORY, "2 3 1", "1 3 2"},   {COLUMN_BUDGET, "2 3 1", "1 3 2"},
                {COLUMN_USED, "2 1 3", "1 3 2"},     {COLUMN_COMPRESSED, "2 1 3", "3 1 2"},
                {COLUMN_RATIO, "1 2 3", "3 2 1"},    {COLUMN_FAULTS, "1 3 2", "2 3 1"},
                {COLUMN_LOADS, "1 3 2", "2 3 1"},    {COLUMN_WAIT, "2 1 3", "1 3 2"},
                {COLUMN_DELIVERY, "3 1 2", "1 2 3"}, {COLUMN_PROGRAM, "2 3 1", "1 3 2"},
        };
        for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
                by.by = orders[i].by;
                by.reversed = false;
                ck_assert_str_eq(order_of(by), orders[i].down);
                by.reversed = true;
                ck_assert_str_eq(order_of(by), orders[i].up);
        }
}
END_TEST

START_TEST(children_are_below_their_parents_and_sorted_among_themselves)
{
        struct live_view *v;

        add_pool(10, 1, 100, "a");
        add_pool(11, 10, 300, "b");
        add_pool(12, 11, 50, "c");
        add_pool(13, 10, 400, "d");
        add_pool(20, 99, 200, "e");
        v = add_pool(21, 20, 1, "f");
        ck_assert_str_eq(order_of((struct table_order){.by = COLUMN_BUDGET}),
                         "20 .21 10 .13 .11 ..12");
        ck_assert_str_eq(order_of((struct table_order){.by = COLUMN_BUDGET, .reversed = true}),
                         "10 .11 ..12 .13 20 .21");
        ck_assert_str_eq(order_of((struct table_order){.by = COLUMN_BUDGET, .is_flat = true}),
                         "13 11 20 10 12 21");
        /* What has ended is the parent of none: its number may be another's. */
        end_pool(v - 1, PG_LIVE_CLOSED);
        ck_assert_str_eq(order_of((struct table_order){.by = COLUMN_PID}), "10 .11 ..12 .13 20 21");
}
END_TEST

START_TEST(processes_that_seem_to_be_each_others_parents_are_shown_once)
{
        add_pool(10, 11, 1, "a");
        add_pool(11, 10, 1, "b");
        add_pool(12, 1, 1, "c");
        ck_assert_str_eq(order_of((struct table_order){.by = COLUMN_PID}), "12 10 .11");
}
END_TEST

START_TEST(only_those_that_were_named_are_in_it)
{
        static const pid_t only[] = {12, 10, 77};

        add_pool(10, 1, 1, "a");
        add_pool(11, 1, 1, "b");
        add_pool(12, 1, 1, "c");
        ck_assert_int_eq(table_fill(&table, &now, &before, only, 3), 0);
        ck_assert_uint_eq(table.count, 2);
        ck_assert_int_eq(table.rows[0].pid, 10);
        ck_assert_int_eq(table.rows[1].pid, 12);
}
END_TEST

START_TEST(a_line_has_a_cell_for_each_column)
{
        struct live_view *v = add_pool(10, 1, 4096, "a program");
        char line[TABLE_LINE];

        add_pool(11, 10, 1, "child");
        v->counters[PG_COUNTER_FAULTS] = 1234;
        v->counters[PG_COUNTER_WAIT_NS] = SECOND / 8;
        v->gauges[PG_GAUGE_SWAP_PAGES] = 30;
        v->gauges[PG_GAUGE_SWAP_MEMORY_BYTES] = 12 * PAGE;
        fill((struct table_order){.by = COLUMN_PID});
        table_head(0, line);
        ck_assert_str_eq(line, "    PID USER     MEMORY BUDGET USED% COMPRESSED RATIO FAULTS/s "
                               "LOADS/s  WAIT% DELIVERY PROGRAM");
        table_line(&table.rows[0], 0, line);
        ck_assert_str_eq(line, "     10 root       8.0M  16.0M    50      48.0K   2.5     1234 "
                               "   1234   12.5 thread   a program");
        table_line(&table.rows[1], 0, line);
        ck_assert_str_eq(strstr(line, "thread"), "thread   `-child");
}
END_TEST

START_TEST(narrow_lines_lose_columns_in_their_order_and_the_program_its_end)
{
        static const struct {
                unsigned width;
                const char *head;
        } heads[] = {
                {80,
                 "    PID MEMORY BUDGET USED% COMPRESSED RATIO FAULTS/s LOADS/s  WAIT% PROGRAM"},
                {72, "    PID MEMORY BUDGET USED% FAULTS/s LOADS/s  WAIT% PROGRAM"},
                {50, "    PID MEMORY BUDGET FAULTS/s  WAIT% PROGRAM"},
                {25, "    PID MEMORY PROGRAM"},
                {12, "    PID MEMO"},
        };
        char line[TABLE_LINE];
        unsigned bytes;

        for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
                table_head(heads[i].width, line);
                ck_assert_str_eq(line, heads[i].head);
        }
        ck_assert_uint_eq(table_head_place(50, COLUMN_WAIT, &bytes), 31);
        ck_assert_uint_eq(bytes, 6);
        table_head_place(50, COLUMN_LOADS, &bytes);
        ck_assert_uint_eq(bytes, 0);
        add_pool(10, 1, 4096, "a program with a long name");
        fill((struct table_order){.by = COLUMN_PID});
        for (unsigned width = 1; width < 130; width++) {
                table_line(&table.rows[0], width, line);
                ck_assert_uint_le(strlen(line), width);
        }
        table_line(&table.rows[0], 25, line);
        ck_assert_str_eq(line, "     10   8.0M a program ");
}
END_TEST

START_TEST(a_name_cannot_steer_the_terminal)
{
        char line[TABLE_LINE];

        add_pool(10, 1, 1, "\033[2Jx\n\x80y");
        fill((struct table_order){.by = COLUMN_PID});
        table_line(&table.rows[0], 0, line);
        ck_assert_str_eq(strstr(line, "thread"), "thread   ?[2Jx??y");
}
END_TEST

START_TEST(totals_are_of_those_that_run)
{
        char lines[2][TABLE_LINE];

        add_pool(10, 1, 1024, "a")->counters[PG_COUNTER_FAULTS] = 10;
        add_pool(11, 1, 1024, "b")->counters[PG_COUNTER_FAULTS] = 20;
        end_pool(add_pool(12, 1, 1024, "c"), PG_LIVE_EXECUTED);
        fill((struct table_order){.by = COLUMN_PID});
        table_totals(&table, 1, lines);
        ck_assert_str_eq(lines[0], "2 paged processes, 1 ended; other users' are not shown: root "
                                   "sees them");
        ck_assert_str_eq(lines[1], "memory 4.0M of 8.0M (50%), compressed 0.0K, 30 faults/s");
        table_line(&table.rows[2], 0, lines[0]);
        ck_assert_ptr_nonnull(strstr(lines[0], "executed"));
}
END_TEST

START_TEST(columns_are_found_by_their_names)
{
        enum table_column found;

        for (unsigned i = 0; i < COLUMNS_ALL; i++) {
                ck_assert(table_column_find(table_column_name(i), &found));
                ck_assert_uint_eq(found, i);
        }
        ck_assert(table_column_find("Wait", &found));
        ck_assert(!table_column_find("waits", &found));
}
END_TEST

TESTS("live_table")
{
        tcase_add_checked_fixture(tc, clear, free_table);
        tcase_add_test(tc, pools_of_a_process_are_one_row);
        tcase_add_test(tc, rates_are_those_since_the_last_reading);
        tcase_add_test(tc, what_a_running_process_has_closed_does_not_count);
        tcase_add_test(tc, rows_are_sorted_by_any_column_and_back);
        tcase_add_test(tc, children_are_below_their_parents_and_sorted_among_themselves);
        tcase_add_test(tc, processes_that_seem_to_be_each_others_parents_are_shown_once);
        tcase_add_test(tc, only_those_that_were_named_are_in_it);
        tcase_add_test(tc, a_line_has_a_cell_for_each_column);
        tcase_add_test(tc, narrow_lines_lose_columns_in_their_order_and_the_program_its_end);
        tcase_add_test(tc, a_name_cannot_steer_the_terminal);
        tcase_add_test(tc, totals_are_of_those_that_run);
        tcase_add_test(tc, columns_are_found_by_their_names);
}
