/* SPDX-License-Identifier: MIT */
/* fatal.h - what happens when a thread cannot go on. */
#ifndef ZEPHYR_FATAL_H
#define ZEPHYR_FATAL_H

#include <zephyr/fatal_types.h>
#include <zephyr/toolchain.h>

/* What the host knows of the moment of a fault. */
struct arch_esf {
        const void *address; /* that was accessed; NULL when reason is no exception */
        void *context;       /* ucontext_t of the faulting instruction, or NULL */
};
typedef struct arch_esf z_arch_esf_t;

/* Called on the thread that cannot go on, for an exception inside the signal handler, with no
 * lock of the pager held. May be replaced by the program. It need not return; when it does, the
 * thread ends. The one that ships lets the running test fail, or pass if it said
 * ztest_set_fault_valid(). */
void k_sys_fatal_error_handler(unsigned int reason, const struct arch_esf *esf);

/* Ends the process, with status 1. */
FUNC_NORETURN void k_fatal_halt(unsigned int reason);

#endif
