/* SPDX-License-Identifier: MIT */
/*
 * ztest.c - the test framework: runs suites and their cases.
 *
 * Everything of a suite runs on the main thread inside guarded(), whose frame is the thread's end:
 * ztest_test_pass() and the others note the result and end the thread, which jumps back there, from
 * nested calls and from fault handlers. A result that another thread has noted counts, too.
 *
 * Order: suites and cases by name, but as a linker would sort names that end in an underscore,
 * which is how Zephyr has it: test_10 comes before test_1. Cases build upon the ones before.
 */
#include "ztest.h"
#include "machine.h"

struct ztest_suite_node *ztest_suites;
struct ztest_unit_test *ztest_tests;
bool (*ztest_is_wanted)(const struct ztest_unit_test *test);

static struct ztest_test_rule *rules;

/* What runs now. Written by its threads with interrupts locked. */
static enum ztest_result noted; /* PENDING: nobody has said anything */
static bool running, fault_valid, assert_valid;

int ztest_compare_names(const char *a, const char *b)
{
        while (*a && *a == *b) {
                a++;
                b++;
        }
        return (*a ? *a : '_') - (*b ? *b : '_') ? (*a ? *a : '_') - (*b ? *b : '_') : *a - *b;
}

void ztest_register_suite(struct ztest_suite_node *suite)
{
        struct ztest_suite_node **at = &ztest_suites;

        while (*at && ztest_compare_names((*at)->name, suite->name) <= 0)
                at = &(*at)->next;
        suite->next = *at;
        *at = suite;
}

static int compare_tests(const struct ztest_unit_test *a, const struct ztest_unit_test *b)
{
        int suites = ztest_compare_names(a->suite_name, b->suite_name);

        return suites ? suites : ztest_compare_names(a->name, b->name);
}

void ztest_register_test(struct ztest_unit_test *test)
{
        struct ztest_unit_test **at = &ztest_tests;

        while (*at && compare_tests(*at, test) <= 0)
                at = &(*at)->next;
        test->next = *at;
        *at = test;
}

void ztest_register_rule(struct ztest_test_rule *rule)
{
        struct ztest_test_rule **at = &rules;

        while (*at)
                at = &(*at)->next;
        *at = rule;
}

void ztest_expect_result(const char *suite, const char *test, enum ztest_expected_result expected)
{
        for (struct ztest_unit_test *t = ztest_tests; t; t = t->next)
                if (strcmp(t->suite_name, suite) == 0 && strcmp(t->name, test) == 0)
                        t->expected = expected;
}

/* ---- how it went --------------------------------------------------------------------------- */

static void note(enum ztest_result result)
{
        unsigned int key = irq_lock();

        if (noted != ZTEST_RESULT_FAIL)
                noted = result;
        irq_unlock(key);
}

void ztest_test_pass(void)
{
        note(ZTEST_RESULT_PASS);
        unpaged_thread_end();
}

void ztest_test_fail(void)
{
        note(ZTEST_RESULT_FAIL);
        unpaged_thread_end();
}

void ztest_test_skip(void)
{
        note(ZTEST_RESULT_SKIP);
        unpaged_thread_end();
}

void ztest_test_fail_later(void)
{
        note(ZTEST_RESULT_FAIL);
}

void ztest_set_fault_valid(bool valid)
{
        fault_valid = valid;
}

void ztest_set_assert_valid(bool valid)
{
        assert_valid = valid;
}

bool ztest_fatal(unsigned int reason)
{
        bool expected = fault_valid || (assert_valid && reason == K_ERR_KERNEL_PANIC);

        if (!running)
                return false;
        fault_valid = assert_valid = false;
        note(expected ? ZTEST_RESULT_PASS : ZTEST_RESULT_FAIL);
        return true;
}

void ztest_claim_broken(enum ztest_claim claim, const char *file, int line, const char *function,
                        const char *text, const char *format, ...)
{
        static const char *const names[] = {"Assertion", "Assumption", "Expectation"};
        va_list arguments;

        printk("\n    %s failed at %s:%d: %s: %s\n", names[claim], file, line, function, text);
        if (format && *format) {
                printk("    ");
                va_start(arguments, format);
                vprintk(format, arguments);
                va_end(arguments);
                printk("\n");
        }
        if (claim == ZTEST_EXPECT)
                ztest_test_fail_later();
        else if (claim == ZTEST_ASSUME)
                ztest_test_skip();
        else
                ztest_test_fail();
}

/* ---- running ------------------------------------------------------------------------------- */

/* A step of a suite; `test` is NULL outside of cases. */
struct step {
        const struct ztest_suite_node *suite;
        struct ztest_unit_test *test;
        void *fixture;
};

static void set_up(struct step *step)
{
        if (step->suite->setup)
                step->fixture = step->suite->setup();
}

static void tear_down(struct step *step)
{
        if (step->suite->teardown)
                step->suite->teardown(step->fixture);
}

static void before_test(struct step *step)
{
        for (struct ztest_test_rule *r = rules; r; r = r->next)
                if (r->before_each)
                        r->before_each(step->test, step->fixture);
        if (step->suite->before)
                step->suite->before(step->fixture);
}

static void test_itself(struct step *step)
{
        step->test->test(step->fixture);
}

static void after_test(struct step *step)
{
        if (step->suite->after)
                step->suite->after(step->fixture);
        for (struct ztest_test_rule *r = rules; r; r = r->next)
                if (r->after_each)
                        r->after_each(step->test, step->fixture);
}

/* Runs a step up to its end, however it ends. */
static enum ztest_result guarded(void (*what)(struct step *), struct step *step)
{
        struct k_thread *self = unpaged_thread_current();

        noted = ZTEST_RESULT_PENDING;
        self->started = running = true;
        if (sigsetjmp(self->end, 1) == 0)
                what(step);
        unpaged_lock_drop_all();
        self->started = running = false;
        return noted == ZTEST_RESULT_PENDING ? ZTEST_RESULT_PASS : noted;
}

static enum ztest_result as_expected(const struct ztest_unit_test *test, enum ztest_result result)
{
        if (test->expected == ZTEST_EXPECTED_PASS)
                return result;
        return result == (test->expected == ZTEST_EXPECTED_FAIL ? ZTEST_RESULT_FAIL
                                                                : ZTEST_RESULT_SKIP)
                       ? ZTEST_RESULT_PASS
                       : ZTEST_RESULT_FAIL;
}

/* `setup` is how the suite's went: without it no case can run. */
static void run_test(struct step *step, enum ztest_result setup)
{
        struct ztest_unit_test *test = step->test;
        int64_t start = unpaged_clock_ns();
        enum ztest_result result = setup, after;

        ztest_report_test_begin(test);
        fault_valid = assert_valid = false;
        if (result == ZTEST_RESULT_PASS)
                result = guarded(before_test, step);
        if (result == ZTEST_RESULT_PASS)
                result = guarded(test_itself, step);
        if (setup == ZTEST_RESULT_PASS) {
                after = guarded(after_test, step);
                result = after == ZTEST_RESULT_FAIL ? after : result;
        }
        test->result = as_expected(test, result);
        test->seconds = (double)(unpaged_clock_ns() - start) / NSEC_PER_SEC;
        ztest_report_test_end(test);
}

static bool belongs(const struct ztest_unit_test *test, const struct ztest_suite_node *suite)
{
        return strcmp(test->suite_name, suite->name) == 0 && ztest_is_wanted(test);
}

static bool has_tests(const struct ztest_suite_node *suite)
{
        for (struct ztest_unit_test *t = ztest_tests; t; t = t->next)
                if (belongs(t, suite))
                        return true;
        return false;
}

/* True: nothing failed. */
static bool run_suite(const struct ztest_suite_node *suite)
{
        struct step step = {.suite = suite};
        enum ztest_result setup;
        bool failed = false;

        ztest_report_suite_begin(suite);
        setup = guarded(set_up, &step);
        for (step.test = ztest_tests; step.test; step.test = step.test->next) {
                if (!belongs(step.test, suite))
                        continue;
                run_test(&step, setup);
                failed = failed || step.test->result == ZTEST_RESULT_FAIL;
        }
        failed = guarded(tear_down, &step) == ZTEST_RESULT_FAIL || failed;
        ztest_report_suite_end(suite, failed);
        return !failed;
}

bool ztest_run(void)
{
        bool passed = true;

        ztest_report_begin();
        for (struct ztest_suite_node *s = ztest_suites; s; s = s->next)
                if ((!s->predicate || s->predicate(NULL)) && has_tests(s))
                        passed = run_suite(s) && passed;
        ztest_report_end(passed);
        return passed;
}

void ztest_simple_1cpu_before(void *fixture)
{
        ARG_UNUSED(fixture);
}

void ztest_simple_1cpu_after(void *fixture)
{
        ARG_UNUSED(fixture);
}
