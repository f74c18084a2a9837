/* SPDX-License-Identifier: MIT */
/* victim_select.h - victims. See victim_select.c. Under the pool lock. */
#ifndef CHOOSE_H
#define CHOOSE_H

#include "pool.h"

/* Adds victims to w->out, claimed and taken, by the rules of replacement.h: of the policy, until
 * `want` pages can leave; then the oldest of the victim queue, until there are `want`. */
void choose_from_policy(struct pg_pool *pool, struct worker *w, unsigned want, bool queue);
void choose_from_queue(struct pg_pool *pool, struct worker *w, unsigned want);

#endif
