/* SPDX-License-Identifier: MIT */
/*
 * keeper.c - the thread that holds a pool's userfaultfd, and fails faults when nobody can serve
 * them.
 *
 * A program may close descriptors that it does not know: close_range(3, ~0), dup2() over a number.
 * Without a descriptor the kernel would forget that memory is paged, and pages that are out would
 * read as zeros. So each pool, in both deliveries, has a thread with a table of descriptors of its
 * own, and in it nothing but the userfaultfd. (In signal delivery the program may promise not to
 * close it: PG_POOL_SPARES_FDS.) Memory stays registered whatever the program closes,
 * by system calls of its own as well; what is resident stays as it was. What is out cannot come in,
 * because to serve a fault takes the stores' descriptors, too:
 *  - Signal delivery: the handler's ioctl fails, and with it the access.
 *  - Thread delivery: a handler thread that cannot read a message, or cannot wake a thread, leaves
 *    to the keeper, by keeper_take_over(). The keeper reads the messages with its own descriptor,
 *    poisons each page, and wakes the thread, which gets SIGBUS. Messages that a handler thread had
 *    read, and did nothing about, would be missing: so all that wait are woken now and then, and
 *    fault again.
 *
 * A filter of system calls (seccomp) that denies ioctl is another way to lose the userfaultfd. If
 * it holds for one thread of the program, that thread's calls fail, and the keeper wakes those that
 * it must not leave waiting (pool_call_keeper). If it holds for all threads, the keeper among
 * them (SECCOMP_FILTER_FLAG_TSYNC), nobody can be woken by ioctl any more. The thread that waits
 * gets SIGBUS by tgkill(2); the program's handler, if it has one, has a second to end the process.
 * Others may wait, of whom nothing is known, and for good: then the process is aborted.
 *
 * When the program changes its credentials, the keeper takes them over: keeper_take_credentials().
 *
 * The keeper takes no lock that others hold while they touch memory, and never waits for a page.
 */
#include "arena.h"
#include "credentials.h"
#include "dispatch.h"
#include "event_ring.h"
#include "futex_lock.h"
#include "kernel_page.h"
#include "mapping.h"
#include "out_of_room.h"
#include "pager_section.h"
#include "pool.h"
#include "thread.h"
#include "uffd.h"
#include "uffd_abi.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define WAKE_MS    50
#define GRACE_MS   1000u
#define STEP_NS    (10u * 1000000)
#define BITS_LEAST 36u /* of an address */

struct keeper {
        struct pg_pool *pool;
        struct thread thread;
        bool alone; /* its table of descriptors is its own */
        _Atomic uint32_t ready;
        _Atomic bool stopping;
        _Atomic int error;     /* why the handler threads cannot go on; 0: they can */
        _Atomic pid_t waiting; /* a thread that waits for a page and was not told; or 0 */
        _Atomic pid_t pid;     /* of its process */

        struct credentials_call credentials;
};

/* ---- the line -------------------------------------------------------------------------------- */

/* For the time of it the program's standard error is in the table as well: held for longer, it
 * would seem open to others when the program has closed it. */
static void keeper_report(struct keeper *k, int error)
{
        bool borrows = k->alone && !atomic_load(&k->pool->told_cut_off);
        int process = -1, theirs = -1;

        if (borrows) {
                process = (int)syscall(SYS_pidfd_open, getpid(), 0);
                theirs = (int)syscall(SYS_pidfd_getfd, process, STDERR_FILENO, 0);
                syscall(SYS_dup3, theirs, STDERR_FILENO, O_CLOEXEC);
        }
        cut_off_report(k->pool, error);
        if (borrows) {
                syscall(SYS_close, STDERR_FILENO);
                syscall(SYS_close, theirs);
                syscall(SYS_close, process);
        }
}

/* ---- nobody can be woken --------------------------------------------------------------------- */

static void signal_waiting(struct keeper *k)
{
        pid_t tid = atomic_exchange(&k->waiting, 0);

        if (tid)
                syscall(SYS_tgkill, getpid(), tid, SIGBUS);
}

static _Noreturn void end_process(struct keeper *k, int error)
{
        struct timespec step = {.tv_nsec = STEP_NS};

        keeper_report(k, error);
        for (unsigned ms = 0; ms < GRACE_MS; ms += STEP_NS / 1000000) {
                signal_waiting(k);
                nanosleep(&step, NULL);
        }
        abort();
}

/* ---- credentials ----------------------------------------------------------------------------- */

bool keeper_take_credentials(struct pg_pool *pool, const struct credentials *to)
{
        struct keeper *k = pool->keeper;

        if (!k || atomic_load(&k->pid) != getpid())
                return true;
        k->credentials.to = to;
        atomic_store(&k->credentials.behind, 1);
        atomic_fetch_add(&pool->keeper_calls, 1);
        futex_wake(&pool->keeper_calls, 1);
        while (atomic_load(&k->credentials.behind))
                futex_wait(&k->credentials.behind, 1, 0);
        return !k->credentials.has_more;
}

/* ---- for the handler threads ----------------------------------------------------------------- */

/* Wherever it is: the kernel looks at those that wait, and not at the range, which must lie in the
 * address space. How many bits that has is tried. */
static void wake_waiting(struct keeper *k)
{
        static _Atomic unsigned bits = 56;
        uintptr_t start = (uintptr_t)1 << 24;
        int error;

        for (;;) {
                unsigned tried = atomic_load(&bits);
                uintptr_t end = ((uintptr_t)1 << tried) - KERNEL_PAGE_SIZE;

                error = uffd_wake(&k->pool->uffd, (void *)start, end - start);
                if (error != -EINVAL || tried == BITS_LEAST)
                        break;
                atomic_compare_exchange_strong(&bits, &tried, tried - 1);
        }
        if (error)
                end_process(k, error);
}

/* Registered, but no mapping: the call page of the handler threads. Nobody is left to answer. */
static bool is_call_page(const struct pg_pool *pool, const char *page)
{
        bool dying;
        struct mapping *m = mapping_get((uintptr_t)page, &dying);
        bool is_other = !dying && (!m || m->pool != pool);

        if (m)
                mapping_put(m);
        return is_other;
}

static void fail_fault(struct keeper *k, const struct uffd_msg *m)
{
        struct pg_pool *pool = k->pool;
        char *page = (char *)(uintptr_t)(m->address & ~(uint64_t)(KERNEL_PAGE_SIZE - 1));
        bool is_there = uffd_in_core(page, KERNEL_PAGE_SIZE);
        size_t done;

        if (m->event != UFFD_EVENT_PAGEFAULT)
                return;
        if (is_call_page(pool, page)) {
                uffd_copy(&pool->uffd, page, pool->ring.entries, KERNEL_PAGE_SIZE, false, &done);
                uffd_wake(&pool->uffd, page, KERNEL_PAGE_SIZE);
                return;
        }
        if (is_there && !(m->flags & UFFD_PAGEFAULT_FLAG_WP)) {
                uffd_wake(&pool->uffd, page, KERNEL_PAGE_SIZE); /* the message is an old one */
                return;
        }
        keeper_report(k, atomic_load(&k->error));
        if (uffd_poison(&pool->uffd, page, KERNEL_PAGE_SIZE) != 0)
                event_ring_abort(&pool->ring, page, 0, "a page that is lost could not be poisoned");
}

static void fail_faults(struct keeper *k)
{
        struct uffd *u = &k->pool->uffd;
        struct pollfd poll_fd = {.fd = u->fd, .events = POLLIN};
        struct uffd_msg message;

        fcntl(u->fd, F_SETFL, O_NONBLOCK); /* or poll() does not wait */
        while (!atomic_load(&k->stopping)) {
                int n;

                credentials_answer(&k->credentials);
                wake_waiting(k);
                if (poll(&poll_fd, 1, WAKE_MS) == 0)
                        continue;
                n = uffd_read(u, &message);
                if (n == 1)
                        fail_fault(k, &message);
                else if (n != -EAGAIN && n != -EINTR) /* EAGAIN: a handler thread was quicker */
                        end_process(k, n);
        }
}

bool keeper_serves(const struct pg_pool *pool)
{
        return pool->keeper && atomic_load(&pool->keeper->error);
}

void keeper_take_over(struct pg_pool *pool, int error, pid_t waiting)
{
        struct keeper *k = pool->keeper;

        atomic_store(&k->error, error);
        if (waiting)
                atomic_store(&k->waiting, waiting);
        pool_call_keeper(pool);
}

/* ---- the thread ------------------------------------------------------------------------------ */

static void keeper_run(void *arg)
{
        struct keeper *k = arg;
        struct pg_pool *pool = k->pool;
        uint32_t done = 0;

        k->alone = uffd_keep_only(&pool->uffd);
        prctl(PR_SET_NAME, "unpaged-keeper");
        atomic_store(&k->ready, 1);
        futex_wake(&k->ready, 1);
        while (!atomic_load(&k->stopping)) {
                uint32_t calls = atomic_load(&pool->keeper_calls);

                if (calls == done) {
                        futex_wait(&pool->keeper_calls, calls, 0);
                        continue;
                }
                done = calls;
                credentials_answer(&k->credentials);
                if (atomic_exchange(&pool->wake_wanted, false))
                        wake_waiting(k);
                if (atomic_load(&k->error))
                        fail_faults(k);
        }
        if (k->alone)
                uffd_keep_end(&pool->uffd);
}

/* From when it returns on, the program may close what it wants. */
static int keeper_wait_ready(struct keeper *k, int error)
{
        while (!error && !atomic_load(&k->ready))
                futex_wait(&k->ready, 0, 0);
        return error;
}

int keeper_start(struct pg_pool *pool)
{
        struct keeper *k;
        struct pager_section saved;
        int error;

        if (pool->delivery == PG_DELIVERY_SIGNAL && pool->flags & PG_POOL_SPARES_FDS)
                return 0;
        k = arena_reserve(sizeof(*k), "unpaged-keeper");
        if (!k)
                return -ENOMEM;
        k->pool = pool;
        atomic_store(&k->pid, getpid());
        pager_section_enter(&saved); /* inherited by the thread, for good */
        error = keeper_wait_ready(k, thread_start(&k->thread, keeper_run, k));
        pager_section_leave(&saved);
        if (error)
                arena_release(k, sizeof(*k));
        else
                pool->keeper = k;
        return error;
}

int keeper_restart(struct pg_pool *pool)
{
        struct keeper *k = pool->keeper;
        struct pager_section saved;
        int error;

        if (!k)
                return 0;
        atomic_store(&k->ready, 0);
        atomic_store(&k->error, 0);
        atomic_store(&k->waiting, 0);
        atomic_store(&k->credentials.behind, 0);
        atomic_store(&k->pid, getpid());
        pager_section_enter(&saved);
        error = keeper_wait_ready(k, thread_restart(&k->thread));
        pager_section_leave(&saved);
        return error;
}

void keeper_stop(struct pg_pool *pool)
{
        struct keeper *k = pool->keeper;

        if (!k)
                return;
        atomic_store(&k->stopping, true);
        pool_call_keeper(pool);
        thread_join(&k->thread);
        arena_release(k, sizeof(*k));
        pool->keeper = NULL;
}
