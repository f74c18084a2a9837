/* SPDX-License-Identifier: MIT */
/*
 * handler_thread.c - faults by messages, served by threads of the pool.
 *
 * Where the handler runs decides what a fault costs. Left to the scheduler it is woken on another,
 * idle CPU, and so is the program's thread after it, each time at the price of waking a halted CPU
 * (measured on a virtual machine: 48 us a fault). So:
 *
 * A follower moves to the CPU of the thread that faulted (its id is in the message, its CPU in its
 * rseq area) and runs as SCHED_IDLE. A CPU that runs only SCHED_IDLE work counts as idle, so the
 * woken program thread stays there and preempts the follower (7.5 us a fault). That takes no
 * privilege and leaves the program's own affinity alone. There is one, and more only while threads
 * fault on several CPUs at once: cpu_follow.c.
 *
 * The danger is starvation: with other work on that CPU the follower may not run for long. Hence
 * the helpers, ordinary threads. One of them at a time has the duty: while faults come in it looks
 * every few milliseconds whether the followers get on; if none does although faults are pending,
 * the helper hands the duty on and serves them itself, and the followers pause for a while that
 * doubles each time. (If one does and another does not, the other is sent to rest beside it.) The
 * same covers a store that sleeps, and a handler that waits for anything at all. A look
 * has its price: the helper's timer interrupts the program, and the helper is in the way when the
 * scheduler places the thread that the follower wakes, which then moves to another CPU, with the
 * follower behind it. Once a millisecond cost a program that paged all the time a quarter of it
 * (sqlite: 18 s instead of 13 to 14). So looks begin with that, and double up to eight.
 * After twenty quiet milliseconds the helper on duty blocks in read() beside the followers: the
 * first fault after a pause wakes them all, and nobody polls an idle program.
 *
 * What is pending is in the fdinfo of the userfaultfd. A process that has no access to its own
 * files in /proc (a child after chroot() or setuid()) does without: another helper always reads
 * beside the followers, so what nobody has read does not stay pending, and the helper on duty looks
 * for followers that have read a message and are not done with it.
 *
 * No thread here ever waits for a page: a fault on a BUSY page is left to the page's owner, which
 * is asked to wake the thread.
 */
#include "arena.h"
#include "cpu_follow.h"
#include "dispatch.h"
#include "event_ring.h"
#include "fault.h"
#include "fd_keep.h"
#include "futex_lock.h"
#include "handler_calls.h"
#include "kernel_page.h"
#include "mapping.h"
#include "mask.h"
#include "page.h"
#include "pager_section.h"
#include "pool.h"
#include "stats.h"
#include "thread.h"
#include "uffd.h"
#include "uffd_abi.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/prctl.h>

#define TICK_MOST_NS   (8 * TICK_NS)
#define QUIET_NS       (20 * TICK_NS)
#define LATE_TICKS     2u
#define BLOCKED_NS     4000u
#define PAUSE_FIRST_NS (50ull * 1000000)
#define PAUSE_MOST_NS  (3200ull * 1000000)

/* ---- serving ------------------------------------------------------------------------------- */

static void *kernel_page_of(uint64_t address)
{
        return (void *)(uintptr_t)(address & ~(uint64_t)(KERNEL_PAGE_SIZE - 1));
}

/* f: the follower that serves it; NULL: a helper does. False: nothing can be served any more. */
static bool serve_page_fault(struct pg_pool *pool, struct follower *f, const struct uffd_msg *m)
{
        bool write = m->flags & (UFFD_PAGEFAULT_FLAG_WP | UFFD_PAGEFAULT_FLAG_WRITE);
        int error;

        for (;;) {
                bool dying, left_to_owner = false;
                struct mapping *mapping = mapping_get(m->address, &dying);
                enum fault_end end = FAULT_POISONED;

                if (dying)
                        return true; /* pg_unmap wakes the whole range when it is done */
                if (mapping && mapping->pool == pool) {
                        end = dispatch_fault(mapping, m->address, write, (pid_t)m->ptid, NULL);
                        if (end == FAULT_BUSY)
                                left_to_owner = page_ask_wake(
                                        mapping_word(mapping, mapping_page(mapping, m->address)));
                }
                if (mapping)
                        mapping_put(mapping);
                if (left_to_owner)
                        return true;
                if (end != FAULT_BUSY) {
                        /* Last of all, for the woken thread preempts us. It tries again: and finds
                         * its page, or SIGBUS where that is poisoned, or that it is not ours. */
                        if (f)
                                follower_done(f);
                        error = uffd_wake(&pool->uffd, kernel_page_of(m->address),
                                          KERNEL_PAGE_SIZE);
                        if (error)
                                keeper_take_over(pool, error, (pid_t)m->ptid);
                        return error == 0;
                }
        }
}

/* No message could be read. True: none will ever come to this thread. */
static bool cannot_read(struct pg_pool *pool, int error)
{
        if (error == -EINTR)
                return false;
        keeper_take_over(pool, error ? error : -ENOTTY, 0);
        return true;
}

/* Of other threads it cannot be told: the message may be old, and its thread inside the pager by
 * now for quite another reason. */
static bool is_handler(const struct handler_threads *d, pid_t tid)
{
        for (unsigned i = 0; i < THREADS; i++)
                if (tid != 0 && tid == atomic_load(&d->tids[i]))
                        return true;
        return false;
}

/* False: this thread is to end. */
static bool serve_message(struct handler_threads *d, unsigned self, const struct uffd_msg *m)
{
        struct pg_pool *pool = d->pool;

        if (m->event != UFFD_EVENT_PAGEFAULT)
                return !cannot_read(pool, -ENOTTY); /* it comes from another file */
        handler_follow(d, self);
        if (m->address - (uintptr_t)d->call_page < KERNEL_PAGE_SIZE)
                return handler_answer(d);
        if (is_handler(d, (pid_t)m->ptid))
                event_ring_abort(
                        &pool->ring, kernel_page_of(m->address), 0,
                        "a handler touched paged memory (does a store keep its data there?)");
        return serve_page_fault(pool, self < d->followers.count ? &d->followers.each[self] : NULL,
                                m);
}

static void handler_begin(struct handler_threads *d, unsigned i, const char *name)
{
        atomic_store(&d->tids[i], gettid());
        prctl(PR_SET_NAME, name);
}

/* A caller asks those in `running` to answer, by their bits in `behind`. It either finds that this
 * thread has left `running`, or has set its bit, which is cleared here. So it does not wait for a
 * thread that has ended. */
static void handler_end(struct handler_threads *d, unsigned i)
{
        atomic_store(&d->tids[i], 0);
        atomic_fetch_and(&d->running, ~(1u << i));
        atomic_fetch_and(&d->behind, ~(1u << i));
        futex_wake(&d->behind, INT32_MAX);
}

/* ---- the followers ------------------------------------------------------------------------- */

static void follower(void *arg)
{
        struct follower *f = arg;
        struct handler_threads *d = f->all->handlers;
        unsigned self = (unsigned)(f - f->all->each);
        struct uffd_msg message;
        bool goes_on = true;
        uint64_t began;
        int n;

        handler_begin(d, self, "unpaged");
        follower_begin(f);
        do {
                follower_rest(f, &d->stopping);
                /* Not for ever: stopping may have been set, and its wake-up sent, just before. */
                while (atomic_load(&d->paused) && !atomic_load(&d->stopping)) {
                        handler_follow(d, self);
                        futex_wait(&d->paused, 1, 50 * TICK_NS);
                }
                handler_follow(d, self);
                began = clock_now();
                n = uffd_read(&d->pool->uffd, &message);
                if (n <= 0) {
                        goes_on = !cannot_read(d->pool, n);
                        continue;
                }
                follower_has_read(f, message.address);
                if (!atomic_load_explicit(&d->paused, memory_order_relaxed))
                        follower_go(f, (pid_t)message.ptid, clock_now() - began > BLOCKED_NS);
                goes_on = serve_message(d, self, &message);
                follower_done(f);
        } while (goes_on);
        handler_end(d, self);
}

/* ---- the helpers --------------------------------------------------------------------------- */

/* Threads that wait for us; whether somebody has read their message or not. A follower may
 * have been stopped between reading one and anything else. */
static bool are_waiting(const struct handler_threads *d)
{
        char text[512];
        const char *at;
        ssize_t n;

        if (d->fdinfo < 0)
                return followers_hold_messages(&d->followers, KERNEL_PAGE_SIZE);
        n = pread(d->fdinfo, text, sizeof(text) - 1, 0);
        if (n <= 0)
                return false;
        text[n] = '\0';
        at = strstr(text, "total:");
        return at && at[strcspn(at, "123456789\n")] != '\n';
}

static void pause_followers(struct handler_threads *d)
{
        uint64_t now = clock_now();

        d->pause_ns = now > d->resume_at + PAUSE_MOST_NS || d->pause_ns == 0 ? PAUSE_FIRST_NS
                      : d->pause_ns < PAUSE_MOST_NS                          ? 2 * d->pause_ns
                                                                             : PAUSE_MOST_NS;
        d->resume_at = now + d->pause_ns;
        atomic_store(&d->paused, 1);
        /* They may be in the middle of a page. Let them finish soon. */
        followers_raise(&d->followers);
}

static void resume_followers(struct handler_threads *d)
{
        if (!atomic_load(&d->paused) || clock_now() < d->resume_at)
                return;
        followers_lower(&d->followers);
        atomic_store(&d->paused, 0);
        futex_wake(&d->paused, INT32_MAX);
}

/* There is something for helpers to read, or will be. */
static bool is_called(struct handler_threads *d)
{
        return atomic_load(&d->paused) || atomic_load(&d->stopping) || atomic_load(&d->behind);
}

/* Returns when this helper should read messages itself; true: because the followers are late. */
static bool watch(struct handler_threads *d)
{
        unsigned quiet_ns = 0, late = 0, tick_ns = TICK_NS;

        followers_progress(&d->followers);
        while (quiet_ns < QUIET_NS) {
                if (is_called(d))
                        return false;
                futex_wait(&d->behind, 0, tick_ns);
                if (followers_progress(&d->followers)) {
                        quiet_ns = late = 0;
                        if (tick_ns < TICK_MOST_NS)
                                tick_ns *= 2;
                } else if (!are_waiting(d)) {
                        quiet_ns += tick_ns;
                        late = 0;
                } else if (++late >= LATE_TICKS) {
                        pause_followers(d);
                        return true;
                } else {
                        tick_ns = TICK_NS;
                }
        }
        return false;
}

/* False: this helper reads beside the one that has the duty. */
static bool take_duty(struct handler_threads *d)
{
        if (d->fdinfo >= 0) {
                futex_lock_take(&d->duty);
                return true;
        }
        futex_lock_take(&d->beside);
        if (!futex_lock_try(&d->duty))
                return false;
        futex_lock_drop(&d->beside);
        return true;
}

static int helper_read(struct handler_threads *d, unsigned self, struct uffd_msg *message)
{
        bool on_duty = take_duty(d);
        bool late = on_duty && watch(d);
        int n = -EINTR; /* nothing was read: look again */

        /* Without fdinfo, one that is quiet leaves the reading to the one beside it: whichever
         * helper reads the next message, the duty is free then. */
        handler_follow(d, self); /* it may have waited, and now reads for who knows how long */
        if (!on_duty || late || d->fdinfo >= 0 || is_called(d))
                n = uffd_read(&d->pool->uffd, message);
        if (on_duty)
                resume_followers(d);
        futex_lock_drop(on_duty ? &d->duty : &d->beside);
        if (n > 0 && (late || atomic_load(&d->paused)))
                stats_add(&d->pool->stats, PG_COUNTER_LATE_FAULTS, 1);
        return n;
}

/* Its place among the threads. */
static unsigned helper_begin(struct handler_threads *d)
{
        unsigned i = d->followers.count;

        for (pid_t none = 0; !atomic_compare_exchange_strong(&d->tids[i], &none, gettid()); i++)
                none = 0;
        handler_begin(d, i, "unpaged-helper");
        return i;
}

static void helper(void *arg)
{
        struct handler_threads *d = arg;
        unsigned self = helper_begin(d);
        struct uffd_msg message;
        int n;

        do {
                handler_follow(d, self);
                n = helper_read(d, self, &message);
        } while (n <= 0 ? !cannot_read(d->pool, n) : serve_message(d, self, &message));
        handler_end(d, self);
}

/* ---- start and stop ------------------------------------------------------------------------ */

/* What belongs to the process and not to the pool. */
static int prepare_process(struct handler_threads *d)
{
        struct uffd *u = &d->pool->uffd;
        char path[64];

        snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", u->fd);
        d->fdinfo = feature_is_masked("fdinfo") ? -1 : fd_keep(open(path, O_RDONLY | O_CLOEXEC));
        d->wanted = followers_prepare(&d->followers, u) + HELPERS;
        return uffd_register(u, d->call_page - ARENA_HEAD, KERNEL_PAGE_SIZE + ARENA_HEAD);
}

static int start_thread(struct handler_threads *d, unsigned i)
{
        return i < d->followers.count
                       ? thread_start(&d->threads[i], follower, &d->followers.each[i])
                       : thread_start(&d->threads[i], helper, d);
}

int handler_threads_start(struct pg_pool *pool)
{
        struct handler_threads *d = arena_reserve(sizeof(*d), "unpaged-handlers");
        struct pager_section saved;
        int error;

        if (!d)
                return -ENOMEM;
        pool->handlers = d;
        d->pool = pool;
        d->followers.handlers = d;
        d->fdinfo = -1;
        d->call_page = arena_reserve(KERNEL_PAGE_SIZE, "unpaged-call-page");
        error = d->call_page ? prepare_process(d) : -ENOMEM;

        pager_section_enter(&saved); /* inherited by the threads, for good */
        for (; !error && d->started < d->wanted; d->started += !error) {
                atomic_fetch_or(&d->running, 1u << d->started);
                error = start_thread(d, d->started);
        }
        pager_section_leave(&saved);
        if (error)
                handler_threads_stop(pool);
        return error;
}

int handler_threads_restart(struct pg_pool *pool)
{
        struct handler_threads *d = pool->handlers;
        struct pager_section saved;
        unsigned wanted;
        int error;

        if (!d)
                return 0;
        wanted = d->started;
        fd_keep_close(d->fdinfo);
        futex_lock_reset(&d->duty);
        futex_lock_reset(&d->beside);
        atomic_store(&d->paused, 0);
        d->pause_ns = d->resume_at = 0;
        for (unsigned i = 0; i < THREADS; i++)
                atomic_store(&d->tids[i], 0);
        atomic_store(&d->running, (1u << wanted) - 1);
        atomic_store(&d->behind, 0);
        d->started = 0; /* as many as handler_threads_stop() would find */
        error = prepare_process(d);
        pager_section_enter(&saved);
        for (unsigned i = 0; !error && i < wanted; i++, d->started += !error)
                error = thread_restart(&d->threads[i]);
        pager_section_leave(&saved);
        return error;
}

void handler_threads_stop(struct pg_pool *pool)
{
        struct handler_threads *d = pool->handlers;

        if (!d)
                return;
        atomic_store(&d->stopping, true);
        /* One thread for each call, whichever has read it, or one before: a call that a signal
         * interrupts is read twice. */
        for (unsigned i = 0; i < d->started; i++) {
                atomic_store(&d->one_ends, true);
                do /* a call that was read twice may end before anybody has read the next */
                        handler_call(d);
                while (atomic_load(&d->one_ends) && atomic_load(&d->running));
        }
        for (unsigned i = 0; i < d->started; i++)
                thread_join(&d->threads[i]);
        fd_keep_close(d->fdinfo);
        arena_release(d->call_page, KERNEL_PAGE_SIZE);
        arena_release(d, sizeof(*d));
        pool->handlers = NULL;
}
