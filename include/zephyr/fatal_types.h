/* SPDX-License-Identifier: MIT */
/* fatal_types.h - the reasons of a fatal error, with Zephyr's values. */
#ifndef ZEPHYR_FATAL_TYPES_H
#define ZEPHYR_FATAL_TYPES_H

enum k_fatal_error_reason {
        K_ERR_CPU_EXCEPTION, /* an access that no mapping allows */
        K_ERR_SPURIOUS_IRQ,
        K_ERR_STACK_CHK_FAIL,
        K_ERR_KERNEL_OOPS,  /* k_oops() */
        K_ERR_KERNEL_PANIC, /* k_panic(), assertions, page-ins that fail inside the kernel */
        K_ERR_ARCH_START = 16,
};

#endif
