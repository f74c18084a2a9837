/* SPDX-License-Identifier: MIT */
/* atfork.h - all pools of the process, and what becomes of them in a child. See atfork.c. */
#ifndef ATFORK_H
#define ATFORK_H

struct pg_pool;

/* A pool that is open. -ENOMEM: fork cannot be watched. */
int pools_add(struct pg_pool *pool);
void pools_remove(struct pg_pool *pool);
/* Each of them once, while none is opened or closed and no thread forks. None in a process that
 * only shares this memory (a child of vfork), or was not made by fork(3). */
void pools_each(void (*visit)(struct pg_pool *pool));

#endif
