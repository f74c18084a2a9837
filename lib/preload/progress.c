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
 * Where a thread began or ended between two looks, its time is unknown, and nothing is said. Nor is
 * it with delivery by signals, which this thread blocks.
 *
 * The budget that would do is the curve's answer, if it is on (see --curve). Else every page is
 * counted that the program can have used: at most as many as have frames now and as came in
 * meanwhile, and at most all it has. That is enough, and may be more than is needed.
 */
#include "preload.h"
#include "real_syscalls.h"
#include "size.h"
#include "text.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <unpaged/internals.h>
#include <unpaged/statistics.h>

#define WINDOW_S    10u
#define NS          1000000000u
#define OUR_NAME    "unpaged"
#define BUFFER      4096u
#define FAULT_TIMES 5u
#define TRIALS      64u
#define FIELDS      12u /* of /proc/PID/stat, from the state to the user time */

/* What the program's threads did since they began. */
struct work {
        uint64_t cpu_ns;
        uint64_t wait_ns, faults;
        uint64_t threads, tids; /* how many, and the sum of their numbers: which */
};

static bool watched;

/* ---- looking -------------------------------------------------------------------------------- */

static size_t read_file(const char *path, char text[BUFFER])
{
        int fd = real_open(path, O_RDONLY | O_CLOEXEC, 0);
        ssize_t n = fd < 0 ? 0 : syscall(SYS_read, fd, text, BUFFER - 1);

        if (fd >= 0)
                real_close(fd);
        text[n > 0 ? n : 0] = '\0';
        return n > 0 ? (size_t)n : 0;
}

static uint64_t number_at(const char **at)
{
        uint64_t n = 0;

        while (**at == ' ')
                (*at)++;
        for (; **at >= '0' && **at <= '9'; (*at)++)
                n = n * 10 + (uint64_t)(**at - '0');
        return n;
}

/* Behind the name, which may hold anything: the state, and numbers. */
static void add_thread(struct work *w, uint64_t tid)
{
        const uint64_t tick_ns = NS / (uint64_t)sysconf(_SC_CLK_TCK);
        char stat[BUFFER];
        struct text path = {0};
        const char *at;

        text_add(&path, "/proc/self/task/");
        text_number(&path, tid);
        text_add(&path, "/stat");
        if (!read_file(path.at, stat) || !(at = strchr(stat, '(')))
                return;
        if (tid != (uint64_t)preload.pid && strncmp(at + 1, OUR_NAME, strlen(OUR_NAME)) == 0)
                return;
        at = strrchr(at, ')');
        for (unsigned i = 0; at && i < FIELDS; i++)
                at = strchr(at + 1, ' ');
        if (!at)
                return;
        w->cpu_ns += (number_at(&at) + number_at(&at)) * tick_ns;
        w->threads++;
        w->tids += tid;
}

static void add_threads(struct work *w)
{
        _Alignas(struct dirent64) char list[BUFFER];
        int fd = real_open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
        ssize_t n = 0;

        while (fd >= 0 && (n = syscall(SYS_getdents64, fd, list, sizeof(list))) > 0)
                for (ssize_t at = 0; at < n;) {
                        const struct dirent64 *entry = (const void *)(list + at);
                        const char *name = entry->d_name;

                        if (*name != '.')
                                add_thread(w, number_at(&name));
                        at += entry->d_reclen;
                }
        if (fd >= 0)
                real_close(fd);
}

static struct work look_at_program(const struct pg_stats *s)
{
        struct work w = {.wait_ns = s->wait_ns, .faults = s->faults};

        add_threads(&w);
        return w;
}

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

static bool is_starved(const struct work *before, const struct work *now)
{
        uint64_t waited = now->wait_ns - before->wait_ns;
        uint64_t cpu = now->cpu_ns - before->cpu_ns;

        return now->threads == before->threads && now->tids == before->tids &&
               waited >= (uint64_t)WINDOW_S * NS / 5 && cpu < waited / 2 &&
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
                 size_write(preload.budget, budget), ", and ", size_write(bytes, enough),
                 " would do", NULL);
}

static void watch_program(void *arg)
{
        struct pg_stats s = {.size = sizeof(s)};
        struct work before = {0}, now;

        (void)arg;
        prctl(PR_SET_NAME, OUR_NAME "-watch");
        while (pg_stats_get(preload.pool, &s) == 0) {
                now = look_at_program(&s);
                if (is_starved(&before, &now)) {
                        say_starved(&s, now.faults - before.faults);
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
