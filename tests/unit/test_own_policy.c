/* SPDX-License-Identifier: MIT */
/* The policy of examples/own_policy.c, loaded as authors are told to load theirs, conforms. */
#include "../run_tests.h"
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

TESTS("own_policy")
{
        tcase_set_timeout(tc, 60);
        tcase_add_test(tc, policy_in_a_shared_object_conforms);
}
