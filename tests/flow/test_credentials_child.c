/* SPDX-License-Identifier: MIT */
/* test_credentials_child.c - a child that gives up privileges does so for itself alone. */
#include "child.h"
#include "credentials.h"
#include "probe.h"

#include <grp.h>
#include <sys/prctl.h>

#define NOBODY 65534u
#define PAGES  256u

START_TEST(child_of_vfork_changes_itself_alone)
{
        struct pg_pool *pool;
        pid_t child;
        char *map;

        if (!is_root())
                return;
        pool = open_frames(PG_DELIVERY_THREAD, 64, 0);
        map = map_pages(pool, PAGES, 0);
        touch_pages_of(map, PAGES, 1);
        child = vfork();
        if (child == 0)
                _exit(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || setgroups(0, NULL) ||
                      setgid(NOBODY) || setuid(NOBODY));
        expect_child(child, 0);
        expect_same(1);
        ck_assert_int_eq(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
        touch_pages_of(map, PAGES, 2);
        close_pool(pool);
}
END_TEST

START_TEST(child_of_fork_follows_its_own_calls)
{
        struct pg_pool *pool;
        unsigned others;
        pid_t child;
        char *map;

        if (!is_root())
                return;
        pool = open_frames(PG_DELIVERY_THREAD, 64, PG_POOL_INHERIT);
        map = map_pages(pool, PAGES, 0);
        touch_pages_of(map, PAGES, 1);
        ck_assert_int_eq(setegid(NOBODY), 0);
        child = fork();
        if (child == 0) {
                CHILD_CHECK(threads_that_differ(&others) == 0);
                CHILD_CHECK(setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
                CHILD_CHECK(threads_that_differ(&others) == 0 && others >= 5);
                for (unsigned i = 0; i < PAGES; i++)
                        CHILD_CHECK(map[i * PAGE] == (char)(1 + (char)i));
                _exit(0);
        }
        expect_child(child, 0);
        expect_same(1);
        touch_pages_of(map, PAGES, 2);
        close_pool(pool);
}
END_TEST

TESTS("credentials_child")
{
        tcase_add_test(tc, child_of_vfork_changes_itself_alone);
        tcase_add_test(tc, child_of_fork_follows_its_own_calls);
}
