/* SPDX-License-Identifier: MIT */
/*
 * stats.c - what a process has counted, told when it ends: to the run's first process, which writes
 * one report for all (run_file.c, report.c); or, where there is no run, in a report of its own.
 *
 * It ends by exit, quick_exit, _exit, by a signal (see signals.c), or because it executes another
 * program. If that last fails it goes on, and tells again later: the later record counts. A process
 * that is killed by SIGKILL, or crashes, tells nothing; its counters speak for it. A child of vfork
 * shares all variables here with its parent but is not the process that the pool belongs to.
 *
 * The first process writes the report even if it is not paged itself (UNPAGED_ONLY). It cannot once
 * it has executed a program without this library, so then it does so before. Where it was killed,
 * the next process of the run to end writes the report.
 */
#include "alt_stack.h"
#include "futex_lock.h"
#include "live_file.h"
#include "live_name.h"
#include "out_file.h"
#include "preload.h"
#include "real_syscalls.h"
#include "report.h"
#include "run_costs.h"
#include "settings.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <unpaged/internals.h>
#include <unpaged/statistics.h>

static struct {
        struct sink table, json;
        bool all;             /* the table has all rows */
        char path[LIVE_PATH]; /* of the run's records; "": there is no run */
        bool first;           /* of the run */
        uint64_t start_ticks; /* when this process began */
        uint64_t started_ns, started_cpu_ns;
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

static uint64_t now_ns(clockid_t clock)
{
        struct timespec ts;

        clock_gettime(clock, &ts);
        return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void start_clocks(void)
{
        stats.started_ns = now_ns(CLOCK_MONOTONIC);
        stats.started_cpu_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t stats_wall_ns(void)
{
        return now_ns(CLOCK_MONOTONIC) - stats.started_ns;
}

uint64_t stats_cpu_before_ns(void)
{
        return stats.started_cpu_ns;
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

/* ---- what it has counted -------------------------------------------------------------------- */

static void copy_text(char *to, size_t size, const char *from)
{
        size_t len = strnlen(from, size - 1);

        memcpy(to, from, len);
        to[len] = '\0';
}

uint64_t budget_of(const struct pg_stats *s)
{
        return (uint64_t)s->frames_total * s->page_size + s->buffer_bytes;
}

static bool record_fill(struct run_record *r, enum run_end end)
{
        const struct pg_stats *s = run_stats_at_end();
        struct run_costs costs;

        if (!s)
                return false;
        *r = (struct run_record){.end = end,
                                 .pid = preload.pid,
                                 .start_ticks = stats.start_ticks,
                                 .started_ns = stats.started_ns,
                                 .wall_ns = stats_wall_ns(),
                                 .budget = budget_of(s),
                                 .page_size = s->page_size,
                                 .peak = (uint64_t)s->frames_peak * s->page_size,
                                 .peak_process = high_water(),
                                 .faults = s->faults,
                                 .rescues = s->rescues,
                                 .evictions_clean = s->evictions_clean,
                                 .evictions_dirty = s->evictions_dirty,
                                 .pages_in = s->pages_in,
                                 .pages_out = s->pages_out,
                                 .zero_pages_out = s->zero_pages_out,
                                 .swap_pages = s->swap_pages,
                                 .swap_bytes = s->swap_bytes,
                                 .swap_memory = s->swap_memory_bytes,
                                 .errors_load = s->errors_load,
                                 .errors_save = s->errors_save,
                                 .errors_frames = s->errors_frames,
                                 .errors_full = s->errors_full,
                                 .wait_ns = s->wait_ns};
        costs = run_costs_at_end(UINT64_MAX);
        if (!costs.is_short) {
                r->paging_ns = (uint64_t)(costs.again_ns + costs.leave_ns);
                r->run_ns = (uint64_t)costs.run_ns;
        }
        if (!curve_sufficient(&r->sufficient))
                r->sufficient = 0;
        copy_text(r->program, sizeof(r->program), preload.name);
        copy_text(r->reason, sizeof(r->reason), stats.reason);
        return true;
}

/* ---- telling it ----------------------------------------------------------------------------- */

static int report_write_to(const struct sink *sink, const struct report *r, struct ink *k,
                           void (*compose)(const struct report *r, struct ink *k))
{
        if (!sink->is_open)
                return 0;
        k->len = 0;
        compose(r, k);
        return sink_write_bytes(sink, k->at, k->len);
}

static void complain_of(const struct sink *sink, int error)
{
        if (error && !stats.failed)
                complain(preload.name, ": its statistics cannot be written to ",
                         sink->fd < 0 ? sink->path : "standard error", ": ", out_file_why(error),
                         NULL);
        stats.failed = stats.failed || error;
}

static void report_write(struct report *r)
{
        struct ink k = {.size = report_room(r)};

        r->all = stats.all;
        k.at = real_mmap(NULL, k.size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (k.at == MAP_FAILED) {
                complain_of(&stats.table, -ENOMEM);
                return;
        }
        complain_of(&stats.table, report_write_to(&stats.table, r, &k, report_table));
        complain_of(&stats.json, report_write_to(&stats.json, r, &k, report_json));
        real_munmap(k.at, k.size);
}

/* own: NULL, if it was not paged. */
static void report_for(const struct run_record *own, bool whole)
{
        static struct report r;
        int error = whole ? report_of_run(&r, stats.path, own) : -ENOENT;

        if (error && !own)
                return;
        if (error)
                error = report_of_one(&r, own);
        if (error) {
                complain_of(&stats.table, error);
                return;
        }
        report_write(&r);
        report_release(&r);
}

/* last: nothing of ours will run in this process any more. */
static void stats_tell(enum run_end end, bool last)
{
        static struct run_record own;
        bool is_paged = is_active();
        int error = -ENOENT;

        if ((!stats.table.is_open && !stats.json.is_open) ||
            (is_paged && !record_fill(&own, end)) || atomic_exchange(&stats.told, true))
                return;
        if (stats.first && last)
                report_for(is_paged ? &own : NULL, true);
        else if (is_paged) {
                if (stats.path[0])
                        error = run_file_append(stats.path, &own);
                if (error)
                        report_for(&own, error == -ESRCH);
        }
}

static bool is_ours_to_tell(void)
{
        return (is_active() || stats.first) && real_getpid() == preload.pid;
}

void stats_again(void)
{
        if (!is_ours_to_tell())
                return;
        atomic_store(&stats.told, false);
        curve_again();
        run_costs_again();
        pg_live_mark(PG_LIVE_RUNNING);
}

bool stats_is_first(void)
{
        return stats.first && real_getpid() == preload.pid;
}

/* ---- the beginning -------------------------------------------------------------------------- */

void stats_run(const struct settings *s)
{
        uint64_t ticks;
        pid_t first;

        if (!s->stats_path && !s->stats_json_path)
                return;
        stats.start_ticks = live_start_ticks(real_getpid());
        if (!s->report_path || !run_file_whose(s->report_path, &first, &ticks))
                return;
        strcpy(stats.path, s->report_path);
        stats.first = first == real_getpid() && ticks == stats.start_ticks;
        pg_live_run(first, ticks);
}

static void keep_complaint(const struct sink *sink)
{
        struct stat st;

        if (sink->is_open && stat(sink->path, &st) == 0 && !S_ISREG(st.st_mode))
                complaint_keep(); /* /dev/full, a pipe: the first to fail */
}

void stats_open(const struct settings *s)
{
        sink_open(&stats.table, s->stats_path);
        sink_open(&stats.json, s->stats_json_path);
        stats.all = s->stats_all;
        start_clocks();
        run_costs_begin(false);
        keep_complaint(&stats.table);
        keep_complaint(&stats.json);
        if (!is_active() && stats.first && alt_stack_init() != 0)
                stats.first = false;
}

void stats_begin_again(void)
{
        stats.first = false;
        stats.start_ticks = live_start_ticks(real_getpid());
        stats.reason[0] = '\0';
        start_clocks();
        run_costs_begin(true);
        run_costs_again();
        atomic_store(&stats.told, false);
        futex_lock_reset(&ending);
}

/* ---- the end -------------------------------------------------------------------------------- */

static int write_all(void *arg)
{
        (void)arg;
        trace_write();
        curve_settle();
        stats_tell(RUN_ENDED, true);
        curve_write();
        sample_write();
        pg_live_mark(PG_LIVE_CLOSED);
        return 0;
}

static int write_for_next(void *arg)
{
        const bool *last = arg;

        trace_write();
        curve_settle();
        stats_tell(RUN_EXECUTED, *last);
        curve_hand_over();
        sample_hand_over();
        pg_live_mark(PG_LIVE_EXECUTED);
        return 0;
}

static void call_here(int (*run)(void *arg), void *arg)
{
        run(arg);
}

static void end_with(int (*write)(void *arg), void *arg,
                     void (*call)(int (*run)(void *arg), void *arg))
{
        uint64_t signals;

        if (!is_ours_to_tell())
                return;
        signals = real_signals_block(0);
        futex_lock_take(&ending);
        call(write, arg);
        futex_lock_drop(&ending);
        real_signals_restore(signals);
}

void process_ends(void)
{
        end_with(write_all, NULL, call_here);
}

void process_ends_by_signal(void)
{
        end_with(write_all, NULL, alt_stack_call_in_signal);
}

void process_executes(bool last)
{
        end_with(write_for_next, &last, call_here);
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
