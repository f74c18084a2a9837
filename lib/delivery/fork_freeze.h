/* SPDX-License-Identifier: MIT */
/* fork_freeze.h - faults while the process forks. See fork_freeze.c. */
#ifndef FORKING_H
#define FORKING_H

#include "fault.h"

/* From here until forking_end nobody moves pages or changes a page's word. */
void forking_begin(struct pg_pool *pool);
/* A fault meanwhile. */
enum fault_end forking_fault(struct pg_pool *pool, struct region *r, uint64_t page, bool write,
                             pid_t tid);
/* Only in the child, first of all: those who served faults in the parent are not here. */
void forking_abandon(struct pg_pool *pool);
/* Brings the books up to date, and lets everybody go on. Evicts nothing: the victim might be what
 * the caller itself stands on. */
void forking_end(struct pg_pool *pool);
/* Returns to the budget, with faults being served. As far as the stores allow; otherwise the next
 * faults go on with it. */
void forking_shrink(struct pg_pool *pool);

#endif
