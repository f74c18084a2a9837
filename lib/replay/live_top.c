/* SPDX-License-Identifier: MIT */
/*
 * live_top.c - `unpaged top`: the processes that are paged, which memory they have and how much
 * they wait for it, over and over.
 */
#include "live_top.h"
#include "command.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS 1000000000u

/* ---- figures -------------------------------------------------------------------------------- */

int top_read(struct top *t)
{
        struct live_views *before = &t->two[t->newer], *now = &t->two[1 - t->newer];

        if (live_views_read(now, 0, t->ended) != 0 ||
            table_fill(&t->table, now, before, t->only, t->only_count) != 0)
                return say(STATUS_FAILED, "no memory");
        t->newer = 1 - t->newer;
        table_sort(&t->table, &t->order);
        return 0;
}

static int none_wanted_there(const struct top *t)
{
        return say(STATUS_FAILED, "top: no such process is paged%s%s",
                   t->ended ? "" : ", or it has ended (-a shows those)",
                   t->two[t->newer].refused ? "; of other users' only root sees that" : "");
}

/* ---- as text -------------------------------------------------------------------------------- */

static void print_text(const struct top *t)
{
        char lines[2][TABLE_LINE], line[TABLE_LINE];

        table_totals(&t->table, t->two[t->newer].refused, lines);
        printf("%s\n%s\n\n", lines[0], lines[1]);
        table_head(0, line);
        printf("%s\n", line);
        for (size_t i = 0; i < t->table.count; i++) {
                table_line(&t->table.rows[i], 0, line);
                printf("%s\n", line);
        }
}

static int print_updates(struct top *t)
{
        struct timespec pause = {.tv_sec = (time_t)(t->every_ns / NS),
                                 .tv_nsec = (long)(t->every_ns % NS)};
        int status = 0;

        for (uint64_t i = 0; !status; i++) {
                if (i > 0) {
                        nanosleep(&pause, NULL);
                        printf("\n");
                        status = top_read(t);
                }
                if (!status)
                        print_text(t);
                status = output_status(status, STATUS_FAILED);
                if (i + 1 == t->updates)
                        break;
        }
        return status;
}

/* ---- the command ---------------------------------------------------------------------------- */

static int print_help(void)
{
        printf("usage: unpaged top [option...]\n"
               "\n"
               "The processes that are paged, over and over: their memory, and how much they "
               "wait.\n"
               "\n"
               "  -d, --delay TIME       from one update to the next: 1s (default), 500ms\n"
               "  -n, --updates COUNT    ends after so many\n"
               "  -s, --sort COLUMN      by which they are sorted (wait):");
        for (unsigned i = 0; i < COLUMNS_ALL; i++)
                printf("%s%s%s", i ? ", " : "", i % 7 == 0 ? "\n                         " : "",
                       table_column_name(i));
        printf("\n"
               "  -r, --reverse          the other way round\n"
               "  -t, --flat             one list, without the trees of parents and children\n"
               "  -p, --pid PID[,PID]    only these\n"
               "  -a, --all              processes that have ended, too, if their files are there\n"
               "  -b, --batch            plain text; once, unless -n or -d are given\n"
               "  -h, --help             this text; in the display, h shows its keys\n");
        return output_status(0, STATUS_FAILED);
}

static bool read_count(const char *text, uint64_t *count)
{
        char *end;

        *count = strtoul(text, &end, 10);
        return text[0] >= '0' && text[0] <= '9' && !*end && *count > 0 && *count < UINT32_MAX;
}

static bool read_pids(char *list, struct top *t)
{
        char *rest = list, *word;

        while ((word = strsep(&rest, ",")))
                if (t->only_count == TOP_PIDS || !argument_pid(word, &t->only[t->only_count++]))
                        return false;
        return true;
}

static int say_bad(const char *option, const char *must_be)
{
        return say(STATUS_USAGE, "top: %s %s: must be %s", option, optarg, must_be);
}

struct given {
        bool batch, delay;
};

/* -1: go on; else the status to end with. */
static int read_option(int what, char **argv, struct top *t, struct given *given)
{
        switch (what) {
        case 'd':
                given->delay = true;
                return argument_time(optarg, &t->every_ns) ? -1 : say_bad("--delay", ARGUMENT_TIME);
        case 'n':
                return read_count(optarg, &t->updates) ? -1
                                                       : say_bad("--updates", "a number from 1 on");
        case 's':
                return table_column_find(optarg, &t->order.by)
                               ? -1
                               : say_bad("--sort", "a column: see `unpaged top --help`");
        case 'p':
                return read_pids(optarg, t)
                               ? -1
                               : say(STATUS_USAGE, "top: --pid: must be process ids, with commas "
                                                   "between them, at most 64");
        case 'h':
                return print_help();
        case ':':
        case '?':
                return say(STATUS_USAGE, "top: option %s %s: see `unpaged top --help`",
                           argv[optind - 1], what == ':' ? "needs a value" : "is not known");
        }
        t->ended |= what == 'a';
        t->order.reversed |= what == 'r';
        t->order.is_flat |= what == 't';
        given->batch |= what == 'b';
        return -1;
}

static int read_options(int argc, char **argv, struct top *t, struct given *given)
{
        static const struct option longs[] = {
                {"delay", required_argument, NULL, 'd'}, {"updates", required_argument, NULL, 'n'},
                {"sort", required_argument, NULL, 's'},  {"reverse", no_argument, NULL, 'r'},
                {"flat", no_argument, NULL, 't'},        {"pid", required_argument, NULL, 'p'},
                {"all", no_argument, NULL, 'a'},         {"batch", no_argument, NULL, 'b'},
                {"help", no_argument, NULL, 'h'},        {0}};
        int what, status = -1;

        opterr = 0;
        while (status < 0 && (what = getopt_long(argc, argv, ":d:n:s:rtp:abh", longs, NULL)) != -1)
                status = read_option(what, argv, t, given);
        if (status < 0 && optind < argc)
                return say(STATUS_USAGE,
                           "top: %s: a process is named by -p: see `unpaged top "
                           "--help`",
                           argv[optind]);
        if (given->batch && !given->delay && !t->updates)
                t->updates = 1;
        return status;
}

int top_main(int argc, char **argv)
{
        struct top t = {.order.by = COLUMN_WAIT, .every_ns = NS};
        struct given given = {0};
        int status = read_options(argc, argv, &t, &given);

        if (status >= 0)
                return status;
        status = top_read(&t);
        if (!status && t.only_count && t.table.count == 0)
                status = none_wanted_there(&t);
        if (!status)
                status = given.batch ? print_updates(&t) : screen_run(&t);
        live_views_free(&t.two[0]);
        live_views_free(&t.two[1]);
        table_free(&t.table);
        return status;
}
