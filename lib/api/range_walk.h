/* SPDX-License-Identifier: MIT */
/* range_walk.h - walks over a range of a mapping. See range_walk.c. */
#ifndef RANGE_WALK_H
#define RANGE_WALK_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
#include "pager_section.h"

struct mapping;
struct move_context;
struct pg_pool;

struct walk {
        struct pg_pool *pool;
        struct mapping *mapping;
        uint64_t page, end;       /* what is left of the range */
        struct move_context *ctx; /* while there is work */
        uint32_t promised;        /* frames that may be pinned for it */
        bool entered;             /* there was: signals are blocked until the end */
        struct pager_section caller;
        int error; /* the first */
};

/* Begins a walk over a range as an application gave it; its mapping stays until walk_end, which
 * returns the walk's error. -EINVAL: no range of one mapping of this pool. -ECHILD: see
 * unpaged.h. */
int walk_begin(struct walk *k, struct pg_pool *pool, const void *addr, size_t size);
int walk_end(struct walk *k);

/* A walk over a whole mapping that is being unmapped, and its end. */
struct walk walk_all(struct mapping *m);
void walk_stop(struct walk *k);

/* Takes a move context, if the walk has none; gives it back, likewise. The first one blocks
 * signals, to the end of the walk: a handler that faulted on a mapping that somebody unmaps
 * would wait for this walk, which it interrupts. */
void walk_work(struct walk *k);
void walk_rest(struct walk *k);

/* Claims the page at k->page. False: it was BUSY, and its owner has been waited for; the walk is at
 * rest then and must look again. */
bool walk_claim(struct walk *k, uint64_t *word);

/* Moves on to the next page that may differ from a born one; false: there is none. */
bool walk_next_touched(struct walk *k);

void walk_error(struct walk *k, int error);

/* What calls say of a full store, as Zephyr words it. */
static inline int error_as_zephyr(int error)
{
        return error == -ENOSPC ? -ENOMEM : error;
}

/* Loads what free frames allow. */
void range_will_need(struct walk *k);

/* What pg_unmap does to a whole mapping; the errors end in k->error. */
void range_unpin(struct walk *k);
void range_sync(struct walk *k);
void range_discard(struct walk *k);

#endif
