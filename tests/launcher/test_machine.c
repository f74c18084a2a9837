/* SPDX-License-Identifier: MIT */
/*
 * test_machine.c - the memory limit of cgroups, read from a made-up /proc and made-up hierarchies:
 * both versions, in containers and out of them, and from files that make no sense.
 */
#include "machine.h"

#include "../run_tests.h"

#include <check.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB ((uint64_t)1 << 20)

static char base[] = "/tmp/machine.XXXXXX";

static int delete_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
        (void)st, (void)kind, (void)ftw;
        return remove(path);
}

static void setup(void)
{
        strcpy(base, "/tmp/machine.XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(base));
}

static void teardown(void)
{
        ck_assert_int_eq(nftw(base, delete_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* Makes base/path with all folders above it; @ in the text stands for base. */
static void put(const char *path, const char *text)
{
        char whole[PATH_MAX];
        FILE *file;

        snprintf(whole, sizeof(whole), "%s/%s", base, path);
        for (char *at = whole + strlen(base) + 1; (at = strchr(at, '/')); *at++ = '/') {
                *at = '\0';
                ck_assert(mkdir(whole, 0700) == 0 || errno == EEXIST);
        }
        file = fopen(whole, "w");
        ck_assert_ptr_nonnull(file);
        for (; *text; text++)
                if (*text == '@')
                        fputs(base, file);
                else
                        fputc(*text, file);
        ck_assert_int_eq(fclose(file), 0);
}

static uint64_t limit(void)
{
        return machine_cgroup_limit(base);
}

#define OTHER_MOUNTS                                                                               \
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"                                  \
        "23 22 0:5 / /cgroup2\\040- rw - tmpfs cgroup2 rw,memory\n"                                \
        "24 22 0:6 / /nowhere rw - cgroup cgroup rw,cpu,cpuacct\n"                                 \
        "25 22 0:7 / /nowhere rw - cgroup cgroup rw,memoryless\n"
#define UNIFIED "26 22 0:28 / @/two rw,nosuid shared:4 master:7 - cgroup2 cgroup2 rw,nsdelegate\n"
#define MEMORY  "27 22 0:29 / @/one rw - cgroup cgroup rw,hugetlb,memory\n"

START_TEST(without_cgroups_there_is_no_limit)
{
        ck_assert_uint_eq(limit(), MACHINE_NO_LIMIT);
        put("cgroup", "0::/\n");
        ck_assert_uint_eq(limit(), MACHINE_NO_LIMIT);
        put("mountinfo", OTHER_MOUNTS);
        ck_assert_uint_eq(limit(), MACHINE_NO_LIMIT);
        put("mountinfo", OTHER_MOUNTS UNIFIED);
        ck_assert_uint_eq(limit(), MACHINE_NO_LIMIT);
}
END_TEST

START_TEST(the_least_limit_above_a_group_counts)
{
        put("cgroup", "0::/a/b/c\n");
        put("mountinfo", OTHER_MOUNTS UNIFIED);
        put("two/a/b/c/memory.max", "max\n");
        put("two/a/b/memory.max", "104857600\n");
        put("two/a/memory.max", "max\n");
        ck_assert_uint_eq(limit(), 100 * MIB);
        put("two/a/memory.max", "52428800\n");
        ck_assert_uint_eq(limit(), 50 * MIB);
        put("two/a/b/c/memory.max", "4096");
        ck_assert_uint_eq(limit(), 4096);
        put("two/a/b/c/memory.max", "0\n");
        ck_assert_uint_eq(limit(), 0);
}
END_TEST

START_TEST(version_one_has_its_own_file_and_infinity)
{
        put("cgroup", "5:cpu,cpuacct:/x\n4:hugetlb,memory:/a/b\n1:name=systemd:/y\n0::/a\n");
        put("mountinfo", OTHER_MOUNTS MEMORY);
        put("one/a/b/memory.limit_in_bytes", "9223372036854771712\n");
        put("one/memory.limit_in_bytes", "9223372036854771712\n");
        put("one/x/memory.limit_in_bytes", "1\n");
        ck_assert_uint_eq(limit(), MACHINE_NO_LIMIT);
        put("one/a/memory.limit_in_bytes", "209715200\n");
        ck_assert_uint_eq(limit(), 200 * MIB);
}
END_TEST

START_TEST(both_versions_at_once_both_count)
{
        put("cgroup", "4:memory:/a\n0::/b\n");
        put("mountinfo", OTHER_MOUNTS UNIFIED MEMORY);
        put("one/a/memory.limit_in_bytes", "209715200\n");
        put("two/b/memory.max", "104857600\n");
        ck_assert_uint_eq(limit(), 100 * MIB);
        put("two/b/memory.max", "max\n");
        ck_assert_uint_eq(limit(), 200 * MIB);
}
END_TEST

START_TEST(a_container_sees_a_part_of_the_hierarchy)
{
        put("two/memory.max", "104857600\n");
        put("mountinfo", "26 22 0:28 /box/1 @/two rw - cgroup2 cgroup2 rw\n");
        put("cgroup", "0::/box/1\n");
        ck_assert_uint_eq(limit(), 100 * MIB);
        put("two/in/memory.max", "52428800\n");
        put("cgroup", "0::/box/1/in\n");
        ck_assert_uint_eq(limit(), 50 * MIB);
        /* Beside what is mounted: what begins alike, the host's path, one above the namespace. */
        put("cgroup", "0::/box/11/in\n");
        ck_assert_uint_eq(limit(), 100 * MIB);
        put("cgroup", "0::/elsewhere/in\n");
        ck_assert_uint_eq(limit(), 100 * MIB);
        put("mountinfo", UNIFIED);
        put("memory.max", "4096\n");
        put("cgroup", "0::/../in\n");
        ck_assert_uint_eq(limit(), 100 * MIB);
}
END_TEST

START_TEST(long_lines_do_no_harm)
{
        char line[40000];

        memset(line, 'x', sizeof(line));
        memcpy(line, "20 1 0:1 / /", 12);
        line[sizeof(line) - 1] = '\0';
        strcpy(line + sizeof(line) - 200, "\n" UNIFIED);
        put("mountinfo", line);
        put("cgroup", "0::/a\n");
        put("two/a/memory.max", "104857600\n");
        ck_assert_uint_eq(limit(), 100 * MIB);
        /* A path that fits nowhere is no group at all. */
        memset(line, '/', sizeof(line));
        memcpy(line, "0::", 3);
        line[sizeof(line) - 1] = '\0';
        put("cgroup", line);
        ck_assert_uint_eq(limit(), MACHINE_NO_LIMIT);
}
END_TEST

START_TEST(nonsense_is_no_limit)
{
        static const char *const limits[] = {"",     "\n",   "-1\n",
                                             "no\n", " 5\n", "99999999999999999999999"};
        static const char *const mounts[] = {"",
                                             "\n",
                                             "- cgroup2",
                                             " - cgroup2",
                                             "1 2 3 - cgroup2\n",
                                             "1 2 3 4 - cgroup2 x\n",
                                             " - - - \n",
                                             "- - cgroup memory"};
        static const char *const groups[] = {
                "", "\n", "0", "0:", "0::", ":", "::", ":::", "0:memory"};

        put("cgroup", "0::/a\n");
        put("mountinfo", UNIFIED);
        for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
                put("two/a/memory.max", limits[i]);
                ck_assert_uint_eq(limit(), MACHINE_NO_LIMIT);
        }
        for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
                put("mountinfo", mounts[i]);
                ck_assert_uint_eq(limit(), MACHINE_NO_LIMIT);
        }
        put("mountinfo", UNIFIED);
        for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
                put("cgroup", groups[i]);
                ck_assert_uint_eq(limit(), MACHINE_NO_LIMIT);
        }
}
END_TEST

/* free(1) and top(1) read the same line. */
START_TEST(the_machine_has_the_memory_that_proc_says)
{
        FILE *file = fopen("/proc/meminfo", "re");
        unsigned long kib = 0;

        ck_assert_ptr_nonnull(file);
        ck_assert_int_eq(fscanf(file, "MemTotal: %lu kB", &kib), 1);
        fclose(file);
        ck_assert_uint_eq(machine_memory(), (uint64_t)kib << 10);
        ck_assert_uint_gt(machine_usable(), 0);
        ck_assert_uint_le(machine_usable(), machine_memory());
}
END_TEST

TESTS("machine")
{
        tcase_add_checked_fixture(tc, setup, teardown);
        tcase_add_test(tc, without_cgroups_there_is_no_limit);
        tcase_add_test(tc, the_least_limit_above_a_group_counts);
        tcase_add_test(tc, version_one_has_its_own_file_and_infinity);
        tcase_add_test(tc, both_versions_at_once_both_count);
        tcase_add_test(tc, a_container_sees_a_part_of_the_hierarchy);
        tcase_add_test(tc, long_lines_do_no_harm);
        tcase_add_test(tc, nonsense_is_no_limit);
        tcase_add_test(tc, the_machine_has_the_memory_that_proc_says);
}
