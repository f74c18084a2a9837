/* SPDX-License-Identifier: MIT */
/*
 * watch.c - the threads of a run, who watches over them, and what is said when one goes wrong.
 *
 * A thread that begins no operation for HANG_S seconds hangs, and a hang is a failure. The report
 * comes in the order of what may itself hang: first what is known here, then what the pool tells.
 */
#include "stress.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <unpaged/statistics.h>

#define HANG_S  (SANITIZED ? 60u : 20u)
#define TICK_MS 100u

static struct thread threads[THREADS_MAX + TOURISTS + 4];

static struct {
        pthread_t thread;
        _Atomic bool stop;
        _Atomic bool failing;
} watch;

static const char *const op_names[OP_KINDS] = {
        [OP_READ_WORD] = "read word",
        [OP_WRITE_WORD] = "write word",
        [OP_READ_RUN] = "read run",
        [OP_WRITE_RUN] = "write run",
        [OP_MEMSET] = "memset",
        [OP_MEMCPY] = "memcpy",
        [OP_PIPE] = "pipe",
        [OP_FILE_IO] = "file i/o",
        [OP_PAGE_IN] = "page_in",
        [OP_PAGE_OUT] = "page_out",
        [OP_PIN] = "pin",
        [OP_UNPIN] = "unpin",
        [OP_ADVISE] = "advise",
        [OP_DISCARD] = "discard",
        [OP_SYNC] = "sync",
        [OP_QUERY] = "query",
        [OP_STATS] = "stats",
        [OP_RESIZE] = "resize",
        [OP_TOUR] = "map/unmap",
        [OP_LOCKED] = "map locked",
        [OP_ATTACH] = "attach",
        [OP_DIRECT] = "O_DIRECT",
        [OP_URING] = "io_uring",
        [OP_FORK] = "fork",
        [OP_SICK] = "store fails",
        [OP_KERNEL_SWAP] = "swap by kernel",
        [OP_LOCK_ALL] = "mlockall",
        [OP_USER] = "seteuid",
        [OP_REMOTE] = "write remote",
        [OP_DROP] = "drop poisoned",
        [OP_ALARM] = "alarm",
        [OP_HEAL] = "heal",
};

struct thread *thread_new(const char *role, unsigned id)
{
        for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++) {
                struct thread *t = &threads[i];

                if (atomic_load(&t->in_use))
                        continue;
                memset(t, 0, sizeof(*t));
                t->role = role;
                t->id = id;
                t->random = options.seed + i * 0x1234567;
                t->values = malloc(RUN_WORDS * 8);
                t->file = t->pipe[0] = t->pipe[1] = -1;
                atomic_store(&t->in_use, true);
                return t;
        }
        abort();
}

void thread_enter(struct thread *t)
{
        t->tid = gettid();
        self = t;
        atomic_store(&t->alive, true);
}

void thread_leave(struct thread *t)
{
        atomic_store(&t->alive, false);
        self = NULL;
}

void threads_forget(void)
{
        for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++) {
                atomic_store(&threads[i].alive, false);
                free(threads[i].values);
                threads[i].values = NULL;
                atomic_store(&threads[i].in_use, false);
        }
}

/* ---- reports ------------------------------------------------------------------------------- */

static void say_did(const struct did *d)
{
        fprintf(stderr, "    %-10s %-8s page %" PRIu64 " +%" PRIu64, op_names[d->op],
                d->area ? d->area : "-", d->page, d->pages);
        if (d->result <= 0)
                fprintf(stderr, " = %d", d->result);
        fputc('\n', stderr);
}

static void say_thread(const struct thread *t, unsigned ops)
{
        uint64_t n = atomic_load_explicit(&t->progress, memory_order_relaxed);

        fprintf(stderr, "  %s %u, thread %d, %" PRIu64 " operations, the last:\n", t->role, t->id,
                t->tid, n);
        for (uint64_t i = n > ops ? n - ops + 1 : 1; i <= n; i++)
                say_did(&t->last[i % LAST_OPS]);
}

static void say_stats(void)
{
        struct pg_stats s = {.size = sizeof(s)};

        if (!run.pool || pg_stats_get(run.pool, &s) != 0)
                return;
#define SAY(member) fprintf(stderr, "  %-20s %12" PRIu64 "\n", #member, (uint64_t)s.member)
        SAY(faults);
        SAY(rescues);
        SAY(protect_faults);
        SAY(evictions_clean);
        SAY(evictions_dirty);
        SAY(zero_pages_out);
        SAY(pages_in);
        SAY(pages_out);
        SAY(ahead_pages);
        SAY(ahead_used);
        SAY(ahead_wasted);
        SAY(waits);
        SAY(late_faults);
        SAY(errors_load);
        SAY(errors_save);
        SAY(errors_full);
        SAY(errors_frames);
        SAY(above_budget);
        SAY(busy_pages);
        SAY(frames_total);
        SAY(frames_free);
        SAY(frames_pinned);
        SAY(frames_queued);
        SAY(frames_busy);
        SAY(frames_peak);
        SAY(swap_pages);
#undef SAY
}

void report_counts(void)
{
        uint64_t sums[OP_KINDS] = {0};

        for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++)
                for (unsigned op = 0; op < OP_KINDS; op++)
                        sums[op] +=
                                atomic_load_explicit(&threads[i].counts[op], memory_order_relaxed);
        say_stats();
        for (unsigned op = 0; op < OP_KINDS; op++)
                fprintf(stderr, "  op %-17s %12" PRIu64 "\n", op_names[op], sums[op]);
}

void fail(struct thread *t, const char *format, ...)
{
        va_list args;

        if (atomic_exchange(&watch.failing, true))
                for (;;)
                        pause();
        alarm_stop();
        alarm(10); /* whatever follows may hang */
        signal(SIGALRM, SIG_DFL);
        fprintf(stderr, "\nFAILED: ");
        va_start(args, format);
        vfprintf(stderr, format, args);
        va_end(args);
        fprintf(stderr, "\nrepeat: ");
        options_print();
        if (t)
                say_thread(t, LAST_OPS);
        fprintf(stderr, "all threads:\n");
        for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++)
                if (atomic_load(&threads[i].in_use))
                        say_thread(&threads[i], 2);
        say_stats();
        abort();
}

/* ---- the watchdog -------------------------------------------------------------------------- */

static uint64_t look(uint64_t *seen, unsigned *quiet)
{
        uint64_t sum = 0;

        for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++) {
                uint64_t now = atomic_load_explicit(&threads[i].progress, memory_order_relaxed);

                sum += now;
                quiet[i] = now == seen[i] && atomic_load(&threads[i].alive) ? quiet[i] + 1 : 0;
                seen[i] = now;
                if (quiet[i] * TICK_MS >= HANG_S * 1000)
                        fail(&threads[i], "no progress for %u seconds", HANG_S);
        }
        return sum;
}

static void *watch_main(void *arg)
{
        uint64_t seen[sizeof(threads) / sizeof(threads[0])] = {0};
        unsigned quiet[sizeof(threads) / sizeof(threads[0])] = {0};
        unsigned every = isatty(STDERR_FILENO) ? 1000 / TICK_MS : 10000 / TICK_MS;
        struct timespec tick = {.tv_nsec = TICK_MS * 1000000};
        struct pg_stats s = {.size = sizeof(s)};

        for (unsigned n = 1; !atomic_load(&watch.stop); n++) {
                uint64_t sum;

                nanosleep(&tick, NULL);
                sum = look(seen, quiet);
                if (n % every == 0 && pg_stats_get(run.pool, &s) == 0)
                        fprintf(stderr,
                                "%5.1f s: %" PRIu64 " operations, %" PRIu64 " faults, %" PRIu64
                                " evictions\n",
                                n * TICK_MS / 1000.0, sum, s.faults,
                                s.evictions_clean + s.evictions_dirty);
        }
        return arg;
}

void watch_start(void)
{
        sigset_t all, saved;

        atomic_store(&watch.stop, false);
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &saved);
        if (pthread_create(&watch.thread, NULL, watch_main, NULL) != 0)
                abort();
        pthread_sigmask(SIG_SETMASK, &saved, NULL);
}

void watch_stop(void)
{
        atomic_store(&watch.stop, true);
        pthread_join(watch.thread, NULL);
}
