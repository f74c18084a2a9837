/* SPDX-License-Identifier: MIT */
/*
 * thread.c - threads, each a thread of the host.
 *
 * Every one has a place to end at (k_thread.end), to which unpaged_thread_end() jumps out of
 * whatever it is doing, fault handlers included. The main thread's is where the test framework runs
 * a case; without one, its end is that of the process.
 *
 * Locking: started and ended change with interrupts locked.
 */
#include "machine.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

static struct k_thread main_thread = {.name = "main"};
/* Threads that the program got from the host by other ways, and that of the timers. */
static struct k_thread other_threads = {.name = "host"};

static _Thread_local struct k_thread *current;
static _Thread_local bool isr;

__attribute__((constructor(101))) static void main_thread_is_current(void)
{
        current = &main_thread;
}

struct k_thread *unpaged_thread_current(void)
{
        return current ? current : &other_threads;
}

k_tid_t k_current_get(void)
{
        return unpaged_thread_current();
}

void unpaged_thread_is_isr(void)
{
        isr = true;
}

bool k_is_in_isr(void)
{
        return isr;
}

void unpaged_thread_end(void)
{
        struct k_thread *self = unpaged_thread_current();

        unpaged_lock_drop_all();
        if (!self->started)
                k_fatal_halt(K_ERR_KERNEL_PANIC);
        siglongjmp(self->end, 1);
}

/* ---- creation ------------------------------------------------------------------------------ */

static void *run(void *argument)
{
        struct k_thread *self = argument;

        current = self;
        unpaged_signal_stack_start();
        if (sigsetjmp(self->end, 1) == 0) {
                k_sleep((k_timeout_t){self->delay});
                self->entry(self->arguments[0], self->arguments[1], self->arguments[2]);
        }
        unpaged_lock_drop_all();
        unpaged_signal_stack_end();
        irq_lock();
        self->ended = true;
        unpaged_lock_wake(AWAIT_OBJECTS);
        irq_unlock(0);
        return NULL;
}

void k_thread_start(k_tid_t thread)
{
        unsigned int key = irq_lock();
        bool first = !thread->started && !thread->ended;
        pthread_t host;

        thread->started = true;
        irq_unlock(key);
        if (!first)
                return;
        if (pthread_create(&host, NULL, run, thread) != 0) {
                printk("the host makes no further thread\n");
                k_panic();
        }
        pthread_detach(host);
}

k_tid_t k_thread_create(struct k_thread *thread, k_thread_stack_t *stack, size_t size,
                        k_thread_entry_t entry, void *p1, void *p2, void *p3, int priority,
                        uint32_t options, k_timeout_t delay)
{
        ARG_UNUSED(stack);
        ARG_UNUSED(size);
        ARG_UNUSED(priority);
        ARG_UNUSED(options);
        thread->entry = entry;
        thread->arguments[0] = p1;
        thread->arguments[1] = p2;
        thread->arguments[2] = p3;
        thread->name = "";
        thread->started = thread->ended = false;
        thread->delay = MAX(delay.ticks, 0);
        if (delay.ticks != K_TICKS_FOREVER)
                k_thread_start(thread);
        return thread;
}

static bool has_ended(const void *thread)
{
        return ((const struct k_thread *)thread)->ended;
}

int k_thread_join(struct k_thread *thread, k_timeout_t timeout)
{
        unsigned int key = irq_lock();
        int error = unpaged_lock_wait_for(has_ended, thread, timeout);

        irq_unlock(key);
        return error;
}

void k_thread_abort(k_tid_t thread)
{
        unsigned int key;

        if (thread == unpaged_thread_current())
                unpaged_thread_end();
        key = irq_lock();
        if (thread->started && !thread->ended) {
                printk("k_thread_abort: a thread that runs can only end itself on this host\n");
                k_panic();
        }
        thread->ended = true;
        unpaged_lock_wake(AWAIT_OBJECTS);
        irq_unlock(key);
}

int k_thread_name_set(k_tid_t thread, const char *name)
{
        (thread ? thread : unpaged_thread_current())->name = name;
        return 0;
}

const char *k_thread_name_get(k_tid_t thread)
{
        return thread->name;
}

/* ---- time passes --------------------------------------------------------------------------- */

int32_t k_sleep(k_timeout_t timeout)
{
        struct timespec time = {.tv_sec = timeout.ticks / NSEC_PER_SEC,
                                .tv_nsec = timeout.ticks % NSEC_PER_SEC};
        unsigned int held;

        if (timeout.ticks == 0)
                return 0;
        held = unpaged_lock_sleep_begin();
        if (timeout.ticks < 0)
                time.tv_sec = INT32_MAX;
        while (clock_nanosleep(CLOCK_MONOTONIC, 0, &time, &time) == EINTR)
                ;
        unpaged_lock_sleep_end(held);
        return 0;
}

int32_t k_msleep(int32_t ms)
{
        return k_sleep(K_MSEC(ms));
}

int32_t k_usleep(int32_t us)
{
        return k_sleep(K_USEC(us));
}

void k_busy_wait(uint32_t us)
{
        int64_t end = unpaged_clock_ns() + (int64_t)us * NSEC_PER_USEC;

        while (unpaged_clock_ns() < end)
                ;
}

void k_yield(void)
{
        unsigned int held = unpaged_lock_sleep_begin();

        sched_yield();
        unpaged_lock_sleep_end(held);
}
