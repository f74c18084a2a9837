/* SPDX-License-Identifier: MIT */
/*
 * residency_in.c - the calls that bring pages in without a fault: page_in, pin, unpin.
 *
 * A range is walked word by word, which costs nanoseconds and no system call where nothing is to be
 * done. What is missing is loaded in runs, by the same verb that serves faults.
 */
#include "residency.h"
#include "fault.h"
#include "transit.h"

#include <errno.h>

/* Frames that may be pinned of the `want`; they count as pinned from now on. */
static unsigned pins_reserve(struct pg_pool *pool, unsigned want)
{
        struct frames *f = &pool->frames;
        uint32_t most;
        unsigned n;

        lock_take(&pool->lock);
        most = f->limit - frames_reserve(f->limit);
        n = f->pinned >= most ? 0 : most - f->pinned < want ? most - f->pinned : want;
        f->pinned += n;
        f->promised += n;
        lock_drop(&pool->lock);
        return n;
}

static void pins_unreserve(struct pg_pool *pool, unsigned n)
{
        lock_take(&pool->lock);
        pool->frames.pinned -= n;
        pool->frames.promised -= n;
        lock_drop(&pool->lock);
}

/* In signal delivery a system call that writes to a clean page would fail. */
static bool pin_must_write(const struct walk *k)
{
        return k->pool->how == PG_DELIVERY_SIGNAL && region_is_writable(k->region);
}

/* The claimed page at k->page is mapped: pin it where it is. */
static void pin_mapped(struct walk *k, uint64_t word)
{
        struct item *item = batch_add(&k->w->in, k->region, k->page, word);

        if (!(word & PAGE_PINNED)) {
                lock_take(&k->pool->lock);
                policy_remove(&k->pool->policy, item->frame);
                pin_keep(k->pool, k->w);
                lock_drop(&k->pool->lock);
                item->word |= PAGE_PINNED;
        }
        if (pin_must_write(k) && !(word & PAGE_DIRTY))
                fault_make_writable(k->pool, k->w, item);
        page_release(k->region, k->page, item->word);
        k->page++;
}

/* The claimed page at k->page and those that follow are out: load as many as go in one run. */
static void load_run(struct walk *k, uint64_t word, bool pin, unsigned most)
{
        struct pg_pool *pool = k->pool;
        struct region *r = k->region;
        struct batch *in = &k->w->in;
        uint64_t first = k->page;
        int error;

        most = most < pool->workers.run_pages ? most : pool->workers.run_pages;
        for (;;) {
                if (word & PAGE_POISONED) {
                        word &= ~PAGE_POISONED;
                        if (pool->how == PG_DELIVERY_THREAD)
                                uffd_heal(&pool->uffd, region_addr(r, k->page), pool->page_size,
                                          region_prot(r));
                }
                batch_add(in, r, k->page, word);
                if (++k->page == k->end || in->count == most)
                        break;
                region_touch(r, k->page);
                word = page_load(region_word(r, k->page));
                if (word & (PAGE_BUSY | PAGE_RESIDENT) ||
                    !page_claim(region_word(r, k->page), word))
                        break;
        }
        error = fault_load(pool, k->w, in->count, pin && pin_must_write(k));
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
        uint64_t word;
        unsigned reserved = 0;

        walk_work(k);
        region_touch(k->region, k->page);
        if (!walk_claim(k, &word))
                return;
        if (pin && !(word & PAGE_PINNED)) {
                uint64_t left = k->end - k->page;

                reserved = pins_reserve(k->pool, left < RUN_MAX ? (unsigned)left : RUN_MAX);
                if (reserved == 0) {
                        page_release(k->region, k->page, word);
                        walk_error(k, -ENOMEM);
                        k->page = k->end;
                        walk_rest(k);
                        return;
                }
        }
        k->w->pins = reserved;
        if (page_is_mapped(word) && pin) {
                pin_mapped(k, word);
        } else if (page_is_mapped(word)) {
                page_release(k->region, k->page++, word);
        } else if (word & PAGE_QUEUED) {
                int error =
                        fault_rescue(k->pool, k->w, batch_add(&k->w->in, k->region, k->page, word),
                                     pin && pin_must_write(k));

                if (error)
                        walk_error(k, error);
                k->page++;
        } else {
                load_run(k, word, pin, pin ? reserved : RUN_MAX);
        }
        if (k->w->pins)
                pins_unreserve(k->pool, k->w->pins);
        walk_rest(k);
}

static bool is_done(uint64_t word, bool pin)
{
        return page_is_mapped(word) && !(word & PAGE_BUSY) && (!pin || word & PAGE_PINNED);
}

static int bring_range(struct pg_pool *pool, void *addr, size_t size, bool pin)
{
        struct walk k;
        int error = walk_begin(&k, pool, addr, size);

        if (error)
                return error;
        while (k.page < k.end) {
                if (is_done(page_load(region_word(k.region, k.page)), pin))
                        k.page++;
                else
                        bring_some(&k, pin);
        }
        return error_as_zephyr(walk_end(&k));
}

void range_will_need(struct walk *k)
{
        while (k->page < k->end && pg_free_get(k->pool) > 0) {
                if (is_done(page_load(region_word(k->region, k->page)), false))
                        k->page++;
                else
                        bring_some(k, false);
        }
        k->error = 0;
}

int pg_page_in(struct pg_pool *pool, void *addr, size_t size)
{
        return bring_range(pool, addr, size, false);
}

int pg_pin(struct pg_pool *pool, void *addr, size_t size)
{
        return bring_range(pool, addr, size, true);
}

void range_unpin(struct walk *k)
{
        while (walk_next_touched(k)) {
                uint64_t word = page_load(region_word(k->region, k->page));

                if (!(word & (PAGE_PINNED | PAGE_BUSY))) {
                        k->page++;
                        continue;
                }
                walk_work(k);
                if (!walk_claim(k, &word))
                        continue;
                if (word & PAGE_PINNED) {
                        word &= ~PAGE_PINNED;
                        lock_take(&k->pool->lock);
                        k->pool->frames.pinned--;
                        policy_add(&k->pool->policy, page_frame(word), page_key(k->region, k->page),
                                   PG_ADD_RETURNED);
                        lock_drop(&k->pool->lock);
                }
                page_release(k->region, k->page++, word);
        }
}

int pg_unpin(struct pg_pool *pool, void *addr, size_t size)
{
        struct walk k;
        int error = walk_begin(&k, pool, addr, size);

        if (error)
                return error;
        range_unpin(&k);
        return walk_end(&k);
}
