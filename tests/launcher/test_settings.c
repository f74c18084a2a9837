/* SPDX-License-Identifier: MIT */
/*
 * test_settings.c - what every UNPAGED_* variable may hold, and what is said when it does not.
 * How sizes are written: tests/unit/test_size.c.
 */
#include "machine.h"
#include "settings.h"

#include "../run_tests.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unpaged/policy.h>

/* ---- variables ------------------------------------------------------------------------------ */

/* name, value, name, value ..., NULL */
static const char *given[32];

static const char *lookup(const char *name)
{
        for (size_t i = 0; given[i]; i += 2)
                if (strcmp(given[i], name) == 0)
                        return given[i + 1];
        return NULL;
}

static const char *read_with(struct settings *s, char *why, size_t size, ...)
{
        va_list args;
        size_t n = 0;

        va_start(args, size);
        while ((given[n] = va_arg(args, const char *)))
                n++;
        va_end(args);
        memset(s, 0xff, sizeof(*s));
        return settings_read(s, lookup, why, size);
}

static uint64_t budget_of(const char *text)
{
        struct settings s;
        char why[256];

        ck_assert_ptr_null(read_with(&s, why, sizeof(why), "UNPAGED_BUDGET", text, NULL));
        return s.budget;
}

START_TEST(a_percentage_is_of_what_may_be_used)
{
        uint64_t all = budget_of("100%");

        ck_assert_uint_eq(all, machine_usable());
        ck_assert_uint_gt(all, 0);
        ck_assert_uint_le(all, machine_memory());
        ck_assert_uint_eq(budget_of("50%"), all / 2);
        ck_assert_uint_eq(budget_of("12.5%"), all / 8);
        ck_assert_uint_eq(budget_of(BUDGET_DEFAULT), settings_budget_default());
}
END_TEST

START_TEST(without_variables_there_are_defaults)
{
        static const char *const names[] = {
                "UNPAGED_BUDGET",  "UNPAGED_POLICY", "UNPAGED_PAGE_SIZE", "UNPAGED_SWAP",
                "UNPAGED_STATS",   "UNPAGED_TRACE",  "UNPAGED_CHILDREN",  "UNPAGED_DELIVERY",
                "UNPAGED_REQUIRE", "UNPAGED_LOG",    "UNPAGED_ONLY",      "UNPAGED_SKIP",
                "UNPAGED_QUIET",   "UNPAGED_OFF"};
        struct settings s;
        char why[256];

        /* Not set, and set to nothing. */
        for (size_t i = 0; i < (_i ? sizeof(names) / sizeof(names[0]) : 0); i++) {
                given[2 * i] = names[i];
                given[2 * i + 1] = "";
                given[2 * i + 2] = NULL;
        }
        memset(&s, 0xff, sizeof(s));
        ck_assert_ptr_null(settings_read(&s, lookup, why, sizeof(why)));
        ck_assert_uint_eq(s.budget, 0);
        ck_assert_ptr_null(s.policy);
        ck_assert_uint_eq(s.page_size, 4096);
        ck_assert_int_eq(s.swap, SWAP_ZRAM);
        ck_assert_str_eq(s.swap_algorithm, "words");
        ck_assert_uint_eq(s.swap_limit, 0);
        ck_assert_ptr_null(s.swap_path);
        ck_assert(!s.signal_delivery && s.children && !s.require && !s.off);
        ck_assert(!s.stats_path && !s.trace_path && !s.log_path && !s.allow && !s.deny);
}
END_TEST

START_TEST(every_variable_is_understood)
{
        struct settings s;
        char why[256] = "";

        ck_assert_msg(!read_with(&s, why, sizeof(why), "UNPAGED_BUDGET", "4.5M", "UNPAGED_POLICY",
                                 "lru", "UNPAGED_PAGE_SIZE", "64K", "UNPAGED_SWAP", "zram:zstd:1G",
                                 "UNPAGED_DELIVERY", "signal", "UNPAGED_STATS", "/a b",
                                 "UNPAGED_TRACE", "/t", "UNPAGED_LOG", "-", "UNPAGED_CHILDREN",
                                 "off", "UNPAGED_REQUIRE", "1", "UNPAGED_ONLY", "a,b",
                                 "UNPAGED_SKIP", "c", "UNPAGED_OFF", "0", NULL),
                      "%s", why);
        ck_assert_uint_eq(s.budget, 9u << 19);
        ck_assert_str_eq(s.policy, "lru");
        ck_assert_uint_eq(s.page_size, 65536);
        ck_assert_int_eq(s.swap, SWAP_ZRAM);
        ck_assert_str_eq(s.swap_algorithm, "zstd");
        ck_assert_uint_eq(s.swap_limit, 1u << 30);
        ck_assert(s.signal_delivery && !s.children && s.require && !s.off);
        ck_assert_str_eq(s.stats_path, "/a b");
        ck_assert_str_eq(s.trace_path, "/t");
        ck_assert_str_eq(s.log_path, "-");
        ck_assert_str_eq(s.allow, "a,b");
        ck_assert_str_eq(s.deny, "c");
}
END_TEST

START_TEST(every_shipped_policy_is_known)
{
        const struct pg_policy_ops *ops;
        struct settings s;
        char why[256];
        unsigned n = 0;

        for (; (ops = pg_policy_at(n)); n++)
                ck_assert_ptr_null(
                        read_with(&s, why, sizeof(why), "UNPAGED_POLICY", ops->name, NULL));
        ck_assert_uint_ge(n, 5);
}
END_TEST

static const struct {
        const char *value;
        enum swap_kind kind;
        const char *algorithm;
        uint64_t limit;
        const char *path;
        bool force;
} swaps[] = {
        {"zram", SWAP_ZRAM, "words", 0, NULL, false},
        {"zram:words", SWAP_ZRAM, "words", 0, NULL, false},
        {"zram:lz4", SWAP_ZRAM, "lz4", 0, NULL, false},
        {"zram:zstd", SWAP_ZRAM, "zstd", 0, NULL, false},
        {"zram:1G", SWAP_ZRAM, "words", 1u << 30, NULL, false},
        {"zram:0", SWAP_ZRAM, "words", 0, NULL, false},
        {"zram:zstd:64M", SWAP_ZRAM, "zstd", 64u << 20, NULL, false},
        {"file:/x", SWAP_FILE, "words", 0, "/x", false},
        {"file:/x:y", SWAP_FILE, "words", 0, "/x:y", false},
        {"file:.", SWAP_FILE, "words", 0, ".", false},
        {"file:/x,force", SWAP_FILE, "words", 0, "/x", true},
        {"file:/x,force,force", SWAP_FILE, "words", 0, "/x,force", true},
        {"file:/x,forced", SWAP_FILE, "words", 0, "/x,forced", false},
};

START_TEST(swap_takes_all_its_forms)
{
        struct settings s;
        char why[256] = "";

        ck_assert_msg(!read_with(&s, why, sizeof(why), "UNPAGED_SWAP", swaps[_i].value, NULL), "%s",
                      why);
        ck_assert_int_eq(s.swap, swaps[_i].kind);
        ck_assert_str_eq(s.swap_algorithm, swaps[_i].algorithm);
        ck_assert_uint_eq(s.swap_limit, swaps[_i].limit);
        ck_assert_pstr_eq(s.swap_path, swaps[_i].path);
        ck_assert_int_eq(s.swap_force, swaps[_i].force);
}
END_TEST

static const struct {
        const char *value, *path;
        uint64_t limit;
} spills[] = {
        {"none", NULL, 0},
        {"file:/var/tmp", "/var/tmp", 8u << 20},
        {"file:/var/tmp:64M", "/var/tmp", 64u << 20},
        {"file:/a:b", "/a:b", 8u << 20},
        {"file:/a:b:1M", "/a:b", 1u << 20},
};

START_TEST(where_memory_spills_to)
{
        struct settings s;
        char why[256] = "";

        ck_assert_msg(!read_with(&s, why, sizeof(why), "UNPAGED_SWAP", "zram:2M", "UNPAGED_SPILL",
                                 spills[_i].value, NULL),
                      "%s", why);
        ck_assert_pstr_eq(s.spill_path, spills[_i].path);
        ck_assert_uint_eq(s.spill_limit, spills[_i].limit);
}
END_TEST

static const struct {
        const char *value, *path;
        unsigned every;
} samples[] = {
        {"/x", "/x", SAMPLE_EVERY_DEFAULT},
        {"/x,7", "/x", 7},
        {"/x,1000000", "/x", 1000000},
        {"/x,y,1", "/x,y", 1},
        {"/x,y", "/x,y", SAMPLE_EVERY_DEFAULT},
        {"/x,", "/x,", SAMPLE_EVERY_DEFAULT},
        {"/x,7x", "/x,7x", SAMPLE_EVERY_DEFAULT},
};

START_TEST(samples_have_a_file_and_a_distance)
{
        struct settings s;
        char why[256] = "";

        ck_assert_msg(!read_with(&s, why, sizeof(why), "UNPAGED_SAMPLE", samples[_i].value, NULL),
                      "%s", why);
        ck_assert_str_eq(s.sample_path, samples[_i].path);
        ck_assert_uint_eq(s.sample_every, samples[_i].every);
}
END_TEST

static const struct {
        const char *name, *value, *says;
} faults[] = {
        {"UNPAGED_SAMPLE", "/x,0", "from 1 to"},
        {"UNPAGED_SAMPLE", "/x,1000001", "from 1 to"},
        {"UNPAGED_SAMPLE", "/x,99999999999999999999999", "from 1 to"},
        {"UNPAGED_SAMPLE", ",7", "FILE"},
        {"UNPAGED_BUDGET", "64X", "N%"},
        {"UNPAGED_BUDGET", "-64M", "not a size"},
        {"UNPAGED_BUDGET", "101%", "100%"},
        {"UNPAGED_BUDGET", "0", "256K, which is 64 pages"},
        {"UNPAGED_BUDGET", "0%", "64 pages"},
        {"UNPAGED_BUDGET", "262143", "at least 256K"},
        {"UNPAGED_BUDGET", "1023T", "unpaged check"},
        {"UNPAGED_BUDGET", "16777216T", "not a size"},
        {"UNPAGED_POLICY", "mru", "sieve"},
        {"UNPAGED_POLICY", "LRU", "lru"},
        {"UNPAGED_POLICY", "lru ", "lru"},
        {"UNPAGED_PAGE_SIZE", "0", "power of two"},
        {"UNPAGED_PAGE_SIZE", "2K", "4K to 2M"},
        {"UNPAGED_PAGE_SIZE", "4M", "4K to 2M"},
        {"UNPAGED_PAGE_SIZE", "12K", "power of two"},
        {"UNPAGED_PAGE_SIZE", "4097", "power of two"},
        {"UNPAGED_PAGE_SIZE", "0%", "power of two"},
        {"UNPAGED_SWAP", "ram", "zram:ALGORITHM"},
        {"UNPAGED_SWAP", "zram2", "zram"},
        {"UNPAGED_SWAP", "zram:", "zram"},
        {"UNPAGED_SWAP", "zram::1G", "zram"},
        {"UNPAGED_SWAP", "zram:lzo", "words, lz4 or zstd"},
        {"UNPAGED_SWAP", "zram:lz", "words, lz4 or zstd"},
        {"UNPAGED_SWAP", "zram:lz44", "words, lz4 or zstd"},
        {"UNPAGED_SWAP", "zram:lz4:", "limit"},
        {"UNPAGED_SWAP", "zram:lz4:-1", "limit"},
        {"UNPAGED_SWAP", "zram:lz4:1G:", "limit"},
        {"UNPAGED_SWAP", "zram:1G:lz4", "limit"},
        {"UNPAGED_SWAP", "file", "file:PATH"},
        {"UNPAGED_SWAP", "file:", "file:PATH"},
        {"UNPAGED_SWAP", "file:,force", "file:PATH"},
        {"UNPAGED_SWAP", "/swapfile", "file:PATH"},
        {"UNPAGED_SPILL", "file:/tmp", "zram that has a limit"},
        {"UNPAGED_SPILL", "/tmp", "file:DIRECTORY"},
        {"UNPAGED_SPILL", "file:", "file:DIRECTORY"},
        {"UNPAGED_SPILL", "file::1G", "file:DIRECTORY"},
        {"UNPAGED_SPILL", "file:/tmp:0", "file:DIRECTORY"},
        {"UNPAGED_WIPE", "yes", "1 or 0"},
        {"UNPAGED_DELIVERY", "Thread", "thread or signal"},
        {"UNPAGED_DELIVERY", "poll", "thread or signal"},
        {"UNPAGED_CHILDREN", "yes", "on or off"},
        {"UNPAGED_CHILDREN", "2", "on or off"},
        {"UNPAGED_REQUIRE", "true", "1 or 0"},
        {"UNPAGED_QUIET", "x", "1 or 0"},
        {"UNPAGED_OFF", "x", "1 or 0"},
};

START_TEST(what_is_wrong_is_named_with_its_remedy)
{
        struct settings s;
        char why[512] = "", begin[128];
        const char *said = read_with(&s, why, sizeof(why), faults[_i].name, faults[_i].value, NULL);

        ck_assert_msg(said == why, "%s=%s passed", faults[_i].name, faults[_i].value);
        snprintf(begin, sizeof(begin), "%s=%s: ", faults[_i].name, faults[_i].value);
        ck_assert_msg(strncmp(why, begin, strlen(begin)) == 0, "%s", why);
        ck_assert_msg(strstr(why + strlen(begin), faults[_i].says) != NULL, "%s", why);
        ck_assert_ptr_null(strchr(why, '\n'));
}
END_TEST

START_TEST(a_budget_counts_in_its_pages)
{
        struct settings s;
        char why[512];

        ck_assert_ptr_null(read_with(&s, why, sizeof(why), "UNPAGED_BUDGET", "256K", NULL));
        ck_assert_ptr_null(read_with(&s, why, sizeof(why), "UNPAGED_BUDGET", "128M",
                                     "UNPAGED_PAGE_SIZE", "2M", NULL));
        ck_assert_ptr_nonnull(read_with(&s, why, sizeof(why), "UNPAGED_PAGE_SIZE", "2M",
                                        "UNPAGED_BUDGET", "134217727", NULL));
        ck_assert_ptr_nonnull(strstr(why, "at least 128M"));
}
END_TEST

START_TEST(switched_off_nothing_else_matters)
{
        struct settings s;
        char why[512];

        ck_assert_ptr_null(read_with(&s, why, sizeof(why), "UNPAGED_BUDGET", "x", "UNPAGED_SWAP",
                                     "y", "UNPAGED_OFF", "1", NULL));
        ck_assert(s.off);
        ck_assert_ptr_nonnull(
                read_with(&s, why, sizeof(why), "UNPAGED_BUDGET", "x", "UNPAGED_OFF", "0", NULL));
}
END_TEST

START_TEST(complaints_fit_where_they_are_put)
{
        struct settings s;
        char value[2000], why[300];

        memset(value, 'x', sizeof(value));
        value[sizeof(value) - 1] = '\0';
        for (size_t size = 0; size <= sizeof(why); size++) {
                memset(why, '#', sizeof(why));
                ck_assert_ptr_eq(read_with(&s, why, size, "UNPAGED_POLICY", value, NULL), why);
                ck_assert(size == 0 || memchr(why, '\0', size));
                for (size_t i = size; i < sizeof(why); i++)
                        ck_assert_int_eq(why[i], '#');
        }
        ck_assert_msg(strstr(why, "xxx...: no such policy") && strstr(why, "sieve"), "%s", why);
}
END_TEST

static const struct {
        const char *name, *nearest;
} names[] = {
        {"UNPAGED_BUDGET", NULL},
        {"UNPAGED_OFF", NULL},
        {"UNPAGED_MASK_FEATURES", NULL},
        {"UNPAGED_BUGET", "UNPAGED_BUDGET"},
        {"UNPAGED_BUDGETS", "UNPAGED_BUDGET"},
        {"UNPAGED_budget", "UNPAGED_BUDGET"},
        {"UNPAGED_STAT", "UNPAGED_STATS"},
        {"UNPAGED_POLCIY", "UNPAGED_POLICY"},
        {"UNPAGED_PAGESIZE", "UNPAGED_PAGE_SIZE"},
        {"UNPAGED_MASK_FEATURE", "UNPAGED_MASK_FEATURES"},
};

START_TEST(a_name_that_is_none_has_a_nearest)
{
        ck_assert_pstr_eq(settings_nearest(names[_i].name), names[_i].nearest);
}
END_TEST

/* ---- lists ---------------------------------------------------------------------------------- */

static const struct {
        const char *allow, *deny, *program;
        bool let;
} lists[] = {
        {NULL, NULL, "sort", true},
        {"sort", NULL, "sort", true},
        {"sort", NULL, "/usr/bin/sort", true},
        {"sort", NULL, "/sort/gawk", false},
        {"gawk,sort,jq", NULL, "sort", true},
        {"gawk,sort,jq", NULL, "jq", true},
        {"gawk,,jq,", NULL, "sort", false},
        {"sorted", NULL, "sort", false},
        {"sor", NULL, "sort", false},
        {NULL, "sort", "/bin/sort", false},
        {NULL, "sort", "sort2", true},
        {"sort", "sort", "sort", false},
        {"sort", "gawk", "sort", true},
        {"sort", "gawk", "jq", false},
};

START_TEST(lists_name_programs)
{
        struct settings s = {.allow = lists[_i].allow, .deny = lists[_i].deny};

        ck_assert_int_eq(settings_let(&s, lists[_i].program), lists[_i].let);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

TESTS("settings")
{
        tcase_add_test(tc, a_percentage_is_of_what_may_be_used);
        tcase_add_loop_test(tc, without_variables_there_are_defaults, 0, 2);
        tcase_add_test(tc, every_variable_is_understood);
        tcase_add_test(tc, every_shipped_policy_is_known);
        tcase_add_loop_test(tc, swap_takes_all_its_forms, 0, COUNT(swaps));
        tcase_add_loop_test(tc, where_memory_spills_to, 0, COUNT(spills));
        tcase_add_loop_test(tc, samples_have_a_file_and_a_distance, 0, COUNT(samples));
        tcase_add_loop_test(tc, what_is_wrong_is_named_with_its_remedy, 0, COUNT(faults));
        tcase_add_test(tc, a_budget_counts_in_its_pages);
        tcase_add_loop_test(tc, a_name_that_is_none_has_a_nearest, 0, COUNT(names));
        tcase_add_test(tc, switched_off_nothing_else_matters);
        tcase_add_test(tc, complaints_fit_where_they_are_put);
        tcase_add_loop_test(tc, lists_name_programs, 0, COUNT(lists));
}
