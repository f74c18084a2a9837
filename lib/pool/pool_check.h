/* SPDX-License-Identifier: MIT */
/* pool_check.h - walks over all that a pool knows (debug.h, tier 2). See pool_check.c. */
#ifndef POOL_CHECK_H
#define POOL_CHECK_H

#include "debug.h"

struct mapping;
struct pg_pool;

/* Under the pool lock. NULL, or what is broken; *page is then the page concerned, or NULL. */
const char *pool_check(struct pg_pool *pool, const void **page);
/* Under the pool lock: do the mapping's page words agree with the frames? */
const char *pool_mapping_check(struct pg_pool *pool, struct mapping *m, const void **page);

/* Both, of all that the pool has, and the index of mappings. Aborts where something is broken. */
void pool_check_whole(struct pg_pool *pool);
/* One call in 256 does the former. Without the pool lock. */
void pool_check_sometimes(struct pg_pool *pool);

/* What the rest of the library calls, without any lock. */
static inline void pool_assert_whole(struct pg_pool *pool)
{
        if (DEBUG_WALKS)
                pool_check_whole(pool);
}

static inline void pool_assert_sometimes(struct pg_pool *pool)
{
        if (DEBUG_WALKS)
                pool_check_sometimes(pool);
}

#endif
