/* SPDX-License-Identifier: MIT */
/*
 * demo_report.c - what the demonstration shows to people: progress while it runs, and at the end
 * what happened, in words, each figure beside what it means.
 */
#include "demo.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <unpaged/statistics.h>

#define LIVE_NS  UINT64_C(100000000)  /* between two looks, on a terminal */
#define LINES_NS UINT64_C(2000000000) /* elsewhere: a line each */

uint64_t now_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void fail(const char *format, ...)
{
        va_list args;

        fflush(stdout);
        fprintf(stderr, "\ndemo: ");
        va_start(args, format);
        vfprintf(stderr, format, args);
        va_end(args);
        fprintf(stderr, "\n");
        exit(EXIT_FAILURE);
}

/* ---- progress ------------------------------------------------------------------------------ */

static void show(struct demo *demo, uint64_t done, uint64_t now)
{
        double seconds = (double)(now - demo->step.began_ns) / 1e9;
        double percent = demo->step.total ? 100.0 * (double)done / (double)demo->step.total : 100;
        bool end = done == demo->step.total;

        printf("%s  %-42s %6.1f MiB %4.0f %% %7.0f MB/s %6.1f s%s", demo->step.live ? "\r" : "",
               demo->step.what, (double)demo->step.total / (double)MIB, percent,
               (double)done / 1e6 / seconds, seconds, end || !demo->step.live ? "\n" : "");
        fflush(stdout);
        demo->step.shown_ns = now;
}

static void look_at_store(struct demo *demo)
{
        struct pg_stats stats = {.size = sizeof(stats)};

        if (demo->pool && pg_stats_get(demo->pool, &stats) == 0 &&
            stats.swap_pages >= demo->fullest.swap_pages)
                demo->fullest = stats;
}

void step_begin(struct demo *demo, const char *what, uint64_t total)
{
        demo->step.what = what;
        demo->step.total = total;
        demo->step.began_ns = demo->step.shown_ns = now_ns();
        demo->step.live = isatty(STDOUT_FILENO);
}

void step_at(struct demo *demo, uint64_t done)
{
        uint64_t now = now_ns();

        if (now - demo->step.shown_ns < (demo->step.live ? LIVE_NS : LINES_NS) ||
            done >= demo->step.total)
                return;
        look_at_store(demo);
        show(demo, done, now);
}

void step_end(struct demo *demo)
{
        uint64_t now = now_ns();

        look_at_store(demo);
        show(demo, demo->step.total, now);
        if (demo->pool)
                demo->worked_ns += now - demo->step.began_ns;
}

void tools_begin(struct demo *demo, const char *what)
{
        printf("  %-42s", what);
        fflush(stdout);
        demo->step.began_ns = now_ns();
}

void tools_end(struct demo *demo)
{
        printf(" %37.1f s\n", (double)(now_ns() - demo->step.began_ns) / 1e9);
        fflush(stdout);
}

/* ---- the end ------------------------------------------------------------------------------- */

void check(struct demo *demo, const char *what, bool ok, const char *format, ...)
{
        struct check *c = &demo->checks[demo->nchecks++];
        va_list args;

        c->what = what;
        c->ok = ok;
        va_start(args, format);
        vsnprintf(c->said, sizeof(c->said), format, args);
        va_end(args);
}

static double mib(uint64_t bytes)
{
        return (double)bytes / (double)MIB;
}

static void line(const char *what, const char *unit, double value, int digits, const char *meaning)
{
        printf("  %-22s %11.*f %-4s %s\n", what, digits, value, unit, meaning);
}

/* With a comma before every three digits. */
static void count(const char *what, uint64_t value, const char *meaning)
{
        char text[32], *at = text + sizeof(text);
        unsigned digits = 0;

        *--at = '\0';
        do {
                if (digits > 0 && digits % 3 == 0)
                        *--at = ',';
                *--at = (char)('0' + value % 10);
                value /= 10;
                digits++;
        } while (value > 0);
        printf("  %-22s %11s %-4s %s\n", what, at, "", meaning);
}

/* Of the whole process, as the kernel saw it. */
static uint64_t process_peak(void)
{
        FILE *status = fopen("/proc/self/status", "r");
        char text[128];
        unsigned long kib = 0;

        while (status && fgets(text, sizeof(text), status))
                if (sscanf(text, "VmHWM: %lu", &kib) == 1)
                        break;
        if (status)
                fclose(status);
        return (uint64_t)kib << 10;
}

static void report_pages(const struct pg_stats *s)
{
        printf("\nWhat happened, in pages of %zu KiB\n", s->page_size >> 10);
        count("faults", s->faults, "touches of a page that was not in memory");
        count("  of them rescued", s->rescues, "set aside, but not yet gone: put back at once");
        count("  others", s->faults - s->rescues, "brought in, or made new");
        count("first writes", s->protect_faults, "to pages that had an identical copy till then");
        count("evicted, unmodified", s->evictions_clean, "dropped: a copy existed");
        count("evicted, modified", s->evictions_dirty, "compressed, or written to their file");
        count("  of them all zero", s->zero_pages_out, "needed no room");
        count("read ahead", s->ahead_pages, "brought in before they were touched");
        count("  used", s->ahead_used, "as far as one can know");
        count("  wasted", s->ahead_wasted, "evicted again untouched");
}

static void report_memory(const struct demo *demo, const struct pg_stats *s, uint64_t peak)
{
        const struct pg_stats *full = &demo->fullest;
        double seconds = (double)demo->worked_ns / 1e9;
        double waited = (double)s->wait_ns / 1e9;
        char text[80];

        printf("\nMemory and time\n");
        line("budget", "MiB", mib(demo->budget), 1, "for the pages and the pool's own buffers");
        line("peak resident", "MiB", mib(peak), 1, "most that pages and buffers ever used of it");
        snprintf(text, sizeof(text), "for %.1f MiB of evicted pages, when it held most",
                 mib(full->swap_pages * full->page_size));
        line("compressed store", "MiB", mib(full->swap_memory_bytes), 1, text);
        line("compression", ": 1",
             full->swap_bytes
                     ? (double)(full->swap_pages * full->page_size) / (double)full->swap_bytes
                     : 1,
             2, "size of those pages to their compressed size");
        line("peak of the process", "MiB", mib(process_peak()), 1,
             "VmHWM: the above, the program, its plain buffers");
        snprintf(text, sizeof(text),
                 "of %.1f s without the plain tools: waited for pages (%.0f %%)", seconds,
                 100 * waited / seconds);
        line("time spent waiting", "s", waited, 2, text);
}

bool report(struct demo *demo)
{
        struct pg_stats s = {.size = sizeof(s)};
        uint64_t peak;
        bool good = true;

        if (pg_stats_get(demo->pool, &s) != 0)
                fail("no statistics");
        peak = (uint64_t)s.frames_peak * s.page_size + s.buffer_bytes;
        check(demo, "resident memory kept to the budget", peak <= demo->budget, "%.1f of %.1f MiB",
              mib(peak), mib(demo->budget));
        check(demo, "no page was lost or refused",
              s.errors_load + s.errors_save + s.errors_frames == 0, "%" PRIu64 " errors",
              s.errors_load + s.errors_save + s.errors_frames);
        report_pages(&s);
        report_memory(demo, &s, peak);
        printf("\n%-45s%s\n", "Checks", "what was said");
        for (unsigned i = 0; i < demo->nchecks; i++) {
                const struct check *c = &demo->checks[i];

                printf("  %-6s  %-34s %s\n", c->ok ? "OK" : "FAILED", c->what, c->said);
                good = good && c->ok;
        }
        printf("\n%s\n", good ? "OK: everything came out as plain tools say."
                              : "FAILED: see the lines marked so above.");
        return good;
}
