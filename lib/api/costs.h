/* SPDX-License-Identifier: MIT */
/* costs.h - what paging costs, for pg_stats_get(). See costs.c. */
#ifndef COSTS_H
#define COSTS_H

struct pg_pool;
struct pg_stats;

/* Fills the costs and the CPU times in. */
void costs_read(struct pg_pool *pool, struct pg_stats *out);

#endif
