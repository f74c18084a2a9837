/* SPDX-License-Identifier: MIT */
/*
 * tiered_fork.c - the tiered store around fork(2).
 *
 * Meanwhile only page_in is called, and nothing moves between the two stores: the forking thread
 * holds `moving`. Pages are read, and places locked for that.
 */
#include "tiered.h"

int tiered_fork_prepare(struct pg_store *store)
{
        struct tiered *t = tiered_of(store);
        int error = 0;

        if (!t->forking) /* once for each pool that has the store */
                futex_lock_take(&t->moving);
        t->forking = true;
        if (t->upper.ops.fork_prepare)
                error = t->upper.ops.fork_prepare(t->upper.store);
        if (!error && t->lower.ops.fork_prepare)
                error = t->lower.ops.fork_prepare(t->lower.store);
        return error;
}

void tiered_fork_parent(struct pg_store *store)
{
        struct tiered *t = tiered_of(store);

        if (t->upper.ops.fork_parent)
                t->upper.ops.fork_parent(t->upper.store);
        if (t->lower.ops.fork_parent)
                t->lower.ops.fork_parent(t->lower.store);
        if (t->forking) {
                t->forking = false;
                futex_lock_drop(&t->moving);
        }
}

/* Threads of the parent may have been reading pages, which are not here to unlock them. */
int tiered_fork_child(struct pg_store *store)
{
        struct tiered *t = tiered_of(store);
        int error = t->upper.ops.fork_child(t->upper.store);

        if (!error)
                error = t->lower.ops.fork_child(t->lower.store);
        t->forking = false;
        t->table = t->list = t->moving = (struct futex_lock){0};
        for (uint64_t number = 0; number < atomic_load(&t->count); number++)
                if (atomic_load(&t->places[number].word) & PLACE_LOCKED)
                        place_leave(&t->places[number]);
        return error;
}
