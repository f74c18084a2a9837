/* SPDX-License-Identifier: MIT */
/* kernel_internal.h - what code of the kernel shares beyond the public calls. */
#ifndef KERNEL_INTERNAL_H
#define KERNEL_INTERNAL_H

#include <zephyr/kernel.h>

/* Says what happened, asks k_sys_fatal_error_handler(), and ends the thread if that returns. */
FUNC_NORETURN void z_fatal_error(unsigned int reason, const struct arch_esf *esf);

#endif
