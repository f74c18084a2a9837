/* SPDX-License-Identifier: MIT */
/*
 * futex_lock.h - the pager's mutex and its waiting, on futexes alone.
 *
 * pthread mutexes are not async-signal-safe and may be interposed by the program; the fault path
 * runs inside SIGBUS handlers. A lock here is one word: 0 free, 1 held, 2 held and waited for. A
 * contender spins for about the length of a critical section (they are all below a microsecond)
 * and then sleeps.
 *
 * Rank: locks are taken in increasing rank only, none is held across an ioctl, a store's operation
 * or a wait. Debug builds assert both: a thread holds at most one lock of each rank, and sleeps
 * with none. Every taker has all signals blocked, so the holder cannot be interrupted by a handler
 * that faults.
 */
#ifndef FUTEX_LOCK_H
#define FUTEX_LOCK_H

#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef PG_DEBUG
#define PG_DEBUG 0
#endif

enum lock_rank {
        LOCK_INDEX = 1,  /* the process-wide index of mappings, writers only */
        LOCK_TABLES = 2, /* a pool's tables of stores and of mappings */
        LOCK_POOL = 3,   /* a pool's policy, victim queue and frames */
        LOCK_STORE = 4,  /* the calls of a store that is not PG_STORE_PARALLEL: held across I/O */
};

struct lock {
        _Atomic uint32_t word;
        uint32_t rank;
};

#define LOCK_INIT(r)                                                                               \
        {                                                                                          \
                .word = 0, .rank = (r)                                                             \
        }

/* Sleeps while *word == value; timeout_ns 0 means for ever. Returns early for any reason. */
static inline void futex_wait(_Atomic uint32_t *word, uint32_t value, uint64_t timeout_ns)
{
        struct timespec ts = {.tv_sec = (time_t)(timeout_ns / 1000000000u),
                              .tv_nsec = (long)(timeout_ns % 1000000000u)};

        syscall(SYS_futex, (void *)word, FUTEX_WAIT_PRIVATE, value, timeout_ns ? &ts : NULL, NULL,
                0);
}

static inline void futex_wake(_Atomic uint32_t *word, int count)
{
        syscall(SYS_futex, (void *)word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

static inline void cpu_relax(void)
{
#if defined(__x86_64__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        __asm__ volatile("yield");
#endif
}

#if PG_DEBUG
extern __thread unsigned lock_held_ranks;

static inline void lock_assert(int ok, const char *what)
{
        if (!ok) {
                fprintf(stderr, "unpaged: lock order: %s\n", what);
                abort();
        }
}
#endif

static inline void lock_take(struct lock *lock)
{
#if PG_DEBUG
        lock_assert(lock_held_ranks < (1u << lock->rank), "taken below a lock that is held");
        lock_held_ranks |= 1u << lock->rank;
#endif
        for (unsigned spins = 0; spins < 100; spins++) {
                uint32_t free = 0;

                if (atomic_compare_exchange_weak_explicit(
                            &lock->word, &free, 1, memory_order_acquire, memory_order_relaxed))
                        return;
                cpu_relax();
        }
        while (atomic_exchange_explicit(&lock->word, 2, memory_order_acquire) != 0)
                futex_wait(&lock->word, 2, 0);
}

static inline void lock_drop(struct lock *lock)
{
#if PG_DEBUG
        lock_assert((lock_held_ranks & (1u << lock->rank)) != 0, "dropped but not held");
        lock_held_ranks &= ~(1u << lock->rank);
#endif
        if (atomic_exchange_explicit(&lock->word, 0, memory_order_release) == 2)
                futex_wake(&lock->word, 1);
}

/* Across fork(2) all locks are held at once, and ioctls made meanwhile. */
static inline void lock_take_for_fork(struct lock *lock)
{
        while (atomic_exchange_explicit(&lock->word, 2, memory_order_acquire) != 0)
                futex_wait(&lock->word, 2, 0);
}

static inline void lock_drop_for_fork(struct lock *lock)
{
        atomic_store_explicit(&lock->word, 0, memory_order_release);
        futex_wake(&lock->word, INT32_MAX);
}

/* Before anything that may sleep: only a store's own lock may be held then. */
static inline void lock_assert_none(void)
{
#if PG_DEBUG
        lock_assert((lock_held_ranks & ~(1u << LOCK_STORE)) == 0, "held across a wait or an ioctl");
#endif
}

static inline uint64_t clock_now(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

#endif
