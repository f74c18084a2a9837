/* SPDX-License-Identifier: MIT */
/*
 * thread.h - threads. Each is one of the host's; its stack is the host's, too, since libraries of
 * the host need more than Zephyr programs give: sizes and priorities are accepted and not used.
 */
#ifndef ZEPHYR_KERNEL_THREAD_H
#define ZEPHYR_KERNEL_THREAD_H

#include <setjmp.h>
#include <stdbool.h>
#include <zephyr/kernel/mm/demand_paging.h>
#include <zephyr/sys_clock.h>

typedef void (*k_thread_entry_t)(void *p1, void *p2, void *p3);
typedef char k_thread_stack_t;

struct k_thread {
        k_thread_entry_t entry;
        void *arguments[3];
        const char *name;
        k_ticks_t delay;
        sigjmp_buf end; /* where the thread ends, from wherever it is */
        bool started, ended;
#ifdef CONFIG_DEMAND_PAGING_THREAD_STATS
        struct k_mem_paging_stats_t paging_stats; /* not cleared when the object is used again */
#endif
};

typedef struct k_thread *k_tid_t;

#define K_USER                            (1u << 2)
#define K_INHERIT_PERMS                   (1u << 3)
#define K_ESSENTIAL                       (1u << 0)
#define K_PRIO_PREEMPT(n)                 (n)
#define K_PRIO_COOP(n)                    (-(n)-1)
#define K_LOWEST_APPLICATION_THREAD_PRIO  15
#define K_HIGHEST_APPLICATION_THREAD_PRIO 0

#define K_THREAD_STACK_DEFINE(stack, size)           k_thread_stack_t stack[size]
#define K_KERNEL_STACK_DEFINE(stack, size)           k_thread_stack_t stack[size]
#define K_THREAD_STACK_ARRAY_DEFINE(stacks, n, size) k_thread_stack_t stacks[n][size]
#define K_THREAD_STACK_DECLARE(stack, size)          extern k_thread_stack_t stack[size]
#define K_THREAD_STACK_SIZEOF(stack)                 sizeof(stack)

/* The running thread; threads that were not made by this interface share one object. */
k_tid_t k_current_get(void);

/* Returns its argument `thread`. Runs after `delay`, or k_thread_start() when that is K_FOREVER. A
 * host that cannot make another thread is a fatal error. */
k_tid_t k_thread_create(struct k_thread *thread, k_thread_stack_t *stack, size_t size,
                        k_thread_entry_t entry, void *p1, void *p2, void *p3, int priority,
                        uint32_t options, k_timeout_t delay);
void k_thread_start(k_tid_t thread);

/* Waits until the thread has ended. 0; -EBUSY, -EAGAIN: still running after no or some waiting. */
int k_thread_join(struct k_thread *thread, k_timeout_t timeout);

/* Ends the calling thread, or one that has not started; another one is a fatal error, as the host
 * has no safe way to. */
void k_thread_abort(k_tid_t thread);

int k_thread_name_set(k_tid_t thread, const char *name);
const char *k_thread_name_get(k_tid_t thread);
static inline void k_thread_priority_set(k_tid_t thread, int priority)
{
        (void)thread;
        (void)priority;
}

/* Remaining time: always 0, as nothing ends a sleep early. */
int32_t k_sleep(k_timeout_t timeout);
int32_t k_msleep(int32_t ms);
int32_t k_usleep(int32_t us);
void k_busy_wait(uint32_t us);
void k_yield(void);

#endif
