/* SPDX-License-Identifier: MIT */
/* evict.h - a page goes out. See evict.c. */
#ifndef EVICT_H
#define EVICT_H

#include <errno.h>
#include <stdbool.h>
#include "event_ring.h"
#include "move_context.h"

struct page_op;
struct pg_pool;

/*
 * Frees frames, about `want` of them, by evicting victims. Returns how many; 0 is none yet, go on.
 * Or
 *   -EAGAIN  the candidates are all owned by other threads: wait for frames.freed
 *   -EBUSY   the kernel had pinned the victims: try again in a moment
 *   -ENOMEM  there is no candidate at all: the rest is pinned
 *   -EPROTO  the policy has frames and names none: try again in a moment, for it may come to itself
 *   or what the stores said when no victim could be saved, or uffd_answers(), where the pool has
 *   lost its userfaultfd.
 * The caller owns pages that come in, or none; never pages that are resident.
 */
int evict(struct pg_pool *pool, struct move_context *ctx, unsigned want);

/* Of the errors above: waiting may help, but need not, so it has an end. */
static inline bool evict_may_change(int error)
{
        return error == -EBUSY || error == -EPROTO;
}

/* The pages of ctx->out, claimed and taken, leave: unmapped if they still are mapped, saved, their
 * frames freed, all released; *left says how many. Those that cannot go are given back to the
 * program, and an error of theirs is returned. for_fault: a fault waits for it. */
int evict_batch(struct pg_pool *pool, struct move_context *ctx, bool for_fault, unsigned *left);

/* Half the way only: the pages of ctx->out, claimed, taken and mapped, go into the victim queue. */
void evict_to_queue(struct pg_pool *pool, struct move_context *ctx);

/* The steps of evict_batch, for pg_sync, which takes pages out of the program only to write
 * them. unmap: those that could not be unmapped stay mapped, those that the program has dropped are
 * gone; both are released and leave ctx->out; returns the first error of the former. save: sets op
 * errors and locations. give_back: those that could not be saved go back into the program (or,
 * failing that, into the queue, which keeps them as safely); empties ctx->out and returns the first
 * error. */
int evict_unmap(struct pg_pool *pool, struct move_context *ctx);
void evict_save(struct pg_pool *pool, struct move_context *ctx, bool for_fault);
int evict_give_back(struct pg_pool *pool, struct move_context *ctx);

/* A page of a batch that transfer_in has put back into the program, or could not (then it waits in
 * the queue, as safe): the transition, and the end of its ownership. */
void evict_returned(struct pg_pool *pool, struct move_context *ctx, struct page_op *op,
                    enum ring_event event);

/* Back within the limit, step by step. */
struct evict_steps {
        unsigned patience_ms;     /* in: for what evict_may_change() names */
        struct refusals refusals; /* nothing at first */
};

/* One batch. 0: the pool is within its limit; 1: there may be more to do; or why it cannot be done.
 * No move context is held between two steps. */
int evict_step_to_limit(struct pg_pool *pool, struct evict_steps *steps);

#endif
