/* SPDX-License-Identifier: MIT */
/*
 * ghost.h - which pages went out not long ago.
 *
 * A clean page whose store gives it back about as quickly as a rescue would need not wait in the
 * victim queue: its frame is worth more to a page that is in use. What the queue tells the policy,
 * that the page was wanted again, is told by its ghost instead: when it left, as a count of the
 * pages that have left. A page that comes back while no more have left since than the pool has
 * frames was wanted again.
 *
 * Four bytes for each frame, or less than eight: a table by the hash of the page's key, of when,
 * and of eight bits to tell most of its pages apart. A later ghost takes the place of an earlier
 * one with the same hash. Mistakes cost a policy an error of judgement, and no more.
 *
 * All calls: the pool lock is held.
 */
#ifndef GHOST_H
#define GHOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ghosts {
        uint32_t *table; /* sparse */
        size_t bytes;
        uint32_t left; /* pages that have left; only its lower 24 bits count */
};

/* For at most `capacity` frames. 0 or -ENOMEM. */
int ghosts_init(struct ghosts *g, uint32_t capacity);
void ghosts_destroy(struct ghosts *g);

/* The page goes out. */
void ghost_add(struct ghosts *g, uint32_t frames, uint64_t key);
/* It comes in: was it out for a short time only? */
bool ghost_take(struct ghosts *g, uint32_t frames, uint64_t key);

#endif
