/* SPDX-License-Identifier: MIT */
/* alt_stack.h - the pager called from a stack that it does not page. See alt_stack.c. */
#ifndef ALT_STACK_H
#define ALT_STACK_H

#include <stdbool.h>
#include <stdint.h>

int alt_stack_init(void);

/* Calls run(arg), on another stack if the caller's is in the arena. Needs the range table's
 * lock. */
int alt_stack_call(int (*run)(void *arg), void *arg);

bool alt_stack_is_needed(void);

#endif
