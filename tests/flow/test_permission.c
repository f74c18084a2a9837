/* SPDX-License-Identifier: MIT */
/*
 * test_permission.c - what a process without privilege may do.
 *
 * The test drops root in a child of its own. Where it is not root, or where this machine permits
 * userfaultfd to everybody, thread delivery cannot be refused, and that test says so.
 */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>

#define NOBODY 65534u

static char said[1024];

static void note_message(void *arg, const char *text)
{
        ck_assert_ptr_eq(arg, said);
        snprintf(said, sizeof(said), "%s", text);
}

static void drop_root(void)
{
        if (geteuid() != 0)
                return;
        ck_assert_int_eq(setgroups(0, NULL), 0);
        ck_assert_int_eq(setresgid(NOBODY, NOBODY, NOBODY), 0);
        ck_assert_int_eq(setresuid(NOBODY, NOBODY, NOBODY), 0);
}

static bool everybody_may(void)
{
        int device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
        int setting = open("/proc/sys/vm/unprivileged_userfaultfd", O_RDONLY | O_CLOEXEC);
        char value = '0';
        bool may = device >= 0;

        if (device >= 0)
                close(device);
        if (setting >= 0) {
                may |= read(setting, &value, 1) == 1 && value == '1';
                close(setting);
        }
        return may;
}

START_TEST(thread_delivery_without_permission_is_eperm_and_names_the_remedies)
{
        struct pg_config config = config_frames(PG_DELIVERY_THREAD, 16, 0);
        struct pg_pool *pool = (struct pg_pool *)&config;

        drop_root();
        if (everybody_may()) {
                fprintf(stderr, "skipped: userfaultfd is permitted to everybody here\n");
                return;
        }
        config.message = note_message;
        config.message_arg = said;
        ck_assert_int_eq(pg_open(&pool, &config), -EPERM);
        ck_assert_ptr_eq(pool, &config); /* untouched */
        ck_assert_ptr_nonnull(strstr(said, "/dev/userfaultfd"));
        ck_assert_ptr_nonnull(strstr(said, "vm.unprivileged_userfaultfd"));
        ck_assert_ptr_nonnull(strstr(said, "CAP_SYS_PTRACE"));
        ck_assert_ptr_nonnull(strstr(said, "ignal"));
        config.message = NULL;
        ck_assert_int_eq(pg_open(&pool, &config), -EPERM);
}
END_TEST

START_TEST(signal_delivery_needs_no_permission)
{
        struct pg_pool *pool;
        char *map;

        drop_root();
        pool = open_frames(PG_DELIVERY_SIGNAL, 16, 0);
        map = map_pages(pool, 64, 0);
        for (unsigned i = 0; i < 64; i++)
                map[i * PAGE] = (char)i;
        for (unsigned i = 0; i < 64; i++)
                ck_assert_int_eq(map[i * PAGE], (char)i);
        ck_assert_int_eq(pg_pin(pool, map, 4 * PAGE), 0);
        ck_assert_int_eq(pg_page_out(pool, map + 8 * PAGE, 8 * PAGE), 0);
        ck_assert_uint_gt(stats_of(pool).evictions_dirty, 0);
        close_pool(pool);
}
END_TEST

START_TEST(pool_opened_with_privilege_works_after_it_is_dropped)
{
        struct pg_pool *pool = open_frames(_i, 16, 0);
        char *map = map_pages(pool, 64, 0);

        drop_root();
        for (unsigned i = 0; i < 64; i++)
                map[i * PAGE] = (char)i;
        for (unsigned i = 0; i < 64; i++)
                ck_assert_int_eq(map[i * PAGE], (char)i);
        close_pool(pool);
}
END_TEST

TESTS("permission")
{
        tcase_add_test(tc, thread_delivery_without_permission_is_eperm_and_names_the_remedies);
        tcase_add_test(tc, signal_delivery_needs_no_permission);
        add_for_both(tc, pool_opened_with_privilege_works_after_it_is_dropped);
}
