/* SPDX-License-Identifier: MIT */
/* pool_trace.h - the trace that a pool records. See pool_trace.c; pg_trace_sync is there, too. */
#ifndef POOL_TRACE_H
#define POOL_TRACE_H

#include <unpaged/unpaged.h>

struct pg_pool;

/* Begins the trace that was asked for, if any. What open(2) and write(2) say; -ESPIPE. */
int pool_trace_open(struct pg_pool *pool, const struct pg_config *config);

/* Writes the last of it. The application is told of a trace that ended early, if it did not ask
 * before. */
void pool_trace_end(struct pg_pool *pool);

/* What a trace begins with: the pool's own, or that of a child of fork. */
struct pg_trace_header pool_trace_header(struct pg_pool *pool);

#endif
