/* SPDX-License-Identifier: MIT */
/*
 * victim_select.c - which pages are to go: those the policy names, and the oldest of the victim
 * queue.
 *
 * The rule is that of replacement.c; here is its taker. A page is taken when it is BUSY and ours; a
 * page that another thread owns at the moment is passed by.
 */
#include "victim_select.h"
#include "event_ring.h"
#include "frame.h"
#include "futex_lock.h"
#include "mapping.h"
#include "move_context.h"
#include "page.h"
#include "page_transfer.h"
#include "pool.h"
#include "replacement.h"

/* Around the caller's frame: what the pager and a signal frame take, and what its callers have. */
#define STACK_BELOW ((uintptr_t)16 << 10)
#define STACK_ABOVE ((uintptr_t)32 << 10)

/* The caller's stack may be paged (that of a coroutine, or of a thread in signal delivery): then
 * the pages that it stands on, and may touch while it owns them, must stay. */
static bool is_stood_on(const struct mapping *m, uint64_t page)
{
        uintptr_t stack = (uintptr_t)__builtin_frame_address(0);
        uintptr_t addr = (uintptr_t)mapping_addr(m, page);
        uintptr_t start = (uintptr_t)m->start;

        return stack - start < m->npages << m->page_shift &&
               addr + mapping_page_size(m) > stack - STACK_BELOW && addr < stack + STACK_ABOVE;
}

/* The page in a frame that is in the policy or the queue; NULL when its owner is somebody else at
 * the moment, or it must stay. */
static struct page_op *claim_victim(struct pg_pool *pool, struct page_batch *out, uint32_t frame)
{
        struct frame *f = frame_at(&pool->frames, frame);
        page_word *p = mapping_word(f->mapping, f->page);
        uint64_t word = page_word_read(p);

        if (word & PAGE_BUSY || is_stood_on(f->mapping, f->page) || !page_claim(p, word))
                return NULL;
        if (!(word & PAGE_RESIDENT) || page_frame(word) != frame || word & PAGE_PINNED)
                event_ring_abort(&pool->ring, mapping_addr(f->mapping, f->page), word,
                                 "a frame and its page disagree");
        return page_batch_add(out, f->mapping, f->page, word);
}

/* A store has just refused: look for pages that need none first. */
static bool is_avoided(const struct move_context *ctx, const struct frame *f)
{
        return ctx->refusals.avoid_saves &&
               page_word_read(mapping_word(f->mapping, f->page)) & PAGE_DIRTY;
}

/* Counts those passed over. */
static bool is_passed_over(struct pg_pool *pool, struct move_context *ctx, uint32_t frame)
{
        bool pass = is_avoided(ctx, frame_at(&pool->frames, frame));

        ctx->refusals.passed_over += pass;
        return pass;
}

/* Waiting in the queue would save it little: it is clean, and its store is near. */
static bool need_not_wait(struct pg_pool *pool, const struct page_op *op)
{
        return !(op->word & PAGE_DIRTY) &&
               pool_is_near(pool, frame_at(&pool->frames, op->frame)->location);
}

/* ---- the taker ----------------------------------------------------------------------------- */

struct claimer {
        struct taker taker;
        struct pg_pool *pool;
        struct move_context *ctx;
        bool queue; /* victims of the policy wait there */
};

static enum taken claimer_take(struct taker *t, uint32_t frame)
{
        struct claimer *c = (struct claimer *)t;
        struct page_op *op = NULL;

        if (!is_passed_over(c->pool, c->ctx, frame))
                op = claim_victim(c->pool, &c->ctx->out, frame);
        if (!op)
                return TAKEN_NOT;
        op->taken = true;
        op->data = frame_slot(&c->pool->frames, frame);
        op->bypass_queue = !c->queue || need_not_wait(c->pool, op);
        return op->bypass_queue ? TAKEN_BYPASS : TAKEN_TO_WAIT;
}

static bool claimer_could_take(struct taker *t, uint32_t frame)
{
        const struct claimer *c = (struct claimer *)t;
        const struct frame *f = frame_at(&c->pool->frames, frame);

        return !is_stood_on(f->mapping, f->page) && !is_avoided(c->ctx, f);
}

static uint64_t claimer_key(struct taker *t, uint32_t frame)
{
        const struct frame *f = frame_at(&((struct claimer *)t)->pool->frames, frame);

        return page_key(f->mapping, f->page);
}

static const struct taker_ops claimer_ops = {claimer_take, claimer_could_take, claimer_key};

static struct claimer claimer_of(struct pg_pool *pool, struct move_context *ctx, bool queue)
{
        struct taker taker = {.ops = &claimer_ops, .taken = ctx->out.count, .room = BATCH_MAX};

        return (struct claimer){.taker = taker, .pool = pool, .ctx = ctx, .queue = queue};
}

void victims_from_policy(struct pg_pool *pool, struct move_context *ctx, unsigned want)
{
        struct replacement r = pool_replacement(pool);
        struct claimer c;

        ctx->passed_before = ctx->refusals.passed_over;
        pool_lock(pool);
        ctx->uses_queue = replacement_queues(&r);
        c = claimer_of(pool, ctx, ctx->uses_queue);
        replacement_from_policy(&r, &c.taker, want, ctx->uses_queue);
        ctx->nameless = c.taker.nameless;
        pool_unlock(pool);
}

void victims_from_queue(struct pg_pool *pool, struct move_context *ctx, unsigned want)
{
        struct replacement r = pool_replacement(pool);
        struct claimer c = claimer_of(pool, ctx, false);

        if (!ctx->uses_queue)
                return;
        pool_lock(pool);
        replacement_from_queue(&r, &c.taker, want);
        pool_unlock(pool);
}

/* Frames that are neither free nor pinned, and whose pages stand neither with the policy nor in the
 * queue: threads have them in flight, and will give them back. */
static uint32_t frames_in_flight(const struct pg_pool *pool)
{
        const struct frames *f = &pool->frames;

        return f->live - f->free_list.count - (f->pinned - f->promised) - pool->policy.count -
               pool->victim_queue.list.count;
}

/* Nothing was passed over. Waiting helps as long as a frame is free, or can become so without the
 * policy. */
static int nothing_was_named(const struct pg_pool *pool, const struct move_context *ctx)
{
        const struct frames *f = &pool->frames;

        if (f->live < f->limit)
                return -EAGAIN;
        if (f->live <= f->pinned - f->promised)
                return -ENOMEM;
        return ctx->nameless && f->free_list.count == 0 && pool->victim_queue.list.count == 0 &&
                               frames_in_flight(pool) == 0
                       ? -EPROTO
                       : -EAGAIN;
}

int victims_why_none(struct pg_pool *pool, struct move_context *ctx)
{
        int error = 0;

        pool_lock(pool);
        if (ctx->refusals.passed_over > pool->policy.count + pool->victim_queue.list.count) {
                ctx->refusals.avoid_saves = false; /* all were looked at, and all must be saved */
                ctx->refusals.all_dirty = true;
                ctx->refusals.passed_over = 0;
        } else if (ctx->refusals.passed_over <= ctx->passed_before) {
                error = nothing_was_named(pool, ctx);
        }
        pool_unlock(pool);
        return error;
}
