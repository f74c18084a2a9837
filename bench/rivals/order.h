/* SPDX-License-Identifier: MIT */
/* order.h - which page is touched when: made before the clock runs. */
#ifndef RIVALS_ORDER_H
#define RIVALS_ORDER_H

#include "run.h"

/* Fills `sequence` with the pages that a thread touches, one after the other, for every order but
 * ORDER_CHASE. */
void order_make(const struct run *run, unsigned thread, uint32_t *sequence, uint64_t length);

/* Links the pages of each thread's part to one random circle: next[page] follows page. */
void order_chain(const struct run *run, uint32_t *next);

/* The part of a thread: pages from *first on; returns how many. */
uint32_t order_part(const struct run *run, unsigned thread, uint32_t *first);

#endif
