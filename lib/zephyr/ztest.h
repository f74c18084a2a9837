/* SPDX-License-Identifier: MIT */
/* ztest.h - the test framework's parts: ztest.c runs, ztest_report.c tells, ztest_main.c is
 * asked. */
#ifndef ZTEST_H
#define ZTEST_H

#include <zephyr/ztest.h>

struct ztest_counts {
        unsigned int pass, fail, skip;
};

extern struct ztest_suite_node *ztest_suites; /* sorted */
extern struct ztest_unit_test *ztest_tests;   /* sorted by suite, then by name */

/* Is this case one of those that were asked for? */
extern bool (*ztest_is_wanted)(const struct ztest_unit_test *test);

/* Runs all that is wanted. True: nothing failed. */
bool ztest_run(void);

/* Zephyr's order, which is that of a linker: names as if each ended in an underscore. */
int ztest_compare_names(const char *a, const char *b);

const char *ztest_result_name(enum ztest_result result);
void ztest_report_choose_tap(void);
void ztest_report_begin(void);
void ztest_report_suite_begin(const struct ztest_suite_node *suite);
void ztest_report_test_begin(const struct ztest_unit_test *test);
void ztest_report_test_end(const struct ztest_unit_test *test);
void ztest_report_suite_end(const struct ztest_suite_node *suite, bool failed);
void ztest_report_end(bool passed);

#endif
