/* SPDX-License-Identifier: MIT */
/* ztest_report.c - what a run prints: the lines that harnesses of Zephyr look for, or, for
 * others, the Test Anything Protocol, version 13; then the console goes to standard error. */
#include "ztest.h"
#include "machine.h"

static bool tap;
static unsigned int number; /* of the last case, for TAP */
static const char rule[] = "===================================================================";

void ztest_report_choose_tap(void)
{
        tap = true;
        unpaged_console_to_stderr();
}

const char *ztest_result_name(enum ztest_result result)
{
        static const char *const names[] = {"SKIP", "PASS", "FAIL", "SKIP"};

        return names[result];
}

void ztest_report_begin(void)
{
        unsigned int tests = 0;

        for (struct ztest_unit_test *t = ztest_tests; t; t = t->next)
                tests += ztest_is_wanted(t);
        if (tap)
                printf("TAP version 13\n1..%u\n", tests);
}

void ztest_report_suite_begin(const struct ztest_suite_node *suite)
{
        if (!tap)
                printk("Running TESTSUITE %s\n%s\n", suite->name, rule);
}

void ztest_report_test_begin(const struct ztest_unit_test *test)
{
        if (!tap)
                printk("START - %s\n", test->name);
}

void ztest_report_test_end(const struct ztest_unit_test *test)
{
        if (tap)
                printf("%s %u - %s.%s%s\n", test->result == ZTEST_RESULT_FAIL ? "not ok" : "ok",
                       ++number, test->suite_name, test->name,
                       test->result == ZTEST_RESULT_SKIP ? " # SKIP" : "");
        else
                printk(" %s - %s in %.3f seconds\n%s\n", ztest_result_name(test->result),
                       test->name, test->seconds, rule);
}

void ztest_report_suite_end(const struct ztest_suite_node *suite, bool failed)
{
        if (!tap)
                printk("TESTSUITE %s %s\n\n", suite->name, failed ? "failed." : "succeeded");
}

/* ---- the summary --------------------------------------------------------------------------- */

static void count(struct ztest_counts *counts, const struct ztest_unit_test *test)
{
        switch (test->result) {
        case ZTEST_RESULT_PASS:
                counts->pass++;
                break;
        case ZTEST_RESULT_FAIL:
                counts->fail++;
                break;
        default:
                counts->skip++;
        }
}

static void summarise(const struct ztest_suite_node *suite)
{
        struct ztest_counts n = {0};
        unsigned int ran;
        double seconds = 0;

        for (struct ztest_unit_test *t = ztest_tests; t; t = t->next)
                if (strcmp(t->suite_name, suite->name) == 0) {
                        count(&n, t);
                        seconds += t->seconds;
                }
        ran = n.pass + n.fail;
        printk("SUITE %s - %6.2f%% [%s]: pass = %u, fail = %u, skip = %u, total = %u "
               "duration = %.3f seconds\n",
               n.fail ? "FAIL"
               : ran  ? "PASS"
                      : "SKIP",
               ran ? 100.0 * n.pass / ran : 0.0, suite->name, n.pass, n.fail, n.skip, ran + n.skip,
               seconds);
        for (struct ztest_unit_test *t = ztest_tests; t; t = t->next)
                if (strcmp(t->suite_name, suite->name) == 0)
                        printk(" - %s - [%s.%s] duration = %.3f seconds\n",
                               ztest_result_name(t->result), t->suite_name, t->name, t->seconds);
        printk("\n");
}

void ztest_report_end(bool passed)
{
        if (tap)
                return;
        printk("------ TESTSUITE SUMMARY START ------\n\n");
        for (struct ztest_suite_node *s = ztest_suites; s; s = s->next)
                summarise(s);
        printk("------ TESTSUITE SUMMARY END ------\n\n");
        tc_end_report(passed ? TC_PASS : TC_FAIL);
}

void tc_end_report(int result)
{
        printk("%s\nPROJECT EXECUTION %s\n", rule, result == TC_PASS ? "SUCCESSFUL" : "FAILED");
}
