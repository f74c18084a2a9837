/* SPDX-License-Identifier: MIT */
/*
 * fork_freeze.c - faults while the process forks.
 *
 * A child goes on with a copy of the pager's own memory, so while fork(2) copies it must not
 * change. Hence the freeze: the forking thread holds all move contexts, and without one no thread
 * moves a page.
 *
 * But the program must not stop. On its way to the system call, fork takes locks of the C library
 * (those of stdio, of the name service), whose holders may be touching paged memory this very
 * moment; and it touches some itself. If they had to wait for the end of the fork, it would never
 * end. So faults are served from the pager's records (words, frames, policy), which are not
 * changed: the content is put where the program wants it, and a note is made in a log. Frames that
 * are free pay for it (some are made free before); when there are none left only the forking thread
 * is served, and the others wait; unless the fork takes so long that it may be waiting for one of
 * them: then the budget is exceeded. The page's word goes on saying that the page is out, or
 * queued, or clean; its copy is kept. At the end of the freeze parent and child each work off their
 * log: a noted page that is there gets a frame, and counts as modified.
 *
 * What the child copies is consistent, because only these change in a freeze:
 *  - The log. A note is complete before its page is installed. The system call copies the address
 *    space with the lock held for which an install must wait; so a page that the child has was
 *    installed before, and its note copied. Of a note without a page the child sees that.
 *  - Which thread serves which page: the child forgets it, fork_freeze_reset_in_child.
 *  - What page_in changes inside a store: its operation fork_child sets that right.
 */
#include "fork_freeze.h"
#include "event_ring.h"
#include "evict.h"
#include "fault.h"
#include "frame.h"
#include "futex_lock.h"
#include "kernel_page.h"
#include "mapping.h"
#include "move_context.h"
#include "page.h"
#include "page_load.h"
#include "page_presence.h"
#include "page_state.h"
#include "page_transfer.h"
#include "pool.h"
#include "pool_check.h"
#include "stats.h"
#include "store_gate.h"
#include "trace_writer.h"
#include "uffd.h"

#include <errno.h>

#define FREE_BEFORE 16u
#define PATIENCE_NS (50ull * 1000000)

/* ---- serving ------------------------------------------------------------------------------- */

/* Once for each page. False: the log is full. */
static bool note(struct pg_pool *pool, struct mapping *m, uint64_t page, pid_t tid, bool write)
{
        struct fork_freeze *f = &pool->freeze;
        uint32_t n = atomic_load(&f->count);

        for (uint32_t i = 0; i < n; i++)
                if (atomic_load(&f->log[i].mapping) == m && atomic_load(&f->log[i].page) == page) {
                        if (write)
                                atomic_store(&f->log[i].written, true);
                        return true;
                }
        do {
                if (n == FORK_LOG)
                        return false;
        } while (!atomic_compare_exchange_weak(&f->count, &n, n + 1));
        atomic_store(&f->log[n].written, write);
        atomic_store(&f->log[n].page, page);
        atomic_store(&f->log[n].tid, tid);
        atomic_store(&f->log[n].mapping, m);
        return true;
}

/* No two serve one page: ctx->in says which it is. The lock is one that sleeps: its holder may be
 * the follower, in the lowest scheduling class, which a spinning thread would starve. */
static bool claim(struct pg_pool *pool, struct move_context *ctx, struct mapping *m, uint64_t page)
{
        struct fork_freeze *f = &pool->freeze;
        bool mine = true;

        futex_lock_take(&f->claiming);
        for (unsigned i = 0; i < pool->contexts.count; i++) {
                const struct page_op *op = &pool->contexts.table[i].in.ops[0];

                if (pool->contexts.table[i].in.count && op->mapping == m && op->page == page)
                        mine = false;
        }
        if (mine)
                page_batch_add(&ctx->in, m, page, page_word_read(mapping_word(m, page)));
        futex_lock_drop(&f->claiming);
        return mine;
}

static void disclaim(struct pg_pool *pool, struct move_context *ctx)
{
        futex_lock_take(&pool->freeze.claiming);
        ctx->in.count = 0;
        futex_lock_drop(&pool->freeze.claiming);
}

/* Where the content of a page is that is not mapped; NULL: it cannot be had now. */
static const char *content(struct pg_pool *pool, struct move_context *ctx, struct mapping *m,
                           uint64_t page, uint64_t word)
{
        uint64_t offset;
        struct pg_store *store;
        const char *at;

        if (word & PAGE_QUEUED)
                return frame_slot(&pool->frames, page_frame(word));
        store = store_find(&pool->stores, mapping_page_location(m, page, word), &offset);
        at = store_page_at(store, offset, 1);
        if (at)
                return at;
        return store_page_in(store, offset, 1, ctx->buffer) == 0 ? ctx->buffer : NULL;
}

/* Installs the claimed page. A page of several of the kernel's is protected until it is whole: a
 * child may get a part of it, and must not get one that was written to. One of a read-only mapping
 * stays so: the program may make it writable. False: not now. */
static bool install_frozen(struct pg_pool *pool, struct move_context *ctx, struct mapping *m,
                           uint64_t page, uint64_t word, bool write)
{
        char *addr = mapping_addr(m, page);
        bool piecewise = pool->page_size > KERNEL_PAGE_SIZE && mapping_is_writable(m);
        const char *data = content(pool, ctx, m, page, word);
        size_t done;
        int error;

        if (!data)
                return false;
        error = uffd_copy(&pool->uffd, addr, data, pool->page_size,
                          piecewise || !mapping_is_writable(m), &done);
        if (error == -EEXIST) { /* it was installed in this very freeze */
                if (write)
                        uffd_unprotect(&pool->uffd, addr, pool->page_size);
                return true;
        }
        if (error && done > 0)
                uffd_forget(addr, pool->page_size);
        else if (piecewise)
                uffd_unprotect(&pool->uffd, addr, pool->page_size);
        return error == 0;
}

/* May one more page come in for this thread? */
static bool has_room(struct pg_pool *pool, pid_t tid)
{
        const struct fork_freeze *f = &pool->freeze;

        return tid == f->forker || atomic_load(&f->count) + FREE_BEFORE / 2 < f->room ||
               clock_now() - f->began > PATIENCE_NS;
}

/* False: not now; the fault will be repeated until the fork is over. */
static bool show(struct pg_pool *pool, struct move_context *ctx, struct mapping *m, uint64_t page,
                 uint64_t word, bool write)
{
        bool mapped = page_is_mapped(word);

        if (mapped && !write)
                return true; /* another thread was quicker, before the freeze */
        if (!mapped && !has_room(pool, ctx->tid))
                return false;
        if (write && fault_refuse_write(pool, m, page))
                return true;
        if (!note(pool, m, page, ctx->tid, write))
                return false;
        if (!mapped)
                return install_frozen(pool, ctx, m, page, word, write);
        uffd_unprotect(&pool->uffd, mapping_addr(m, page), pool->page_size);
        return true;
}

static enum fault_end serve_frozen(struct pg_pool *pool, struct move_context *ctx,
                                   struct mapping *m, uint64_t page, bool write)
{
        enum fault_end end = FAULT_LATER;
        uint64_t word;

        if (!claim(pool, ctx, m, page))
                return FAULT_LATER;
        /* Read while we hold a spare move context, so in this freeze and in no earlier one. */
        word = page_word_read(mapping_word(m, page));
        mapping_touch(m, page);
        if (word & PAGE_POISONED && !page_raises_sigbus(pool, m, page))
                uffd_poison(&pool->uffd, mapping_addr(m, page), pool->page_size);
        if (word & PAGE_POISONED)
                end = FAULT_POISONED;
        else if (word & PAGE_EXCLUDED || show(pool, ctx, m, page, word, write))
                end = FAULT_DONE;
        disclaim(pool, ctx);
        return end;
}

enum fault_end fork_freeze_fault(struct pg_pool *pool, struct mapping *m, uint64_t page, bool write,
                                 pid_t tid)
{
        static const struct timespec pause = {.tv_nsec = 50000};
        struct move_context *ctx = move_context_spare_get(&pool->contexts);
        enum fault_end end = FAULT_LATER;

        if (ctx) {
                ctx->tid = tid;
                end = serve_frozen(pool, ctx, m, page, write);
                move_context_spare_put(&pool->contexts, ctx);
        }
        /* The thread will fault again at once. Leave the CPU to the fork, and to threads that
         * serve. */
        if (end == FAULT_LATER)
                nanosleep(&pause, NULL);
        return end;
}

/* ---- the records --------------------------------------------------------------------------- */

/* A frame for a page that is there already, above the budget if need be: fork_freeze_shrink
 * follows. */
static uint32_t frame_for(struct pg_pool *pool)
{
        uint32_t frame;

        pool_lock(pool);
        frame = frame_take_beyond(&pool->frames);
        pool_unlock(pool);
        if (frame == PG_NO_FRAME)
                event_ring_abort(&pool->ring, NULL, pool->frames.live,
                                 "there are no frames beyond the budget");
        return frame;
}

/* A noted page is there: it has come in, or was rescued, writable. That it was written to is not
 * known, so nothing is learned from it. */
static void settle_frozen(struct pg_pool *pool, struct move_context *ctx, struct page_op *op)
{
        bool queued = op->word & PAGE_QUEUED;

        op->clean = false;
        if (queued) {
                slot_discard(pool, frame_slot(&pool->frames, op->frame), pool->page_size);
                page_modified(pool, op, false);
        } else {
                op->location = mapping_page_location(op->mapping, op->page, op->word);
                copy_forget(pool, op->location, page_owns_place(op->word, op->location));
                op->frame = frame_for(pool);
        }
        pool_lock(pool);
        if (queued) {
                page_taken(pool, op);
                page_rescued(pool, ctx, op);
        } else {
                page_came_in(pool, ctx, op, PG_ADD_DEMAND);
        }
        pool_unlock(pool);
        count_faults(ctx, 1, queued);
        page_publish(pool, ctx, op, queued ? RING_RESCUED : RING_LOADED);
}

static void settle_written(struct pg_pool *pool, struct move_context *ctx, struct page_op *op)
{
        fault_make_writable(pool, ctx, op); /* in the child it was protected again */
        page_release(op->mapping, op->page, op->word);
}

static void work_off(struct pg_pool *pool, struct move_context *ctx, struct mapping *m,
                     uint64_t page)
{
        page_word *p = mapping_word(m, page);
        uint64_t word = page_word_read(p);
        char *addr = mapping_addr(m, page);
        enum uffd_presence there;
        struct page_op *op;

        if (word & (PAGE_BUSY | PAGE_EXCLUDED) || !page_claim(p, word))
                return;
        ctx->in.count = 0;
        op = page_batch_add(&ctx->in, m, page, word);
        if (page_is_mapped(word)) {
                settle_written(pool, ctx, op);
                return;
        }
        there = uffd_present(&pool->uffd, addr, pool->page_size);
        if (there == UFFD_SOME)
                uffd_forget(addr, pool->page_size);
        if (there == UFFD_ALL)
                settle_frozen(pool, ctx, op);
        else
                page_release(m, page, word);
}

/* ---- begin and end ------------------------------------------------------------------------- */

static void move_contexts_rest(struct pg_pool *pool)
{
        for (unsigned i = 0; i < pool->contexts.count; i++)
                pool->contexts.table[i].in.count = 0;
        futex_lock_reset(&pool->freeze.claiming);
}

static uint32_t count_free_frames(struct pg_pool *pool)
{
        struct frames *f = &pool->frames;
        uint32_t n;

        pool_lock(pool);
        n = f->free_list.count + (f->limit > f->live ? f->limit - f->live : 0);
        pool_unlock(pool);
        return n;
}

static uint32_t count_above_limit(struct pg_pool *pool)
{
        const struct frames *f = &pool->frames;
        uint32_t n;

        pool_lock(pool);
        n = f->live > f->limit ? f->live - f->limit : 0;
        pool_unlock(pool);
        return n;
}

/* Some frames become free, if that is to be had: not while the budget is shrinking, when those that
 * are freed are gone. */
static void make_room(struct pg_pool *pool)
{
        uint32_t want = pool->frames.limit / 8 < FREE_BEFORE ? pool->frames.limit / 8 : FREE_BEFORE;
        struct move_context *ctx;

        if (pool_is_strict(pool) /* evictions are counted */ || count_above_limit(pool))
                return;
        ctx = move_context_get(&pool->contexts, &pool->stats, stats_self());
        for (unsigned tries = 0; tries < FREE_BEFORE && count_free_frames(pool) < want; tries++)
                if (evict(pool, ctx, want) < 0)
                        break;
        pool_context_put(pool, ctx);
}

void fork_freeze_begin(struct pg_pool *pool)
{
        struct fork_freeze *f = &pool->freeze;

        make_room(pool);
        move_contexts_take_all(&pool->contexts);
        f->room = count_free_frames(pool);
        f->forker = stats_self();
        f->began = clock_now();
        move_contexts_rest(pool);
        for (unsigned i = 0; i < FORK_LOG; i++)
                atomic_store(&f->log[i].mapping, NULL);
        atomic_store(&f->count, 0);
        move_contexts_freeze(&pool->contexts);
}

void fork_freeze_reset_in_child(struct pg_pool *pool)
{
        move_contexts_rest(pool);
        atomic_store(&pool->contexts.spare, (1u << pool->contexts.count) - 1);
        atomic_store(&pool->contexts.waiting, 0);
}

/* More may be above the limit, if that is just shrinking; but for those fork does not wait. */
void fork_freeze_shrink(struct pg_pool *pool)
{
        struct evict_steps steps = {0};
        uint32_t noted = atomic_load(&pool->freeze.count), above = count_above_limit(pool);
        uint32_t rest = above > noted ? above - noted : 0;

        for (uint32_t i = 0; i < noted && count_above_limit(pool) > rest; i++)
                if (evict_step_to_limit(pool, &steps) <= 0)
                        break;
}

void fork_freeze_end(struct pg_pool *pool, bool in_child)
{
        struct fork_freeze *f = &pool->freeze;
        struct move_context *ctx = &pool->contexts.table[0];

        move_contexts_spare_end(&pool->contexts);
        for (unsigned i = 0; i < FORK_LOG; i++) {
                struct mapping *m = atomic_load(&f->log[i].mapping);

                if (!m)
                        continue;
                move_context_reset(ctx, &pool->stats, in_child ? 0 : atomic_load(&f->log[i].tid));
                if (atomic_load(&f->log[i].written))
                        mapping_note_write(m);
                work_off(pool, ctx, m, atomic_load(&f->log[i].page));
        }
        ctx->in.count = 0;
        move_contexts_thaw(&pool->contexts);
        pool_assert_whole(pool);
        trace_writer_write(&pool->trace_writer);
}
