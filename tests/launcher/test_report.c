/* SPDX-License-Identifier: MIT */
/* test_report.c - what a run's report says of given records, byte by byte. */
#include "../run_tests.h"
#include "live_file.h"
#include "live_name.h"
#include "report.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB ((uint64_t)1 << 20)

static char folder[] = "/tmp/test_report.XXXXXX";
static char path[LIVE_PATH];
static char *text;

/* A run of this process with nothing in its file yet. */
static void run_begin(const char *given, uint64_t budget)
{
        struct run_head head = {.budget = budget};
        uint64_t ticks = live_start_ticks(getpid());
        int fd;

        ck_assert_ptr_nonnull(mkdtemp(folder));
        snprintf(path, sizeof(path), "%s/%d.%llu.run", folder, getpid(), (unsigned long long)ticks);
        run_head_begin(&head, getpid(), ticks);
        strcpy(head.given, given);
        strcpy(head.program, "make");
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(write(fd, &head, sizeof(head)), (ssize_t)sizeof(head));
        close(fd);
}

static void run_over(void)
{
        unlink(path);
        rmdir(folder);
        free(text);
}

static struct run_record record(int pid, const char *program, uint64_t evictions)
{
        struct run_record r = {.pid = pid,
                               .start_ticks = 100,
                               .started_ns = 1000,
                               .wall_ns = 2000000000,
                               .budget = 16 * MIB,
                               .page_size = 4096,
                               .peak = 15 * MIB,
                               .faults = 1234567,
                               .rescues = 67,
                               .evictions_dirty = evictions,
                               .wait_ns = 500000000};

        strcpy(r.program, program);
        return r;
}

static void append(struct run_record r)
{
        ck_assert_int_eq(run_file_append(path, &r), 0);
}

/* What is told, by either form. */
static const char *told(void (*compose)(const struct report *r, struct ink *k),
                        const struct run_record *own, bool all)
{
        struct report r;
        struct ink k;

        ck_assert_int_eq(report_of_run(&r, path, own), 0);
        r.all = all;
        r.total.wall_ns = r.wall_ns = 4000000000; /* time goes on */
        k = (struct ink){.size = report_room(&r)};
        k.at = text = calloc(1, k.size);
        compose(&r, &k);
        ck_assert(!k.full);
        report_release(&r);
        return text;
}

START_TEST(a_table_has_what_evicted_the_others_and_a_total)
{
        run_begin("16M", 16 * MIB);
        append(record(10, "cc1", 4000));
        append(record(11, "sh", 0));
        append(record(12, "sh", 0));
        ck_assert_str_eq(told(report_table, NULL, false),
                         "unpaged: make: 3 processes, 4.00 s, budget 16M\n"
                         "PID PROGRAM                 BUDGET  PEAK    FAULTS     LOADS   OUT "
                         "COMPRESSED RATIO"
                         " WAIT % WALL s\n"
                         " 10 cc1                        16M 15.0M 1,234,567 1,234,500 4,000       "
                         "   -     -"
                         "   25.0   2.00\n"
                         "2 others that never evicted        15.0M 2,469,134 2,469,000     0       "
                         "   -     -"
                         "      -      -\n"
                         "TOTAL                              15.0M 3,703,701 3,703,500 4,000       "
                         "   -     -"
                         "   37.5   4.00\n"
                         "Paging took 38 % of the time.\n");
        run_over();
}
END_TEST

START_TEST(errors_are_told_in_words)
{
        struct run_record own = record(10, "a\nb\033", 1);

        run_begin("", 16 * MIB);
        own.errors_full = 1;
        own.errors_frames = 2000;
        strcpy(own.reason, "out of room:\nthe swap store");
        ck_assert_ptr_nonnull(strstr(told(report_table, &own, false),
                                     "\na_b_ (10): 1 page found no room in the swap store; 2,000 "
                                     "accesses failed for want of memory: out of room:_the swap "
                                     "store\n"));
        run_over();
}
END_TEST

START_TEST(of_many_that_met_errors_some_are_named_and_all_are_counted)
{
        run_begin("16M", 16 * MIB);
        for (int i = 0; i < 30; i++) {
                struct run_record one = record(i + 1, "p", 1);

                one.errors_load = 1;
                append(one);
        }
        ck_assert_ptr_nonnull(strstr(told(report_table, NULL, false),
                                     "\n10 more processes met errors: --stats-json lists all\n"));
        run_over();
}
END_TEST

START_TEST(a_share_is_shown_as_given_and_as_what_it_came_to)
{
        run_begin("25%", 16 * MIB);
        append(record(10, "p", 1));
        ck_assert_ptr_nonnull(
                strstr(told(report_table, NULL, false), ", budget 25% of the memory, 16 MiB\n"));
        run_over();
}
END_TEST

static const struct {
        uint64_t evictions, wait_ms, sufficient;
        const char *sentence;
        uint64_t paging_ms, run_ms;
} sentences[] = {
        {0, 100, 0, "\nThe budget was enough: no page was evicted.\n", 0, 0},
        {1, 0, 0, "\nPaging took 0 % of the time.\n", 0, 0},
        {1, 1520, 0, "\nPaging took 38 % of the time.\n", 0, 0},
        {1, 1520, 96 * MIB,
         "\nPaging took 38 % of the time; with 96 MiB it would have taken at most 5 %.\n", 0, 0},
        {1, 1520, 16 * MIB, "\nPaging took 38 % of the time.\n", 0, 0},
        {1, 10000, 0, "\nPaging took 2.5 times as long as the run, all processes together.\n", 0,
         0},
        /* Not what its threads waited, once it is known. */
        {1, 10000, 0, "\nPaging took 25 % of the time.\n", 500, 2000},
};

START_TEST(the_last_sentence_says_what_it_means)
{
        struct run_record own = record(10, "p", sentences[_i].evictions);
        const char *table;

        run_begin("16M", 16 * MIB);
        own.wait_ns = sentences[_i].wait_ms * 1000000;
        own.sufficient = sentences[_i].sufficient;
        own.paging_ns = sentences[_i].paging_ms * 1000000;
        own.run_ns = sentences[_i].run_ms * 1000000;
        table = told(report_table, &own, false);
        ck_assert_ptr_nonnull(strstr(table, sentences[_i].sentence));
        ck_assert_str_eq(strstr(table, sentences[_i].sentence), sentences[_i].sentence);
        run_over();
}
END_TEST

/* After an exec that failed it has told of itself once more. */
START_TEST(of_one_program_of_a_process_the_last_record_counts)
{
        struct run_record first = record(10, "p", 5), later = record(10, "p", 7);
        struct report r;

        run_begin("16M", 16 * MIB);
        first.end = RUN_EXECUTED;
        later.wall_ns += 1;
        append(first);
        append(record(9, "q", 1));
        append(later);
        later.started_ns += 5; /* another program */
        append(later);
        ck_assert_int_eq(report_of_run(&r, path, NULL), 0);
        ck_assert_uint_eq(r.records.count, 3);
        ck_assert_uint_eq(r.processes, 2);
        ck_assert_uint_eq(r.total.evictions_dirty, 15);
        report_release(&r);
        run_over();
}
END_TEST

START_TEST(thousands_of_records_are_sorted_and_none_is_lost)
{
        struct report r;
        uint64_t sum = 0;

        run_begin("16M", 16 * MIB);
        for (unsigned i = 0; i < 5000; i++) {
                struct run_record one = record((int)(i * 7919 % 5000) + 1, "p", i);

                one.start_ticks = i % 7 + 1;
                sum += i;
                append(one);
        }
        ck_assert_int_eq(report_of_run(&r, path, NULL), 0);
        ck_assert_uint_eq(r.records.count, 5000);
        ck_assert_uint_eq(r.total.evictions_dirty, sum);
        for (size_t i = 1; i < r.records.count; i++) {
                const struct run_record *a = &r.records.at[i - 1], *b = &r.records.at[i];

                ck_assert(a->start_ticks < b->start_ticks ||
                          (a->start_ticks == b->start_ticks && a->pid < b->pid));
        }
        report_release(&r);
        run_over();
}
END_TEST

START_TEST(the_worst_names_fit_into_the_room)
{
        struct run_record own = record(INT32_MAX, "", UINT64_MAX);

        run_begin("16M", 16 * MIB);
        memset(own.program, 1, sizeof(own.program) - 1);
        memset(own.reason, 1, sizeof(own.reason) - 1);
        own.faults = own.peak = own.swap_pages = own.errors_full = UINT64_MAX;
        own.errors_load = own.errors_save = own.errors_frames = UINT64_MAX;
        own.swap_bytes = 1;
        for (int i = 1; i < 50; i++) {
                own.pid = i;
                append(own);
        }
        told(_i ? report_json : report_table, &own, true);
        run_over();
}
END_TEST

START_TEST(a_report_is_written_once_and_what_comes_later_is_told_so)
{
        struct run_record late = record(10, "p", 1);
        struct report r;

        run_begin("16M", 16 * MIB);
        ck_assert_int_eq(report_of_run(&r, path, NULL), 0);
        report_release(&r);
        ck_assert_int_eq(run_file_append(path, &late), -ENOENT);
        ck_assert_int_eq(report_of_run(&r, path, NULL), -ENOENT);
        run_over();
}
END_TEST

START_TEST(no_record_is_appended_beyond_the_limit_of_file_sizes)
{
        struct rlimit limit, small = {.rlim_cur = 3 * sizeof(struct run_record)};
        struct run_record one = record(10, "p", 1);
        struct stat st;

        run_begin("16M", 16 * MIB);
        getrlimit(RLIMIT_FSIZE, &limit);
        small.rlim_max = limit.rlim_max;
        setrlimit(RLIMIT_FSIZE, &small);
        ck_assert_int_eq(run_file_append(path, &one), 0);
        ck_assert_int_eq(run_file_append(path, &one), 0);
        ck_assert_int_eq(run_file_append(path, &one), -EFBIG);
        setrlimit(RLIMIT_FSIZE, &limit);
        ck_assert_int_eq(stat(path, &st), 0);
        ck_assert_int_eq(st.st_size, 3 * (off_t)sizeof(struct run_record));
        run_over();
}
END_TEST

/* It was stopped while it appended. */
START_TEST(a_process_that_keeps_the_lock_does_not_keep_the_report)
{
        struct run_record own = record(10, "p", 1);
        struct report r;
        int fd;

        run_begin("16M", 16 * MIB);
        fd = open(path, O_RDWR);
        ck_assert_int_eq(flock(fd, LOCK_SH), 0);
        ck_assert_int_eq(run_file_append(path, &own), 0); /* that lock is shared */
        ck_assert_int_eq(report_of_run(&r, path, NULL), 0);
        ck_assert_uint_eq(r.records.count, 1);
        report_release(&r);
        close(fd);
        run_over();
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

TESTS("report")
{
        tcase_add_test(tc, a_table_has_what_evicted_the_others_and_a_total);
        tcase_add_test(tc, errors_are_told_in_words);
        tcase_add_test(tc, of_many_that_met_errors_some_are_named_and_all_are_counted);
        tcase_add_test(tc, a_share_is_shown_as_given_and_as_what_it_came_to);
        tcase_add_loop_test(tc, the_last_sentence_says_what_it_means, 0, COUNT(sentences));
        tcase_add_test(tc, of_one_program_of_a_process_the_last_record_counts);
        tcase_add_test(tc, thousands_of_records_are_sorted_and_none_is_lost);
        tcase_add_loop_test(tc, the_worst_names_fit_into_the_room, 0, 2);
        tcase_add_test(tc, a_report_is_written_once_and_what_comes_later_is_told_so);
        tcase_add_test(tc, no_record_is_appended_beyond_the_limit_of_file_sizes);
        tcase_add_test(tc, a_process_that_keeps_the_lock_does_not_keep_the_report);
}
