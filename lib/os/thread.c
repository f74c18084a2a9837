/* SPDX-License-Identifier: MIT */
/*
 * thread.c - the pager's own threads, unknown to the C library and to debuggers.
 *
 * A handler cannot be an ordinary pthread, for three reasons. A tracer that follows the program
 * (strace -f) would stop it, and then wait, for ever, for the page it was about to bring; only
 * clone(CLONE_UNTRACED) prevents that. The C library would count it, so that a program whose last
 * thread has called pthread_exit() would never end. And in a child of fork it must be started again
 * before anybody may allocate.
 *
 * So the stack and the thread-local storage are borrowed from a pthread that has ended: it ran once
 * on memory of ours, told its thread pointer, and was joined. The C library has forgotten it, but
 * not touched its storage: initialised variables, stack guard value and all. On these a thread is
 * cloned, and in a child cloned again. It must not use what needs the C library's acquaintance:
 * thread-local variables of libraries loaded later, cancellation, robust mutexes, sched_getcpu().
 */
#include "thread.h"
#include "arena.h"
#include "futex_lock.h"
#include "kernel_page.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define KNOWN true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define KNOWN true
#endif
#endif
#ifndef KNOWN
#define KNOWN false
#endif

#define STACK_LEAST ((size_t)256 << 10)
#define STACK_MOST  ((size_t)16 << 20) /* programs with that much thread-local storage */
#define RED_ZONE    ((size_t)1024)
#define GUARD       KERNEL_PAGE_SIZE

/* ---- the time they take ---------------------------------------------------------------------- */

#define COUNTED 64u /* of more at the same time the time counts as the program's */

static _Atomic pid_t counted[COUNTED]; /* 0: none */
static _Atomic uint64_t ended_ns;      /* of those that have ended */

/* The clock of a thread, as the kernel numbers it (CPUCLOCK_SCHED, per thread). */
static uint64_t cpu_of(pid_t tid)
{
        struct timespec ts;

        if (clock_gettime((clockid_t)(~(unsigned)tid << 3 | 6), &ts) != 0)
                return 0;
        return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void run_counted(struct thread *t)
{
        pid_t none, tid = gettid();
        unsigned i;

        for (i = 0; i < COUNTED; i++) {
                none = 0;
                if (atomic_compare_exchange_strong(&counted[i], &none, tid))
                        break;
        }
        t->run(t->arg);
        if (i == COUNTED)
                return;
        atomic_fetch_add(&ended_ns, cpu_of(tid));
        atomic_store(&counted[i], 0);
}

uint64_t threads_cpu_ns(void)
{
        uint64_t ns = atomic_load(&ended_ns);

        for (unsigned i = 0; i < COUNTED; i++) {
                pid_t tid = atomic_load(&counted[i]);

                if (tid != 0)
                        ns += cpu_of(tid);
        }
        return ns;
}

bool thread_is_ours(pid_t tid)
{
        for (unsigned i = 0; i < COUNTED; i++)
                if (tid == atomic_load(&counted[i]))
                        return true;
        return false;
}

void threads_forget(void)
{
        for (unsigned i = 0; i < COUNTED; i++)
                atomic_store(&counted[i], 0);
        atomic_store(&ended_ns, 0);
}

/* ---- under a sanitizer --------------------------------------------------------------------- */

static void *run_known(void *arg)
{
        struct thread *t = arg;

        run_counted(t);
        return NULL;
}

/* ---- otherwise ----------------------------------------------------------------------------- */

static void *lend(void *arg)
{
        struct thread *t = arg;

        t->pointer = __builtin_thread_pointer();
        t->stack = (char *)((uintptr_t)__builtin_frame_address(0) - RED_ZONE) - RED_ZONE;
        t->stack -= (uintptr_t)t->stack % 64;
        return NULL;
}

static int borrow(struct thread *t, size_t bytes)
{
        pthread_attr_t attr;
        pthread_t lender;
        int error;

        t->memory = arena_reserve(bytes, "unpaged-thread");
        if (!t->memory)
                return -ENOMEM;
        t->bytes = bytes;
        mprotect(t->memory, GUARD, PROT_NONE); /* a stack that grows beyond its end is caught */
        pthread_attr_init(&attr);
        error = pthread_attr_setstack(&attr, t->memory + GUARD, bytes - GUARD);
        if (!error)
                error = pthread_create(&lender, &attr, lend, t);
        pthread_attr_destroy(&attr);
        if (!error)
                return -pthread_join(lender, NULL);
        arena_release(t->memory, bytes);
        t->memory = NULL;
        return -error;
}

static int run_unknown(void *arg)
{
        struct thread *t = arg;

        run_counted(t);
        return 0;
}

/* ---- both ---------------------------------------------------------------------------------- */

int thread_restart(struct thread *t)
{
        int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
                    CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID |
                    CLONE_UNTRACED;

        if (KNOWN)
                return -pthread_create(&t->known, NULL, run_known, t);
        if (clone(run_unknown, t->stack, flags, t, &t->tid, t->pointer, &t->tid) < 0)
                return -errno;
        return 0;
}

int thread_start(struct thread *t, void (*run)(void *arg), void *arg)
{
        int error = KNOWN ? 0 : -EINVAL;

        *t = (struct thread){.run = run, .arg = arg};
        /* EINVAL: thread-local storage does not fit. How much there is, nobody tells. */
        for (size_t bytes = STACK_LEAST; error == -EINVAL && bytes <= STACK_MOST; bytes *= 4)
                error = borrow(t, bytes);
        if (!error)
                error = thread_restart(t);
        if (error) {
                arena_release(t->memory, t->bytes);
                t->memory = NULL;
        }
        return error;
}

void thread_join(struct thread *t)
{
        uint32_t tid;

        if (KNOWN) {
                pthread_join(t->known, NULL);
                return;
        }
        /* Not the private kind of futex: that is how the kernel wakes. */
        while ((tid = atomic_load(&t->tid)) != 0)
                syscall(SYS_futex, &t->tid, FUTEX_WAIT, tid, NULL, NULL, 0);
        arena_release(t->memory, t->bytes);
}
