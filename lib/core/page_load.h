/* SPDX-License-Identifier: MIT */
/* page_load.h - pages that are out come in. See page_load.c. */
#ifndef PAGE_LOAD_H
#define PAGE_LOAD_H

#include <stdbool.h>
#include <stdint.h>
struct move_context;
struct page_op;
struct pg_pool;

/* The claimed pages of ctx->in, none of them resident, come in; the first `demand` because a thread
 * wants them, the rest ahead. All are released. Where ctx->pins is set they are pinned. Pages the
 * stores fail to load are poisoned if wanted, and left as they were if not. Returns the first error
 * of a wanted one; -ENOMEM and what evict says: no frames could be had, and nothing is poisoned. */
int page_load_batch(struct pg_pool *pool, struct move_context *ctx, unsigned demand, bool write);

/* A claimed page cannot be had: the access to it is to fail. Returns the page's new word. */
uint64_t page_poison(struct pg_pool *pool, struct move_context *ctx, struct page_op *op);

/* n pages were touched, and are loaded or rescued: counts for the pool and for ctx->thread. */
void count_faults(struct move_context *ctx, unsigned n, bool rescued);

#endif
