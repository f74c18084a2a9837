/* SPDX-License-Identifier: MIT */
/*
 * page_state.c - what can happen to a page, each transition written once. See page_state.h.
 *
 * Two orders matter. A copy in the swap store is never freed while the pool lock is held, because
 * its store may have a lock of its own; no other thread can ask for that copy, as the page is ours.
 * And a word is published after everything else: a thread that sees the word may act on frame and
 * queue at once.
 *
 * Differences between transitions that look alike, and are meant:
 *  - A page that stayed is not reported; one that returned is. Only the latter was away.
 *  - A page that is parked again, because its store refused, is not reported as queued twice.
 *  - What comes in while the process forks is modified without evidence of a write.
 */
#include "page_state.h"
#include "event_ring.h"
#include "frame.h"
#include "futex_lock.h"
#include "mapping.h"
#include "move_context.h"
#include "page.h"
#include "page_events.h"
#include "pool.h"
#include "replacement.h"
#include "store_gate.h"
#include "uffd.h"
#include "write_predict.h"

void page_release(struct mapping *m, uint64_t page, uint64_t word)
{
        page_word *p = mapping_word(m, page);
        struct pg_pool *pool = m->pool;
        char *addr = mapping_addr(m, page);

        /* With its last page released the mapping may be gone, and m and p another's. */
        if (!page_commit(p, word))
                return;
        futex_wake(page_futex(p), INT32_MAX);
        if (pool->delivery == PG_DELIVERY_THREAD &&
            uffd_wake(&pool->uffd, addr, pool->page_size) != 0)
                pool_call_keeper(pool); /* a filter of system calls forbids it to this thread */
}

void page_publish(struct pg_pool *pool, const struct move_context *ctx, const struct page_op *op,
                  enum ring_event event)
{
        event_ring_add(&pool->ring, mapping_addr(op->mapping, op->page), event, op->word, ctx->tid);
        page_release(op->mapping, op->page, op->word);
}

void copy_forget(struct pg_pool *pool, pg_location location, bool owned)
{
        uint64_t offset;
        struct pg_store *store;

        if (!owned)
                return;
        store = store_find(&pool->stores, location, &offset);
        store_location_free(store, offset);
}

static uint64_t op_key(const struct page_op *op)
{
        return page_key(op->mapping, op->page);
}

static void report_op(struct pg_pool *pool, enum pg_trace_kind kind, const struct page_op *op,
                      bool dirty)
{
        page_event(pool, kind, op->mapping, op->page, dirty);
}

static void keep_promise(struct move_context *ctx, struct page_op *op)
{
        ctx->pins--;
        op->word |= PAGE_PINNED;
}

/* It was out, and its word said where. */
static void no_longer_away(struct pg_pool *pool, uint64_t word)
{
        if (word & PAGE_PLACED)
                atomic_fetch_sub_explicit(&pool->away, 1, memory_order_relaxed);
}

/* Under the lock. */
static void one_more_away(struct pg_pool *pool)
{
        int64_t away = atomic_fetch_add_explicit(&pool->away, 1, memory_order_relaxed) + 1;
        uint64_t all = pool->frames.live - pool->frames.free_list.count;

        all += away > 0 ? (uint64_t)away : 0;
        if (all > pool->pages_peak)
                pool->pages_peak = all;
}

/* ---- in ------------------------------------------------------------------------------------ */

void page_came_in(struct pg_pool *pool, struct move_context *ctx, struct page_op *op,
                  enum pg_add how)
{
        struct replacement r = pool_replacement(pool);
        struct frame *f = frame_at(&pool->frames, op->frame);
        bool ahead = how == PG_ADD_AHEAD;

        f->mapping = op->mapping;
        f->page = op->page;
        f->location = op->clean ? op->location : PG_LOCATION_NONE;
        f->owned = op->clean && op->owned;
        atomic_store_explicit(&f->ahead, ahead, memory_order_relaxed);
        report_op(pool, ahead ? PG_TRACE_AHEAD : PG_TRACE_FAULT, op, !op->clean);
        no_longer_away(pool, op->word);
        op->word =
                page_resident(op->frame, (op->word & PAGE_HISTORY) | (op->clean ? 0 : PAGE_DIRTY));
        if (ctx->pins) {
                frames_fulfil_pin(&pool->frames);
                keep_promise(ctx, op);
        } else {
                replacement_came_in(&r, op->frame, op_key(op), how);
        }
}

void page_stayed_out(struct pg_pool *pool, struct page_op *op)
{
        pool_lock(pool);
        frame_put(&pool->frames, op->frame);
        pool_unlock(pool);
        page_frames_freed(pool);
}

void page_rescued(struct pg_pool *pool, struct move_context *ctx, struct page_op *op)
{
        struct replacement r = pool_replacement(pool);

        op->word &= ~PAGE_QUEUED;
        if (ctx->pins) {
                replacement_pinned(&r, op->frame, op->taken);
                keep_promise(ctx, op);
        } else {
                replacement_returned(&r, op->frame, op_key(op));
        }
        op->taken = false;
        report_op(pool, PG_TRACE_RESCUED, op, !op->clean);
}

static void back_to_policy(struct pg_pool *pool, struct page_op *op)
{
        struct replacement r = pool_replacement(pool);

        op->word &= ~PAGE_QUEUED;
        op->taken = false;
        replacement_returned(&r, op->frame, op_key(op));
}

void page_returned(struct pg_pool *pool, struct page_op *op)
{
        back_to_policy(pool, op);
        report_op(pool, PG_TRACE_RETURNED, op, op->word & PAGE_DIRTY && !page_is_saved(pool, op));
}

void page_stayed(struct pg_pool *pool, struct page_op *op)
{
        back_to_policy(pool, op);
}

/* ---- out ----------------------------------------------------------------------------------- */

void page_taken(struct pg_pool *pool, struct page_op *op)
{
        struct replacement r = pool_replacement(pool);

        replacement_taken(&r, op->frame, op->word & PAGE_QUEUED);
        op->taken = true;
        op->data = frame_slot(&pool->frames, op->frame);
}

void page_parked(struct pg_pool *pool, struct page_op *op)
{
        struct replacement r = pool_replacement(pool);

        replacement_parked(&r, op->frame);
        op->taken = false;
        if (page_is_mapped(page_word_read(mapping_word(op->mapping, op->page))))
                report_op(pool, PG_TRACE_QUEUED, op, op->word & PAGE_DIRTY);
        op->word |= PAGE_QUEUED;
}

void page_went_out(struct pg_pool *pool, struct page_op *op)
{
        struct replacement r = pool_replacement(pool);
        const struct frame *f = frame_at(&pool->frames, op->frame);
        bool dirty = op->word & PAGE_DIRTY;

        if (!dirty && !atomic_load_explicit(&f->ahead, memory_order_relaxed))
                op->word = predict_note_read(&op->mapping->history, op->word);
        replacement_went_out(&r, op->frame, op_key(op));
        report_op(pool, PG_TRACE_LEFT, op, dirty);
        op->taken = false;
        op->word &= PAGE_HISTORY;
        if (op->location != mapping_location(op->mapping, op->page)) {
                op->word |= op->location | PAGE_PLACED;
                one_more_away(pool);
        }
}

void page_frames_freed(struct pg_pool *pool)
{
        if (atomic_load(&pool->frames.waiting) != 0)
                futex_wake(&pool->frames.freed, INT32_MAX);
}

/* ---- gone ---------------------------------------------------------------------------------- */

/* Under the lock. */
static void frame_gone(struct pg_pool *pool, struct page_op *op)
{
        struct replacement r = pool_replacement(pool);

        if (op->word & PAGE_PINNED) {
                frames_unpin(&pool->frames);
                frame_put(&pool->frames, op->frame);
                return;
        }
        if (op->word & PAGE_QUEUED && !op->taken)
                page_taken(pool, op);
        replacement_forgot(&r, op->frame, op->taken);
        op->taken = false;
}

static void resident_gone(struct pg_pool *pool, struct page_op *op)
{
        const struct frame *f = frame_at(&pool->frames, op->frame);

        copy_forget(pool, f->location, f->owned);
        pool_lock(pool);
        frame_gone(pool, op);
        report_op(pool, PG_TRACE_FORGOTTEN, op, false);
        pool_unlock(pool);
        page_frames_freed(pool);
}

static void out_gone(struct pg_pool *pool, struct page_op *op)
{
        pg_location location = mapping_page_location(op->mapping, op->page, op->word);

        copy_forget(pool, location, page_owns_place(op->word, location));
        no_longer_away(pool, op->word);
        page_event_locking(pool, PG_TRACE_FORGOTTEN, op->mapping, op->page, false);
}

void page_gone(struct pg_pool *pool, struct page_op *op)
{
        if (op->word & PAGE_RESIDENT)
                resident_gone(pool, op);
        else
                out_gone(pool, op);
        op->word &= PAGE_POISONED;
}

/* ---- in place ------------------------------------------------------------------------------ */

void page_pinned(struct pg_pool *pool, struct move_context *ctx, struct page_op *op)
{
        struct replacement r = pool_replacement(pool);

        replacement_pinned(&r, op->frame, false);
        keep_promise(ctx, op);
}

void page_unpinned(struct pg_pool *pool, struct page_op *op)
{
        struct replacement r = pool_replacement(pool);

        op->word &= ~PAGE_PINNED;
        replacement_unpinned(&r, op->frame, op_key(op));
}

void page_modified(struct pg_pool *pool, struct page_op *op, bool evidence)
{
        struct frame *f = frame_at(&pool->frames, op->frame);

        copy_forget(pool, f->location, f->owned);
        f->location = PG_LOCATION_NONE;
        f->owned = false;
        if (evidence)
                op->word = predict_note_written(&op->mapping->history, op->word);
        op->word |= PAGE_DIRTY;
}

void page_saved(struct pg_pool *pool, struct page_op *op)
{
        frame_at(&pool->frames, op->frame)->location = op->location;
}

bool page_is_saved(const struct pg_pool *pool, const struct page_op *op)
{
        return op->word & PAGE_DIRTY &&
               frame_at(&pool->frames, op->frame)->location != PG_LOCATION_NONE;
}

void page_unsaved(struct pg_pool *pool, struct page_op *op)
{
        if (op->word & PAGE_DIRTY)
                frame_at(&pool->frames, op->frame)->location = PG_LOCATION_NONE;
}

void page_cleaned(struct page_op *op)
{
        op->word &= ~PAGE_DIRTY;
}

void page_moved(struct pg_pool *pool, const struct mapping *m, uint64_t page, uint64_t word,
                struct mapping *to, uint64_t to_page)
{
        struct pg_trace_event event = {.kind = PG_TRACE_MOVED,
                                       .page = page_key(m, page),
                                       .to = page_key(to, to_page),
                                       .count = 1};

        pool_lock(pool);
        if (word & PAGE_RESIDENT) {
                frame_at(&pool->frames, page_frame(word))->mapping = to;
                frame_at(&pool->frames, page_frame(word))->page = to_page;
        }
        if (pool->has_observers)
                observers_report(pool, &event, 0);
        pool_unlock(pool);
}
