/* SPDX-License-Identifier: MIT */
/* fault.h - a thread touched a page. See fault.c. */
#ifndef FAULT_H
#define FAULT_H

#include <stdbool.h>
#include <stdint.h>
#include "page.h"

struct mapping;
struct move_context;
struct page_op;
struct pg_pool;

enum fault_end {
        FAULT_DONE,     /* the access can be tried again */
        FAULT_BUSY,     /* another thread owns the page: wait for it, without a move context */
        FAULT_LATER,    /* it is another thread's turn: try the access again in a moment */
        FAULT_POISONED, /* the page cannot be had: the access is to fail */
};

/* A thread touched the page. `write`: it wanted to write, as far as is known. */
enum fault_end fault_page(struct pg_pool *pool, struct move_context *ctx, struct mapping *m,
                          uint64_t page, bool write);

/* A claimed page that is in the victim queue comes back; it is released, or pinned and released.
 * `write`: it is to be writable. Returns 0, or why it could not be mapped; it is released either
 * way, and still queued then. */
int fault_rescue(struct pg_pool *pool, struct move_context *ctx, struct page_op *op, bool write);

/* A write to a shared mapping that the program has made writable, by mprotect, although its store
 * is read-only, has no place to go to. True: the page is read-only again, and the access gets
 * SIGSEGV when it is tried again. */
bool fault_refuse_write(struct pg_pool *pool, struct mapping *m, uint64_t page);

/* It is the first write to a mapped page that came in clean. */
static inline bool fault_is_first_write(uint64_t word, bool write)
{
        return write && page_is_mapped(word) && !(word & PAGE_DIRTY);
}

/* A claimed, mapped page becomes writable, and DIRTY in op->word; it is not released. -errno, and
 * it is as it was: the kernel refuses our calls (uffd_answers). */
int fault_make_writable(struct pg_pool *pool, struct move_context *ctx, struct page_op *op);

#endif
