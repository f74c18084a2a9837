/* SPDX-License-Identifier: MIT */
/* kernel.h - the kernel's calls, as far as eviction algorithms, backing stores and tests of demand
 * paging use them. Each lib/zephyr source says how the host does it. */
#ifndef ZEPHYR_KERNEL_H
#define ZEPHYR_KERNEL_H

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <zephyr/app_memory/mem_domain.h>
#include <zephyr/fatal.h>
#include <zephyr/init.h>
#include <zephyr/irq.h>
#include <zephyr/kernel/mm.h>
#include <zephyr/kernel/mm/demand_paging.h>
#include <zephyr/kernel/sync.h>
#include <zephyr/kernel/thread.h>
#include <zephyr/kernel/timer.h>
#include <zephyr/spinlock.h>
#include <zephyr/sys/__assert.h>
#include <zephyr/sys/printk.h>
#include <zephyr/sys/util.h>
#include <zephyr/sys_clock.h>
#include <zephyr/toolchain.h>
#include <zephyr/types.h>

/* End the running thread: with reason K_ERR_KERNEL_PANIC, K_ERR_KERNEL_OOPS, or the one given. */
FUNC_NORETURN void k_panic(void);
FUNC_NORETURN void k_oops(void);
FUNC_NORETURN void z_except_reason(unsigned int reason);

/* Is this a timer's callback? */
bool k_is_in_isr(void);

/* The monotonic clock since the start: milliseconds, cycles. */
int64_t k_uptime_get(void);
uint32_t k_cycle_get_32(void);
uint64_t k_cycle_get_64(void);
k_ticks_t k_uptime_ticks(void);

static inline uint32_t k_uptime_get_32(void)
{
        return (uint32_t)k_uptime_get();
}

#endif
