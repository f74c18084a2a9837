/* SPDX-License-Identifier: MIT */
/* page_transfer.h - pages between the program and their frames' slots. See page_transfer.c. */
#ifndef TRANSIT_H
#define TRANSIT_H

#include "pool.h"

/* Appends a claimed page. */
struct item *batch_add(struct batch *b, struct region *r, uint64_t page, uint64_t word);
/* Keeps the items without error, in order. */
void batch_drop_failed(struct batch *b);

/* Installs every item without error: its content from item->data, write-protected if item->clean.
 * Afterwards the slot of an installed page is a hole, or (data elsewhere) as it was. An item that
 * could not be installed has its error set, and its content where it was. */
void transit_in(struct pg_pool *pool, struct batch *b);

/* Drops those items of w->out that need not go through their slots, where they are mapped.
 * transit_out then leaves them alone. */
void transit_drop(struct pg_pool *pool, struct worker *w);

/* Unmaps every other item that is not QUEUED from the program into its frame's slot, whole or not
 * at all. -EBUSY: the kernel has pinned it; -ENOENT: the program's page is gone, dropped behind our
 * back. */
void transit_out(struct pg_pool *pool, struct batch *b);

/* A claimed, poisoned page becomes an ordinary missing one, and the new word is returned; or,
 * where it takes a replacement of the mapping, stays as it is until transit_in. */
uint64_t page_heal(struct pg_pool *pool, struct region *r, uint64_t page, uint64_t word);

/* True if the kernel has nothing at all mapped where it should have this claimed page: the
 * program has dropped it behind our back. Pieces of it that are missing become zeros. */
bool page_is_hole(struct pg_pool *pool, const struct region *r, uint64_t page);

#endif
