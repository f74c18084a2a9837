/* SPDX-License-Identifier: MIT */
/*
 * evict.c - a page goes out.
 *
 *         select ─► unmap ─► park ─────────────► select ─► save ─► free
 *          policy    │       victim queue         oldest    │
 *                    ▼       │ touched                      ▼ the store refuses
 *                  stays     ▼                            returned, still DIRTY
 *         (the kernel has  rescued (fault.c)
 *           pinned it)
 *
 * Victims are taken in batches, in the context of the thread that needs a frame: one lock round
 * trip, one ioctl for neighbours. With a victim queue, a batch enters at its tail and the oldest
 * leave at its head; without one (strict pools, tiny budgets) the batch that was unmapped goes
 * straight on. A queue that is not full yet takes in two pages for each that leaves. Clean pages of
 * near stores do not wait in it: they go straight on, and leave a ghost (ghost.h).
 *
 * Saving: a clean page needs nothing, its copy is where its frame says. A modified page of a shared
 * mapping goes to its own location. A modified private page that is all zeros becomes
 * PG_LOCATION_ANON_ZERO; any other gets a place in the swap store.
 *
 * Nothing is lost: the word is only committed as "not resident" when the store has confirmed; a
 * page that could not be saved is still in its slot, and goes back into the program.
 */
#include "evict.h"
#include "event_ring.h"
#include "frame.h"
#include "futex_lock.h"
#include "mapping.h"
#include "memory_cap.h"
#include "move_context.h"
#include "page.h"
#include "page_state.h"
#include "page_transfer.h"
#include "pool.h"
#include "pool_check.h"
#include "probes.h"
#include "stats.h"
#include "store_gate.h"
#include "uffd.h"
#include "victim_select.h"

#include <errno.h>
#include <string.h>

/* Batches that the stores refused before a fault gives up. */
#define SAVES_TRIED 64u

static void park(struct pg_pool *pool, struct move_context *ctx);
static void save_for_good(struct pg_pool *pool, struct move_context *ctx, bool for_fault);
static unsigned free_frames(struct pg_pool *pool, struct move_context *ctx);
static int try_others(struct move_context *ctx, int error);

/* ---- the story ----------------------------------------------------------------------------- */

int evict(struct pg_pool *pool, struct move_context *ctx, unsigned want)
{
        uint64_t began = clock_now(), took, cpu_began;
        unsigned freed = 0, moved;
        int error, lost, refused;

        if (atomic_load_explicit(&pool->told_cut_off, memory_order_relaxed) &&
            (error = uffd_answers(&pool->uffd)) != 0)
                return error;
        cpu_began = cost_eviction_begin(&ctx->cost);
        memory_fit(pool);
        want = want < pool->batch_pages ? pool->batch_pages : want;
        victims_from_policy(pool, ctx, want);
        transfer_drop(pool, ctx);
        error = evict_unmap(pool, ctx);
        moved = ctx->out.count;
        park(pool, ctx);
        /* The descriptors of stores may be gone as well, and their numbers be other files'. */
        lost = error == 0 && moved > 0 ? 0 : uffd_answers(&pool->uffd);
        if (lost == 0)
                victims_from_queue(pool, ctx, want);
        error = error ? error : lost;
        if (ctx->out.count == 0 && error == 0)
                error = victims_why_none(pool, ctx);
        save_for_good(pool, ctx, true);
        freed = free_frames(pool, ctx);
        refused = evict_give_back(pool, ctx);
        error = refused ? refused : error;
        took = clock_now() - began;
        tally_time(ctx->tally, PG_HISTOGRAM_EVICTION, took);
        cost_eviction_end(&ctx->cost, ctx->tally, cpu_began, took, freed);
        stats_full(&pool->stats);
        pool_assert_sometimes(pool);
        if (freed > 0)
                return (int)freed;
        if (error == 0 || error == -EBUSY || error == -EAGAIN || error == -ENOMEM ||
            error == -EPROTO)
                return error;
        return try_others(ctx, error);
}

int evict_batch(struct pg_pool *pool, struct move_context *ctx, bool for_fault, unsigned *left)
{
        int unmap_error, save_error;

        memory_fit(pool);
        for (unsigned i = 0; i < ctx->out.count; i++)
                ctx->out.ops[i].bypass_queue = true;
        transfer_drop(pool, ctx);
        unmap_error = evict_unmap(pool, ctx);
        save_for_good(pool, ctx, for_fault);
        *left = free_frames(pool, ctx);
        save_error = evict_give_back(pool, ctx);
        return save_error ? save_error : unmap_error;
}

/* A store refused. Another victim may be clean, or go to another store. */
static int try_others(struct move_context *ctx, int error)
{
        ctx->refusals.avoid_saves = !ctx->refusals.all_dirty;
        return ++ctx->refusals.count < SAVES_TRIED ? 0 : error;
}

void evict_to_queue(struct pg_pool *pool, struct move_context *ctx)
{
        evict_unmap(pool, ctx);
        park(pool, ctx);
}

/* ---- unmap --------------------------------------------------------------------------------- */

int evict_unmap(struct pg_pool *pool, struct move_context *ctx)
{
        struct page_batch *out = &ctx->out;
        int error = 0;

        for (unsigned i = 0; i < out->count; i++)
                page_unsaved(pool, &out->ops[i]);
        transfer_out(pool, out);
        for (unsigned i = 0; i < out->count; i++) {
                struct page_op *op = &out->ops[i];

                if (op->error == 0)
                        continue;
                if (op->error == -ENOENT) { /* the program has dropped it: nothing can be saved */
                        page_gone(pool, op);
                        page_release(op->mapping, op->page, op->word);
                        continue;
                }
                error = error ? error : op->error;
                tally_add(ctx->tally, PG_COUNTER_BUSY_PAGES, 1);
                pool_lock(pool);
                page_stayed(pool, op);
                pool_unlock(pool);
                page_release(op->mapping, op->page, op->word);
        }
        page_batch_drop_failed(out);
        return error;
}

/* ---- park ---------------------------------------------------------------------------------- */

/* Unmapped pages wait in the queue. Those that bypass it stay in the batch, and ours. */
static void park(struct pg_pool *pool, struct move_context *ctx)
{
        struct page_batch *out = &ctx->out;
        unsigned kept = 0, waiting = 0;

        for (unsigned i = 0; i < out->count; i++)
                waiting += !out->ops[i].bypass_queue;
        if (waiting == 0)
                return;
        pool_lock(pool);
        for (unsigned i = 0; i < out->count; i++)
                if (!out->ops[i].bypass_queue)
                        page_parked(pool, &out->ops[i]);
        pool_unlock(pool);
        for (unsigned i = 0; i < out->count; i++) {
                const struct page_op *op = &out->ops[i];

                if (op->bypass_queue)
                        out->ops[kept++] = *op;
                else
                        page_publish(pool, ctx, op, RING_QUEUED);
        }
        out->count = kept;
}

/* ---- save ---------------------------------------------------------------------------------- */

static bool is_all_zero(const char *data, size_t size)
{
        return data[0] == 0 && memcmp(data, data + 1, size - 1) == 0;
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
                tally_add(ctx->tally, PG_COUNTER_ZERO_PAGES_OUT, 1);
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

        tally_time(ctx->tally, PG_HISTOGRAM_PAGE_OUT, clock_now() - began);
        for (unsigned i = 0; i < n; i++) {
                /* One bad place must not keep its neighbours from being saved. */
                if (error)
                        first[i].error =
                                n == 1 ? error
                                       : store_page_out(store, offset + i * pool->page_size, 1,
                                                        first[i].data);
                tally_add(ctx->tally, PG_COUNTER_PAGES_OUT, !first[i].error);
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

static void note_evicting(struct pg_pool *pool, const struct page_batch *out, bool ended)
{
        for (unsigned i = 0; i < out->count; i++) {
                const struct page_op *op = &out->ops[i];

                if (op->word & PAGE_DIRTY && op->mapping->flags & PG_MAP_SHARED)
                        store_note_evicting(&pool->stores, op->mapping->location, ended);
        }
}

/* These pages leave: a sync that fails later cannot have them written again (store_gate.c). */
static void save_for_good(struct pg_pool *pool, struct move_context *ctx, bool for_fault)
{
        note_evicting(pool, &ctx->out, false);
        evict_save(pool, ctx, for_fault);
        note_evicting(pool, &ctx->out, true);
}

/* ---- free ---------------------------------------------------------------------------------- */

/* Gives the memory of the saved pages back, neighbours together, all in one call. */
static void slots_drop(struct pg_pool *pool, struct move_context *ctx)
{
        ctx->ranges.n = 0;
        for (unsigned i = 0; i < ctx->out.count; i++) {
                const struct page_op *op = &ctx->out.ops[i];

                if (op->error == 0 && !op->dropped)
                        ranges_add(&ctx->ranges, op->data, pool->page_size);
        }
        slots_discard(pool, ctx->ranges.v, ctx->ranges.n);
}

static void count_evictions(struct move_context *ctx, unsigned clean, unsigned dirty)
{
        struct thread_counters *thread = ctx->thread;

        tally_add(ctx->tally, PG_COUNTER_EVICTIONS_CLEAN, clean);
        tally_add(ctx->tally, PG_COUNTER_EVICTIONS_DIRTY, dirty);
        if (!thread)
                return;
        atomic_fetch_add_explicit(&thread->evictions_clean, clean, memory_order_relaxed);
        atomic_fetch_add_explicit(&thread->evictions_dirty, dirty, memory_order_relaxed);
}

/* The saved pages leave their frames. Returns how many did. */
static unsigned free_frames(struct pg_pool *pool, struct move_context *ctx)
{
        struct page_batch *out = &ctx->out;
        unsigned clean = 0, dirty = 0;

        if (out->count == 0)
                return 0;
        slots_drop(pool, ctx);
        pool_lock(pool);
        for (unsigned i = 0; i < out->count; i++) {
                struct page_op *op = &out->ops[i];
                const struct frame *f = frame_at(&pool->frames, op->frame);

                if (op->error)
                        continue;
                dirty += (op->word & PAGE_DIRTY) != 0;
                clean += (op->word & PAGE_DIRTY) == 0;
                PROBE_EVICT(mapping_addr(op->mapping, op->page), (op->word & PAGE_DIRTY) != 0);
                tally_add(ctx->tally, PG_COUNTER_AHEAD_WASTED,
                          atomic_load_explicit(&f->ahead, memory_order_relaxed));
                page_went_out(pool, op);
        }
        pool_unlock(pool);
        pool_show_swap(pool);
        page_frames_freed(pool);
        for (unsigned i = 0; i < out->count; i++)
                if (out->ops[i].error == 0)
                        page_publish(pool, ctx, &out->ops[i], RING_EVICTED);
        count_evictions(ctx, clean, dirty);
        return clean + dirty;
}

/* ---- back into the program ------------------------------------------------------------------ */

void evict_returned(struct pg_pool *pool, struct move_context *ctx, struct page_op *op,
                    enum ring_event event)
{
        pool_lock(pool);
        if (op->error)
                page_parked(pool, op);
        else
                page_returned(pool, op);
        pool_unlock(pool);
        page_publish(pool, ctx, op, event);
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
                tally_add(ctx->tally, PG_COUNTER_ERRORS_SAVE, 1);
                tally_add(ctx->tally, PG_COUNTER_ERRORS_FULL, op->error == -ENOSPC);
                op->error = 0;
                op->clean = false;
                out->ops[failed++] = *op;
        }
        out->count = failed;
        transfer_in(pool, out);
        for (unsigned i = 0; i < failed; i++)
                evict_returned(pool, ctx, &out->ops[i], RING_RETURNED);
        out->count = 0;
        return error;
}

/* ---- back within the limit ------------------------------------------------------------------ */

static bool is_within_limit(struct pg_pool *pool)
{
        bool within;

        pool_lock(pool);
        frames_trim(&pool->frames);
        within = pool->frames.live <= pool->frames.limit;
        pool_unlock(pool);
        return within;
}

/* What a move context remembers of stores that refuse is kept from step to step. */
int evict_step_to_limit(struct pg_pool *pool, struct evict_steps *steps)
{
        uint32_t freed = atomic_load(&pool->frames.freed);
        struct move_context *ctx;
        int result;

        if (is_within_limit(pool))
                return 0;
        ctx = move_context_get(&pool->contexts, &pool->stats, stats_self());
        ctx->refusals = steps->refusals;
        result = evict(pool, ctx, 1);
        steps->refusals = ctx->refusals;
        pool_context_put(pool, ctx);
        if (result == -EAGAIN || (evict_may_change(result) && steps->patience_ms-- > 0))
                futex_wait(&pool->frames.freed, freed, 1000000);
        else if (result < 0)
                return result;
        return 1;
}
