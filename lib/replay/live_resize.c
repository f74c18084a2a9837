/* SPDX-License-Identifier: MIT */
/*
 * live_resize.c - `unpaged resize`: another budget for a process that runs.
 *
 * If the process has several pools, each keeps its share of the sum. They are asked one after the
 * other, and at the first that cannot do it, it ends.
 */
#include "budget_words.h"
#include "command.h"
#include "futex_lock.h"
#include "live_request.h"
#include "live_view.h"
#include "size.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <unpaged/unpaged.h>

#define PATIENCE_NS (10ull * 1000000000u)
#define QUIET_NS    1000000000u /* then it says that it waits, on a terminal */

struct wish {
        pid_t pid;
        uint64_t bytes;
        const char *size; /* as it was given */
        long pool;        /* -1: all of them */
};

/* ---- words ---------------------------------------------------------------------------------- */

#define BYTES_TEXT 32

/* "16 MiB", "512 KiB", "8.25 MiB". */
static const char *write_budget(uint64_t bytes, char text[BYTES_TEXT])
{
        bool is_small = bytes < 1 << 20;

        snprintf(text, BYTES_TEXT, "%.6g %s", (double)bytes / (is_small ? 1 << 10 : 1 << 20),
                 is_small ? "KiB" : "MiB");
        return text;
}

static int say_of(const struct live_view *v, const char *why)
{
        return say(STATUS_FAILED, "process %d (%s): %s", (int)v->live.pid, v->live.program, why);
}

static int say_failed(const struct live_view *v, int error)
{
        char why[256];

        if (error == -EINVAL)
                return say_of(v, "the budget is too small");
        if (budget_words(error))
                return say_of(v, budget_words(error));
        snprintf(why, sizeof(why),
                 "pages beyond the new budget could not be written to their stores (%s): ask for "
                 "more",
                 strerror(-error));
        return say_of(v, why);
}

static int say_unheard(const struct live_view *v)
{
        if (v->live.server == PG_LIVE_SERVES_AT_FAULTS)
                return say_of(v, "the budget is as it was: with signal delivery it has no thread "
                                 "that hears of this, and none of its own touched a page that is "
                                 "out for 10 seconds; try again when it does, or run it with "
                                 "--delivery thread");
        return say_of(v, "the budget is as it was: it did not answer for 10 seconds; is it stopped "
                         "(kill -CONT)?");
}

static int say_end(const struct live_view *v, const struct request_answer *a)
{
        char why[256];

        switch (a->end) {
        case REQUEST_DONE:
                return a->error ? say_failed(v, a->error) : 0;
        case REQUEST_DENIED:
                snprintf(why, sizeof(why), "its budget is changed by its own user, or by root (%s)",
                         strerror(-a->error));
                return say_of(v, why);
        case REQUEST_UNSERVED:
                return say_of(v, "it cannot be asked: it runs with another version of unpaged, or "
                                 "could not start the thread that would answer");
        case REQUEST_CLAIMED:
                snprintf(why, sizeof(why),
                         "the budget is as it was: process %d is changing it; try again later",
                         (int)a->by);
                return say_of(v, why);
        case REQUEST_ENDED:
                return say_of(v, "it has ended");
        case REQUEST_UNHEARD:
                return say_unheard(v);
        default:
                return say_of(v, "it is at work, but not ready after 10 seconds; `unpaged stats` "
                                 "will show the budget");
        }
}

/* ---- the pools ------------------------------------------------------------------------------ */

/* Only those that are asked remain. */
static void keep_wanted(struct live_views *all, long pool)
{
        size_t kept = 0;

        for (size_t i = 0; i < all->count; i++)
                if (!all->at[i].has_ended && live_budget(&all->at[i]) > 0 &&
                    (pool < 0 || all->at[i].live.pool == pool))
                        all->at[kept++] = all->at[i];
        all->count = kept;
}

static int none_there(const struct live_views *all, const struct wish *w)
{
        if (kill(w->pid, 0) != 0 && errno == ESRCH)
                return say(STATUS_FAILED, "process %d: there is none, or it has ended", w->pid);
        if (all->count == 0 && all->refused)
                return say(STATUS_FAILED,
                           "process %d: its budget is changed by its own user, or by root", w->pid);
        return say(STATUS_FAILED,
                   "process %d is not paged: start it by `unpaged run`, or open a pool in it",
                   w->pid);
}

static uint64_t sum_budgets(const struct live_views *all)
{
        uint64_t sum = 0;

        for (size_t i = 0; i < all->count; i++)
                sum += live_budget(&all->at[i]);
        return sum;
}

/* Of `bytes` for all; in whole pages. */
static uint64_t share_of(const struct live_view *v, uint64_t all, uint64_t bytes)
{
        uint64_t share = (uint64_t)((unsigned __int128)bytes * live_budget(v) / all);

        return share - share % v->live.page_size;
}

static uint64_t sum_shares(const struct live_views *all, uint64_t sum, uint64_t bytes)
{
        uint64_t shares = 0;

        for (size_t i = 0; i < all->count; i++)
                shares += share_of(&all->at[i], sum, bytes);
        return shares;
}

static uint64_t least_of(const struct live_view *v)
{
        return v->live.buffer_bytes + PG_FRAMES_MIN * v->live.page_size;
}

/* What all of them need for each to have its least. */
static uint64_t least_of_all(const struct live_views *all, uint64_t sum)
{
        uint64_t least = 0;

        for (size_t i = 0; i < all->count; i++) {
                uint64_t own = live_budget(&all->at[i]);
                unsigned __int128 product = (unsigned __int128)least_of(&all->at[i]) * sum;
                uint64_t needs = (uint64_t)((product + own - 1) / own);

                least = needs > least ? needs : least;
        }
        return least;
}

/* ---- doing it ------------------------------------------------------------------------------- */

struct waiting {
        uint64_t began;
        pid_t pid;
        bool said;
};

/* By SIGINT and the like: what is not begun is withdrawn first. */
static volatile sig_atomic_t ended_by;

static void on_ending(int signal)
{
        ended_by = signal;
}

static void catch_endings(void)
{
        static const int endings[] = {SIGINT, SIGTERM, SIGHUP};
        struct sigaction action = {.sa_handler = on_ending}, old;

        for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
                if (sigaction(endings[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
                        sigaction(endings[i], &action, NULL);
}

static void end_by_signal(const struct live_view *v, enum request_end end)
{
        struct sigaction action = {.sa_handler = SIG_DFL};

        if (end == REQUEST_UNHEARD || end == REQUEST_CLAIMED)
                say_of(v, "interrupted: the budget is as it was");
        else
                say_of(v, "interrupted, but it is at work; `unpaged stats` will show the budget");
        sigaction(ended_by, &action, NULL);
        raise(ended_by);
}

static bool say_waiting(void *arg)
{
        struct waiting *w = arg;
        uint64_t now = clock_now();

        if (ended_by)
                return false;
        if (now - w->began < QUIET_NS || !isatty(STDERR_FILENO))
                return true;
        fprintf(stderr, "\runpaged: waiting for process %d: %.0f of 10 s", (int)w->pid,
                (double)(now - w->began) / 1e9);
        w->said = true;
        return true;
}

static void end_line(const struct waiting *w)
{
        if (w->said)
                fprintf(stderr, "\n");
}

static int ask_all(const struct live_views *all, uint64_t sum, uint64_t bytes)
{
        struct waiting w = {.began = clock_now(), .pid = all->at[0].live.pid};
        int status = 0;

        catch_endings();
        for (size_t i = 0; !status && i < all->count; i++) {
                const struct live_view *v = &all->at[i];
                struct request_answer a = live_request(v, share_of(v, sum, bytes),
                                                       w.began + PATIENCE_NS, say_waiting, &w);

                end_line(&w);
                w.said = false;
                if (ended_by && a.end != REQUEST_DONE)
                        end_by_signal(v, a.end);
                status = say_end(v, &a);
                if (status && all->count > 1)
                        say(status, "pool %u of it was the one; %zu of %zu were changed",
                            v->live.pool, i, all->count);
        }
        return status;
}

static int resize_pools(struct live_views *all, const struct wish *w)
{
        uint64_t sum = sum_budgets(all), least = least_of_all(all, sum);
        char before[BYTES_TEXT], after[BYTES_TEXT], text[SIZE_TEXT];
        const struct live_view *first = &all->at[0];
        int status;

        if (w->bytes < least)
                return say(STATUS_FAILED, "process %d (%s): %s is too small: at least %s",
                           (int)w->pid, first->live.program, w->size, size_write(least, text));
        status = ask_all(all, sum, w->bytes);
        if (status)
                return status;
        printf("%d (%s): budget %s -> %s\n", (int)w->pid, first->live.program,
               write_budget(sum, before), write_budget(sum_shares(all, sum, w->bytes), after));
        return output_status(0, STATUS_FAILED);
}

static int resize(const struct wish *w)
{
        struct live_views all = {0};
        int status = 0;

        if (live_views_read(&all, w->pid, false) != 0)
                status = say(STATUS_FAILED, "no memory");
        else if (all.count == 0)
                status = none_there(&all, w);
        if (!status) {
                keep_wanted(&all, w->pool);
                status = all.count ? resize_pools(&all, w)
                                   : say(STATUS_FAILED,
                                         "process %d has no pool %ld: `unpaged stats --json %d` "
                                         "lists them",
                                         (int)w->pid, w->pool, (int)w->pid);
        }
        live_views_free(&all);
        return status;
}

/* ---- the command ---------------------------------------------------------------------------- */

static int print_help(void)
{
        printf("usage: unpaged resize [option] PID SIZE\n"
               "\n"
               "Gives a paged process that runs another budget: SIZE is written as for run "
               "--budget,\n"
               "64M for example. Its own user may, and root.\n"
               "\n"
               "  -p, --pool N   of its pools this one, counted from 0; else each keeps its share\n"
               "  -h, --help     this text\n");
        return output_status(0, STATUS_FAILED);
}

static int read_words(int argc, char **argv, struct wish *w)
{
        const char *wrong;

        if (argc - optind != 2)
                return say(STATUS_USAGE, "resize: wants a process and a size: see `unpaged resize "
                                         "--help`");
        if (!argument_pid(argv[optind], &w->pid))
                return say(STATUS_USAGE, "resize: %s: must be the number of a process",
                           argv[optind]);
        w->size = argv[optind + 1];
        wrong = size_read_bytes(w->size, &w->bytes);
        if (wrong)
                return say(STATUS_USAGE, "resize: %s: %s", w->size, wrong);
        return -1;
}

static bool read_pool(const char *text, long *pool)
{
        char *end;

        *pool = strtol(text, &end, 10);
        return text[0] >= '0' && text[0] <= '9' && !*end && *pool <= INT32_MAX;
}

/* -1: go on; else the status to end with. */
static int read_options(int argc, char **argv, struct wish *w)
{
        static const struct option longs[] = {
                {"pool", required_argument, NULL, 'p'}, {"help", no_argument, NULL, 'h'}, {0}};
        int what;

        opterr = 0;
        while ((what = getopt_long(argc, argv, ":p:h", longs, NULL)) != -1) {
                if (what == 'h')
                        return print_help();
                if (what == ':' || what == '?')
                        return say(
                                STATUS_USAGE, "resize: option %s %s: see `unpaged resize --help`",
                                argv[optind - 1], what == ':' ? "needs a value" : "is not known");
                if (!read_pool(optarg, &w->pool))
                        return say(STATUS_USAGE, "resize: --pool %s: must be a number from 0 on",
                                   optarg);
        }
        return read_words(argc, argv, w);
}

int resize_main(int argc, char **argv)
{
        struct wish w = {.pool = -1};
        int status = read_options(argc, argv, &w);

        return status >= 0 ? status : resize(&w);
}
