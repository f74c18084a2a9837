/* SPDX-License-Identifier: MIT */
/* choose.h - victims. See choose.c. Under the pool lock. */
#ifndef CHOOSE_H
#define CHOOSE_H

#include "pool.h"

/* Adds victims of the policy to w->out, claimed and taken, until `want` pages can leave: those that
 * go straight on, and those that are due in the queue. A queue that has not filled yet takes in two
 * pages for each that leaves. Without a queue all go straight on. */
void choose_from_policy(struct pg_pool *pool, struct worker *w, unsigned want, bool queue);

/* The oldest of the victim queue, until w->out has `want` pages. */
void choose_from_queue(struct pg_pool *pool, struct worker *w, unsigned want);

#endif
