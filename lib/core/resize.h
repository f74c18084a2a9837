/* SPDX-License-Identifier: MIT */
/* resize.h - changes the budget of a pool. See resize.c. */
#ifndef RESIZE_H
#define RESIZE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "pool.h"

/* What is done again and again while a change takes long. */
struct resize_pauses {
        void (*call)(void *arg); /* NULL: nothing */
        void *arg;
};

/* The budget in frames or, where the pool has a cap on all its memory, in bytes. With signals
 * blocked. 0; -EINVAL: less than the pool needs; -ERANGE: more than there can be; -ENOMEM: the
 * pinned pages need more; -EPROTO; or why pages could not be written. After an error the budget is
 * as it was. */
int resize_to(struct pg_pool *pool, uint64_t budget);

/* Whether another process asks for a new budget: see unpaged/live.h. */
static inline bool resize_is_asked(const struct pg_pool *pool)
{
        struct pg_live *live = pool->stats.live;

        return atomic_load_explicit((_Atomic uint32_t *)&live->request, memory_order_relaxed) !=
               atomic_load_explicit((_Atomic uint32_t *)&live->answered, memory_order_relaxed);
}

/* Does what is asked, and answers. With signals blocked; async-signal-safe. If the budget is just
 * being changed, or the process forks, it waits. In a fault (pauses: NULL) it leaves the request
 * for later instead. */
void resize_answer(struct pg_pool *pool, const struct resize_pauses *pauses);

/* Around fork(2), in the parent: no change of the budget goes on in between. Waits for one batch of
 * evictions, or for a change that a fault makes. With signals blocked. */
void resize_hold_for_fork(struct pg_pool *pool);
void resize_go_on_after_fork(struct pg_pool *pool);
/* In the child, when its counters are its own; before it has threads, or a trace. It begins with
 * the budget from before a change that was under way. */
void resize_in_child(struct pg_pool *pool);

#endif
