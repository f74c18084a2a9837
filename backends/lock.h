/* SPDX-License-Identifier: MIT */
/*
 * futex_lock.h - the one mutex a store may take: futex-based and async-signal-safe.
 *
 * Operations of a store run inside fault handlers, where pthread locks are not allowed. Every taker
 * has all signals blocked, so a holder is never interrupted by a handler that wants the same lock.
 * The waiter sleeps at once and does not spin: the holder may be a handler thread of the lowest
 * scheduling class, which a spinning waiter would starve.
 *
 * State: 0 free, 1 held, 2 held and perhaps waited for. errno is preserved, as the caller may have
 * interrupted code that is about to read it.
 */
#ifndef BACKENDS_LOCK_H
#define BACKENDS_LOCK_H

#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

struct lock {
        _Atomic uint32_t state;
};

/* Sleeps while *word == value; may return early. */
static inline void lock_sleep(_Atomic uint32_t *word, uint32_t value)
{
        int saved = errno;

        syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
        errno = saved;
}

static inline void lock_wake(_Atomic uint32_t *word, int sleepers)
{
        int saved = errno;

        syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, sleepers, NULL, NULL, 0);
        errno = saved;
}

static inline bool lock_try(struct lock *lock)
{
        uint32_t expected = 0;

        return atomic_compare_exchange_strong_explicit(&lock->state, &expected, 1,
                                                       memory_order_acquire, memory_order_relaxed);
}

static inline void lock_take(struct lock *lock)
{
        if (lock_try(lock))
                return;
        while (atomic_exchange_explicit(&lock->state, 2, memory_order_acquire) != 0)
                lock_sleep(&lock->state, 2);
}

static inline void lock_give(struct lock *lock)
{
        if (atomic_exchange_explicit(&lock->state, 0, memory_order_release) == 2)
                lock_wake(&lock->state, 1);
}

#endif
