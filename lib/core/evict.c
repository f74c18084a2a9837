/* SPDX-License-Identifier: MIT */
/*
 * evict.c - a page goes out.
 *
 *         the policy selects ─► BUSY ─► unmap ─► victim queue ─► BUSY ─► save ─► frame free
 *                                 │                  │ touched            │ store refuses
 *                                 ▼ pinned by kernel ▼                    ▼
 *                               returned          rescued (fault.c)     returned, still DIRTY
 *
 * Victims are taken in batches, in the context of whoever needs a frame: one lock round trip, one
 * ioctl for neighbours. With a victim queue, a batch enters at its tail and the oldest leave at its
 * head; without one (strict pools, tiny budgets) the batch that was unmapped goes straight on. A
 * queue that is not full yet takes in two pages for each that leaves. Clean pages of near stores do
 * not wait in it: they go straight on, and leave a ghost (ghost.h).
 *
 * Saving: a clean page needs nothing, its copy is where its frame says. A modified page of a shared
 * mapping goes to its own location. A modified private page that is all zeros becomes
 * PG_LOCATION_ANON_ZERO; any other gets a place in the swap store.
 *
 * Nothing is lost: the word is only committed as "not resident" when the store has confirmed; a
 * page that could not be saved is still in its slot, and goes back into the program.
 */
#include "evict.h"
#include "victim_select.h"
#include "page_transfer.h"

#include <errno.h>
#include <string.h>

/* Victims tried in vain, by writing, before a fault gives up on a failing store. */
#define SAVES_TRIED 64u

void evict_take(struct pg_pool *pool, uint32_t frame, uint64_t word)
{
        if (word & PAGE_QUEUED)
                victim_queue_remove(&pool->victim_queue, &pool->frames, frame);
        else
                policy_queued(&pool->policy, frame);
}

/* ---- unmapping ----------------------------------------------------------------------------- */

/* The program dropped the page itself (madvise, munmap): nothing is left that could be saved. */
static void page_lost(struct pg_pool *pool, struct page_op *op)
{
        struct frame *f = frame_at(&pool->frames, op->frame);

        copy_forget(pool, f->location, f->owned);
        lock_take(&pool->lock);
        policy_forget_queued(&pool->policy, op->frame);
        frame_put(&pool->frames, op->frame);
        page_event(pool, PG_TRACE_FORGOTTEN, op->mapping, op->page, false);
        lock_drop(&pool->lock);
        page_release(op->mapping, op->page, 0);
}

int evict_unmap(struct pg_pool *pool, struct move_context *ctx)
{
        struct page_batch *out = &ctx->out;
        int error = 0;

        transfer_out(pool, out);
        for (unsigned i = 0; i < out->count; i++) {
                struct page_op *op = &out->ops[i];

                if (op->error == 0)
                        continue;
                if (op->error == -ENOENT) {
                        page_lost(pool, op);
                        continue;
                }
                error = error ? error : op->error;
                tally_add(&ctx->tally, STAT_BUSY_PAGES, 1);
                lock_take(&pool->lock);
                policy_rescued(&pool->policy, op->frame, page_key(op->mapping, op->page));
                lock_drop(&pool->lock);
                page_release(op->mapping, op->page, op->word);
        }
        page_batch_drop_failed(out);
        return error;
}

/* Unmapped pages wait in the queue. Those that go straight on stay in the batch, and ours. */
static void enqueue(struct pg_pool *pool, struct move_context *ctx)
{
        struct page_batch *out = &ctx->out;
        unsigned kept = 0;

        lock_take(&pool->lock);
        for (unsigned i = 0; i < out->count; i++) {
                const struct page_op *op = &out->ops[i];

                if (op->bypass_queue)
                        continue;
                victim_queue_push(&pool->victim_queue, &pool->frames, op->frame);
                page_event(pool, PG_TRACE_QUEUED, op->mapping, op->page, op->word & PAGE_DIRTY);
        }
        lock_drop(&pool->lock);
        for (unsigned i = 0; i < out->count; i++) {
                struct page_op *op = &out->ops[i];

                op->word |= PAGE_QUEUED;
                if (op->bypass_queue) {
                        out->ops[kept++] = *op;
                        continue;
                }
                event_ring_add(&pool->ring, mapping_addr(op->mapping, op->page), RING_QUEUED,
                               op->word, ctx->tid);
                page_release(op->mapping, op->page, op->word);
        }
        out->count = kept;
}

void evict_to_queue(struct pg_pool *pool, struct move_context *ctx)
{
        evict_unmap(pool, ctx);
        enqueue(pool, ctx);
}

/* ---- saving -------------------------------------------------------------------------------- */

static bool is_all_zero(const char *data, size_t size)
{
        return data[0] == 0 && memcmp(data, data + 1, size - 1) == 0;
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

void copy_outdated(struct pg_pool *pool, struct frame *f)
{
        copy_forget(pool, f->location, f->owned);
        f->location = PG_LOCATION_NONE;
        f->owned = false;
}

/* Where the page will live. True: it must be written there. */
static bool save_location(struct pg_pool *pool, struct move_context *ctx, struct page_op *op,
                          bool for_fault)
{
        struct frame *f = frame_at(&pool->frames, op->frame);
        struct pg_store *swap;
        uint64_t offset;

        if (!(op->word & PAGE_DIRTY)) {
                op->location = f->location;
                op->owned = f->owned;
                return false;
        }
        if (op->mapping->flags & PG_MAP_SHARED) {
                op->location = mapping_location(op->mapping, op->page);
                return mapping_is_writable(op->mapping);
        }
        if (is_all_zero(op->data, pool->page_size)) {
                tally_add(&ctx->tally, STAT_ZERO_PAGES_OUT, 1);
                op->location = PG_LOCATION_ANON_ZERO;
                return false;
        }
        swap = store_find(&pool->stores, location_make(pool->stores.swap, 0), &offset);
        op->error = store_location_get(swap, &offset, for_fault);
        if (op->error)
                return false;
        op->location = location_make(pool->stores.swap, offset);
        op->owned = op->location_is_new = true;
        return true;
}

static void write_run(struct pg_pool *pool, struct move_context *ctx, struct page_op *first,
                      unsigned n)
{
        uint64_t offset, began = clock_now();
        struct pg_store *store = store_find(&pool->stores, first->location, &offset);
        int error = store_page_out(store, offset, n, first->data);

        tally_time(&ctx->tally, PG_HISTOGRAM_PAGE_OUT, clock_now() - began);
        for (unsigned i = 0; i < n; i++) {
                /* One bad place must not keep its neighbours from being saved. */
                if (error)
                        first[i].error =
                                n == 1 ? error
                                       : store_page_out(store, offset + i * pool->page_size, 1,
                                                        first[i].data);
                tally_add(&ctx->tally, STAT_PAGES_OUT, !first[i].error);
                if (first[i].error && first[i].location_is_new)
                        copy_forget(pool, first[i].location, true);
        }
}

void evict_save(struct pg_pool *pool, struct move_context *ctx, bool for_fault)
{
        struct page_batch *out = &ctx->out;
        unsigned n = 0; /* pages of the run that ends at i */

        for (unsigned i = 0; i <= out->count; i++) {
                struct page_op *op = &out->ops[i];
                bool write = i < out->count && save_location(pool, ctx, op, for_fault);

                if (n > 0 && !(write && op[-1].location + pool->page_size == op->location &&
                               op[-1].data + pool->page_size == op->data)) {
                        write_run(pool, ctx, op - n, n);
                        n = 0;
                }
                n += write;
        }
}

/* ---- leaving ------------------------------------------------------------------------------- */

void evict_returned(struct pg_pool *pool, struct move_context *ctx, const struct page_op *op,
                    uint64_t word, enum ring_event event)
{
        word = op->error ? word | PAGE_QUEUED : word & ~PAGE_QUEUED;
        lock_take(&pool->lock);
        if (op->error)
                victim_queue_push(&pool->victim_queue, &pool->frames, op->frame);
        else
                policy_rescued(&pool->policy, op->frame, page_key(op->mapping, op->page));
        page_event(pool, op->error ? PG_TRACE_QUEUED : PG_TRACE_RETURNED, op->mapping, op->page,
                   word & PAGE_DIRTY);
        lock_drop(&pool->lock);
        event_ring_add(&pool->ring, mapping_addr(op->mapping, op->page), event, word, ctx->tid);
        page_release(op->mapping, op->page, word);
}

int evict_give_back(struct pg_pool *pool, struct move_context *ctx)
{
        struct page_batch *out = &ctx->out;
        unsigned failed = 0;
        int error = 0;

        for (unsigned i = 0; i < out->count; i++) {
                struct page_op *op = &out->ops[i];

                if (op->error == 0)
                        continue;
                error = error ? error : op->error;
                tally_add(&ctx->tally, STAT_ERRORS_SAVE, 1);
                tally_add(&ctx->tally, STAT_ERRORS_FULL, op->error == -ENOSPC);
                op->error = 0;
                op->clean = false;
                out->ops[failed++] = *op;
        }
        out->count = failed;
        transfer_in(pool, out);
        for (unsigned i = 0; i < failed; i++)
                evict_returned(pool, ctx, &out->ops[i], out->ops[i].word, RING_RETURNED);
        out->count = 0;
        return error;
}

/* Gives the memory of the saved pages back, neighbours together, all in one call. */
static void slots_drop(struct pg_pool *pool, struct move_context *ctx)
{
        ctx->ranges.n = 0;
        for (unsigned i = 0; i < ctx->out.count; i++) {
                const struct page_op *op = &ctx->out.ops[i];

                if (op->error == 0 && !op->dropped)
                        ranges_add(&ctx->ranges, op->data, pool->page_size);
        }
        uffd_drop_ranges(ctx->ranges.v, ctx->ranges.n);
}

/* Saved pages: their frames are free, and their words say where they are. */
static unsigned leave(struct pg_pool *pool, struct move_context *ctx)
{
        struct replacement r = pool_replacement(pool);
        struct thread_counters *thread = ctx->thread;
        unsigned clean = 0, dirty = 0, wasted = 0;

        slots_drop(pool, ctx);
        lock_take(&pool->lock);
        for (unsigned i = 0; i < ctx->out.count; i++) {
                struct page_op *op = &ctx->out.ops[i];
                struct frame *f = frame_at(&pool->frames, op->frame);
                bool unused = atomic_load_explicit(&f->ahead, memory_order_relaxed);

                if (op->error)
                        continue;
                if (!(op->word & PAGE_DIRTY) && !unused)
                        op->word = predict_note_read(&op->mapping->history, op->word);
                wasted += unused;
                replacement_went_out(&r, op->frame, page_key(op->mapping, op->page));
                page_event(pool, PG_TRACE_LEFT, op->mapping, op->page, op->word & PAGE_DIRTY);
        }
        lock_drop(&pool->lock);
        if (atomic_load(&pool->frames.waiting) != 0)
                futex_wake(&pool->frames.freed, INT32_MAX);
        for (unsigned i = 0; i < ctx->out.count; i++) {
                struct page_op *op = &ctx->out.ops[i];
                uint64_t word = op->word & PAGE_HISTORY;

                if (op->error)
                        continue;
                if (op->location != mapping_location(op->mapping, op->page))
                        word |= op->location | PAGE_PLACED;
                dirty += (op->word & PAGE_DIRTY) != 0;
                clean += (op->word & PAGE_DIRTY) == 0;
                event_ring_add(&pool->ring, mapping_addr(op->mapping, op->page), RING_EVICTED, word,
                               ctx->tid);
                page_release(op->mapping, op->page, word);
        }
        tally_add(&ctx->tally, STAT_EVICTIONS_CLEAN, clean);
        tally_add(&ctx->tally, STAT_EVICTIONS_DIRTY, dirty);
        tally_add(&ctx->tally, STAT_AHEAD_WASTED, wasted);
        if (thread) {
                atomic_fetch_add_explicit(&thread->evictions_clean, clean, memory_order_relaxed);
                atomic_fetch_add_explicit(&thread->evictions_dirty, dirty, memory_order_relaxed);
        }
        return clean + dirty;
}

int evict_batch(struct pg_pool *pool, struct move_context *ctx, bool for_fault, unsigned *left)
{
        int unmap_error, save_error;

        transfer_drop(pool, ctx);
        unmap_error = evict_unmap(pool, ctx);
        evict_save(pool, ctx, for_fault);
        *left = leave(pool, ctx);
        save_error = evict_give_back(pool, ctx);
        return save_error ? save_error : unmap_error;
}

/* ---- the story ----------------------------------------------------------------------------- */

/* Why there was no victim. Under the lock. Frames that are neither pinned nor victims are in
 * flight, or came back since we looked: only where all are pinned there is nothing to wait for. */
static int why_none(struct pg_pool *pool, struct move_context *ctx, uint32_t passed_before)
{
        struct frames *f = &pool->frames;

        if (ctx->passed_over > pool->policy.count + pool->victim_queue.list.count) {
                ctx->avoid_saves = false; /* all were looked at, and all must be saved */
                ctx->all_dirty = true;
                ctx->passed_over = 0;
                return 0;
        }
        if (ctx->passed_over > passed_before)
                return 0;
        return f->live < f->limit || f->live > f->pinned - f->promised ? -EAGAIN : -ENOMEM;
}

/* One look at policy and queue. Victims are in ctx->out then, or an error says why there are
 * none; 0: look again. */
static int pick(struct pg_pool *pool, struct move_context *ctx, unsigned want)
{
        struct replacement r = pool_replacement(pool);
        uint32_t passed = ctx->passed_over;
        bool queue;
        int error = 0;

        lock_take(&pool->lock);
        queue = replacement_queues(&r);
        victims_from_policy(pool, ctx, want, queue);
        if (queue) {
                lock_drop(&pool->lock);
                transfer_drop(pool, ctx);
                error = evict_unmap(pool, ctx);
                enqueue(pool, ctx);
                lock_take(&pool->lock);
                victims_from_queue(pool, ctx, want);
        }
        if (ctx->out.count == 0 && error == 0)
                error = why_none(pool, ctx, passed);
        lock_drop(&pool->lock);
        return error;
}

int evict(struct pg_pool *pool, struct move_context *ctx, unsigned want)
{
        uint64_t began = clock_now();
        unsigned left = 0;
        int error;

        want = want < pool->batch_pages ? pool->batch_pages : want;
        error = pick(pool, ctx, want);
        if (ctx->out.count > 0)
                error = evict_batch(pool, ctx, true, &left);
        tally_time(&ctx->tally, PG_HISTOGRAM_EVICTION, clock_now() - began);
        if (left > 0)
                return (int)left;
        if (error == 0 || error == -EBUSY || error == -EAGAIN || error == -ENOMEM)
                return error;
        /* A store refused. Another victim may be clean, or go to another store. */
        ctx->avoid_saves = !ctx->all_dirty;
        return ++ctx->refused < SAVES_TRIED ? 0 : error;
}

int evict_to_limit(struct pg_pool *pool, unsigned patience_ms)
{
        struct move_context *ctx = move_context_get(&pool->contexts, &pool->stats, stats_self());
        int result = 0;

        for (;;) {
                uint32_t freed = atomic_load(&pool->frames.freed);
                bool done;

                lock_take(&pool->lock);
                frames_trim(&pool->frames);
                done = pool->frames.live <= pool->frames.limit;
                lock_drop(&pool->lock);
                if (done)
                        break;
                result = evict(pool, ctx, 1);
                if (result == -EAGAIN || (result == -EBUSY && patience_ms-- > 0))
                        futex_wait(&pool->frames.freed, freed, 1000000);
                else if (result < 0)
                        break;
                result = 0;
        }
        pool_context_put(pool, ctx);
        return result;
}
