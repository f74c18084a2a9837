/* SPDX-License-Identifier: MIT */
/*
 * run_costs.c - how much of a run's time paging took, from what the pool has counted of faults and
 * evictions, and from CPU clocks (pg_stats).
 *
 * What the run would have taken without paging is what its program had of the CPU, without what
 * exceptions took of that (pg_cost_measure: so much for each fault); and the time that its threads
 * slept for other reasons. What paging takes is those exceptions, the CPU time of the pager, and
 * the waiting for stores that are files. First touches are there with all memory, too, so their
 * part stays with the run.
 *
 * So neither time that others had the CPU nor time that a hypervisor took counts as anything. And
 * the pager's CPU time comes from a clock, while what each kind of fault costs is sampled: that
 * only says how the whole is to be shared out.
 *
 * Times of several threads are added up. Where these run side by side, the clock on the wall shows
 * less than the sum; the quotient is what it would be.
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

/* What an exception takes is measured at the end of the program, of pages of the pager's. It may be
 * wrong by this part, and all else by the other. Where threads have to wait for a CPU, an exception
 * takes 20 to 200 us, by where the kernel lets them run, and so it may be wrong by their part of
 * waiting more. */
#define DOUBT_EXCEPTIONS 0.15
#define DOUBT_REST       0.02
#define DOUBT_MOST       0.9

/* ---- waiting for a CPU --------------------------------------------------------------------- */

static pid_t number(const char *text)
{
        pid_t n = 0;

        for (; *text >= '0' && *text <= '9'; text++)
                n = n * 10 + (*text - '0');
        return n;
}

struct delays {
        double program_ns, program_cpu_ns; /* of the program's threads: ready to run, and running */
        double pager_ns;                   /* of the pager's: ready to run */
};

/* Of a thread: the first two numbers of its schedstat, which live through exec. */
static void add_thread(struct delays *d, const char *tid)
{
        struct text path = {0};
        char line[96];
        double ns[2] = {0, 0};
        unsigned n = 0;
        ssize_t got;
        int fd;

        text_add(&path, "/proc/self/task/");
        text_add(&path, tid);
        text_add(&path, "/schedstat");
        fd = real_open(path.at, O_RDONLY | O_CLOEXEC, 0);
        if (fd < 0)
                return;
        got = syscall(SYS_read, fd, line, sizeof(line) - 1);
        real_close(fd);
        line[got > 0 ? got : 0] = '\0';
        for (const char *at = line; *at && n < 2; at++)
                if (*at >= '0' && *at <= '9')
                        ns[n] = ns[n] * 10 + (*at - '0');
                else
                        n++;
        if (pg_owns_thread(number(tid))) {
                d->pager_ns += ns[1];
        } else {
                d->program_cpu_ns += ns[0];
                d->program_ns += ns[1];
        }
}

static struct delays delays_now(void)
{
        _Alignas(struct dirent64) char list[4096];
        int fd = real_open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
        struct delays d = {0};
        ssize_t n;

        while (fd >= 0 && (n = syscall(SYS_getdents64, fd, list, sizeof(list))) > 0)
                for (ssize_t at = 0; at < n;) {
                        const struct dirent64 *entry = (const void *)(list + at);

                        if (entry->d_name[0] != '.')
                                add_thread(&d, entry->d_name);
                        at += entry->d_reclen;
                }
        if (fd >= 0)
                real_close(fd);
        return d;
}

static struct delays before; /* the program began */

void run_costs_begin(bool is_child)
{
        before = is_child ? (struct delays){0} : delays_now();
}

/* Since the program began, which has had `program` of the CPU by itself. Threads that have ended
 * are taken to have waited for a CPU as much as the others. Where /proc cannot be read any more: 0.
 */
static struct delays delays_since(double program)
{
        struct delays d = delays_now();

        d.program_cpu_ns -= before.program_cpu_ns;
        d.program_ns -= before.program_ns;
        if (d.program_cpu_ns <= 0 || d.program_ns < 0)
                return (struct delays){0};
        if (program > d.program_cpu_ns)
                d.program_ns *= program / d.program_cpu_ns;
        return d;
}

/* The time of threads that did not wait for pages, nor for a CPU: asleep. */
static double slept_ns(const struct pg_stats *s, double program, const struct delays *d)
{
        double ns = (double)stats_wall_ns() - program - (double)s->wait_ns - d->pager_ns;

        return ns > d->program_ns ? ns - d->program_ns : 0;
}

/* The part of the time for which the program's threads were ready that they waited for a CPU. */
static double crowded(const struct delays *d)
{
        double ready = d->program_ns + d->program_cpu_ns;

        return ready > 0 ? d->program_ns / ready : 0;
}

/* ---- faults -------------------------------------------------------------------------------- */

static double events(const struct pg_stats *s, enum pg_cost_kind kind)
{
        return (double)s->costs[kind].events;
}

/* Faults that a run may have with all memory, too. */
struct faults {
        double touches;       /* of pages of zeros; of them: */
        double touches_first; /* not of pages that were there before, and left as zeros */
        double touches_all;   /* those that there would be with all memory */
        double files;         /* loads from stores that are not for swap; of them: */
        double files_first;   /* not of pages that were there before */
};

static double least(double a, double b)
{
        return a < b ? a : b;
}

/* Of the pages that were read ahead, the part that was loaded from stores; the others were new. */
static double loaded_ahead(const struct pg_stats *s)
{
        double loads = events(s, PG_COST_LOAD_SWAP) + events(s, PG_COST_LOAD_STORE);
        double ahead = (double)s->ahead_pages, loaded = least(ahead, (double)s->pages_in - loads);

        return loaded > 0 ? loaded / ahead : 0;
}

/* Pages that nobody has touched before come ahead of their touch as long as frames are free. Later
 * more of them are faults. */
static double touches_with_all_memory(const struct pg_stats *s, double touches)
{
        double until = (double)s->touches_until_full, all;

        if (until == 0 || until >= touches)
                return touches;
        all = touches + (double)s->ahead_pages * (1 - loaded_ahead(s));
        all *= until / (double)s->frames_total;
        return all < until ? until : least(all, touches);
}

/* The most pages that had content at once. Pages that were all zero when they went out are not in
 * pages_peak. They are added here, but the sum is never more than all pages that ever came in. */
static uint64_t pages_at_once(const struct pg_stats *s, const struct faults *f)
{
        double came =
                f->touches_first + f->files_first + (double)s->ahead_pages * (1 - loaded_ahead(s));
        double all = least((double)(s->pages_peak + s->zero_pages_out), came);

        return all > (double)s->pages_peak ? (uint64_t)all : s->pages_peak;
}

static struct faults faults_of(const struct pg_stats *s, double first)
{
        struct faults f = {.touches = events(s, PG_COST_FIRST_TOUCH),
                           .files = events(s, PG_COST_LOAD_STORE)};
        double all = f.touches + f.files, part = all > first ? first / all : 1;

        f.touches_first = f.touches * part;
        f.files_first = f.files * part;
        f.touches_all = touches_with_all_memory(s, f.touches_first);
        return f;
}

/* ---- adding up ----------------------------------------------------------------------------- */

/* Does what happens then wait for anything but a CPU? */
static bool waits_for_a_store(enum pg_cost_kind kind)
{
        return kind == PG_COST_LOAD_STORE ||
               (preload.swap_is_far && (kind == PG_COST_LOAD_SWAP || kind == PG_COST_EVICTION));
}

static double waited_ns(const struct pg_stats *s, enum pg_cost_kind kind)
{
        return waits_for_a_store(kind) ? (double)s->costs[kind].wait_ns : 0;
}

static double exceptions_ns(const struct pg_stats *s, enum pg_cost_kind kind)
{
        return kind == PG_COST_EVICTION ? 0 : events(s, kind) * (double)s->access_cpu_ns;
}

/* As it was sampled. */
static double cost_ns(const struct pg_stats *s, enum pg_cost_kind kind)
{
        return (double)s->costs[kind].cpu_ns + waited_ns(s, kind) + exceptions_ns(s, kind);
}

static double part_of(double ns, double events, double all)
{
        return all > 0 ? ns * events / all : 0;
}

/* Of these times, those of what a run needs with all memory, of what comes back, and of what
 * leaves. */
struct shares {
        double needed, again, leave;
};

static struct shares shares_of(const struct pg_stats *s, const struct faults *f)
{
        double touch = cost_ns(s, PG_COST_FIRST_TOUCH), file = cost_ns(s, PG_COST_LOAD_STORE);

        return (struct shares){
                .needed = part_of(touch, f->touches_all, f->touches) +
                          part_of(file, f->files_first, f->files),
                .again = cost_ns(s, PG_COST_LOAD_SWAP) +
                         part_of(touch, f->touches - f->touches_first, f->touches) +
                         part_of(file, f->files - f->files_first, f->files),
                .leave = cost_ns(s, PG_COST_EVICTION) + cost_ns(s, PG_COST_RESCUE) +
                         cost_ns(s, PG_COST_FIRST_WRITE) +
                         part_of(touch, f->touches_first - f->touches_all, f->touches)};
}

struct run_costs run_costs_read(const struct pg_stats *s, uint64_t first)
{
        struct faults f = faults_of(s, (double)first);
        struct shares of = shares_of(s, &f);
        double program = (double)s->cpu_program_ns - (double)stats_cpu_before_ns();
        double loads = events(s, PG_COST_LOAD_SWAP) + f.files, sampled, paging, scale;
        double exceptions = (double)s->ahead_used * loaded_ahead(s) * (double)s->ahead_cpu_ns;
        struct delays delays = delays_since(program);
        double waited = 0;
        struct run_costs r = {0};

        for (enum pg_cost_kind kind = 0; kind < PG_COSTS; kind++) {
                exceptions += exceptions_ns(s, kind);
                waited += waited_ns(s, kind);
        }
        sampled = of.needed + of.again + of.leave;
        paging = (double)s->cpu_pager_ns + waited + exceptions;
        scale = sampled > 0 ? paging / sampled : 0;
        r.kept_ns = of.needed * scale + slept_ns(s, program, &delays);
        if (program > exceptions)
                r.kept_ns += program - exceptions;
        r.again_ns = of.again * scale;
        r.leave_ns = of.leave * scale;
        r.run_ns = r.kept_ns + r.again_ns + r.leave_ns;
        r.again = (uint64_t)(events(s, PG_COST_LOAD_SWAP) + f.touches - f.touches_first + f.files -
                             f.files_first);
        r.most = pages_at_once(s, &f);
        r.back = loads > 0 ? (uint64_t)((double)s->pages_in * (double)r.again / loads) : 0;
        r.doubt = DOUBT_REST;
        if (paging > 0)
                r.doubt += (DOUBT_EXCEPTIONS + crowded(&delays)) * exceptions / paging;
        r.doubt = least(r.doubt, DOUBT_MOST);
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
        s->ahead_cpu_ns = now.ahead_cpu_ns;
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
