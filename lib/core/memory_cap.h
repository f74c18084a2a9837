/* SPDX-License-Identifier: MIT */
/* memory_cap.h - frames, swap store and tables of a pool under one cap. See memory_cap.c. */
#ifndef MEMORY_CAP_H
#define MEMORY_CAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pg_pool;

/* How many of a pool's frames stay, whatever the store needs. */
uint32_t memory_floor_frames(uint64_t frames);

/* When the pool's parts are made: what its tables take. */
void memory_count_tables(struct pg_pool *pool, bool with_trace);

/* The frames become what the rest leaves of the cap; nothing in a pool without one. No lock is
 * held. Async-signal-safe. 0; 1: the swap store has not given up yet what the cap wants; -ENOSPC:
 * it cannot; -ENOMEM: tables and pinned pages need more; or why the store could not write elsewhere
 * what it holds. */
int memory_fit(struct pg_pool *pool);

/* The pool ends: its store is free of the cap. */
void memory_unlimit(struct pg_pool *pool);

/* The least cap that the pool can have: at all, or with the pages that are pinned now. */
uint64_t memory_least(struct pg_pool *pool, bool with_pinned);

#endif
