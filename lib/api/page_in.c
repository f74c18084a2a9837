/* SPDX-License-Identifier: MIT */
/*
 * page_in.c - the calls that bring pages in without a fault: page_in, pin, unpin.
 *
 * A range is walked word by word, which costs nanoseconds and no system call where nothing is to be
 * done. What is missing is loaded in runs, by page_load_batch(), as faults do.
 */
#include "event_ring.h"
#include "fault.h"
#include "frame.h"
#include "futex_lock.h"
#include "mapping.h"
#include "memory_cap.h"
#include "move_context.h"
#include "page.h"
#include "page_load.h"
#include "page_presence.h"
#include "page_state.h"
#include "page_transfer.h"
#include "pool.h"
#include "range_walk.h"

#include <errno.h>

/* All or nothing: these frames count as pinned from now on. */
static bool pins_promise(struct pg_pool *pool, uint64_t n)
{
        bool fits;

        memory_fit(pool);
        pool_lock(pool);
        fits = frames_promise_pins(&pool->frames, n);
        pool_unlock(pool);
        return fits;
}

static void pins_withdraw(struct pg_pool *pool, unsigned n)
{
        pool_lock(pool);
        frames_withdraw_pins(&pool->frames, n);
        pool_unlock(pool);
}

/* In signal delivery a system call that writes to a clean page would fail. */
static bool pin_must_write(const struct walk *k)
{
        return k->pool->delivery == PG_DELIVERY_SIGNAL && mapping_is_writable(k->mapping);
}

/* The claimed page at k->page is mapped: pin it where it is. */
static void pin_mapped(struct walk *k, uint64_t word)
{
        struct page_op *op = page_batch_add(&k->ctx->in, k->mapping, k->page, word);

        if (!(word & PAGE_PINNED)) {
                pool_lock(k->pool);
                page_pinned(k->pool, k->ctx, op);
                pool_unlock(k->pool);
        }
        if (pin_must_write(k))
                walk_error(k, fault_make_writable(k->pool, k->ctx, op));
        page_publish(k->pool, k->ctx, op, RING_PINNED);
        k->page++;
}

/* The claimed page at k->page and those that follow are out: load as many as go in one run. */
static void bring_run(struct walk *k, uint64_t word, bool pin, unsigned most)
{
        struct pg_pool *pool = k->pool;
        struct mapping *m = k->mapping;
        struct page_batch *in = &k->ctx->in;
        uint64_t first = k->page;
        int error;

        most = most < pool->contexts.run_pages ? most : pool->contexts.run_pages;
        for (;;) {
                if (word & PAGE_POISONED)
                        word = page_heal(pool, m, k->page, word);
                page_batch_add(in, m, k->page, word);
                if (++k->page == k->end || in->count == most)
                        break;
                mapping_touch(m, k->page);
                word = page_word_read(mapping_word(m, k->page));
                if (word & (PAGE_BUSY | PAGE_RESIDENT | PAGE_EXCLUDED) ||
                    !page_claim(mapping_word(m, k->page), word))
                        break;
        }
        error = page_load_batch(pool, k->ctx, in->count, pin && pin_must_write(k));
        k->page = first + in->count; /* not all of them may have found a frame */
        if (error) {
                walk_error(k, error);
                if (in->count == 0)
                        k->page = k->end; /* no frames: there is no point in going on */
        }
}

/* One page, or one run, of the range. */
static void bring_some(struct walk *k, bool pin)
{
        unsigned promised = k->promised < BATCH_MAX ? k->promised : BATCH_MAX;
        uint64_t word;

        walk_work(k);
        mapping_touch(k->mapping, k->page);
        if (!walk_claim(k, &word))
                return;
        if (word & PAGE_EXCLUDED) {
                page_release(k->mapping, k->page++, word);
                walk_error(k, -EINVAL);
                return;
        }
        if (pin && promised == 0 && !(word & PAGE_PINNED)) {
                /* Somebody has unpinned it since the pins were counted. */
                if (!pins_promise(k->pool, 1)) {
                        page_release(k->mapping, k->page, word);
                        walk_error(k, -ENOMEM);
                        k->page = k->end;
                        return;
                }
                k->promised = promised = 1;
        }
        k->ctx->pins = promised;
        if (page_is_mapped(word) && pin) {
                pin_mapped(k, word);
        } else if (page_is_mapped(word)) {
                page_release(k->mapping, k->page++, word);
        } else if (word & PAGE_QUEUED) {
                int error = fault_rescue(k->pool, k->ctx,
                                         page_batch_add(&k->ctx->in, k->mapping, k->page, word),
                                         pin && pin_must_write(k));

                if (error)
                        walk_error(k, error);
                k->page++;
        } else {
                bring_run(k, word, pin, pin ? promised : BATCH_MAX);
        }
        k->promised -= promised - k->ctx->pins;
        walk_rest(k);
}

static bool is_done(uint64_t word, bool pin)
{
        return page_is_mapped(word) && !(word & PAGE_BUSY) && (!pin || word & PAGE_PINNED);
}

static void bring_range(struct walk *k, bool pin)
{
        while (k->page < k->end) {
                if (is_done(page_word_read(mapping_word(k->mapping, k->page)), pin))
                        k->page++;
                else
                        bring_some(k, pin);
        }
}

void range_will_need(struct walk *k)
{
        while (k->page < k->end && pg_free_get(k->pool) > 0) {
                if (is_done(page_word_read(mapping_word(k->mapping, k->page)), false))
                        k->page++;
                else
                        bring_some(k, false);
        }
        k->error = 0;
}

int pg_page_in(struct pg_pool *pool, const void *addr, size_t size)
{
        struct walk k;
        int error = walk_begin(&k, pool, addr, size);

        if (error)
                return error;
        bring_range(&k, false);
        return error_as_zephyr(walk_end(&k));
}

int pg_pin(struct pg_pool *pool, const void *addr, size_t size)
{
        struct walk k;
        uint64_t want = 0;
        int error = walk_begin(&k, pool, addr, size);

        if (error)
                return error;
        for (uint64_t page = k.page; page < k.end; page++)
                want += !(page_word_read(mapping_word(k.mapping, page)) & PAGE_PINNED);
        if (want == 0)
                return walk_end(&k);
        walk_work(&k);
        walk_rest(&k);
        if (want > UINT32_MAX || !pins_promise(pool, want)) {
                walk_error(&k, -ENOMEM);
        } else {
                k.promised = (uint32_t)want;
                bring_range(&k, true);
                pins_withdraw(pool, k.promised);
        }
        return error_as_zephyr(walk_end(&k));
}

void range_unpin(struct walk *k)
{
        while (walk_next_touched(k)) {
                uint64_t word = page_word_read(mapping_word(k->mapping, k->page));
                struct page_op *op;

                if (!(word & (PAGE_PINNED | PAGE_BUSY))) {
                        k->page++;
                        continue;
                }
                walk_work(k);
                if (!walk_claim(k, &word))
                        continue;
                op = page_batch_add(&k->ctx->in, k->mapping, k->page++, word);
                k->ctx->in.count = 0;
                if (!(word & PAGE_PINNED)) {
                        page_release(op->mapping, op->page, word);
                        continue;
                }
                pool_lock(k->pool);
                page_unpinned(k->pool, op);
                pool_unlock(k->pool);
                page_publish(k->pool, k->ctx, op, RING_UNPINNED);
        }
}

int pg_unpin(struct pg_pool *pool, const void *addr, size_t size)
{
        struct walk k;
        int error = walk_begin(&k, pool, addr, size);

        if (error)
                return error;
        range_unpin(&k);
        return walk_end(&k);
}
