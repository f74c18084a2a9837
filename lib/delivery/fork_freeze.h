/* SPDX-License-Identifier: MIT */
/* fork_freeze.h - faults while the process forks. See fork_freeze.c. */
#ifndef FORK_FREEZE_H
#define FORK_FREEZE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "fault.h"

/* From here until fork_freeze_end no thread moves pages or changes a page's word. */
void fork_freeze_begin(struct pg_pool *pool);
/* A fault meanwhile. */
enum fault_end fork_freeze_fault(struct pg_pool *pool, struct mapping *m, uint64_t page, bool write,
                                 pid_t tid);
/* Only in the child, first of all: the threads that served faults in the parent are not here. */
void fork_freeze_reset_in_child(struct pg_pool *pool);
/* Brings the records up to date, and lets all threads go on. Evicts nothing: the victim might be
 * what the caller itself stands on. In a child, where the threads that touched pages are not, they
 * are counted for no thread. */
void fork_freeze_end(struct pg_pool *pool, bool in_child);
/* What came in above the budget during the freeze leaves, with faults being served. As far as the
 * stores allow; otherwise the next faults go on with it. */
void fork_freeze_shrink(struct pg_pool *pool);

#endif
