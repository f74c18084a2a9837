/* SPDX-License-Identifier: MIT */
/* victim_select.h - victims. See victim_select.c. Under the pool lock. */
#ifndef VICTIM_SELECT_H
#define VICTIM_SELECT_H

#include "pool.h"

/* Adds victims to ctx->out, claimed and taken, by the rules of replacement.h: of the policy, until
 * `want` pages can leave; then the oldest of the victim queue, until there are `want`. */
void victims_from_policy(struct pg_pool *pool, struct move_context *ctx, unsigned want, bool queue);
void victims_from_queue(struct pg_pool *pool, struct move_context *ctx, unsigned want);

#endif
