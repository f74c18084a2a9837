/* SPDX-License-Identifier: MIT */
/*
 * page_out.c - the calls that write pages out, or forget them: page_out, advise, sync.
 *
 * Only pages that were ever touched are looked at, and what is to go is claimed in batches: a batch
 * ends where it is full, or at a page that somebody else owns, for which the walk waits when the
 * batch is done.
 *
 * Sync leaves pages resident and yet clean. A mapped page cannot be made clean in place: protected
 * or not, the kernel may still write into it through an older pin. So it is unmapped into its slot,
 * written from there, and installed again write-protected. A page that cannot be unmapped (pinned
 * by the application or by the kernel) is written where it is, and stays DIRTY.
 *
 * A page is clean when the store has confirmed, and no sooner: after a failed sync the kernel
 * reports the error of a file once, and may keep or lose what was written. So pages that were
 * written wait as *saved* (page_state.h), and if the sync fails they are simply still modified.
 * Syncs of one store take turns, or one could count on the answer that another one got. Pages that
 * were evicted before the failed sync cannot be written again: store_gate.c remembers that there
 * are some, and every later sync answers the error.
 */
#include "event_ring.h"
#include "evict.h"
#include "frame.h"
#include "futex_lock.h"
#include "mapping.h"
#include "move_context.h"
#include "page.h"
#include "page_presence.h"
#include "page_state.h"
#include "page_transfer.h"
#include "pool.h"
#include "range_walk.h"
#include "readahead.h"
#include "stats.h"
#include "store_gate.h"
#include "uffd.h"

#include <errno.h>

/* ---- out ----------------------------------------------------------------------------------- */

static bool is_evictable(uint64_t word)
{
        return (word & (PAGE_RESIDENT | PAGE_PINNED)) == PAGE_RESIDENT;
}

static bool is_mapped_evictable(uint64_t word)
{
        return page_is_mapped(word) && !(word & PAGE_PINNED);
}

static bool is_dirty_evictable(uint64_t word)
{
        return is_evictable(word) && word & PAGE_DIRTY;
}

/* At rest, unless there are claimed pages. */
static bool walk_has_batch(struct walk *k)
{
        if (k->ctx && k->ctx->out.count > 0)
                return true;
        walk_rest(k);
        return false;
}

/* Claims and takes the next pages that are wanted. The walk is at rest when it returns false: there
 * was none, or a page was waited for. Pinned pages count in *pinned. */
static bool take_batch(struct walk *k, bool (*wanted)(uint64_t word), unsigned *pinned)
{
        struct page_batch *out;

        walk_work(k);
        out = &k->ctx->out;
        while (out->count < BATCH_MAX && walk_next_touched(k)) {
                uint64_t word = page_word_read(mapping_word(k->mapping, k->page));

                if (word & PAGE_BUSY && out->count > 0)
                        break;
                if (!(word & PAGE_BUSY) && !wanted(word)) {
                        *pinned += (word & PAGE_PINNED) != 0;
                        k->page++;
                        continue;
                }
                if (out->count > 0 ? !page_claim(mapping_word(k->mapping, k->page), word)
                                   : !walk_claim(k, &word))
                        break;
                if (!wanted(word)) {
                        page_release(k->mapping, k->page, word);
                        continue;
                }
                pool_lock(k->pool);
                page_taken(k->pool, page_batch_add(out, k->mapping, k->page++, word));
                pool_unlock(k->pool);
        }
        return walk_has_batch(k);
}

int pg_page_out(struct pg_pool *pool, const void *addr, size_t size)
{
        struct walk k;
        unsigned pinned = 0, left;
        int error = walk_begin(&k, pool, addr, size);

        if (error)
                return error;
        while (k.error != -ENOSPC && walk_next_touched(&k)) {
                if (!take_batch(&k, is_evictable, &pinned))
                        continue;
                error = evict_batch(pool, k.ctx, false, &left);
                walk_rest(&k);
                if (error)
                        walk_error(&k, error);
        }
        if (pinned)
                walk_error(&k, -EBUSY);
        return error_as_zephyr(walk_end(&k));
}

static void range_cold(struct walk *k)
{
        unsigned ignored = 0;

        if (k->pool->victim_queue.pct == 0)
                return;
        while (walk_next_touched(k)) {
                if (!take_batch(k, is_mapped_evictable, &ignored))
                        continue;
                evict_to_queue(k->pool, k->ctx);
                walk_rest(k);
        }
}

/* ---- discard ------------------------------------------------------------------------------- */

/* Claims the next pages that are not as they were born. */
static bool claim_batch(struct walk *k)
{
        struct page_batch *out;

        walk_work(k);
        out = &k->ctx->out;
        while (out->count < BATCH_MAX && walk_next_touched(k)) {
                uint64_t word = page_word_read(mapping_word(k->mapping, k->page));

                if (word & PAGE_BUSY && out->count > 0)
                        break;
                if (word == 0 || word & PAGE_EXCLUDED ||
                    (word & (PAGE_PINNED | PAGE_BUSY)) == PAGE_PINNED) {
                        if (word & PAGE_PINNED)
                                walk_error(k, -EBUSY);
                        k->page++;
                        continue;
                }
                if (out->count > 0 ? !page_claim(mapping_word(k->mapping, k->page), word)
                                   : !walk_claim(k, &word))
                        break;
                if (word & (PAGE_PINNED | PAGE_EXCLUDED))
                        page_release(k->mapping, k->page, word);
                else
                        page_batch_add(out, k->mapping, k->page++, word);
        }
        return walk_has_batch(k);
}

/* Frees the memory of the claimed pages, neighbours together. */
static void drop_resident(struct pg_pool *pool, struct page_batch *out)
{
        struct ranges ranges = {.n = 0};

        for (unsigned i = 0; i < out->count; i++) {
                struct page_op *op = &out->ops[i];

                if (page_is_mapped(op->word))
                        ranges_add(&ranges, mapping_addr(op->mapping, op->page), pool->page_size);
                else if (op->word & PAGE_QUEUED)
                        ranges_add(&ranges, frame_slot(&pool->frames, op->frame), pool->page_size);
        }
        if (uffd_drop_ranges(ranges.v, ranges.n) == 0)
                return;
        for (size_t i = 0; i < ranges.n; i++)
                uffd_forget(ranges.v[i].iov_base, ranges.v[i].iov_len);
}

static void discard_page(struct pg_pool *pool, struct move_context *ctx, struct page_op *op)
{
        page_gone(pool, op);
        if (op->word & PAGE_POISONED)
                op->word = page_heal(pool, op->mapping, op->page, op->word);
        page_publish(pool, ctx, op, RING_DISCARDED);
}

void range_discard(struct walk *k)
{
        store_refresh(&k->pool->stores, mapping_location(k->mapping, k->page),
                      (k->end - k->page) << k->mapping->page_shift);
        while (walk_next_touched(k)) {
                struct page_batch *out;

                if (!claim_batch(k))
                        continue;
                out = &k->ctx->out;
                drop_resident(k->pool, out);
                for (unsigned i = 0; i < out->count; i++)
                        discard_page(k->pool, k->ctx, &out->ops[i]);
                walk_rest(k);
        }
}

/* ---- sync ---------------------------------------------------------------------------------- */

/* The saved pages of ctx->out go back into the program, protected. */
static void return_saved(struct pg_pool *pool, struct move_context *ctx)
{
        struct page_batch *in = &ctx->in;

        in->count = 0;
        for (unsigned i = 0; i < ctx->out.count; i++)
                if (ctx->out.ops[i].error == 0)
                        in->ops[in->count++] = ctx->out.ops[i];
        for (unsigned i = 0; i < in->count; i++)
                in->ops[i].clean = true;
        transfer_in(pool, in);
        for (unsigned i = 0; i < in->count; i++) {
                struct page_op *op = &in->ops[i];

                if (!op->error)
                        page_saved(pool, op);
                evict_returned(pool, ctx, op, RING_SYNCED);
        }
        in->count = 0;
}

/* Writes one modified page that could not be unmapped from where it is now: in the program, which
 * may have made it inaccessible, or, if it was unpinned meanwhile and went into the victim queue,
 * in its slot. It stays DIRTY. */
static void sync_in_place(struct walk *k)
{
        uint64_t word;
        struct page_op *op;

        walk_work(k);
        if (!walk_claim(k, &word))
                return;
        if (word & PAGE_RESIDENT && word & PAGE_DIRTY &&
            (word & PAGE_QUEUED || !page_is_hole(k->pool, k->mapping, k->page))) {
                k->ctx->out.count = 0;
                op = page_batch_add(&k->ctx->out, k->mapping, k->page, word);
                op->data = frame_slot(&k->pool->frames, op->frame);
                if (!(word & PAGE_QUEUED)) {
                        op->data = k->ctx->buffer;
                        op->error =
                                uffd_peek(&k->pool->uffd, op->data,
                                          mapping_addr(k->mapping, k->page), k->pool->page_size);
                }
                if (op->error && k->pool->uffd.memory < 0) {
                        /* Without /proc it has to be accessible. */
                        op->data = mapping_addr(k->mapping, k->page);
                        op->error = 0;
                }
                if (!op->error)
                        evict_save(k->pool, k->ctx, false);
                if (op->error) {
                        walk_error(k, op->error);
                        tally_add(k->ctx->tally, PG_COUNTER_ERRORS_SAVE, 1);
                        tally_add(k->ctx->tally, PG_COUNTER_ERRORS_FULL, op->error == -ENOSPC);
                }
                k->ctx->out.count = 0;
        }
        page_release(k->mapping, k->page++, word);
}

void range_sync(struct walk *k)
{
        while (walk_next_touched(k)) {
                uint64_t first = k->page;
                unsigned unmovable = 0;
                int error;

                if (take_batch(k, is_dirty_evictable, &unmovable)) {
                        unmovable += evict_unmap(k->pool, k->ctx) != 0;
                        evict_save(k->pool, k->ctx, false);
                        return_saved(k->pool, k->ctx);
                        error = evict_give_back(k->pool, k->ctx);
                        if (error)
                                walk_error(k, error);
                }
                if (unmovable) {
                        struct walk again = *k;

                        again.page = first;
                        again.end = k->page;
                        while (walk_next_touched(&again))
                                sync_in_place(&again);
                        k->ctx = again.ctx;
                        k->error = again.error;
                }
                walk_rest(k);
        }
}

/* The store has confirmed: the pages that have not been written to since they were saved are
 * clean. */
static void range_confirm(struct walk *k)
{
        while (walk_next_touched(k)) {
                struct page_op op = {.mapping = k->mapping, .page = k->page};

                op.word = page_word_read(mapping_word(k->mapping, k->page));
                if (!(op.word & PAGE_BUSY) && !(page_is_mapped(op.word) && op.word & PAGE_DIRTY)) {
                        k->page++;
                        continue;
                }
                walk_work(k);
                if (!walk_claim(k, &op.word))
                        continue;
                op.frame = page_frame(op.word);
                if (page_is_mapped(op.word) && page_is_saved(k->pool, &op))
                        page_cleaned(&op);
                page_release(op.mapping, k->page++, op.word);
        }
}

/* In a pager section. */
static void sync_mapping(struct walk *k, struct pg_store *store)
{
        struct walk saved = *k;
        int error;

        store_sync_begin(store);
        range_sync(k);
        error = store_sync(store);
        if (!error) {
                range_confirm(&saved);
                walk_rest(&saved);
        }
        store_sync_end(store);
        if (error)
                walk_error(k, error);
}

int pg_sync(struct pg_pool *pool, const void *addr, size_t size)
{
        struct walk k;
        uint64_t ignored;
        int error = walk_begin(&k, pool, addr, size);

        if (error)
                return error;
        if (k.mapping->flags & PG_MAP_SHARED && mapping_is_writable(k.mapping)) {
                walk_work(&k); /* locks are held in what follows */
                walk_rest(&k);
                sync_mapping(&k, store_find(&pool->stores, k.mapping->location, &ignored));
        }
        return walk_end(&k);
}

/* ---- advice -------------------------------------------------------------------------------- */

static void set_mode(struct walk *k, enum readahead_mode mode)
{
        atomic_store_explicit(&k->mapping->readahead.mode, mode, memory_order_relaxed);
}

int pg_advise(struct pg_pool *pool, void *addr, size_t size, enum pg_advice advice)
{
        struct walk k;
        int error = walk_begin(&k, pool, addr, size);

        if (error)
                return error;
        switch (advice) {
        case PG_ADVICE_NORMAL:
                set_mode(&k, READAHEAD_NORMAL);
                break;
        case PG_ADVICE_SEQUENTIAL:
                set_mode(&k, READAHEAD_SEQUENTIAL);
                break;
        case PG_ADVICE_RANDOM:
                set_mode(&k, READAHEAD_RANDOM);
                break;
        case PG_ADVICE_WILL_NEED:
                range_will_need(&k);
                break;
        case PG_ADVICE_COLD:
                range_cold(&k);
                break;
        case PG_ADVICE_DISCARD:
                range_discard(&k);
                break;
        default:
                k.error = -EINVAL;
        }
        return walk_end(&k);
}
