/* SPDX-License-Identifier: MIT */
/* pool_budget.h - what a pool needs at least. See pool_budget.c. */
#ifndef POOL_BUDGET_H
#define POOL_BUDGET_H

#include <stdint.h>

struct pg_pool;

/* 0, or -EINVAL, in words: not even the tables and a few frames would fit in so much memory. */
int budget_check_memory(struct pg_pool *pool, uint64_t bytes);

#endif
