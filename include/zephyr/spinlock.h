/* SPDX-License-Identifier: MIT */
/* spinlock.h - spinlocks. All are the interrupt lock (irq.h) under other names: what they protect
 * on a board with one CPU, where they lock interrupts and nothing else. */
#ifndef ZEPHYR_SPINLOCK_H
#define ZEPHYR_SPINLOCK_H

#include <zephyr/irq.h>
#include <zephyr/toolchain.h>

struct k_spinlock {
        char unused; /* a member of its own lets it be an object of C++, too */
};

typedef struct {
        unsigned int key;
} k_spinlock_key_t;

static inline k_spinlock_key_t k_spin_lock(struct k_spinlock *lock)
{
        ARG_UNUSED(lock);
        return (k_spinlock_key_t){irq_lock()};
}

static inline void k_spin_unlock(struct k_spinlock *lock, k_spinlock_key_t key)
{
        ARG_UNUSED(lock);
        irq_unlock(key.key);
}

static inline int k_spin_trylock(struct k_spinlock *lock, k_spinlock_key_t *key)
{
        *key = k_spin_lock(lock);
        return 0;
}

/* Runs its block with the lock held; a break leaves it properly, a return does not. */
#define K_SPINLOCK(lock)                                                                           \
        for (k_spinlock_key_t spinlock_key = k_spin_lock(lock), *spinlock_once = &spinlock_key;    \
             spinlock_once; k_spin_unlock(lock, spinlock_key), spinlock_once = NULL)

#endif
