/* SPDX-License-Identifier: MIT */
/*
 * timer.c - timers. The ones that run are a list; one thread waits for the earliest and calls it
 * with interrupts locked, which is what makes the callbacks interrupts. A period that was missed
 * is made up for at once, once for each, as the callbacks' counts are the program's to rely on.
 *
 * Locking: everything with interrupts locked.
 */
#include "machine.h"

#include <pthread.h>
#include <signal.h>

static struct k_timer *running;

/* NULL: none runs. */
static struct k_timer *earliest(void)
{
        struct k_timer *first = running;

        for (struct k_timer *t = running; t; t = t->link)
                if (t->next_ns < first->next_ns)
                        first = t;
        return first;
}

static void unlink_timer(struct k_timer *timer)
{
        struct k_timer **at = &running;

        while (*at && *at != timer)
                at = &(*at)->link;
        if (*at)
                *at = timer->link;
        timer->running = false;
}

static void expire(struct k_timer *timer)
{
        if (timer->period_ns > 0)
                timer->next_ns += timer->period_ns;
        else
                unlink_timer(timer);
        timer->expired++;
        if (timer->expiry)
                timer->expiry(timer);
}

static void *serve(void *unused)
{
        struct k_timer *timer;

        ARG_UNUSED(unused);
        unpaged_thread_is_isr();
        unpaged_signal_stack_start();
        irq_lock();
        for (;;) {
                timer = earliest();
                if (timer && timer->next_ns <= unpaged_clock_ns())
                        expire(timer);
                else
                        unpaged_lock_wait(AWAIT_TIMERS, timer ? timer->next_ns : -1);
        }
        return NULL;
}

/* The thread that serves them; signals of the program are not for it. */
static void start_serving(void)
{
        static bool started;
        pthread_t thread;
        sigset_t all, before;

        if (started)
                return;
        started = true;
        sigfillset(&all);
        sigdelset(&all, SIGSEGV);
        sigdelset(&all, SIGBUS);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        if (pthread_create(&thread, NULL, serve, NULL) != 0) {
                printk("the host makes no thread for timers\n");
                k_panic();
        }
        pthread_detach(thread);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void k_timer_init(struct k_timer *timer, k_timer_expiry_t expiry, k_timer_stop_t stop)
{
        *timer = (struct k_timer){.expiry = expiry, .stop = stop};
}

void k_timer_start(struct k_timer *timer, k_timeout_t delay, k_timeout_t period)
{
        unsigned int key = irq_lock();

        unlink_timer(timer);
        timer->expired = 0;
        if (delay.ticks >= 0) {
                timer->next_ns = unpaged_clock_deadline(delay);
                timer->period_ns = period.ticks;
                timer->running = true;
                timer->link = running;
                running = timer;
                start_serving();
                unpaged_lock_wake(AWAIT_TIMERS);
        }
        irq_unlock(key);
}

void k_timer_stop(struct k_timer *timer)
{
        unsigned int key = irq_lock();
        bool was_running = timer->running;

        unlink_timer(timer);
        irq_unlock(key);
        if (was_running && timer->stop)
                timer->stop(timer);
}

uint32_t k_timer_status_get(struct k_timer *timer)
{
        unsigned int key = irq_lock();
        uint32_t expired = timer->expired;

        timer->expired = 0;
        irq_unlock(key);
        return expired;
}
