/* SPDX-License-Identifier: MIT */
/* alt_stack.h - the pager called from a stack that it does not page. See alt_stack.c. */
#ifndef ASIDE_H
#define ASIDE_H

#include <stdbool.h>
#include <stdint.h>

int aside_init(void);

/* Calls run(arg), on another stack if the caller's is in the arena. Needs the lock of the space. */
int aside(int (*run)(void *arg), void *arg);

bool aside_is_needed(void);

#endif
