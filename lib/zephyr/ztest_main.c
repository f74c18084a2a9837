/* SPDX-License-Identifier: MIT */
/* ztest_main.c - the main() of programs that have suites and none of their own, and its options. */
#include "ztest.h"
#include "machine.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* As given: suite, or suite::case, between commas; or NULL for all. */
static const char *wanted;

static void help(void)
{
        printf("Usage: %s [OPTION]...\n"
               "Runs the program's test suites in the order of their names.\n\n"
               "  -l, --list             print suite::case of every case, and run none\n"
               "  -t, --test=LIST        run only these: suite or suite::case, separated by "
               "commas\n"
               "      --tap              print the results as TAP; the console is standard error\n"
               "      --histograms[=SVG] print the paging histograms in the end, or plot them\n"
               "  -h, --help             print this\n\n"
               "Environment:\n"
               "  UNPAGED_ZEPHYR_FRAMES  frames of the pool (here 1 to %zu, default %zu)\n"
               "  UNPAGED_ZTEST=tap      as --tap\n\n"
               "Exit status: 0 if all passed or were skipped, 1 if one failed, 2 for a mistake in "
               "the\n"
               "options.\n",
               program_invocation_short_name, K_MEM_NUM_PAGE_FRAMES,
               KB(CONFIG_SRAM_SIZE) / PAGE_SIZE);
}

/* Is the text [at, end) "suite" or "suite::case" of this test? */
static bool names(const char *at, const char *end, const struct ztest_unit_test *test)
{
        size_t length = (size_t)(end - at), suite = strlen(test->suite_name);

        if (length < suite || strncmp(at, test->suite_name, suite) != 0)
                return false;
        return length == suite ||
               (length == suite + 2 + strlen(test->name) && strncmp(at + suite, "::", 2) == 0 &&
                strncmp(at + suite + 2, test->name, strlen(test->name)) == 0);
}

static bool is_wanted(const struct ztest_unit_test *test)
{
        const char *at = wanted, *end;

        if (!wanted)
                return true;
        for (;; at = end + 1) {
                end = strchrnul(at, ',');
                if (names(at, end, test))
                        return true;
                if (!*end)
                        return false;
        }
}

static void list(void)
{
        for (struct ztest_unit_test *t = ztest_tests; t; t = t->next)
                printf("%s::%s\n", t->suite_name, t->name);
}

static void check_wanted(void)
{
        for (struct ztest_unit_test *t = ztest_tests; t; t = t->next)
                if (is_wanted(t))
                        return;
        unpaged_start_refuse("no case is called %s; --list prints those there are", wanted);
}

/* A name without an extension may be, too. */
static bool may_be_svg(const char *path)
{
        const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');

        return !dot || strcasecmp(dot, ".svg") == 0;
}

/* The options; those that print something end the program. */
static void choose(int argc, char **argv, bool *histograms, const char **plot)
{
        static const struct option options[] = {
                {"list", no_argument, NULL, 'l'}, {"test", required_argument, NULL, 't'},
                {"tap", no_argument, NULL, 'T'},  {"histograms", optional_argument, NULL, 'H'},
                {"help", no_argument, NULL, 'h'}, {0},
        };
        const char *environment = secure_getenv("UNPAGED_ZTEST");
        int option;

        if (environment && strcmp(environment, "tap") == 0)
                ztest_report_choose_tap();
        /* Zephyr's programs take -test=, with one dash. */
        while ((option = getopt_long_only(argc, argv, "lt:h", options, NULL)) != -1)
                switch (option) {
                case 'l':
                        list();
                        exit(0);
                case 't':
                        wanted = optarg;
                        check_wanted();
                        break;
                case 'T':
                        ztest_report_choose_tap();
                        break;
                case 'H':
                        *histograms = true;
                        *plot = optarg;
                        if (optarg && !may_be_svg(optarg))
                                unpaged_start_refuse("--histograms=%s: the picture is SVG: name a "
                                                     "file that ends in .svg",
                                                     optarg);
                        break;
                case 'h':
                        help();
                        exit(0);
                default:
                        fprintf(stderr, "Try '%s --help'.\n", program_invocation_short_name);
                        exit(2);
                }
        if (optind < argc)
                unpaged_start_refuse("%s is no option; try --help", argv[optind]);
}

__weak int main(int argc, char **argv)
{
        bool histograms = false, passed;
        const char *plot = NULL;

        ztest_is_wanted = is_wanted;
        choose(argc, argv, &histograms, &plot);
        passed = ztest_run();
        if (histograms)
                unpaged_histogram_report(plot);
        return passed ? 0 : 1;
}
