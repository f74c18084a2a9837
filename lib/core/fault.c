/* SPDX-License-Identifier: MIT */
/*
 * fault.c - a thread touched a page.
 *
 *         touch ─► look at the word ─┬─ BUSY: its owner will wake us
 *                                    ├─ poisoned: the access fails
 *                                    ├─ excluded: the page is not ours
 *                                    ├─ in the victim queue: rescue it, no store is asked
 *                                    ├─ mapped: a first write to a clean page: make it writable
 *                                    ├─ mapped, but a hole: the program dropped it: load it
 *                                    └─ out: load it, and what is read ahead with it
 *
 * A fault is a hint. The same one can be reported twice, late, or after it was resolved; what is
 * done depends on the page's word alone, and the word is owned while it is done.
 */
#include "fault.h"
#include "event_ring.h"
#include "frame.h"
#include "futex_lock.h"
#include "mapping.h"
#include "move_context.h"
#include "page.h"
#include "page_events.h"
#include "page_load.h"
#include "page_state.h"
#include "page_transfer.h"
#include "pool.h"
#include "readahead.h"
#include "stats.h"
#include "uffd.h"

#include <errno.h>

static bool was_dropped(struct pg_pool *pool, struct move_context *ctx, struct page_op *op);
static enum fault_end load_and_more(struct pg_pool *pool, struct move_context *ctx, bool write);

/* ---- the story ----------------------------------------------------------------------------- */

enum fault_end fault_page(struct pg_pool *pool, struct move_context *ctx, struct mapping *m,
                          uint64_t page, bool write)
{
        page_word *p = mapping_word(m, page);
        struct page_op *op;
        uint64_t word;

        mapping_touch(m, page);
        do {
                word = page_word_read(p);
                if (word & PAGE_BUSY)
                        return FAULT_BUSY;
                if (word & PAGE_POISONED)
                        return FAULT_POISONED;
                if (word & PAGE_EXCLUDED)
                        return FAULT_DONE;
        } while (!page_claim(p, word));

        op = page_batch_add(&ctx->in, m, page, word);
        if (word & PAGE_QUEUED) {
                fault_rescue(pool, ctx, op, write);
                return FAULT_DONE;
        }
        if (fault_is_first_write(word, write))
                fault_make_writable(pool, ctx, op);
        else if (!page_is_mapped(word) || was_dropped(pool, ctx, op))
                return load_and_more(pool, ctx, write);
        /* neither: another thread was quicker */
        page_release(m, page, op->word);
        return FAULT_DONE;
}

/* ---- pages that hold a frame --------------------------------------------------------------- */

void fault_make_writable(struct pg_pool *pool, struct move_context *ctx, struct page_op *op)
{
        char *addr = mapping_addr(op->mapping, op->page);

        tally_add(&ctx->tally, STAT_PROTECT_FAULTS, 1); /* before the program goes on */
        uffd_unprotect(&pool->uffd, addr, pool->page_size);
        page_modified(pool, op, true);
        page_event_locking(pool, PG_TRACE_WRITTEN, op->mapping, op->page, true);
        event_ring_add(&pool->ring, addr, RING_WRITTEN, op->word, ctx->tid);
}

int fault_rescue(struct pg_pool *pool, struct move_context *ctx, struct page_op *op, bool write)
{
        struct frame *f = frame_at(&pool->frames, op->frame);

        op->clean = !(op->word & PAGE_DIRTY) && !(write && mapping_is_writable(op->mapping));
        lock_take(&pool->lock);
        page_taken(pool, op);
        lock_drop(&pool->lock);
        count_faults(ctx, 1, true);
        transfer_in(pool, &ctx->in);
        lock_take(&pool->lock);
        if (op->error)
                page_parked(pool, op);
        else
                page_rescued(pool, ctx, op);
        lock_drop(&pool->lock);
        if (op->error) {
                page_release(op->mapping, op->page, op->word);
                return op->error;
        }
        if (!op->clean && !(op->word & PAGE_DIRTY))
                page_modified(pool, op, true);
        if (atomic_exchange_explicit(&f->ahead, false, memory_order_relaxed))
                tally_add(&ctx->tally, STAT_AHEAD_USED, 1);
        page_publish(pool, ctx, op, RING_RESCUED);
        return 0;
}

/* The kernel asked for a page that is mapped. Usually another thread was quicker. Unless the
 * program has dropped the page itself, by madvise: then it is as if it had been discarded. */
static bool was_dropped(struct pg_pool *pool, struct move_context *ctx, struct page_op *op)
{
        if (!page_is_hole(pool, op->mapping, op->page))
                return false;
        page_gone(pool, op);
        event_ring_add(&pool->ring, mapping_addr(op->mapping, op->page), RING_DISCARDED, op->word,
                       ctx->tid);
        return true;
}

/* ---- pages that are out -------------------------------------------------------------------- */

/* Claims the pages that are read ahead with the first one of ctx->in, over those that are in
 * already. */
static void claim_ahead(struct pg_pool *pool, struct move_context *ctx)
{
        struct mapping *m = ctx->in.ops[0].mapping;
        uint64_t first = ctx->in.ops[0].page, page;
        struct readahead_window window =
                readahead_fault(&m->readahead, first, pool->contexts.run_pages);

        for (page = first - window.confirmed; page < first; page++) {
                uint64_t word = page_word_read(mapping_word(m, page));
                struct frame *f = frame_at(&pool->frames, page_frame(word));

                if (word & PAGE_RESIDENT &&
                    atomic_exchange_explicit(&f->ahead, false, memory_order_relaxed))
                        tally_add(&ctx->tally, STAT_AHEAD_USED, 1);
        }
        for (page = first + 1; page < first + window.count && page < m->npages; page++) {
                page_word *p = mapping_word(m, page);
                uint64_t word = page_word_read(p);

                mapping_touch(m, page);
                if (page_is_mapped(word))
                        continue;
                if (word & (PAGE_BUSY | PAGE_RESIDENT | PAGE_POISONED | PAGE_EXCLUDED) ||
                    !page_claim(p, word))
                        break;
                page_batch_add(&ctx->in, m, page, word);
        }
        readahead_done(&m->readahead, window.stream, first, (uint32_t)(page - first));
}

/* Nothing could be evicted: the access must fail, where the kernel, out of memory, would kill the
 * process. */
static enum fault_end no_frame(struct pg_pool *pool, struct move_context *ctx, struct mapping *m,
                               uint64_t page)
{
        page_word *p = mapping_word(m, page);
        uint64_t word = page_word_read(p);
        struct page_op *op;

        if (word & (PAGE_BUSY | PAGE_RESIDENT | PAGE_POISONED | PAGE_EXCLUDED) ||
            !page_claim(p, word))
                return FAULT_BUSY; /* another thread is at it */
        op = page_batch_add(&ctx->in, m, page, word);
        tally_add(&ctx->tally, STAT_ERRORS_FRAMES, 1);
        page_release(m, page, page_poison(pool, ctx, op));
        return FAULT_POISONED;
}

static enum fault_end load_and_more(struct pg_pool *pool, struct move_context *ctx, bool write)
{
        struct page_op *op = &ctx->in.ops[0];
        struct mapping *m = op->mapping;
        uint64_t page = op->page;
        int error;

        if (pool->reads_ahead)
                claim_ahead(pool, ctx);
        error = page_load_batch(pool, ctx, 1, write);
        if (error == 0)
                return FAULT_DONE;
        if (ctx->in.count > 0)
                return FAULT_POISONED; /* the store failed, and settle has poisoned it */
        return no_frame(pool, ctx, m, page);
}
