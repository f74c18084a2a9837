/* SPDX-License-Identifier: MIT */
/*
 * futex_lock.h - the one mutex of the library, and its waiting, on futexes alone.
 *
 * pthread mutexes are not async-signal-safe and may be interposed by the program; the fault path
 * runs inside SIGBUS handlers. A lock here is one word: 0 free, 1 held, 2 held and waited for.
 * There are two kinds:
 *
 * struct futex_lock is the word alone. A contender sleeps at once: a holder may be a thread of the
 * lowest scheduling class (SCHED_IDLE), which a contender that spins on the same CPU would starve.
 * No order is asserted, so it may be held across a system call, taken while the process forks, and
 * used by stores and by the preloaded library. All zero is a free lock.
 *
 * struct lock adds a rank and spins first, for about the length of a critical section (they are all
 * below a microsecond). Such locks are taken in increasing rank only, and none is held across an
 * ioctl, a store's operation or a wait. Debug builds assert both: a thread holds at most one lock
 * of each rank, and sleeps with none.
 *
 * A thread blocks all signals while it holds either kind, so no handler that faults can interrupt
 * the holder. Of what fork(2) copies, the child resets a futex_lock whose holder it does not have;
 * locks with a rank are held by the forking thread meanwhile (lock_take_for_fork). errno is
 * preserved by all: the caller may have interrupted code that is about to read it.
 */
#ifndef FUTEX_LOCK_H
#define FUTEX_LOCK_H

#include "debug.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* ---- waiting ------------------------------------------------------------------------------- */

/* Sleeps while *word == value; timeout_ns 0 means for ever. Returns early for any reason. */
static inline void futex_wait(_Atomic uint32_t *word, uint32_t value, uint64_t timeout_ns)
{
        struct timespec ts = {.tv_sec = (time_t)(timeout_ns / 1000000000u),
                              .tv_nsec = (long)(timeout_ns % 1000000000u)};
        int saved = errno;

        syscall(SYS_futex, (void *)word, FUTEX_WAIT_PRIVATE, value, timeout_ns ? &ts : NULL, NULL,
                0);
        errno = saved;
}

static inline void futex_wake(_Atomic uint32_t *word, int count)
{
        int saved = errno;

        syscall(SYS_futex, (void *)word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
        errno = saved;
}

/* The same for a word that several processes map. */
static inline void futex_wait_shared(_Atomic uint32_t *word, uint32_t value, uint64_t timeout_ns)
{
        struct timespec ts = {.tv_sec = (time_t)(timeout_ns / 1000000000u),
                              .tv_nsec = (long)(timeout_ns % 1000000000u)};
        int saved = errno;

        syscall(SYS_futex, (void *)word, FUTEX_WAIT, value, timeout_ns ? &ts : NULL, NULL, 0);
        errno = saved;
}

static inline void futex_wake_shared(_Atomic uint32_t *word, int count)
{
        int saved = errno;

        syscall(SYS_futex, (void *)word, FUTEX_WAKE, count, NULL, NULL, 0);
        errno = saved;
}

static inline void cpu_relax(void)
{
#if defined(__x86_64__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        __asm__ volatile("yield");
#endif
}

/* ---- the word ------------------------------------------------------------------------------ */

struct futex_lock {
        _Atomic uint32_t word;
};

static inline bool futex_lock_try(struct futex_lock *lock)
{
        uint32_t free = 0;

        return atomic_compare_exchange_strong_explicit(&lock->word, &free, 1, memory_order_acquire,
                                                       memory_order_relaxed);
}

static inline void futex_lock_sleep(struct futex_lock *lock)
{
        while (atomic_exchange_explicit(&lock->word, 2, memory_order_acquire) != 0)
                futex_wait(&lock->word, 2, 0);
}

static inline void futex_lock_take(struct futex_lock *lock)
{
        if (!futex_lock_try(lock))
                futex_lock_sleep(lock);
}

static inline void futex_lock_drop(struct futex_lock *lock)
{
        if (atomic_exchange_explicit(&lock->word, 0, memory_order_release) == 2)
                futex_wake(&lock->word, 1);
}

/* In a child of fork: neither the holder nor a thread that waits is in this process. */
static inline void futex_lock_reset(struct futex_lock *lock)
{
        atomic_store(&lock->word, 0);
}

/* ---- ranks --------------------------------------------------------------------------------- */

enum lock_rank {
        LOCK_INDEX = 1,  /* the process-wide index of mappings, writers only */
        LOCK_TABLES = 2, /* a pool's tables of stores and of mappings */
        LOCK_POOL = 3,   /* a pool's policy, victim queue and frames */
        LOCK_STORE = 4,  /* the calls of a store that is not PG_STORE_PARALLEL: held across I/O */
};

struct lock {
        struct futex_lock futex;
        uint32_t rank;
};

#define LOCK_INIT(r)                                                                               \
        {                                                                                          \
                .rank = (r)                                                                        \
        }

/* Bit r: the thread holds a lock of rank r. Only where assertions are compiled in. */
extern __thread unsigned lock_held_ranks;

static inline void lock_take(struct lock *lock)
{
        PG_ASSERT(lock_held_ranks < (1u << lock->rank), "lock order: taken below one that is held");
        if (DEBUG_ASSERTS)
                lock_held_ranks |= 1u << lock->rank;
        for (unsigned spins = 0; spins < 100; spins++) {
                if (futex_lock_try(&lock->futex))
                        return;
                cpu_relax();
        }
        futex_lock_sleep(&lock->futex);
}

static inline void lock_drop(struct lock *lock)
{
        PG_ASSERT(lock_held_ranks & (1u << lock->rank), "lock order: dropped but not held");
        if (DEBUG_ASSERTS)
                lock_held_ranks &= ~(1u << lock->rank);
        futex_lock_drop(&lock->futex);
}

/* Across fork(2) all locks are held at once, and ioctls made meanwhile: so no order is asserted. In
 * the child the word may say that threads wait which it does not have. */
static inline void lock_take_for_fork(struct lock *lock)
{
        futex_lock_take(&lock->futex);
}

static inline void lock_drop_for_fork(struct lock *lock)
{
        futex_lock_drop(&lock->futex);
}

/* Before anything that may sleep: only a store's own lock may be held then. */
static inline void lock_assert_none(void)
{
        PG_ASSERT((lock_held_ranks & ~(1u << LOCK_STORE)) == 0,
                  "lock order: held across a wait or an ioctl");
}

/* ---- the clock ----------------------------------------------------------------------------- */

static inline uint64_t clock_now(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

#endif
