/* SPDX-License-Identifier: MIT */
/* run_tests.h - the main function of a test program. */
#ifndef RUN_TESTS_H
#define RUN_TESTS_H

#include <check.h>
#include <stdlib.h>

static inline int run_suite(Suite *suite)
{
        SRunner *runner = srunner_create(suite);
        int failed;

        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static inline int run_tests(const char *name, void (*add_to)(TCase *))
{
        Suite *suite = suite_create(name);
        TCase *tc = tcase_create(name);

        add_to(tc);
        suite_add_tcase(suite, tc);
        return run_suite(suite);
}

/* TESTS("name") { ... }: main() of a program whose tests the block adds to the case `tc`. */
#define TESTS(name)                                                                                \
        static void add_tests_to(TCase *tc);                                                       \
                                                                                                   \
        int main(void)                                                                             \
        {                                                                                          \
                return run_tests(name, add_tests_to);                                              \
        }                                                                                          \
                                                                                                   \
        static void add_tests_to(TCase *tc)

#endif
