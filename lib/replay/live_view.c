/* SPDX-License-Identifier: MIT */
/*
 * live_view.c - see live_view.h.
 *
 * A file is read, not mapped: its process may end and another one make it anew while it is looked
 * at, and what is no file of ours must not raise a signal here.
 */
#include "live_view.h"
#include "live_file.h"
#include "live_name.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_MOST ((size_t)1 << 20)

static const char *const counter_names[PG_COUNTER_COST_EVENTS] = {
        [PG_COUNTER_FAULTS] = "faults",
        [PG_COUNTER_RESCUES] = "rescues",
        [PG_COUNTER_PROTECT_FAULTS] = "protect_faults",
        [PG_COUNTER_EVICTIONS_CLEAN] = "evictions_clean",
        [PG_COUNTER_EVICTIONS_DIRTY] = "evictions_dirty",
        [PG_COUNTER_PAGES_IN] = "pages_in",
        [PG_COUNTER_PAGES_OUT] = "pages_out",
        [PG_COUNTER_ZERO_PAGES_OUT] = "zero_pages_out",
        [PG_COUNTER_AHEAD_PAGES] = "ahead_pages",
        [PG_COUNTER_AHEAD_USED] = "ahead_used",
        [PG_COUNTER_AHEAD_WASTED] = "ahead_wasted",
        [PG_COUNTER_WAITS] = "waits",
        [PG_COUNTER_WAIT_NS] = "wait_ns",
        [PG_COUNTER_LATE_FAULTS] = "late_faults",
        [PG_COUNTER_ERRORS_LOAD] = "errors_load",
        [PG_COUNTER_ERRORS_SAVE] = "errors_save",
        [PG_COUNTER_ERRORS_FULL] = "errors_full",
        [PG_COUNTER_ERRORS_FRAMES] = "errors_frames",
        [PG_COUNTER_BUSY_PAGES] = "busy_pages",
        [PG_COUNTER_ABOVE_BUDGET] = "above_budget",
};

static const char *const gauge_names[PG_GAUGES] = {
        [PG_GAUGE_FRAMES_TOTAL] = "frames_total",
        [PG_GAUGE_FRAMES_FREE] = "frames_free",
        [PG_GAUGE_FRAMES_PINNED] = "frames_pinned",
        [PG_GAUGE_FRAMES_QUEUED] = "frames_queued",
        [PG_GAUGE_FRAMES_BUSY] = "frames_busy",
        [PG_GAUGE_FRAMES_PEAK] = "frames_peak",
        [PG_GAUGE_SWAP_PAGES] = "swap_pages",
        [PG_GAUGE_SWAP_BYTES] = "swap_bytes",
        [PG_GAUGE_SWAP_MEMORY_BYTES] = "swap_memory_bytes",
        [PG_GAUGE_SWAP_SAME_FILLED] = "swap_same_filled",
        [PG_GAUGE_SWAP_INCOMPRESSIBLE] = "swap_incompressible",
        [PG_GAUGE_SWAP_LIMIT_HITS] = "swap_limit_hits",
        [PG_GAUGE_ACCESS_CPU_NS] = "access_cpu_ns",
        [PG_GAUGE_ACCESS_WAIT_NS] = "access_wait_ns",
        [PG_GAUGE_AHEAD_CPU_NS] = "ahead_cpu_ns",
        [PG_GAUGE_TOUCHES_UNTIL_FULL] = "touches_until_full",
        [PG_GAUGE_PAGES_PEAK] = "pages_peak",
        [PG_GAUGE_BUDGET_CHANGES] = "budget_changes",
        [PG_GAUGE_SWAP_LOWER_PAGES] = "swap_lower_pages",
        [PG_GAUGE_TABLE_BYTES] = "table_bytes",
        [PG_GAUGE_MEMORY] = "memory",
};

static const char *const cost_names[PG_COSTS] = {
        [PG_COST_FIRST_TOUCH] = "first_touch", [PG_COST_LOAD_SWAP] = "load_swap",
        [PG_COST_LOAD_STORE] = "load_store",   [PG_COST_RESCUE] = "rescue",
        [PG_COST_FIRST_WRITE] = "first_write", [PG_COST_EVICTION] = "eviction",
};

const char *live_cost_name(enum pg_cost_kind kind)
{
        return cost_names[kind];
}

const char *live_counter_name(enum pg_counter counter)
{
        return counter_names[counter];
}

const char *live_gauge_name(enum pg_gauge gauge)
{
        return gauge_names[gauge];
}

/* ---- one file ------------------------------------------------------------------------------- */

static uint64_t clock_ns(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static pid_t parent_of(pid_t pid)
{
        char path[64], stat[512];
        const char *at;
        int parent = 0;
        size_t n;
        FILE *f;

        snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        f = fopen(path, "re");
        if (!f)
                return 0;
        n = fread(stat, 1, sizeof(stat) - 1, f);
        fclose(f);
        stat[n] = '\0';
        at = strrchr(stat, ')');
        return at && sscanf(at, ") %*c %d", &parent) == 1 ? parent : 0;
}

/* 1: it is one of ours; 0: it is none; or -errno. */
static int read_one(struct live_view *v, int folder, const char *name)
{
        int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK), is_one = 0;
        struct stat st;
        char *file;
        ssize_t n;

        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (size_t)st.st_size <= FILE_MOST &&
            (file = malloc((size_t)st.st_size + 1))) {
                n = pread(fd, file, (size_t)st.st_size, 0);
                is_one = n > 0 && live_decode(v, file, (size_t)n);
                free(file);
        }
        close(fd);
        v->user = st.st_uid;
        return is_one;
}

/* When a process was killed nobody knows; the file was last written to by then or before. */
static void judge(struct live_view *v)
{
        bool is_there = live_owner_is_there(v->live.pid, v->live.start_ticks);

        v->has_ended = !is_there || v->live.state != PG_LIVE_RUNNING;
        v->clock_ns = v->live.closed_clock_ns ? v->live.closed_clock_ns : clock_ns();
        v->parent = is_there ? parent_of(v->live.pid) : 0;
}

/* ---- all of them ---------------------------------------------------------------------------- */

static int add(struct live_views *all, const struct live_view *v)
{
        struct live_view *more;

        if (all->count == all->room) {
                all->room = all->room ? 2 * all->room : 16;
                more = reallocarray(all->at, all->room, sizeof(*more));
                if (!more)
                        return -ENOMEM;
                all->at = more;
        }
        all->at[all->count++] = *v;
        return 0;
}

static int add_file(struct live_views *all, int folder, const char *path, const char *name,
                    pid_t wanted, bool ended)
{
        struct live_view v;
        uint64_t ticks;
        unsigned pool;
        pid_t pid;
        int found;

        if (!live_name_read(name, &pid, &ticks, &pool) || (wanted && pid != wanted))
                return 0;
        found = read_one(&v, folder, name);
        all->refused += found == -EACCES;
        if (found <= 0)
                return 0;
        snprintf(v.path, sizeof(v.path), "%s/%s", path, name);
        judge(&v);
        return v.has_ended && !ended ? 0 : add(all, &v);
}

static int add_folder(struct live_views *all, const char *folder, pid_t wanted, bool ended)
{
        int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), error = 0;
        const struct dirent *entry;
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);

        if (fd < 0)
                all->refused += errno == EACCES;
        else if (!dir)
                close(fd);
        while (dir && !error && (entry = readdir(dir)))
                error = add_file(all, dirfd(dir), folder, entry->d_name, wanted, ended);
        if (dir)
                closedir(dir);
        return error;
}

static int compare(const void *a, const void *b)
{
        const struct pg_live *x = &((const struct live_view *)a)->live;
        const struct pg_live *y = &((const struct live_view *)b)->live;

        if (x->pid != y->pid)
                return x->pid < y->pid ? -1 : 1;
        if (x->start_ticks != y->start_ticks)
                return x->start_ticks < y->start_ticks ? -1 : 1;
        return (x->pool > y->pool) - (x->pool < y->pool);
}

static bool is_one_of(char *const *paths, size_t n, const char *path)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(paths[i], path) == 0)
                        return true;
        return false;
}

/* The folders of this user, and of all others that can be seen. */
int live_views_read(struct live_views *all, pid_t pid, bool ended)
{
        char folder[LIVE_FOLDER];
        glob_t others = {0};
        int error = 0;

        all->count = all->refused = 0;
        live_places_read();
        glob("/run/unpaged", 0, NULL, &others);
        glob("/run/user/*/unpaged", GLOB_APPEND, NULL, &others);
        glob("/dev/shm/unpaged-*", GLOB_APPEND, NULL, &others);
        for (unsigned i = 0; !error && live_folder(i, folder); i++)
                if (folder[0] && !is_one_of(others.gl_pathv, others.gl_pathc, folder))
                        error = add_folder(all, folder, pid, ended);
        for (size_t i = 0; !error && i < others.gl_pathc; i++)
                error = add_folder(all, others.gl_pathv[i], pid, ended);
        globfree(&others);
        if (all->count > 0)
                qsort(all->at, all->count, sizeof(all->at[0]), compare);
        return error;
}

void live_views_free(struct live_views *all)
{
        free(all->at);
        *all = (struct live_views){0};
}

const struct live_view *live_view_find(const struct live_views *all, const struct live_view *v)
{
        return all->count == 0 ? NULL
                               : bsearch(v, all->at, all->count, sizeof(all->at[0]), compare);
}

/* ---- figures -------------------------------------------------------------------------------- */

uint64_t live_resident(const struct live_view *v)
{
        uint64_t total = v->gauges[PG_GAUGE_FRAMES_TOTAL], free = v->gauges[PG_GAUGE_FRAMES_FREE];

        return (total > free ? total - free : 0) * v->live.page_size + v->live.buffer_bytes;
}

uint64_t live_counted(const struct live_view *v)
{
        if (v->gauges[PG_GAUGE_MEMORY] == 0)
                return live_resident(v);
        return live_resident(v) + live_compressed(v) + v->gauges[PG_GAUGE_TABLE_BYTES];
}

uint64_t live_compressed(const struct live_view *v)
{
        return v->gauges[PG_GAUGE_SWAP_MEMORY_BYTES];
}

uint64_t live_unpacked(const struct live_view *v)
{
        uint64_t pages = v->gauges[PG_GAUGE_SWAP_PAGES];
        uint64_t below = v->gauges[PG_GAUGE_SWAP_LOWER_PAGES];

        return (pages > below ? pages - below : 0) * v->live.page_size;
}

double live_ratio(const struct live_view *v)
{
        double bytes = (double)v->gauges[PG_GAUGE_SWAP_MEMORY_BYTES];

        return bytes > 0 ? (double)live_unpacked(v) / bytes : 0;
}

uint64_t live_span(const struct live_view *v, const struct live_view *before)
{
        uint64_t from = before ? before->clock_ns : v->live.opened_clock_ns;

        return v->clock_ns > from ? v->clock_ns - from : 1;
}

static double gained(const struct live_view *v, const struct live_view *before,
                     enum pg_counter which)
{
        uint64_t then = before ? before->counters[which] : 0;

        return v->counters[which] > then ? (double)(v->counters[which] - then) : 0;
}

double live_rate(const struct live_view *v, const struct live_view *before, enum pg_counter which)
{
        return gained(v, before, which) * 1e9 / (double)live_span(v, before);
}

double live_loads(const struct live_view *v, const struct live_view *before)
{
        double faults = live_rate(v, before, PG_COUNTER_FAULTS);
        double rescues = live_rate(v, before, PG_COUNTER_RESCUES);

        return faults > rescues ? faults - rescues : 0;
}

double live_waiting(const struct live_view *v, const struct live_view *before)
{
        return gained(v, before, PG_COUNTER_WAIT_NS) * 100 / (double)live_span(v, before);
}

struct pg_cost live_cost(const struct live_view *v, enum pg_cost_kind kind)
{
        const uint64_t *c = v->counters + kind;
        double events = (double)c[PG_COUNTER_COST_EVENTS];
        double share =
                c[PG_COUNTER_COST_MEASURED] ? events / (double)c[PG_COUNTER_COST_MEASURED] : 0;

        return (struct pg_cost){c[PG_COUNTER_COST_EVENTS],
                                (uint64_t)((double)c[PG_COUNTER_COST_CPU_NS] * share),
                                (uint64_t)((double)c[PG_COUNTER_COST_WAIT_NS] * share)};
}
