/* SPDX-License-Identifier: MIT */
/*
 * stats.c - what a process has cost, told when it ends: one block of lines, each a key, a number
 * for programs, and the same for people.
 *
 * It ends by exit, quick_exit, _exit, by a signal (see signals.c), or because it executes another
 * program. If that last fails it goes on, and tells again later: the later block counts. A process
 * that is killed by SIGKILL, or crashes, tells nothing. A child of vfork shares all variables here
 * with its parent but is not the process that the pool belongs to.
 */
#include "alt_stack.h"
#include "futex_lock.h"
#include "out_file.h"
#include "preload.h"
#include "real_syscalls.h"
#include "text.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <unpaged/internals.h>
#include <unpaged/statistics.h>

static struct {
        struct sink sink;
        uint64_t started_ns;
        _Atomic bool told;
        bool failed; /* and that has been said */
        char reason[384];
} stats;

/* A thread that a signal ends waits for one that is writing: or what that writes would be cut. */
static struct futex_lock ending;

void stats_reason(const char *line)
{
        size_t len = strnlen(line, sizeof(stats.reason) - 1);

        memcpy(stats.reason, line, len);
        stats.reason[len] = '\0';
}

static uint64_t now_ns(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t stats_wall_ns(void)
{
        return now_ns() - stats.started_ns;
}

/* The most that was ever resident of the whole process, in bytes, as the kernel counts. */
static uint64_t high_water(void)
{
        char status[4096];
        int fd = real_open("/proc/self/status", O_RDONLY | O_CLOEXEC, 0);
        uint64_t kib = 0;
        const char *at;
        ssize_t n;

        if (fd < 0)
                return 0;
        n = syscall(SYS_read, fd, status, sizeof(status) - 1);
        real_close(fd);
        status[n > 0 ? n : 0] = '\0';
        at = strstr(status, "VmHWM:");
        for (at = at ? at + strcspn(at, "0123456789\n") : ""; *at >= '0' && *at <= '9'; at++)
                kib = kib * 10 + (uint64_t)(*at - '0');
        return kib << 10;
}

#define KEY_WIDTH    18
#define NUMBER_WIDTH 16

/* "  key       number", and what follows up to the end of the line is for people. */
static void row_decimal(struct text *t, const char *key, uint64_t value, unsigned places)
{
        size_t from = t->len;

        text_add(t, "  ");
        text_add(t, key);
        text_pad(t, from, KEY_WIDTH);
        from = t->len;
        text_decimal(t, value, places);
        text_shift(t, from, NUMBER_WIDTH);
}

static void stats_row(struct text *t, const char *key, uint64_t value)
{
        row_decimal(t, key, value, 0);
        text_add(t, "\n");
}

static void row_bytes(struct text *t, const char *key, uint64_t bytes)
{
        row_decimal(t, key, bytes, 0);
        text_add(t, "  ");
        text_decimal(t, (bytes * 10 + (1u << 19)) >> 20, 1);
        text_add(t, " MiB\n");
}

/* part of whole: as a percentage, if there is a whole. */
static void row_part(struct text *t, const char *key, uint64_t part, uint64_t whole,
                     const char *of_what)
{
        row_decimal(t, key, part, 0);
        if (whole) {
                text_add(t, "  ");
                text_number(t, (part * 100 + whole / 2) / whole);
                text_add(t, " % of the ");
                text_add(t, of_what);
        }
        text_add(t, "\n");
}

static void row_time(struct text *t, const char *key, uint64_t ns)
{
        row_decimal(t, key, ns / 1000, 3);
        text_add(t, "  ");
        text_decimal(t, (ns + 5000000) / 10000000, 2);
        text_add(t, " s\n");
}

static void describe(struct text *t, const struct pg_stats *s)
{
        uint64_t wall = stats_wall_ns(), sufficient;
        uint64_t evictions = s->evictions_clean + s->evictions_dirty;

        text_add(t, "process ");
        text_number(t, (uint64_t)preload.pid);
        text_add(t, " ");
        text_word(t, preload.name);
        text_add(t, "\n");
        row_bytes(t, "budget", preload.budget);
        stats_row(t, "page_size", s->page_size);
        row_bytes(t, "peak_resident", (uint64_t)s->frames_peak * s->page_size);
        row_bytes(t, "peak_process", high_water());
        if (curve_sufficient(&sufficient))
                row_bytes(t, "sufficient", sufficient);
        stats_row(t, "faults", s->faults);
        row_part(t, "rescues", s->rescues, s->faults, "faults");
        row_part(t, "evictions_clean", s->evictions_clean, evictions, "evictions");
        row_part(t, "evictions_dirty", s->evictions_dirty, evictions, "evictions");
        stats_row(t, "pages_in", s->pages_in);
        stats_row(t, "pages_out", s->pages_out);
        stats_row(t, "zero_pages_out", s->zero_pages_out);
        stats_row(t, "swap_pages", s->swap_pages);
        row_bytes(t, "swap_bytes", s->swap_bytes);
        row_bytes(t, "swap_memory", s->swap_memory_bytes);
        row_decimal(t, "swap_ratio",
                    s->swap_bytes ? s->swap_pages * s->page_size * 100 / s->swap_bytes : 0, 2);
        text_add(t, "  to 1\n");
        stats_row(t, "errors", s->errors_load + s->errors_save + s->errors_frames);
        row_decimal(t, "errors_full", s->errors_full, 0);
        text_add(t, "  pages that the swap store had no room for\n");
        row_decimal(t, "errors_frames", s->errors_frames, 0);
        text_add(t, stats.reason[0] ? "  " : "");
        text_add(t, stats.reason);
        text_add(t, "\n");
        row_time(t, "wait_ms", s->wait_ns);
        row_time(t, "wall_ms", wall);
        /* Of all its threads together, so it may be more than the whole. */
        row_decimal(t, "wait_percent", wall ? s->wait_ns / (wall / 1000 + 1) : 0, 1);
        text_add(t, "  % of the time waited for pages\n");
}

void stats_write(void)
{
        struct text t = {0};
        struct pg_stats s = {.size = sizeof(s)};
        int error;

        if (!is_active() || !stats.sink.is_open || real_getpid() != preload.pid ||
            atomic_exchange(&stats.told, true))
                return;
        if (pg_stats_get(preload.pool, &s) != 0)
                return;
        describe(&t, &s);
        error = sink_write(&stats.sink, &t);
        if (error && !stats.failed)
                complain(preload.name, ": its statistics cannot be written to ",
                         stats.sink.fd < 0 ? stats.sink.path : "standard error", ": ",
                         out_file_why(error), NULL);
        stats.failed = error != 0;
}

void stats_again(void)
{
        if (real_getpid() != preload.pid)
                return;
        atomic_store(&stats.told, false);
        curve_again();
        pg_live_mark(PG_LIVE_RUNNING);
}

void stats_open(const char *path)
{
        struct stat st;

        sink_open(&stats.sink, path);
        stats.started_ns = now_ns();
        if (stats.sink.is_open && stat(stats.sink.path, &st) == 0 && !S_ISREG(st.st_mode))
                complaint_keep(); /* /dev/full, a pipe: the first to fail */
}

void stats_block_restart(void)
{
        stats.started_ns = now_ns();
        atomic_store(&stats.told, false);
        futex_lock_reset(&ending);
}

/* ---- the end -------------------------------------------------------------------------------- */

static int write_all(void *arg)
{
        (void)arg;
        curve_settle();
        stats_write();
        curve_write();
        sample_write();
        trace_write();
        pg_live_mark(PG_LIVE_CLOSED);
        return 0;
}

static int write_for_next(void *arg)
{
        (void)arg;
        curve_settle();
        stats_write();
        curve_hand_over();
        sample_hand_over();
        trace_write();
        pg_live_mark(PG_LIVE_EXECUTED);
        return 0;
}

static void call_here(int (*run)(void *arg), void *arg)
{
        run(arg);
}

static void end_with(int (*write)(void *arg), void (*call)(int (*run)(void *arg), void *arg))
{
        uint64_t signals;

        if (!is_active() || real_getpid() != preload.pid)
                return;
        signals = real_signals_block(0);
        futex_lock_take(&ending);
        call(write, NULL);
        futex_lock_drop(&ending);
        real_signals_restore(signals);
}

void process_ends(void)
{
        end_with(write_all, call_here);
}

void process_ends_by_signal(void)
{
        end_with(write_all, alt_stack_call_in_signal);
}

void process_executes(void)
{
        end_with(write_for_next, call_here);
}

/* After the program's own handlers of exit. Paging goes on: others may still touch memory. */
__attribute__((destructor)) static void at_exit(void)
{
        process_ends();
}

EXPORT void _exit(int status)
{
        process_ends();
        real_exit(status);
}

EXPORT void _Exit(int status)
{
        _exit(status);
}
