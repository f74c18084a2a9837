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
 */
#include "range_walk.h"
#include "evict.h"
#include "page_transfer.h"

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
        if (k->w && k->w->out.count > 0)
                return true;
        walk_rest(k);
        return false;
}

/* Claims and takes the next pages that are wanted. The walk is at rest when it returns false: there
 * was none, or a page was waited for. Pinned pages count in *pinned. */
static bool take_batch(struct walk *k, bool (*wanted)(uint64_t word), unsigned *pinned)
{
        struct batch *out;

        walk_work(k);
        out = &k->w->out;
        while (out->count < RUN_MAX && walk_next_touched(k)) {
                uint64_t word = page_load(region_word(k->region, k->page));

                if (word & PAGE_BUSY && out->count > 0)
                        break;
                if (!(word & PAGE_BUSY) && !wanted(word)) {
                        *pinned += (word & PAGE_PINNED) != 0;
                        k->page++;
                        continue;
                }
                if (out->count > 0 ? !page_claim(region_word(k->region, k->page), word)
                                   : !walk_claim(k, &word))
                        break;
                if (!wanted(word)) {
                        page_release(k->region, k->page, word);
                        continue;
                }
                lock_take(&k->pool->lock);
                evict_take(k->pool, page_frame(word), word);
                lock_drop(&k->pool->lock);
                batch_add(out, k->region, k->page++, word);
        }
        return walk_has_batch(k);
}

int pg_page_out(struct pg_pool *pool, void *addr, size_t size)
{
        struct walk k;
        unsigned pinned = 0, left;
        int error = walk_begin(&k, pool, addr, size);

        if (error)
                return error;
        while (k.error != -ENOSPC && walk_next_touched(&k)) {
                if (!take_batch(&k, is_evictable, &pinned))
                        continue;
                error = evict_batch(pool, k.w, false, &left);
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

        if (k->pool->victims.pct == 0)
                return;
        while (walk_next_touched(k)) {
                if (!take_batch(k, is_mapped_evictable, &ignored))
                        continue;
                evict_to_queue(k->pool, k->w);
                walk_rest(k);
        }
}

/* ---- discard ------------------------------------------------------------------------------- */

/* Claims the next pages that are not as they were born. */
static bool claim_batch(struct walk *k)
{
        struct batch *out;

        walk_work(k);
        out = &k->w->out;
        while (out->count < RUN_MAX && walk_next_touched(k)) {
                uint64_t word = page_load(region_word(k->region, k->page));

                if (word & PAGE_BUSY && out->count > 0)
                        break;
                if (word == 0 || word & PAGE_EXCLUDED ||
                    (word & (PAGE_PINNED | PAGE_BUSY)) == PAGE_PINNED) {
                        if (word & PAGE_PINNED)
                                walk_error(k, -EBUSY);
                        k->page++;
                        continue;
                }
                if (out->count > 0 ? !page_claim(region_word(k->region, k->page), word)
                                   : !walk_claim(k, &word))
                        break;
                if (word & (PAGE_PINNED | PAGE_EXCLUDED))
                        page_release(k->region, k->page, word);
                else
                        batch_add(out, k->region, k->page++, word);
        }
        return walk_has_batch(k);
}

/* Frees the memory of the claimed pages, neighbours together. */
static void drop_resident(struct pg_pool *pool, struct batch *out)
{
        struct ranges ranges = {.n = 0};

        for (unsigned i = 0; i < out->count; i++) {
                struct item *item = &out->items[i];

                if (page_is_mapped(item->word))
                        ranges_add(&ranges, region_addr(item->region, item->page), pool->page_size);
                else if (item->word & PAGE_QUEUED)
                        ranges_add(&ranges, frame_slot(&pool->frames, item->frame),
                                   pool->page_size);
        }
        uffd_drop_ranges(ranges.v, ranges.n);
}

static void discard_resident(struct pg_pool *pool, struct item *item)
{
        struct frame *f = frame_at(&pool->frames, item->frame);

        copy_forget(pool, f->location, f->owned);
        lock_take(&pool->lock);
        if (item->word & PAGE_QUEUED) {
                victim_remove(&pool->victims, &pool->frames, item->frame);
                policy_forget_queued(&pool->policy, item->frame);
        } else {
                policy_remove(&pool->policy, item->frame);
        }
        frame_put(&pool->frames, item->frame);
        page_event(pool, PG_TRACE_FORGOTTEN, item->region, item->page, false);
        lock_drop(&pool->lock);
}

/* Returns the page's new word. */
static uint64_t discard_out(struct pg_pool *pool, struct item *item)
{
        uint64_t word = 0;
        pg_location location = region_page_location(item->region, item->page, item->word);

        copy_forget(pool, location, item->word & PAGE_PLACED && location < PG_LOCATION_ANON_UNINIT);
        page_event_alone(pool, PG_TRACE_FORGOTTEN, item->region, item->page, false);
        if (item->word & PAGE_POISONED)
                word = page_heal(pool, item->region, item->page, item->word) & PAGE_POISONED;
        return word;
}

void range_discard(struct walk *k)
{
        store_refresh(&k->pool->stores, region_location(k->region, k->page),
                      (k->end - k->page) << k->region->page_shift);
        while (walk_next_touched(k)) {
                struct batch *out;

                if (!claim_batch(k))
                        continue;
                out = &k->w->out;
                drop_resident(k->pool, out);
                for (unsigned i = 0; i < out->count; i++) {
                        struct item *item = &out->items[i];

                        uint64_t word = 0;

                        if (item->word & PAGE_RESIDENT)
                                discard_resident(k->pool, item);
                        else
                                word = discard_out(k->pool, item);
                        trace_add(&k->pool->trace, region_addr(item->region, item->page),
                                  TRACE_DISCARDED, word, k->w->tid);
                        page_release(item->region, item->page, word);
                }
                walk_rest(k);
        }
}

/* ---- sync ---------------------------------------------------------------------------------- */

/* The saved pages of w->out go back into the program, clean. */
static void return_clean(struct pg_pool *pool, struct worker *w)
{
        struct batch *in = &w->in;

        in->count = 0;
        for (unsigned i = 0; i < w->out.count; i++)
                if (w->out.items[i].error == 0)
                        in->items[in->count++] = w->out.items[i];
        for (unsigned i = 0; i < in->count; i++)
                in->items[i].clean = true;
        transit_in(pool, in);
        for (unsigned i = 0; i < in->count; i++) {
                struct item *item = &in->items[i];
                struct frame *f = frame_at(&pool->frames, item->frame);

                f->location = item->location;
                evict_returned(pool, w, item, item->word & ~PAGE_DIRTY, TRACE_SYNCED);
        }
        in->count = 0;
}

/* Writes one modified page that could not be unmapped from where it is now: in the program or, if it
 * was unpinned meanwhile and went into the victim queue, in its slot. It stays DIRTY. */
static void sync_in_place(struct walk *k)
{
        uint64_t word;
        struct item *item;

        walk_work(k);
        if (!walk_claim(k, &word))
                return;
        if (word & PAGE_RESIDENT && word & PAGE_DIRTY &&
            (word & PAGE_QUEUED || !page_is_hole(k->pool, k->region, k->page))) {
                k->w->out.count = 0;
                item = batch_add(&k->w->out, k->region, k->page, word);
                item->data = word & PAGE_QUEUED ? frame_slot(&k->pool->frames, item->frame)
                                                : region_addr(k->region, k->page);
                evict_save(k->pool, k->w, false);
                if (item->error) {
                        walk_error(k, item->error);
                        tally_add(&k->w->tally, STAT_ERRORS_SAVE, 1);
                        tally_add(&k->w->tally, STAT_ERRORS_FULL, item->error == -ENOSPC);
                }
                k->w->out.count = 0;
        }
        page_release(k->region, k->page++, word);
}

void range_sync(struct walk *k)
{
        while (walk_next_touched(k)) {
                uint64_t first = k->page;
                unsigned unmovable = 0;
                int error;

                if (take_batch(k, is_dirty_evictable, &unmovable)) {
                        unmovable += evict_unmap(k->pool, k->w) != 0;
                        evict_save(k->pool, k->w, false);
                        return_clean(k->pool, k->w);
                        error = evict_give_back(k->pool, k->w);
                        if (error)
                                walk_error(k, error);
                }
                if (unmovable) {
                        struct walk again = *k;

                        again.page = first;
                        again.end = k->page;
                        while (walk_next_touched(&again))
                                sync_in_place(&again);
                        k->w = again.w;
                        k->error = again.error;
                }
                walk_rest(k);
        }
}

int pg_sync(struct pg_pool *pool, void *addr, size_t size)
{
        struct walk k;
        uint64_t ignored;
        int error = walk_begin(&k, pool, addr, size);

        if (error)
                return error;
        if (k.region->flags & PG_MAP_SHARED && region_is_writable(k.region)) {
                walk_work(&k); /* a store's lock may be held in what follows */
                range_sync(&k);
                error = store_sync(store_find(&pool->stores, k.region->location, &ignored));
                if (error)
                        walk_error(&k, error);
        }
        return walk_end(&k);
}

/* ---- advice -------------------------------------------------------------------------------- */

static void set_mode(struct walk *k, enum ahead_mode mode)
{
        atomic_store_explicit(&k->region->ahead.mode, mode, memory_order_relaxed);
}

int pg_advise(struct pg_pool *pool, void *addr, size_t size, enum pg_advice advice)
{
        struct walk k;
        int error = walk_begin(&k, pool, addr, size);

        if (error)
                return error;
        switch (advice) {
        case PG_ADVICE_NORMAL:
                set_mode(&k, AHEAD_NORMAL);
                break;
        case PG_ADVICE_SEQUENTIAL:
                set_mode(&k, AHEAD_SEQUENTIAL);
                break;
        case PG_ADVICE_RANDOM:
                set_mode(&k, AHEAD_RANDOM);
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
