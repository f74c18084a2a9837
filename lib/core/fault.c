/* SPDX-License-Identifier: MIT */
/*
 * fault.c - a thread touched a page.
 *
 *         touch ─► look at the word ─┬─ BUSY: its owner will wake us
 *                                    ├─ excluded: the page is not ours
 *                                    ├─ poisoned: the access fails
 *                                    ├─ in the victim queue: rescue it, no store is asked
 *                                    ├─ mapped, but a hole: the program dropped it: load it
 *                                    ├─ mapped, and it was to be written: make it writable
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
#include "out_of_room.h"
#include "page.h"
#include "page_events.h"
#include "page_load.h"
#include "page_presence.h"
#include "page_state.h"
#include "page_transfer.h"
#include "pool.h"
#include "readahead.h"
#include "stats.h"
#include "store_gate.h"
#include "uffd.h"

#include <errno.h>

static enum fault_end end_of(struct pg_pool *pool, int error);
static bool was_dropped(struct pg_pool *pool, struct move_context *ctx, struct page_op *op);
static enum fault_end load_and_more(struct pg_pool *pool, struct move_context *ctx, bool write);

/* ---- the story ----------------------------------------------------------------------------- */

enum fault_end fault_page(struct pg_pool *pool, struct move_context *ctx, struct mapping *m,
                          uint64_t page, bool write)
{
        page_word *p = mapping_word(m, page);
        struct page_op *op;
        uint64_t word;
        int error = 0;

        mapping_touch(m, page);
        if (write && fault_refuse_write(pool, m, page))
                return FAULT_DONE;
        if (write)
                mapping_note_write(m);
        do {
                word = page_word_read(p);
                if (word & PAGE_BUSY)
                        return FAULT_BUSY;
                if (word & PAGE_EXCLUDED)
                        return FAULT_DONE;
        } while (!page_claim(p, word));

        op = page_batch_add(&ctx->in, m, page, word);
        if (word & PAGE_POISONED && !was_dropped(pool, ctx, op)) {
                page_release(m, page, word);
                return FAULT_POISONED;
        }
        if (word & PAGE_QUEUED)
                return end_of(pool, fault_rescue(pool, ctx, op, write));
        if (!page_is_mapped(word) ||
            (!fault_is_first_write(word, write) && was_dropped(pool, ctx, op)))
                return load_and_more(pool, ctx, write);
        if (write) /* else another thread was quicker */
                error = fault_make_writable(pool, ctx, op);
        page_release(m, page, op->word);
        return end_of(pool, error);
}

/* ---- pages that hold a frame --------------------------------------------------------------- */

bool fault_refuse_write(struct pg_pool *pool, struct mapping *m, uint64_t page)
{
        uint64_t ignored;

        if (mapping_is_writable(m) || !(m->flags & PG_MAP_SHARED) ||
            !(store_flags(store_find(&pool->stores, m->location, &ignored)) & PG_STORE_READONLY))
                return false;
        uffd_refuse_writes(mapping_addr(m, page), pool->page_size);
        return true;
}

/* A page that holds a frame could not be mapped, or made writable. That passes, unless the kernel
 * refuses all our calls. */
static enum fault_end end_of(struct pg_pool *pool, int error)
{
        return error && uffd_answers(&pool->uffd) ? FAULT_POISONED : FAULT_DONE;
}

/*
 * A modified page may be protected as well:
 *  - pg_sync has saved it, and waits for the store to confirm (page_state.h, "saved").
 *  - While it was clean the kernel's own swap took it. The entry in the page table keeps the
 *    protection, and UFFDIO_MOVE moves it with the entry (Linux 6.18), so that a page rescued for a
 *    write arrives protected.
 *  - It is not: another thread was quicker. To lift what is not there does no harm.
 */
int fault_make_writable(struct pg_pool *pool, struct move_context *ctx, struct page_op *op)
{
        char *addr = mapping_addr(op->mapping, op->page);
        bool saved = !(op->word & PAGE_DIRTY) || page_is_saved(pool, op);
        int error;

        tally_add(ctx->tally, PG_COUNTER_PROTECT_FAULTS, saved); /* before the program goes on */
        error = uffd_unprotect(&pool->uffd, addr, pool->page_size);
        if (error)
                error = uffd_answers(&pool->uffd);
        if (error || !saved)
                return error;
        ctx->cost.kind = PG_COST_FIRST_WRITE;
        page_modified(pool, op, true);
        page_event_locking(pool, PG_TRACE_WRITTEN, op->mapping, op->page, true);
        event_ring_add(&pool->ring, addr, RING_WRITTEN, op->word, ctx->tid);
        return 0;
}

int fault_rescue(struct pg_pool *pool, struct move_context *ctx, struct page_op *op, bool write)
{
        struct frame *f = frame_at(&pool->frames, op->frame);

        ctx->cost.kind = PG_COST_RESCUE;
        op->clean = !(op->word & PAGE_DIRTY) && !write;
        pool_lock(pool);
        page_taken(pool, op);
        pool_unlock(pool);
        count_faults(ctx, 1, true);
        transfer_in(pool, &ctx->in);
        pool_lock(pool);
        if (op->error)
                page_parked(pool, op);
        else
                page_rescued(pool, ctx, op);
        pool_unlock(pool);
        if (op->error) {
                page_release(op->mapping, op->page, op->word);
                return op->error;
        }
        if (!op->clean && !(op->word & PAGE_DIRTY))
                page_modified(pool, op, true);
        /* See fault_make_writable. A system call that writes to a pinned page would fail: the
         * kernel does not ask us then. */
        if (!op->clean && op->word & PAGE_PINNED && pool->delivery == PG_DELIVERY_SIGNAL)
                uffd_unprotect(&pool->uffd, mapping_addr(op->mapping, op->page), pool->page_size);
        if (atomic_exchange_explicit(&f->ahead, false, memory_order_relaxed))
                tally_add(ctx->tally, PG_COUNTER_AHEAD_USED, 1);
        page_publish(pool, ctx, op, RING_RESCUED);
        return 0;
}

/* The kernel asked for a page that is mapped, or poisoned. Usually another thread was quicker.
 * Unless the program has dropped the page itself, by madvise, and with it the kernel's mark of a
 * poisoned one: then it is as if it had been discarded. */
static bool was_dropped(struct pg_pool *pool, struct move_context *ctx, struct page_op *op)
{
        bool there = op->word & PAGE_POISONED ? page_raises_sigbus(pool, op->mapping, op->page)
                                              : !page_is_hole(pool, op->mapping, op->page);

        if (there)
                return false;
        page_gone(pool, op);
        op->word &= ~PAGE_POISONED;
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
                        tally_add(ctx->tally, PG_COUNTER_AHEAD_USED, 1);
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
                               uint64_t page, int error)
{
        page_word *p = mapping_word(m, page);
        uint64_t word = page_word_read(p);
        struct page_op *op;

        if (uffd_answers(&pool->uffd) != 0)
                return FAULT_POISONED; /* for this thread: others may still have the page */
        if (word & (PAGE_BUSY | PAGE_RESIDENT | PAGE_POISONED | PAGE_EXCLUDED) ||
            !page_claim(p, word))
                return FAULT_BUSY; /* another thread is at it */
        op = page_batch_add(&ctx->in, m, page, word);
        tally_add(ctx->tally, PG_COUNTER_ERRORS_FRAMES, 1);
        out_of_room_report(pool, error);
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
        return no_frame(pool, ctx, m, page, error);
}
