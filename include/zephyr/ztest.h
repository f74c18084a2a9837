/* SPDX-License-Identifier: MIT */
/*
 * ztest.h - Zephyr's test framework on the host. A program of suites needs no main(): the runtime
 * has one, whose options `--help` lists. Suites run in the order of their names, and so do the
 * cases of a suite, all on one thread; what a case leaves behind, the next one finds.
 *
 * A fatal error or a failed assertion leaves its case from wherever it is; its `after` functions
 * run all the same.
 */
#ifndef ZEPHYR_ZTEST_H
#define ZEPHYR_ZTEST_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zephyr/kernel.h>
#include <zephyr/tc_util.h>
#include <zephyr/ztest_assert.h>

typedef bool (*ztest_suite_predicate_t)(const void *global_state);
typedef void *(*ztest_suite_setup_t)(void);
typedef void (*ztest_suite_before_t)(void *fixture);
typedef void (*ztest_suite_after_t)(void *fixture);
typedef void (*ztest_suite_teardown_t)(void *fixture);

enum ztest_expected_result {
        ZTEST_EXPECTED_PASS,
        ZTEST_EXPECTED_FAIL,
        ZTEST_EXPECTED_SKIP,
};

/* How a case ended; those that never ran count as skipped. */
enum ztest_result {
        ZTEST_RESULT_PENDING,
        ZTEST_RESULT_PASS,
        ZTEST_RESULT_FAIL,
        ZTEST_RESULT_SKIP,
};

struct ztest_unit_test {
        const char *suite_name;
        const char *name;
        void (*test)(void *fixture);
        struct ztest_unit_test *next;
        enum ztest_expected_result expected;
        enum ztest_result result;
        double seconds;
};

struct ztest_suite_node {
        const char *name;
        ztest_suite_setup_t setup;
        ztest_suite_before_t before;
        ztest_suite_after_t after;
        ztest_suite_teardown_t teardown;
        ztest_suite_predicate_t predicate; /* false: the suite is not run */
        struct ztest_suite_node *next;
};

typedef void (*ztest_rule_cb)(const struct ztest_unit_test *test, void *data);
struct ztest_test_rule {
        ztest_rule_cb before_each, after_each;
        struct ztest_test_rule *next;
};

/* From constructors only; what they are given stays in use. */
void ztest_register_suite(struct ztest_suite_node *suite);
void ztest_register_test(struct ztest_unit_test *test);
void ztest_register_rule(struct ztest_test_rule *rule);
void ztest_expect_result(const char *suite, const char *test, enum ztest_expected_result expected);

#define ZTEST_SUITE(suite, PREDICATE, setup_fn, before_fn, after_fn, teardown_fn)                  \
        struct ztest_suite_node z_ztest_suite_##suite = {                                          \
                .name = #suite,                                                                    \
                .setup = setup_fn,                                                                 \
                .before = before_fn,                                                               \
                .after = after_fn,                                                                 \
                .teardown = teardown_fn,                                                           \
                .predicate = PREDICATE,                                                            \
        };                                                                                         \
        __attribute__((constructor(102))) static void z_ztest_register_##suite(void)               \
        {                                                                                          \
                ztest_register_suite(&z_ztest_suite_##suite);                                      \
        }                                                                                          \
        extern struct ztest_suite_node z_ztest_suite_##suite

/* The function is called with the fixture that the suite's setup returned. */
#define Z_ZTEST_REGISTER(suite, fn, call)                                                          \
        static struct ztest_unit_test z_ztest_unit_##suite##__##fn = {                             \
                .suite_name = #suite, .name = #fn, .test = call};                                  \
        __attribute__((constructor(102))) static void z_ztest_register_##suite##__##fn(void)       \
        {                                                                                          \
                ztest_register_test(&z_ztest_unit_##suite##__##fn);                                \
        }

#define ZTEST(suite, fn)                                                                           \
        static void suite##_##fn(void);                                                            \
        static void z_ztest_call_##suite##__##fn(void *fixture)                                    \
        {                                                                                          \
                (void)fixture;                                                                     \
                suite##_##fn();                                                                    \
        }                                                                                          \
        Z_ZTEST_REGISTER(suite, fn, z_ztest_call_##suite##__##fn)                                  \
        static void suite##_##fn(void)

#define ZTEST_F(suite, fn)                                                                         \
        static void suite##_##fn(struct suite##_fixture *fixture);                                 \
        static void z_ztest_call_##suite##__##fn(void *fixture)                                    \
        {                                                                                          \
                suite##_##fn((struct suite##_fixture *)fixture);                                   \
        }                                                                                          \
        Z_ZTEST_REGISTER(suite, fn, z_ztest_call_##suite##__##fn)                                  \
        static void suite##_##fn(struct suite##_fixture *fixture)

#define ZTEST_P(suite, fn)                                                                         \
        static void suite##_##fn(void *data);                                                      \
        Z_ZTEST_REGISTER(suite, fn, suite##_##fn)                                                  \
        static void suite##_##fn(void *data)

/* There is one mode of the processor: that of the kernel. */
#define ZTEST_USER(suite, fn)   ZTEST(suite, fn)
#define ZTEST_USER_F(suite, fn) ZTEST_F(suite, fn)

#define ZTEST_RULE(rule, before_each_fn, after_each_fn)                                            \
        __attribute__((constructor(102))) static void z_ztest_register_rule_##rule(void)           \
        {                                                                                          \
                static struct ztest_test_rule entry = {before_each_fn, after_each_fn, NULL};       \
                                                                                                   \
                ztest_register_rule(&entry);                                                       \
        }                                                                                          \
        extern int z_ztest_rule_end_##rule

#define Z_ZTEST_EXPECT(suite, fn, result)                                                          \
        __attribute__((constructor(103))) static void z_ztest_expect_##suite##__##fn(void)         \
        {                                                                                          \
                ztest_expect_result(#suite, #fn, result);                                          \
        }                                                                                          \
        extern int z_ztest_expect_end_##suite##__##fn
#define ZTEST_EXPECT_FAIL(suite, fn) Z_ZTEST_EXPECT(suite, fn, ZTEST_EXPECTED_FAIL)
#define ZTEST_EXPECT_SKIP(suite, fn) Z_ZTEST_EXPECT(suite, fn, ZTEST_EXPECTED_SKIP)

#define ZTEST_BMEM
#define ZTEST_DMEM
#define ZTEST_SECTION

/* End the running case, from any of its threads: from another one than the case's, that thread ends
 * and the case does when it ends. */
FUNC_NORETURN void ztest_test_pass(void);
FUNC_NORETURN void ztest_test_fail(void);
FUNC_NORETURN void ztest_test_skip(void);
/* The case will have failed or been skipped, but goes on. */
void ztest_test_fail_later(void);

/* The next fatal error, or failed assertion, is what the case is after: it passes. */
void ztest_set_fault_valid(bool valid);
void ztest_set_assert_valid(bool valid);

/* Suites that need the whole machine: there are always several processors here. */
void ztest_simple_1cpu_before(void *fixture);
void ztest_simple_1cpu_after(void *fixture);

#endif
