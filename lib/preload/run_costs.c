/* SPDX-License-Identifier: MIT */
/*
 * run_costs.c - how much of a run's time paging took, from what the pool has measured of faults and
 * evictions (pg_stats.costs).
 *
 * What counts is the time that threads of the program were held up: the pager's CPU time for each
 * kind of event, and what the exception and both switches cost besides (pg_cost_measure). Waiting
 * counts where there was something to wait for: a store that is a file. Else it was for a CPU that
 * others had, which is nobody's paging. For the same reason the time that threads were ready to run
 * and did not is taken off the time of the run.
 *
 * Several threads are held up at the same time. So sums over threads are divided by how many there
 * were on average, running or held up.
 */
#include "run_costs.h"
#include "preload.h"
#include "real_syscalls.h"
#include "text.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <unpaged/internals.h>

/* With less than that a verdict would be a guess. */
#define FAULTS_LEAST 200u
#define RUN_LEAST_NS 2e7

/* ---- waiting for a CPU --------------------------------------------------------------------- */

/* The second number of /proc/self/task/TID/schedstat. */
static uint64_t delay_of(const char *tid)
{
        struct text path = {0};
        char line[96];
        uint64_t ns = 0;
        ssize_t n;
        int fd;

        text_add(&path, "/proc/self/task/");
        text_add(&path, tid);
        text_add(&path, "/schedstat");
        fd = real_open(path.at, O_RDONLY | O_CLOEXEC, 0);
        if (fd < 0)
                return 0;
        n = syscall(SYS_read, fd, line, sizeof(line) - 1);
        real_close(fd);
        line[n > 0 ? n : 0] = '\0';
        for (const char *at = line; *at; at++)
                if (*at == ' ') {
                        while (*++at >= '0' && *at <= '9')
                                ns = ns * 10 + (uint64_t)(*at - '0');
                        break;
                }
        return ns;
}

static pid_t number(const char *text)
{
        pid_t n = 0;

        for (; *text >= '0' && *text <= '9'; text++)
                n = n * 10 + (*text - '0');
        return n;
}

/* Of all threads of the program that there are now, in nanoseconds: ready to run, and another one
 * ran. */
static uint64_t cpu_delay_ns(void)
{
        _Alignas(struct dirent64) char list[4096];
        int fd = real_open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
        uint64_t ns = 0;
        ssize_t n;

        while (fd >= 0 && (n = syscall(SYS_getdents64, fd, list, sizeof(list))) > 0)
                for (ssize_t at = 0; at < n;) {
                        const struct dirent64 *entry = (const void *)(list + at);

                        if (entry->d_name[0] != '.' && !pg_owns_thread(number(entry->d_name)))
                                ns += delay_of(entry->d_name);
                        at += entry->d_reclen;
                }
        if (fd >= 0)
                real_close(fd);
        return ns;
}

/* ---- adding up ----------------------------------------------------------------------------- */

/* Does what happens then wait for anything but a CPU? */
static bool waits_for_a_store(enum pg_cost_kind kind)
{
        return kind == PG_COST_LOAD_STORE ||
               (preload.swap_is_far && (kind == PG_COST_LOAD_SWAP || kind == PG_COST_EVICTION));
}

static double cost_of(const struct pg_stats *s, enum pg_cost_kind kind)
{
        const struct pg_cost *c = &s->costs[kind];
        double ns = (double)c->cpu_ns;

        if (waits_for_a_store(kind))
                ns += (double)c->wait_ns;
        if (kind != PG_COST_EVICTION)
                ns += (double)c->events * (double)(s->access_cpu_ns + s->access_wait_ns);
        return ns;
}

/* How long threads of the program, and the pager for them, waited for a CPU. */
static double delays(const struct pg_stats *s)
{
        double ns = (double)cpu_delay_ns();

        for (enum pg_cost_kind kind = 0; kind < PG_COSTS; kind++)
                if (!waits_for_a_store(kind))
                        ns += (double)s->costs[kind].wait_ns;
        return ns;
}

struct run_costs run_costs_read(const struct pg_stats *s, uint64_t first)
{
        struct run_costs r = {0};
        double wall = (double)stats_wall_ns(), delay = delays(s), busy, threads;
        const struct pg_cost *touched = &s->costs[PG_COST_FIRST_TOUCH];

        busy = (double)s->cpu_program_ns + (double)s->wait_ns;
        threads = wall > 0 && busy > wall ? busy / wall : 1;
        r.run_ns = wall - delay / threads;
        for (enum pg_cost_kind kind = PG_COST_LOAD_SWAP; kind <= PG_COST_FIRST_WRITE; kind++)
                r.again_ns += cost_of(s, kind) / threads;
        r.again = s->costs[PG_COST_LOAD_SWAP].events + s->costs[PG_COST_LOAD_STORE].events;
        if (touched->events > first) { /* pages of zeros that came back */
                r.again += touched->events - first;
                r.again_ns += cost_of(s, PG_COST_FIRST_TOUCH) / threads *
                              (double)(touched->events - first) / (double)touched->events;
        }
        r.leave_ns = cost_of(s, PG_COST_EVICTION) / threads;
        /* Accesses to neighbours cost less than was measured. It cannot be more than all. */
        if (r.again_ns + r.leave_ns > r.run_ns) {
                double part = r.run_ns / (r.again_ns + r.leave_ns);

                r.again_ns *= part;
                r.leave_ns *= part;
        }
        r.is_short = r.run_ns < RUN_LEAST_NS || s->faults < FAULTS_LEAST || s->access_cpu_ns == 0;
        return r;
}

/* ---- the end ------------------------------------------------------------------------------- */

static struct {
        struct pg_stats stats;
        struct run_costs costs;
        bool has_stats, has_costs;
} settled;

const struct pg_stats *run_stats_at_end(void)
{
        if (!settled.has_stats) {
                settled.stats = (struct pg_stats){.size = sizeof(settled.stats)};
                settled.has_stats = pg_stats_get(preload.pool, &settled.stats) == 0;
        }
        return settled.has_stats ? &settled.stats : NULL;
}

/* Where memory or the store has run out it is not tried: a touch might fail. */
static bool may_measure(const struct pg_stats *s)
{
        return s->costs[PG_COST_EVICTION].events > 0 && s->access_cpu_ns == 0 &&
               s->errors_full + s->errors_frames + s->errors_save + s->errors_load == 0;
}

static void measure_access(struct pg_stats *s)
{
        struct pg_stats now = {.size = sizeof(now)};

        if (!may_measure(s) || pg_cost_measure(preload.pool) != 0 ||
            pg_stats_get(preload.pool, &now) != 0)
                return;
        s->access_cpu_ns = now.access_cpu_ns;
        s->access_wait_ns = now.access_wait_ns;
}

struct run_costs run_costs_at_end(uint64_t first)
{
        if (!settled.has_costs && run_stats_at_end()) {
                measure_access(&settled.stats);
                settled.costs = run_costs_read(&settled.stats, first);
                settled.has_costs = true;
        }
        return settled.costs;
}

void run_costs_again(void)
{
        settled.has_stats = settled.has_costs = false;
}
