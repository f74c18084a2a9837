/* SPDX-License-Identifier: MIT */
/*
 * lock.c - interrupts, and the right to move pages.
 *
 * `interrupts` is what irq_lock(), every spinlock and the timer callbacks share. It nests by a
 * count of the thread's own. Waiting for something gives it up however often it is held, as a
 * context switch does on a board.
 *
 * The pager is a second, higher right that only one thread has. It is taken with interrupts locked,
 * and outlasts their being unlocked while a store works (CONFIG_DEMAND_PAGING_ALLOW_IRQ): then
 * timers run and other threads compute, and whoever needs the pager waits. It makes Zephyr's
 * spinlock of the memory management and its mutex around faults one thing: on the host all threads
 * run in parallel, and so it guards mapping and unmapping against a page that moves, too.
 *
 * Order: interrupts is innermost; no lock is taken while waiting for the pager.
 */
#include "machine.h"

#include <pthread.h>
#include <time.h>

static pthread_mutex_t interrupts = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed[AWAITED] = {
        [0 ... AWAITED - 1] = PTHREAD_COND_INITIALIZER,
};

static _Thread_local unsigned int held; /* how often this thread holds it */
static const unsigned int *pager;       /* &held of the thread that moves pages */

unsigned int irq_lock(void)
{
        if (held == 0)
                pthread_mutex_lock(&interrupts);
        return held++;
}

void irq_unlock(unsigned int key)
{
        if (held == 0)
                return; /* as harmless as on a board */
        held = key;
        if (key == 0)
                pthread_mutex_unlock(&interrupts);
}

bool unpaged_lock_wait(enum awaited what, int64_t deadline_ns)
{
        struct timespec deadline = {.tv_sec = deadline_ns / 1000000000,
                                    .tv_nsec = deadline_ns % 1000000000};

        if (deadline_ns < 0)
                return pthread_cond_wait(&changed[what], &interrupts) == 0;
        return pthread_cond_clockwait(&changed[what], &interrupts, CLOCK_MONOTONIC, &deadline) == 0;
}

void unpaged_lock_wake(enum awaited what)
{
        pthread_cond_broadcast(&changed[what]);
}

int unpaged_lock_wait_for(bool (*is_so)(const void *object), const void *object,
                          k_timeout_t timeout)
{
        int64_t deadline = unpaged_clock_deadline(timeout);
        bool waits = timeout.ticks != 0;

        while (!is_so(object) && waits)
                waits = unpaged_lock_wait(AWAIT_OBJECTS, deadline);
        return is_so(object) ? 0 : timeout.ticks == 0 ? -EBUSY : -EAGAIN;
}

unsigned int unpaged_mm_lock(void)
{
        unsigned int key = irq_lock();

        if (pager == &held) {
                printk("paged memory was touched while a page was moved: by the eviction "
                       "algorithm, by the backing store, or by a buffer they were given\n");
                k_panic();
        }
        while (pager)
                unpaged_lock_wait(AWAIT_PAGER, -1);
        pager = &held;
        return key;
}

void unpaged_mm_unlock(unsigned int key)
{
        pager = NULL;
        unpaged_lock_wake(AWAIT_PAGER);
        irq_unlock(key);
}

void unpaged_mm_relax(unsigned int key)
{
        if (IS_ENABLED(CONFIG_DEMAND_PAGING_ALLOW_IRQ))
                irq_unlock(key);
}

void unpaged_mm_resume(void)
{
        if (IS_ENABLED(CONFIG_DEMAND_PAGING_ALLOW_IRQ))
                irq_lock();
}

void unpaged_lock_drop_all(void)
{
        irq_lock();
        if (pager == &held) {
                pager = NULL;
                unpaged_lock_wake(AWAIT_PAGER);
        }
        irq_unlock(0);
}

unsigned int unpaged_lock_sleep_begin(void)
{
        unsigned int count = held;

        irq_unlock(0);
        return count;
}

void unpaged_lock_sleep_end(unsigned int count)
{
        if (count == 0)
                return;
        irq_lock();
        held = count;
}
