/* SPDX-License-Identifier: MIT */
/* pool_counters.h - what other processes see of a pool (include/unpaged/live.h). */
#ifndef POOL_COUNTERS_H
#define POOL_COUNTERS_H

struct pg_pool;

/* The pool's counters, all 0, and what stands before them. -ENOMEM. */
int pool_counters_open(struct pg_pool *pool, unsigned contexts, unsigned buffer_pages);
/* Then, when it has them: its policy, its swap store, its frames. */
void pool_counters_name(struct pg_pool *pool);

#endif
