/* SPDX-License-Identifier: MIT */
/*
 * page_load.c - pages that are out come in.
 *
 *         claimed pages ─► seat: a frame for each, evicting if need be
 *                       ─► fill: from the stores, into the buffer, or where they are in memory
 *                                already
 *                       ─► transfer_in: install
 *                       ─► settle: page_came_in, commit the words, wake
 *
 * Frames beyond the budget. A fault must not fail while its page's content is there. It gets a
 * frame beyond the budget in two cases. The faults that follow evict until the pool is within its
 * budget again. This one must not: its own page may be the only one that is not pinned, and would
 * go before the thread that waits for it can touch it.
 *  - The kernel has pinned more pages than there are frames, for one system call or for as long as
 *    an io_uring keeps its buffers. Then nothing else helps.
 *  - Everything must be saved, and the swap store is full. The page comes in modified and gives its
 *    place there back, into which a victim goes: the two change places, by way of one spare frame.
 *
 * A page comes in clean if its store keeps the copy, and it is read and probably not written to
 * afterwards: see write_predict.h.
 */
#include "page_load.h"
#include "event_ring.h"
#include "evict.h"
#include "frame.h"
#include "futex_lock.h"
#include "mapping.h"
#include "move_context.h"
#include "page.h"
#include "page_state.h"
#include "page_transfer.h"
#include "pool.h"
#include "stats.h"
#include "store_gate.h"
#include "uffd.h"
#include "write_predict.h"

#include <errno.h>

#define MS 1000000u
/* How long a fault waits when all that could be evicted is pinned by the kernel, or is not named by
 * the policy; how long when the pool is above its budget already, because of pins; and how long if
 * there is no frame beyond the budget, for want of address space, so that the access would fail. */
#define PATIENCE_MS       100u
#define ABOVE_PATIENCE_MS 2u
#define LAST_PATIENCE_MS  2000u

static enum pg_cost_kind kind_of_load(const struct pg_pool *pool, pg_location location);
static bool comes_in_clean(struct pg_pool *pool, struct move_context *ctx, struct page_op *op,
                           bool write);
static int seat(struct pg_pool *pool, struct move_context *ctx);
static void fill(struct pg_pool *pool, struct move_context *ctx);
static int settle(struct pg_pool *pool, struct move_context *ctx, unsigned demand);

int page_load_batch(struct pg_pool *pool, struct move_context *ctx, unsigned demand, bool write)
{
        int error;

        ctx->predict_turn++;
        for (unsigned i = 0; i < ctx->in.count; i++) {
                struct page_op *op = &ctx->in.ops[i];

                op->location = mapping_page_location(op->mapping, op->page, op->word);
                op->owned = page_owns_place(op->word, op->location);
                op->clean = comes_in_clean(pool, ctx, op, write && i < demand);
        }
        ctx->cost.kind = kind_of_load(pool, ctx->in.ops[0].location);
        error = seat(pool, ctx);
        if (error)
                return error;
        demand = demand < ctx->in.count ? demand : ctx->in.count;
        count_faults(ctx, demand, false);
        tally_add(ctx->tally, PG_COUNTER_AHEAD_PAGES, ctx->in.count - demand);
        fill(pool, ctx);
        transfer_in(pool, &ctx->in);
        return settle(pool, ctx, demand);
}

static enum pg_cost_kind kind_of_load(const struct pg_pool *pool, pg_location location)
{
        if (location >= PG_LOCATION_ANON_UNINIT)
                return PG_COST_FIRST_TOUCH;
        return location >> 56 == pool->stores.swap ? PG_COST_LOAD_SWAP : PG_COST_LOAD_STORE;
}

void count_faults(struct move_context *ctx, unsigned n, bool rescued)
{
        struct thread_counters *thread = ctx->thread;

        tally_add(ctx->tally, PG_COUNTER_FAULTS, n);
        if (rescued)
                tally_add(ctx->tally, PG_COUNTER_RESCUES, n);
        if (!thread)
                return;
        atomic_fetch_add_explicit(&thread->faults, n, memory_order_relaxed);
        if (rescued)
                atomic_fetch_add_explicit(&thread->rescues, n, memory_order_relaxed);
}

/* ---- clean or dirty ------------------------------------------------------------------------ */

static bool comes_in_clean(struct pg_pool *pool, struct move_context *ctx, struct page_op *op,
                           bool write)
{
        uint64_t ignored;
        struct pg_store *store = store_find(&pool->stores, op->location, &ignored);

        /* Protected, even where its store forgets: the program may make it writable. */
        if (!mapping_is_writable(op->mapping) && op->mapping->flags & PG_MAP_SHARED)
                return true;
        if (!(store_flags(store) & PG_STORE_KEEPS))
                return false;
        if (!mapping_is_writable(op->mapping))
                return true;
        if (write)
                op->word = predict_note_written(&op->mapping->history, op->word);
        /* A page that was not written to is not to be written to a file. */
        return !write && (op->mapping->flags & PG_MAP_SHARED ||
                          !predict_will_write(&op->mapping->history, op->word, ctx->predict_turn,
                                              !pool->predicts_by_mapping));
}

/* ---- seat ---------------------------------------------------------------------------------- */

/* Frames for the first pages of ctx->in. Returns how many have one. */
static unsigned take_frames(struct pg_pool *pool, struct move_context *ctx, unsigned have)
{
        pool_lock(pool);
        for (; have < ctx->in.count; have++) {
                struct page_op *op = &ctx->in.ops[have];

                op->frame = frame_take(&pool->frames);
                if (op->frame == PG_NO_FRAME)
                        break;
        }
        pool_unlock(pool);
        return have;
}

/* How long a fault waits, in milliseconds, for what evict_may_change() names. */
static unsigned patience_ms(struct pg_pool *pool)
{
        const struct frames *f = &pool->frames;
        unsigned ms = PATIENCE_MS;

        pool_lock(pool);
        if (f->live >= f->capacity)
                ms = LAST_PATIENCE_MS;
        else if (f->live > f->limit)
                ms = ABOVE_PATIENCE_MS;
        pool_unlock(pool);
        return ms;
}

/* A frame beyond the budget for the first page of ctx->in. Returns how many have one. `error`: why
 * nothing could be evicted. */
static unsigned take_beyond(struct pg_pool *pool, struct move_context *ctx, int error)
{
        struct page_op *op = &ctx->in.ops[0];
        struct frames *f = &pool->frames;
        bool may;

        pool_lock(pool);
        may = error == -EBUSY ||
              (error == -ENOSPC && op->owned && f->live < f->limit + FRAMES_SPARE);
        op->frame = may ? frame_take_beyond(f) : PG_NO_FRAME;
        pool_unlock(pool);
        if (op->frame == PG_NO_FRAME)
                return 0;
        if (error == -ENOSPC)
                op->clean = false; /* it gives its place back */
        tally_add(ctx->tally, PG_COUNTER_ABOVE_BUDGET, 1);
        return 1;
}

/* A frame for the first page at least, and for the others what one round of eviction yields. */
static int seat(struct pg_pool *pool, struct move_context *ctx)
{
        unsigned have = 0, waited_ms = 0, rounds = 0;
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
                } else if (evict_may_change(error) && waited_ms++ < patience_ms(pool)) {
                        futex_wait(&pool->frames.freed, freed, MS);
                        error = 0;
                } else if (have == 0) {
                        have = take_beyond(pool, ctx, error);
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
                tally_add(ctx->tally, PG_COUNTER_PAGES_IN, counts && !first[i].error);
        }
        if (counts)
                tally_time(ctx->tally, PG_HISTOGRAM_PAGE_IN, clock_now() - began);
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

uint64_t page_poison(struct pg_pool *pool, struct move_context *ctx, struct page_op *op)
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

/* Where the kernel refuses our calls to this thread, others may still have the page. */
static void settle_failed(struct pg_pool *pool, struct move_context *ctx, struct page_op *op,
                          bool wanted)
{
        bool is_lost = wanted && uffd_answers(&pool->uffd) == 0;

        page_stayed_out(pool, op);
        tally_add(ctx->tally, PG_COUNTER_ERRORS_LOAD, wanted);
        page_release(op->mapping, op->page, is_lost ? page_poison(pool, ctx, op) : op->word);
}

static int settle(struct pg_pool *pool, struct move_context *ctx, unsigned demand)
{
        int error = 0;

        pool_lock(pool);
        for (unsigned i = 0; i < ctx->in.count; i++)
                if (ctx->in.ops[i].error == 0)
                        page_came_in(pool, ctx, &ctx->in.ops[i],
                                     i < demand ? PG_ADD_DEMAND : PG_ADD_AHEAD);
        pool_unlock(pool);
        for (unsigned i = 0; i < ctx->in.count; i++) {
                struct page_op *op = &ctx->in.ops[i];

                if (op->error) {
                        error = error || i >= demand ? error : op->error;
                        settle_failed(pool, ctx, op, i < demand);
                        continue;
                }
                if (!op->clean)
                        copy_forget(pool, op->location, op->owned);
                page_publish(pool, ctx, op, RING_LOADED);
        }
        return error;
}
