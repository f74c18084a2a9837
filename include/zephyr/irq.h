/* SPDX-License-Identifier: MIT */
/*
 * irq.h - locking interrupts. On the host that is one lock of the process, which excludes the timer
 * callbacks (the only interrupts), the pager, and every other thread that asks for it, as
 * irq_lock() does on a board with several CPUs. Nests: the key says whether the caller had it
 * already. Sleeping while holding it gives it up for that time, as a context switch does.
 */
#ifndef ZEPHYR_IRQ_H
#define ZEPHYR_IRQ_H

#include <stdbool.h>

unsigned int irq_lock(void);
void irq_unlock(unsigned int key);

#define arch_irq_lock()      irq_lock()
#define arch_irq_unlock(key) irq_unlock(key)

/* Does this key say that interrupts were not locked before? */
static inline bool arch_irq_unlocked(unsigned int key)
{
        return key == 0;
}

#endif
