/* SPDX-License-Identifier: MIT */
/*
 * fault.c - a page comes in.
 *
 *         touch ─► look at the word ─┬─ BUSY: its owner will wake us
 *                                    ├─ mapped: a first write to a clean page: make it writable
 *                                    ├─ in the victim queue: rescue it, no store is asked
 *                                    └─ out: claim it (and what is read ahead with it)
 *                                            ─► seat: a frame for each, evicting if need be
 *                                            ─► fill: from the stores, into the buffer
 *                                            ─► transfer_in: install
 *                                            ─► settle: tell the policy, commit the words, wake
 *
 * A fault is a hint. The same one can be reported twice, late, or after it was resolved; what is
 * done depends on the page's word alone, and the word is owned while it is done.
 *
 * A page comes in clean if its store keeps the copy, and it is read and probably not written to
 * afterwards: see write_predict.h.
 */
#include "fault.h"
#include "evict.h"
#include "page_transfer.h"

#include <errno.h>

#define MS 1000000u
/* How long a fault waits for pages that the kernel has pinned, and nothing else could be
 * evicted. */
#define PINNED_PATIENCE_MS 2000u

/* ---- seat ---------------------------------------------------------------------------------- */

static bool comes_in_clean(struct pg_pool *pool, struct move_context *ctx, struct page_op *op,
                           bool write)
{
        uint64_t ignored;
        struct pg_store *store = store_find(&pool->stores, op->location, &ignored);

        if (!(store_flags(store) & PG_STORE_KEEPS))
                return false;
        if (!mapping_is_writable(op->mapping))
                return true;
        if (write)
                op->word = predict_note_written(&op->mapping->history, op->word);
        /* What nobody has written to is not to be written to a file. */
        return !write && (op->mapping->flags & PG_MAP_SHARED ||
                          !predict_will_write(&op->mapping->history, op->word, ctx->predict_turn,
                                              !pool->predicts_by_mapping));
}

/* Frames for the first pages of ctx->in. Returns how many have one. */
static unsigned take_frames(struct pg_pool *pool, struct move_context *ctx, unsigned have)
{
        lock_take(&pool->lock);
        for (; have < ctx->in.count; have++) {
                struct page_op *op = &ctx->in.ops[have];

                op->frame = frame_take(&pool->frames);
                if (op->frame == PG_NO_FRAME)
                        break;
        }
        lock_drop(&pool->lock);
        return have;
}

/* A frame for the first page at least, and for the others what one round of eviction yields. */
static int seat(struct pg_pool *pool, struct move_context *ctx)
{
        unsigned have = 0, pinned_ms = 0, rounds = 0;
        int error = 0;

        for (;;) {
                uint32_t freed = atomic_load(&pool->frames.freed);

                have = take_frames(pool, ctx, have);
                if (have == ctx->in.count || (have > 0 && rounds > 0) || error)
                        break;
                rounds++;
                error = evict(pool, ctx, ctx->in.count - have);
                if (error >= 0) {
                        error = 0;
                } else if (error == -EAGAIN) {
                        atomic_fetch_add(&pool->frames.waiting, 1);
                        futex_wait(&pool->frames.freed, freed, have ? 1 : MS);
                        atomic_fetch_sub(&pool->frames.waiting, 1);
                        error = 0;
                } else if (error == -EBUSY && pinned_ms++ < PINNED_PATIENCE_MS) {
                        futex_wait(&pool->frames.freed, freed, MS);
                        error = 0;
                }
        }
        for (unsigned i = have; i < ctx->in.count; i++)
                page_release(ctx->in.ops[i].mapping, ctx->in.ops[i].page, ctx->in.ops[i].word);
        ctx->in.count = have;
        return have > 0 ? 0 : error;
}

/* ---- fill ---------------------------------------------------------------------------------- */

static bool fills_next(struct pg_pool *pool, const struct page_op *a, const struct page_op *b)
{
        bool same_place = a->location >= PG_LOCATION_ANON_UNINIT;

        return b->location == a->location + (same_place ? 0 : pool->page_size);
}

/* Pages that are neighbours in one store: where they are in memory already, or else into the
 * buffer. */
static void load_run(struct pg_pool *pool, struct move_context *ctx, struct page_op *first,
                     unsigned n)
{
        uint64_t offset, began = clock_now();
        struct pg_store *store = store_find(&pool->stores, first->location, &offset);
        const char *at = store_page_at(store, offset, n);
        bool counts = first->location < PG_LOCATION_ANON_UNINIT;
        char *buffer = ctx->buffer + (size_t)(first - ctx->in.ops) * pool->page_size;
        int error = at ? 0 : store_page_in(store, offset, n, buffer);

        for (unsigned i = 0; i < n; i++) {
                size_t skip = i * pool->page_size;

                first[i].data = at ? (char *)(uintptr_t)at + skip : buffer + skip;
                /* One bad page must not take its neighbours with it. */
                if (error)
                        first[i].error =
                                n == 1 ? error
                                       : store_page_in(store, offset + skip, 1, first[i].data);
                tally_add(&ctx->tally, STAT_PAGES_IN, counts && !first[i].error);
        }
        if (counts)
                tally_time(&ctx->tally, PG_HISTOGRAM_PAGE_IN, clock_now() - began);
}

static void fill(struct pg_pool *pool, struct move_context *ctx)
{
        struct page_op *ops = ctx->in.ops;
        unsigned n;

        for (unsigned i = 0; i < ctx->in.count; i += n) {
                n = 1;
                while (i + n < ctx->in.count && fills_next(pool, &ops[i + n - 1], &ops[i + n]))
                        n++;
                load_run(pool, ctx, &ops[i], n);
        }
}

/* ---- settle -------------------------------------------------------------------------------- */

/* Under the lock: the frame and the policy learn of a page that has come in. */
static void frame_settle(struct pg_pool *pool, struct move_context *ctx, struct page_op *op,
                         bool ahead)
{
        struct replacement r = pool_replacement(pool);
        struct frame *f = frame_at(&pool->frames, op->frame);

        f->mapping = op->mapping;
        f->page = op->page;
        f->location = op->clean ? op->location : PG_LOCATION_NONE;
        f->owned = op->clean && op->owned;
        atomic_store_explicit(&f->ahead, ahead, memory_order_relaxed);
        page_event(pool, ahead ? PG_TRACE_AHEAD : PG_TRACE_FAULT, op->mapping, op->page,
                   !op->clean);
        if (ctx->pins) {
                pin_fulfil(pool, ctx);
                return;
        }
        replacement_came_in(&r, op->frame, page_key(op->mapping, op->page),
                            ahead ? PG_ADD_AHEAD : PG_ADD_DEMAND);
}

static uint64_t poison(struct pg_pool *pool, struct move_context *ctx, struct page_op *op)
{
        char *addr = mapping_addr(op->mapping, op->page);
        uint64_t word = op->word | PAGE_POISONED;

        if (pool->delivery == PG_DELIVERY_THREAD &&
            uffd_poison(&pool->uffd, addr, pool->page_size) != 0)
                event_ring_abort(&pool->ring, addr, word,
                                 "a page that is lost could not be poisoned");
        event_ring_add(&pool->ring, addr, RING_POISONED, word, ctx->tid);
        return word;
}

static void settle_failed(struct pg_pool *pool, struct move_context *ctx, struct page_op *op,
                          bool wanted)
{
        lock_take(&pool->lock);
        frame_put(&pool->frames, op->frame);
        lock_drop(&pool->lock);
        tally_add(&ctx->tally, STAT_ERRORS_LOAD, wanted);
        page_release(op->mapping, op->page, wanted ? poison(pool, ctx, op) : op->word);
}

static int settle(struct pg_pool *pool, struct move_context *ctx, unsigned demand)
{
        uint64_t pinned = ctx->pins ? PAGE_PINNED : 0;
        int error = 0;

        lock_take(&pool->lock);
        for (unsigned i = 0; i < ctx->in.count; i++)
                if (ctx->in.ops[i].error == 0)
                        frame_settle(pool, ctx, &ctx->in.ops[i], i >= demand);
        lock_drop(&pool->lock);
        for (unsigned i = 0; i < ctx->in.count; i++) {
                struct page_op *op = &ctx->in.ops[i];
                uint64_t word = page_resident(op->frame, pinned | (op->word & PAGE_HISTORY) |
                                                                 (op->clean ? 0 : PAGE_DIRTY));

                if (op->error) {
                        error = error || i >= demand ? error : op->error;
                        settle_failed(pool, ctx, op, i < demand);
                        continue;
                }
                if (!op->clean)
                        copy_forget(pool, op->location, op->owned);
                event_ring_add(&pool->ring, mapping_addr(op->mapping, op->page), RING_LOADED, word,
                               ctx->tid);
                page_release(op->mapping, op->page, word);
        }
        return error;
}

static void count_faults(struct move_context *ctx, unsigned n, bool rescued)
{
        struct thread_counters *thread = ctx->thread;

        tally_add(&ctx->tally, STAT_FAULTS, n);
        if (rescued)
                tally_add(&ctx->tally, STAT_RESCUES, n);
        if (!thread)
                return;
        atomic_fetch_add_explicit(&thread->faults, n, memory_order_relaxed);
        if (rescued)
                atomic_fetch_add_explicit(&thread->rescues, n, memory_order_relaxed);
}

int fault_load(struct pg_pool *pool, struct move_context *ctx, unsigned demand, bool write)
{
        int error;

        ctx->predict_turn++;
        for (unsigned i = 0; i < ctx->in.count; i++) {
                struct page_op *op = &ctx->in.ops[i];

                op->location = mapping_page_location(op->mapping, op->page, op->word);
                op->owned = op->word & PAGE_PLACED && op->location < PG_LOCATION_ANON_UNINIT;
                op->clean = comes_in_clean(pool, ctx, op, write && i < demand);
        }
        error = seat(pool, ctx);
        if (error)
                return error;
        demand = demand < ctx->in.count ? demand : ctx->in.count;
        count_faults(ctx, demand, false);
        tally_add(&ctx->tally, STAT_AHEAD_PAGES, ctx->in.count - demand);
        fill(pool, ctx);
        transfer_in(pool, &ctx->in);
        return settle(pool, ctx, demand);
}

/* ---- pages that hold a frame --------------------------------------------------------------- */

void fault_make_writable(struct pg_pool *pool, struct move_context *ctx, struct page_op *op)
{
        struct frame *f = frame_at(&pool->frames, op->frame);
        char *addr = mapping_addr(op->mapping, op->page);

        tally_add(&ctx->tally, STAT_PROTECT_FAULTS, 1); /* before the program goes on */
        uffd_unprotect(&pool->uffd, addr, pool->page_size);
        copy_outdated(pool, f);
        op->word = predict_note_written(&op->mapping->history, op->word) | PAGE_DIRTY;
        page_event_locking(pool, PG_TRACE_WRITTEN, op->mapping, op->page, true);
        event_ring_add(&pool->ring, addr, RING_WRITTEN, op->word, ctx->tid);
}

int fault_rescue(struct pg_pool *pool, struct move_context *ctx, struct page_op *op, bool write)
{
        struct frame *f = frame_at(&pool->frames, op->frame);
        uint64_t word = op->word & ~PAGE_QUEUED;
        uint64_t key = page_key(op->mapping, op->page);

        op->data = frame_slot(&pool->frames, op->frame);
        op->clean = !(op->word & PAGE_DIRTY) && !(write && mapping_is_writable(op->mapping));
        lock_take(&pool->lock);
        victim_queue_remove(&pool->victim_queue, &pool->frames, op->frame);
        lock_drop(&pool->lock);
        count_faults(ctx, 1, true);
        transfer_in(pool, &ctx->in);
        lock_take(&pool->lock);
        if (op->error) {
                victim_queue_push(&pool->victim_queue, &pool->frames, op->frame);
        } else if (ctx->pins) {
                pin_fulfil(pool, ctx);
                word |= PAGE_PINNED;
                policy_forget_queued(&pool->policy, op->frame);
        } else {
                policy_rescued(&pool->policy, op->frame, key);
        }
        if (!op->error)
                page_event(pool, PG_TRACE_RESCUED, op->mapping, op->page, !op->clean);
        lock_drop(&pool->lock);
        if (op->error) {
                page_release(op->mapping, op->page, op->word);
                return op->error;
        }
        if (!op->clean && !(op->word & PAGE_DIRTY)) {
                copy_outdated(pool, f);
                word = predict_note_written(&op->mapping->history, word) | PAGE_DIRTY;
        }
        if (atomic_exchange_explicit(&f->ahead, false, memory_order_relaxed))
                tally_add(&ctx->tally, STAT_AHEAD_USED, 1);
        event_ring_add(&pool->ring, mapping_addr(op->mapping, op->page), RING_RESCUED, word,
                       ctx->tid);
        page_release(op->mapping, op->page, word);
        return 0;
}

/* The kernel asked for a page that is mapped. Usually somebody was quicker. Unless the program has
 * dropped the page itself, by madvise: then it is as if it had been discarded. */
static bool was_dropped(struct pg_pool *pool, struct move_context *ctx, struct page_op *op)
{
        struct frame *f = frame_at(&pool->frames, op->frame);

        if (!page_is_hole(pool, op->mapping, op->page))
                return false;
        copy_forget(pool, f->location, f->owned);
        lock_take(&pool->lock);
        if (op->word & PAGE_PINNED)
                pool->frames.pinned--;
        else
                policy_remove(&pool->policy, op->frame);
        frame_put(&pool->frames, op->frame);
        page_event(pool, PG_TRACE_FORGOTTEN, op->mapping, op->page, false);
        lock_drop(&pool->lock);
        op->word = 0;
        event_ring_add(&pool->ring, mapping_addr(op->mapping, op->page), RING_DISCARDED, 0,
                       ctx->tid);
        return true;
}

/* ---- the story ----------------------------------------------------------------------------- */

/* Claims the pages that are read ahead with the first one of ctx->in, over those that are in
 * already. */
static void claim_ahead(struct pg_pool *pool, struct move_context *ctx)
{
        struct mapping *m = ctx->in.ops[0].mapping;
        uint64_t first = ctx->in.ops[0].page, page;
        struct readahead_window window =
                readahead_fault(&m->readahead, first, pool->contexts.run_pages);

        for (page = first - window.confirmed; page < first; page++) {
                uint64_t word = page_load(mapping_word(m, page));
                struct frame *f = frame_at(&pool->frames, page_frame(word));

                if (word & PAGE_RESIDENT &&
                    atomic_exchange_explicit(&f->ahead, false, memory_order_relaxed))
                        tally_add(&ctx->tally, STAT_AHEAD_USED, 1);
        }
        for (page = first + 1; page < first + window.count && page < m->npages; page++) {
                page_word *p = mapping_word(m, page);
                uint64_t word = page_load(p);

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

/* Nothing could be evicted: the access must fail, as the kernel's own would be killed. */
static enum fault_end no_frame(struct pg_pool *pool, struct move_context *ctx, struct mapping *m,
                               uint64_t page)
{
        page_word *p = mapping_word(m, page);
        uint64_t word = page_load(p);
        struct page_op *op;

        if (word & (PAGE_BUSY | PAGE_RESIDENT | PAGE_POISONED | PAGE_EXCLUDED) ||
            !page_claim(p, word))
                return FAULT_BUSY; /* somebody else is at it, perhaps with more luck */
        op = page_batch_add(&ctx->in, m, page, word);
        tally_add(&ctx->tally, STAT_ERRORS_FRAMES, 1);
        page_release(m, page, poison(pool, ctx, op));
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
        error = fault_load(pool, ctx, 1, write);
        if (error == 0)
                return FAULT_DONE;
        if (ctx->in.count > 0)
                return FAULT_POISONED; /* the store failed, and settle has poisoned it */
        return no_frame(pool, ctx, m, page);
}

enum fault_end fault_page(struct pg_pool *pool, struct move_context *ctx, struct mapping *m,
                          uint64_t page, bool write)
{
        page_word *p = mapping_word(m, page);
        struct page_op *op;
        uint64_t word;

        mapping_touch(m, page);
        do {
                word = page_load(p);
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
        if (page_is_mapped(word) && !(word & PAGE_DIRTY) && write) {
                fault_make_writable(pool, ctx, op);
                page_release(m, page, op->word);
                return FAULT_DONE;
        }
        if (page_is_mapped(word) && !was_dropped(pool, ctx, op)) {
                /* Somebody was quicker. */
                page_release(m, page, op->word);
                return FAULT_DONE;
        }
        return load_and_more(pool, ctx, write);
}
