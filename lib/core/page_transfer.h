/* SPDX-License-Identifier: MIT */
/* page_transfer.h - pages between the program and their frames' slots. See page_transfer.c. */
#ifndef PAGE_TRANSFER_H
#define PAGE_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct mapping;
struct move_context;
struct page_batch;
struct page_op;
struct pg_pool;

/* Appends a claimed page. */
struct page_op *page_batch_add(struct page_batch *b, struct mapping *m, uint64_t page,
                               uint64_t word);
/* Keeps the ops without error, in order. */
void page_batch_drop_failed(struct page_batch *b);

/* Installs every op without error: its content from op->data, write-protected if op->clean.
 * Afterwards the slot of an installed page is a hole, or (data elsewhere) as it was. An op that
 * could not be installed has its error set, and its content where it was. */
void transfer_in(struct pg_pool *pool, struct page_batch *b);

/* Drops those ops of ctx->out that need not go through their slots, where they are mapped.
 * transfer_out then leaves them alone. */
void transfer_drop(struct pg_pool *pool, struct move_context *ctx);

/* Unmaps every other op that is not QUEUED from the program into its frame's slot, whole or not
 * at all. -EBUSY: the kernel has pinned it; -ENOENT: the program's page is gone, dropped behind our
 * back. */
void transfer_out(struct pg_pool *pool, struct page_batch *b);

/* Frees the memory of slots. 0, or -errno. */
int slots_discard(struct pg_pool *pool, const struct iovec *ranges, size_t n);
void slot_discard(struct pg_pool *pool, char *data, size_t size);

#endif
