/* SPDX-License-Identifier: MIT */
/*
 * progress.c - says so where the budget is so small that the program hardly runs.
 *
 * A thread of the pager's kind looks every 10 seconds at what the threads of the program did
 * meanwhile. They got hardly anything done if
 *  - they waited for pages for a fifth of that time, all together, at least: others sleep, or wait
 *    for a disk or a network;
 *  - they took less than half as much CPU time; and
 *  - of that little was left when the faults are subtracted.
 * For a fault takes CPU time, too: the exception, and the switch to another thread and back. The
 * kernel's accounts do not tell it from the program's own: ticks that fall due in an exception
 * count for user mode, a tenth of the time of a program that computes nothing. So it is measured,
 * on this machine and at this moment: this thread has a page of its own go out, and touches it,
 * over and over. The least of these times counts, as the program disturbs the others. Its own
 * faults take up to three times that, with caches that are colder and on CPUs that are busy. So
 * what has computed for no longer between two faults than a few of them take, counts as little.
 *
 * Nothing is said with delivery by signals, which this thread blocks.
 *
 * No file is opened here: its number, for a moment, would be one of the program's.
 *
 * The budget that would do is the curve's answer, if it is on (see --curve). Else every page is
 * counted that the program can have used: at most as many as have frames now and as came in
 * meanwhile, and at most all it has. That is enough, and may be more than is needed.
 */
#include "preload.h"
#include "text.h"
#include "size.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unpaged/internals.h>
#include <unpaged/statistics.h>

#define WINDOW_S    10u
#define NS          1000000000u
#define OUR_NAME    "unpaged"
#define FAULT_TIMES 5u
#define TRIALS      64u

static bool watched;

/* ---- what a fault takes --------------------------------------------------------------------- */

static uint64_t cpu_time(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
        return (uint64_t)ts.tv_sec * NS + (uint64_t)ts.tv_nsec;
}

static uint64_t time_faults(volatile char *page)
{
        uint64_t least = UINT64_MAX, took;

        for (unsigned i = 0; i < TRIALS; i++) {
                if (pg_page_out(preload.pool, (const void *)page, preload.granule) != 0)
                        return 0;
                took = cpu_time();
                *page = 1;
                took = cpu_time() - took;
                least = took < least ? took : least;
        }
        return least;
}

/* The CPU time of a thread that faults, in nanoseconds. 0: unknown. */
static uint64_t fault_cpu_ns(void)
{
        static char
                *page; /* stays: each call of ours that maps takes a lock, which a fork may have */

        if (!page)
                page = mmap(NULL, preload.granule, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return page != MAP_FAILED && is_in_arena((uintptr_t)page) ? time_faults(page) : 0;
}

/* ---- judging -------------------------------------------------------------------------------- */

static bool is_starved(const struct pg_stats *before, const struct pg_stats *now)
{
        uint64_t waited = now->wait_ns - before->wait_ns;
        uint64_t cpu = now->cpu_program_ns - before->cpu_program_ns;

        return waited >= (uint64_t)WINDOW_S * NS / 5 && cpu < waited / 2 &&
               cpu < FAULT_TIMES * (now->faults - before->faults) * fault_cpu_ns();
}

/* With the pool's buffers, which are a sixteenth of a budget at most. */
static uint64_t budget_that_would_do(const struct pg_stats *s, uint64_t faults)
{
        uint64_t all = s->frames_total + s->swap_pages + s->zero_pages_out;
        uint64_t used = s->frames_total + faults;
        uint64_t bytes = (used < all ? used : all) * s->page_size;

        curve_sufficient(&bytes);
        return bytes + bytes / 15;
}

static void say_starved(const struct pg_stats *s, uint64_t faults)
{
        char budget[SIZE_TEXT], enough[SIZE_TEXT];
        uint64_t bytes = budget_that_would_do(s, faults);

        complain(preload.name, ": hardly runs, for it waits for pages: its budget is ",
                 size_write(budget_of(s), budget), ", and ", size_write(bytes, enough), " would do",
                 NULL);
}

static void watch_program(void *arg)
{
        struct pg_stats before = {0}, now = {.size = sizeof(now)};

        (void)arg;
        prctl(PR_SET_NAME, OUR_NAME "-watch");
        while (pg_stats_get(preload.pool, &now) == 0) {
                if (is_starved(&before, &now)) {
                        say_starved(&now, now.faults - before.faults);
                        return;
                }
                before = now;
                pg_thread_sleep((uint64_t)WINDOW_S * NS);
        }
}

void progress_watch(void)
{
        watched = !preload.signal_delivery && complaint_is_heard() &&
                  pg_thread_start(watch_program, NULL) == 0;
}

void progress_restart(void)
{
        if (watched && pg_thread_restart() != 0)
                watched = false;
}
