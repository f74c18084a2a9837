/* SPDX-License-Identifier: MIT */
/* alt_stack.h - code of ours run on a stack that is not paged. See alt_stack.c. */
#ifndef ALT_STACK_H
#define ALT_STACK_H

#include <stdbool.h>
#include <stdint.h>

int alt_stack_init(void);

/* Calls run(arg), on another stack if the caller's is in the arena. Needs the range table's
 * lock. */
int alt_stack_call(int (*run)(void *arg), void *arg);

bool alt_stack_is_needed(void);

/* Always on another stack, that of signals. Needs the lock under which processes end (stats.c). */
void alt_stack_call_in_signal(int (*run)(void *arg), void *arg);

#endif
