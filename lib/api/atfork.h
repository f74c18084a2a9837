/* SPDX-License-Identifier: MIT */
/* atfork.h - all pools of the process, and what becomes of them in a child. See atfork.c. */
#ifndef ATFORK_H
#define ATFORK_H

#include "pager_section.h"

#include <stdbool.h>

struct pg_pool;

/* A pool that is open; after pg_fork_handlers(). */
void pools_add(struct pg_pool *pool);
void pools_remove(struct pg_pool *pool);

/* False in a process that only shares this memory (a child of vfork), was not made by fork(3), or
 * never had a pool. */
bool pools_are_ours(void);
/* The thread runs a handler of fork: it has locks of all pools. */
bool pools_in_fork(void);

/* Between the two, which are for one thread at a time, no pool comes or goes and no other thread
 * forks. */
struct pools_section {
        struct pager_section caller;
        bool in_fork;
};

void pools_enter(struct pools_section *s);
void pools_leave(const struct pools_section *s);
/* Between the two: the others follow by `next`. */
struct pg_pool *pools_first(void);

#endif
