/* SPDX-License-Identifier: MIT */
/* victim_select.h - which pages are to go. See victim_select.c. */
#ifndef VICTIM_SELECT_H
#define VICTIM_SELECT_H

struct move_context;
struct pg_pool;

/* Two looks for one eviction, in this order. Each adds victims to ctx->out, claimed and taken,
 * by the rules of replacement.h. First those of the policy, until `want` pages can leave: each
 * either bypasses the victim queue (op->bypass_queue) or is to be parked in it. Then, in pools
 * that have a queue, the oldest of the queue, until there are `want`. */
void victims_from_policy(struct pg_pool *pool, struct move_context *ctx, unsigned want);
void victims_from_queue(struct pg_pool *pool, struct move_context *ctx, unsigned want);

/* Why there were none:
 *   0        look again: those that were passed over come next
 *   -EAGAIN  the candidates are all owned by other threads, or came back since
 *   -ENOMEM  there is no candidate at all: the rest is pinned
 *   -EPROTO  the policy has frames and names none, and no other frame is on its way to be free */
int victims_why_none(struct pg_pool *pool, struct move_context *ctx);

#endif
