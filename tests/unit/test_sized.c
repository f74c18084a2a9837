/* SPDX-License-Identifier: MIT */
/* Structures of older and newer callers: what is read and written of them, and what is refused. */
#include "../run_tests.h"
#include "sized.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unpaged/unpaged.h>

struct old {
        size_t size;
        unsigned long first;
};

struct ours {
        size_t size;
        unsigned long first, second;
};

struct newer {
        size_t size;
        unsigned long first, second, third;
};

START_TEST(an_older_caller_has_fewer_members)
{
        struct {
                struct old old;
                unsigned long behind;
        } caller = {{sizeof(struct old), 1}, 99};
        struct ours ours = {0, 5, 6};

        ck_assert_int_eq(sized_read(&ours, sizeof(ours), &caller, "x"), 0);
        ck_assert_uint_eq(ours.first, 1);
        ck_assert_uint_eq(ours.second, 0);
        ours = (struct ours){0, 7, 8};
        ck_assert_int_eq(sized_write(&caller, &ours, sizeof(ours), "x"), 0);
        ck_assert_uint_eq(caller.old.size, sizeof(struct old));
        ck_assert_uint_eq(caller.old.first, 7);
        ck_assert_uint_eq(caller.behind, 99);
}
END_TEST

START_TEST(a_newer_caller_may_have_members_that_are_zero)
{
        struct newer caller = {sizeof(caller), 1, 2, 0};
        struct ours ours;

        ck_assert_int_eq(sized_read(&ours, sizeof(ours), &caller, "x"), 0);
        ck_assert_uint_eq(ours.second, 2);
        caller.third = 3;
        ck_assert_int_eq(sized_read(&ours, sizeof(ours), &caller, "pg_x"), -EINVAL);
        ck_assert_ptr_nonnull(strstr(pg_last_error(), "pg_x"));
        ours = (struct ours){0, 7, 8};
        ck_assert_int_eq(sized_write(&caller, &ours, sizeof(ours), "x"), 0);
        ck_assert_uint_eq(caller.size, sizeof(caller));
        ck_assert_uint_eq(caller.second, 8);
        ck_assert_uint_eq(caller.third, 0);
}
END_TEST

START_TEST(a_size_that_was_forgotten_or_is_absurd_is_refused)
{
        static const size_t sizes[] = {0, 4, 4097, SIZE_MAX};
        struct ours caller = {0, 1, 2}, ours = {0, 5, 6};

        for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
                caller.size = sizes[i];
                ck_assert_int_eq(sized_read(&ours, sizeof(ours), &caller, "pg_x"), -EINVAL);
                ck_assert_ptr_nonnull(strstr(pg_last_error(), "sizeof(struct pg_x)"));
                ck_assert_uint_eq(ours.first, 5);
                ck_assert_int_eq(sized_write(&caller, &ours, sizeof(ours), "pg_x"), -EINVAL);
                ck_assert_uint_eq(caller.first, 1);
        }
}
END_TEST

TESTS("sized")
{
        tcase_add_test(tc, an_older_caller_has_fewer_members);
        tcase_add_test(tc, a_newer_caller_may_have_members_that_are_zero);
        tcase_add_test(tc, a_size_that_was_forgotten_or_is_absurd_is_refused);
}
