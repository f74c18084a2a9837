/* SPDX-License-Identifier: MIT */
/* atfork.h - all pools of the process, and what becomes of them in a child. See atfork.c. */
#ifndef ATFORK_H
#define ATFORK_H

struct pg_pool;

/* A pool that is open. -ENOMEM: fork cannot be watched. */
int pools_add(struct pg_pool *pool);
void pools_remove(struct pg_pool *pool);

#endif
