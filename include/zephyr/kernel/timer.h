/* SPDX-License-Identifier: MIT */
/* timer.h - timers. All callbacks run on one thread of the host, one at a time, with interrupts
 * locked (irq.h); k_is_in_isr() is true in them. */
#ifndef ZEPHYR_KERNEL_TIMER_H
#define ZEPHYR_KERNEL_TIMER_H

#include <stdbool.h>
#include <zephyr/sys_clock.h>

struct k_timer;
typedef void (*k_timer_expiry_t)(struct k_timer *timer);
typedef void (*k_timer_stop_t)(struct k_timer *timer);

struct k_timer {
        k_timer_expiry_t expiry;
        k_timer_stop_t stop;
        void *user_data;
        int64_t next_ns; /* of the monotonic clock */
        int64_t period_ns;
        uint32_t expired; /* times since k_timer_status_get() */
        bool running;
        struct k_timer *link; /* to another one that runs */
};

#define K_TIMER_DEFINE(name, expiry_function, stop_function)                                       \
        struct k_timer name = {.expiry = expiry_function, .stop = stop_function}

void k_timer_init(struct k_timer *timer, k_timer_expiry_t expiry, k_timer_stop_t stop);

/* First after `delay`, then every `period` unless that is K_NO_WAIT or K_FOREVER. */
void k_timer_start(struct k_timer *timer, k_timeout_t delay, k_timeout_t period);
void k_timer_stop(struct k_timer *timer);

/* How often it expired since the last such call. */
uint32_t k_timer_status_get(struct k_timer *timer);

static inline void k_timer_user_data_set(struct k_timer *timer, void *user_data)
{
        timer->user_data = user_data;
}

static inline void *k_timer_user_data_get(const struct k_timer *timer)
{
        return timer->user_data;
}

#endif
