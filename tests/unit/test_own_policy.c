/* SPDX-License-Identifier: MIT */
/* The policy of examples/own_policy.c, loaded as authors are told to load theirs, conforms. */
#include "policy_conformance.h"

#include <dlfcn.h>

START_TEST(policy_in_a_shared_object_conforms)
{
        void *object = dlopen(OWN_POLICY, RTLD_NOW | RTLD_LOCAL);
        const struct pg_policy_ops *ops;

        ck_assert_msg(object != NULL, "%s", dlerror());
        ops = dlsym(object, "pg_policy");
        ck_assert_msg(ops != NULL, "%s", dlerror());
        conform(ops);
        dlclose(object);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("own_policy");
        TCase *all = tcase_create("own_policy");
        SRunner *runner = srunner_create(suite);
        int failed;

        tcase_set_timeout(all, 60);
        tcase_add_test(all, policy_in_a_shared_object_conforms);
        suite_add_tcase(suite, all);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
