/* SPDX-License-Identifier: MIT */
/*
 * arena_ops.h - makes the arena's pages what the table of ranges says. See arena_ops.c.
 *
 * All of these need the range table's lock, and a table with room for two more ranges. They return
 * 0 or -errno. Addresses are multiples of KERNEL_PAGE_SIZE, not necessarily of the pool's page size.
 */
#ifndef ARENA_OPS_H
#define ARENA_OPS_H

#include "preload.h"
#include "range_table.h"

/* Free pages become a range. -EAGAIN: they are to be locked and frames are lacking. */
int arena_map(uintptr_t start, uintptr_t end, int prot, unsigned flags);

/* Whatever is there becomes free. */
int arena_give_back(uintptr_t start, uintptr_t end);

/* Whatever is there, or is not, becomes one range of zeros. */
int arena_renew(uintptr_t start, uintptr_t end, int prot, unsigned flags);

/* Whatever is there goes out of paging: over it, the mapping that lies at `over` is moved. */
int arena_cover(uintptr_t start, uintptr_t end, void *over, int prot);

/* The content of a paged range is forgotten. Unpins RANGE_STACK; -EINVAL where it is locked. */
int arena_discard(uintptr_t start, uintptr_t end);

int arena_pin(uintptr_t start, uintptr_t end);
void arena_unpin(uintptr_t start, uintptr_t end);

/* Moves the content of paged memory to other, fresh paged memory. -ENOMEM: the kernel keeps a page
 * of it pinned; nothing has moved then. */
int arena_move(uintptr_t to, uintptr_t from, size_t size, int prot);

/* Pages in what frames allow; pages out what can go. */
void arena_advise(uintptr_t start, uintptr_t end, enum pg_advice advice);
int arena_page_in(uintptr_t start, uintptr_t end);
int arena_page_out(uintptr_t start, uintptr_t end);

#endif
