/* SPDX-License-Identifier: MIT */
/*
 * address_space.c - the calls that do to paged addresses what the kernel does to others: move,
 * exclude, include.
 *
 * A move owns both pages of a pair: the old one is waited for like any other, the new one only
 * tried for, since no thread waits for a page while it owns one. A page in a frame keeps its frame:
 * it is unmapped into the frame's slot from one address and installed from there at the other, by
 * transfer_out() and transfer_in(). A page that is out moves by its word alone.
 *
 * An excluded page has no frame and no place, and its word says so before its addresses are given
 * away: a thread that looks at the word later leaves the addresses alone.
 */
#include "event_ring.h"
#include "frame.h"
#include "mapping.h"
#include "move_context.h"
#include "page.h"
#include "page_presence.h"
#include "page_state.h"
#include "page_transfer.h"
#include "pool.h"
#include "range_walk.h"
#include "uffd.h"

#include <errno.h>

/* ---- move ---------------------------------------------------------------------------------- */

/* Forgets one page, which nobody has claimed. */
static void forget_page(struct walk *k, struct mapping *m, uint64_t page)
{
        struct walk one = {.pool = k->pool, .mapping = m, .page = page, .end = page + 1};

        walk_rest(k);
        range_discard(&one);
        walk_stop(&one);
        if (one.error)
                walk_error(k, one.error);
}

/* The claimed, mapped page at k->page is unmapped, and installed at the claimed page `to`. */
static int carry(struct walk *k, struct mapping *to, uint64_t to_page, uint64_t word)
{
        struct move_context *ctx = k->ctx;
        struct page_op *op;

        ctx->out.count = ctx->in.count = 0;
        op = page_batch_add(&ctx->out, k->mapping, k->page, word);
        transfer_out(k->pool, &ctx->out);
        ctx->out.count = 0;
        if (op->error)
                return op->error;
        op = page_batch_add(&ctx->in, to, to_page, word);
        op->data = frame_slot(&k->pool->frames, op->frame);
        op->clean = !(word & PAGE_DIRTY);
        transfer_in(k->pool, &ctx->in);
        ctx->in.count = 0;
        if (op->error)
                event_ring_abort(&k->pool->ring, mapping_addr(to, to_page), word,
                                 "a page that was moved could not be installed");
        return 0;
}

/* Both are claimed, and the target is as it was born. */
static void move_claimed(struct walk *k, struct mapping *to, uint64_t to_page, uint64_t word)
{
        struct pg_pool *pool = k->pool;
        uint64_t left = 0;
        int error = page_is_mapped(word) ? carry(k, to, to_page, word) : 0;

        if (!error)
                page_moved(pool, k->mapping, k->page, word, to, to_page);
        if (word & PAGE_POISONED) {
                left = page_heal(pool, k->mapping, k->page, word) & PAGE_POISONED;
                if (pool->delivery == PG_DELIVERY_THREAD)
                        uffd_poison(&pool->uffd, mapping_addr(to, to_page), pool->page_size);
        }
        page_release(to, to_page, error ? 0 : word);
        page_release(k->mapping, k->page, error ? word : left);
        if (error == -ENOENT)
                forget_page(k, k->mapping, k->page); /* the program has dropped it: look again */
        else if (error)
                walk_error(k, error);
        else
                k->page++;
}

/* The page at k->page; or waits for somebody, and must be called again. */
static void move_page(struct walk *k, struct mapping *to, uint64_t to_page)
{
        page_word *p = mapping_word(to, to_page);
        uint64_t word, there;
        bool claimed;

        mapping_touch(to, to_page);
        walk_work(k);
        if (!walk_claim(k, &word))
                return;
        there = page_word_read(p);
        claimed = !(there & PAGE_BUSY) && page_claim(p, there);
        if (word & (PAGE_PINNED | PAGE_EXCLUDED) ||
            (claimed && there & (PAGE_PINNED | PAGE_EXCLUDED)))
                walk_error(k, (word | there) & PAGE_EXCLUDED ? -EINVAL : -EBUSY);
        if (claimed && there == 0 && !k->error) {
                move_claimed(k, to, to_page, word);
                return;
        }
        page_release(k->mapping, k->page, word);
        if (claimed)
                page_release(to, to_page, there);
        if (k->error)
                return;
        if (claimed && there == PAGE_POISONED && !k->pool->uffd.can_poison &&
            k->pool->delivery == PG_DELIVERY_THREAD) {
                walk_error(k, -EIO); /* what covers it can only be replaced by content */
        } else if (claimed) {
                forget_page(k, to, to_page);
        } else {
                walk_rest(k);
                page_wait(p);
        }
}

/* Touched pages of the source move; those of the target are forgotten first. */
static void move_range(struct walk *k, struct walk *target)
{
        uint64_t first = k->page, to_first = target->page;

        range_discard(target);
        walk_rest(target);
        k->error = target->error;
        while (!k->error && walk_next_touched(k)) {
                if (page_word_read(mapping_word(k->mapping, k->page)) == 0)
                        k->page++;
                else
                        move_page(k, target->mapping, to_first + (k->page - first));
        }
}

int pg_move(struct pg_pool *pool, void *to, void *from, size_t size)
{
        uintptr_t a = (uintptr_t)to, b = (uintptr_t)from;
        struct walk target, k;
        int error = walk_begin(&target, pool, to, size);

        if (error)
                return error;
        error = walk_begin(&k, pool, from, size);
        if (error) {
                walk_end(&target);
                return error;
        }
        if ((a < b ? b - a : a - b) < size || k.mapping->location < PG_LOCATION_ANON_UNINIT ||
            target.mapping->location != k.mapping->location || !mapping_is_writable(k.mapping) ||
            !mapping_is_writable(target.mapping))
                k.error = -EINVAL;
        else
                move_range(&k, &target);
        error = walk_end(&k);
        walk_end(&target);
        return error;
}

/* ---- exclude and include ------------------------------------------------------------------- */

static void exclude_range(struct walk *k)
{
        uint64_t first = k->page;

        range_unpin(k);
        k->page = first;
        while (k->page < k->end) {
                uint64_t word;

                mapping_touch(k->mapping, k->page);
                walk_work(k);
                if (!walk_claim(k, &word))
                        continue;
                if ((word & ~(PAGE_HISTORY | PAGE_POISONED)) == 0 || word & PAGE_EXCLUDED) {
                        page_release(k->mapping, k->page++, PAGE_EXCLUDED);
                        continue;
                }
                page_release(k->mapping, k->page, word);
                if (word & PAGE_PINNED) {
                        struct walk again = *k;

                        again.end = k->page + 1;
                        range_unpin(&again);
                        k->ctx = again.ctx;
                } else {
                        forget_page(k, k->mapping, k->page);
                        k->error = 0;
                }
        }
        walk_rest(k);
}

int pg_exclude(struct pg_pool *pool, void *addr, size_t size)
{
        struct walk k;
        int error = walk_begin(&k, pool, addr, size);

        if (error)
                return error;
        if (k.mapping->flags & PG_MAP_SHARED) {
                walk_error(&k, -EINVAL);
                return walk_end(&k);
        }
        exclude_range(&k);
        error = mapping_cover(addr, size, false);
        if (error)
                walk_error(&k, error);
        return walk_end(&k);
}

static void include_range(struct walk *k, uint64_t first)
{
        for (k->page = first; k->page < k->end;) {
                uint64_t word;

                walk_work(k);
                if (walk_claim(k, &word))
                        page_release(k->mapping, k->page++, word & ~PAGE_EXCLUDED);
        }
}

int pg_include(struct pg_pool *pool, void *addr, size_t size)
{
        struct walk k;
        int error = walk_begin(&k, pool, addr, size);

        if (error)
                return error;
        walk_work(&k); /* so that nobody forks in the middle */
        for (uint64_t page = k.page; page < k.end; page++)
                if (!(page_word_read(mapping_word(k.mapping, page)) & PAGE_EXCLUDED))
                        walk_error(&k, -EINVAL);
        if (!k.error)
                walk_error(&k, mapping_cover(addr, size, true));
        if (!k.error)
                walk_error(&k, uffd_register(&pool->uffd, addr, size));
        if (k.error)
                return walk_end(&k);
        include_range(&k, k.page);
        if (mprotect(addr, size, mapping_prot(k.mapping)) != 0)
                walk_error(&k, -errno);
        return walk_end(&k);
}
