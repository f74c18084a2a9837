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
                victim_remove(&pool->victims, &pool->frames, frame);
        else
                policy_queued(&pool->policy, frame);
}

/* ---- unmapping ----------------------------------------------------------------------------- */

/* The program dropped the page itself (madvise, munmap): nothing is left that could be saved. */
static void page_lost(struct pg_pool *pool, struct item *item)
{
        struct frame *f = frame_at(&pool->frames, item->frame);

        copy_forget(pool, f->location, f->owned);
        lock_take(&pool->lock);
        policy_forget_queued(&pool->policy, item->frame);
        frame_put(&pool->frames, item->frame);
        page_event(pool, PG_TRACE_FORGOTTEN, item->region, item->page, false);
        lock_drop(&pool->lock);
        page_release(item->region, item->page, 0);
}

int evict_unmap(struct pg_pool *pool, struct worker *w)
{
        struct batch *out = &w->out;
        int error = 0;

        transit_out(pool, out);
        for (unsigned i = 0; i < out->count; i++) {
                struct item *item = &out->items[i];

                if (item->error == 0)
                        continue;
                if (item->error == -ENOENT) {
                        page_lost(pool, item);
                        continue;
                }
                error = error ? error : item->error;
                tally_add(&w->tally, STAT_BUSY_PAGES, 1);
                lock_take(&pool->lock);
                policy_rescued(&pool->policy, item->frame, page_key(item->region, item->page));
                lock_drop(&pool->lock);
                page_release(item->region, item->page, item->word);
        }
        batch_drop_failed(out);
        return error;
}

/* Unmapped pages wait in the queue. Those that go straight on stay in the batch, and ours. */
static void enqueue(struct pg_pool *pool, struct worker *w)
{
        struct batch *out = &w->out;
        unsigned kept = 0;

        lock_take(&pool->lock);
        for (unsigned i = 0; i < out->count; i++) {
                const struct item *item = &out->items[i];

                if (item->straight_on)
                        continue;
                victim_push(&pool->victims, &pool->frames, item->frame);
                page_event(pool, PG_TRACE_QUEUED, item->region, item->page,
                           item->word & PAGE_DIRTY);
        }
        lock_drop(&pool->lock);
        for (unsigned i = 0; i < out->count; i++) {
                struct item *item = &out->items[i];

                item->word |= PAGE_QUEUED;
                if (item->straight_on) {
                        out->items[kept++] = *item;
                        continue;
                }
                trace_add(&pool->trace, region_addr(item->region, item->page), TRACE_QUEUED,
                          item->word, w->tid);
                page_release(item->region, item->page, item->word);
        }
        out->count = kept;
}

void evict_to_queue(struct pg_pool *pool, struct worker *w)
{
        evict_unmap(pool, w);
        enqueue(pool, w);
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
static bool choose_location(struct pg_pool *pool, struct worker *w, struct item *item,
                            bool for_fault)
{
        struct frame *f = frame_at(&pool->frames, item->frame);
        struct pg_store *swap;
        uint64_t offset;

        if (!(item->word & PAGE_DIRTY)) {
                item->location = f->location;
                item->owned = f->owned;
                return false;
        }
        if (item->region->flags & PG_MAP_SHARED) {
                item->location = region_location(item->region, item->page);
                return region_is_writable(item->region);
        }
        if (is_all_zero(item->data, pool->page_size)) {
                tally_add(&w->tally, STAT_ZERO_PAGES_OUT, 1);
                item->location = PG_LOCATION_ANON_ZERO;
                return false;
        }
        swap = store_find(&pool->stores, location_make(pool->stores.swap, 0), &offset);
        item->error = store_location_get(swap, &offset, for_fault);
        if (item->error)
                return false;
        item->location = location_make(pool->stores.swap, offset);
        item->owned = item->newly = true;
        return true;
}

static void write_run(struct pg_pool *pool, struct worker *w, struct item *first, unsigned n)
{
        uint64_t offset, began = clock_now();
        struct pg_store *store = store_find(&pool->stores, first->location, &offset);
        int error = store_page_out(store, offset, n, first->data);

        tally_time(&w->tally, PG_HISTOGRAM_PAGE_OUT, clock_now() - began);
        for (unsigned i = 0; i < n; i++) {
                /* One bad place must not keep its neighbours from being saved. */
                if (error)
                        first[i].error =
                                n == 1 ? error
                                       : store_page_out(store, offset + i * pool->page_size, 1,
                                                        first[i].data);
                tally_add(&w->tally, STAT_PAGES_OUT, !first[i].error);
                if (first[i].error && first[i].newly)
                        copy_forget(pool, first[i].location, true);
        }
}

void evict_save(struct pg_pool *pool, struct worker *w, bool for_fault)
{
        struct batch *out = &w->out;
        unsigned n = 0; /* pages of the run that ends at i */

        for (unsigned i = 0; i <= out->count; i++) {
                struct item *item = &out->items[i];
                bool write = i < out->count && choose_location(pool, w, item, for_fault);

                if (n > 0 && !(write && item[-1].location + pool->page_size == item->location &&
                               item[-1].data + pool->page_size == item->data)) {
                        write_run(pool, w, item - n, n);
                        n = 0;
                }
                n += write;
        }
}

/* ---- leaving ------------------------------------------------------------------------------- */

void evict_returned(struct pg_pool *pool, struct worker *w, const struct item *item, uint64_t word,
                    enum trace_event event)
{
        word = item->error ? word | PAGE_QUEUED : word & ~PAGE_QUEUED;
        lock_take(&pool->lock);
        if (item->error)
                victim_push(&pool->victims, &pool->frames, item->frame);
        else
                policy_rescued(&pool->policy, item->frame, page_key(item->region, item->page));
        page_event(pool, item->error ? PG_TRACE_QUEUED : PG_TRACE_RETURNED, item->region,
                   item->page, word & PAGE_DIRTY);
        lock_drop(&pool->lock);
        trace_add(&pool->trace, region_addr(item->region, item->page), event, word, w->tid);
        page_release(item->region, item->page, word);
}

int evict_give_back(struct pg_pool *pool, struct worker *w)
{
        struct batch *out = &w->out;
        unsigned failed = 0;
        int error = 0;

        for (unsigned i = 0; i < out->count; i++) {
                struct item *item = &out->items[i];

                if (item->error == 0)
                        continue;
                error = error ? error : item->error;
                tally_add(&w->tally, STAT_ERRORS_SAVE, 1);
                tally_add(&w->tally, STAT_ERRORS_FULL, item->error == -ENOSPC);
                item->error = 0;
                item->clean = false;
                out->items[failed++] = *item;
        }
        out->count = failed;
        transit_in(pool, out);
        for (unsigned i = 0; i < failed; i++)
                evict_returned(pool, w, &out->items[i], out->items[i].word, TRACE_RETURNED);
        out->count = 0;
        return error;
}

/* Gives the memory of the saved pages back, neighbours together, all in one call. */
static void slots_drop(struct pg_pool *pool, struct worker *w)
{
        w->ranges.n = 0;
        for (unsigned i = 0; i < w->out.count; i++) {
                const struct item *item = &w->out.items[i];

                if (item->error == 0 && !item->dropped)
                        ranges_add(&w->ranges, item->data, pool->page_size);
        }
        uffd_drop_ranges(w->ranges.v, w->ranges.n);
}

/* Saved pages: their frames are free, and their words say where they are. */
static unsigned leave(struct pg_pool *pool, struct worker *w)
{
        struct replacement r = pool_replacement(pool);
        struct thread_counters *thread = w->thread;
        unsigned clean = 0, dirty = 0, wasted = 0;

        slots_drop(pool, w);
        lock_take(&pool->lock);
        for (unsigned i = 0; i < w->out.count; i++) {
                struct item *item = &w->out.items[i];
                struct frame *f = frame_at(&pool->frames, item->frame);
                bool unused = atomic_load_explicit(&f->ahead, memory_order_relaxed);

                if (item->error)
                        continue;
                if (!(item->word & PAGE_DIRTY) && !unused)
                        item->word = habit_read(&item->region->habit, item->word);
                wasted += unused;
                replacement_went_out(&r, item->frame, page_key(item->region, item->page));
                page_event(pool, PG_TRACE_LEFT, item->region, item->page, item->word & PAGE_DIRTY);
        }
        lock_drop(&pool->lock);
        if (atomic_load(&pool->frames.waiting) != 0)
                futex_wake(&pool->frames.freed, INT32_MAX);
        for (unsigned i = 0; i < w->out.count; i++) {
                struct item *item = &w->out.items[i];
                uint64_t word = item->word & PAGE_HABIT;

                if (item->error)
                        continue;
                if (item->location != region_location(item->region, item->page))
                        word |= item->location | PAGE_PLACED;
                dirty += (item->word & PAGE_DIRTY) != 0;
                clean += (item->word & PAGE_DIRTY) == 0;
                trace_add(&pool->trace, region_addr(item->region, item->page), TRACE_EVICTED, word,
                          w->tid);
                page_release(item->region, item->page, word);
        }
        tally_add(&w->tally, STAT_EVICTIONS_CLEAN, clean);
        tally_add(&w->tally, STAT_EVICTIONS_DIRTY, dirty);
        tally_add(&w->tally, STAT_AHEAD_WASTED, wasted);
        if (thread) {
                atomic_fetch_add_explicit(&thread->evictions_clean, clean, memory_order_relaxed);
                atomic_fetch_add_explicit(&thread->evictions_dirty, dirty, memory_order_relaxed);
        }
        return clean + dirty;
}

int evict_batch(struct pg_pool *pool, struct worker *w, bool for_fault, unsigned *left)
{
        int unmap_error, save_error;

        transit_drop(pool, w);
        unmap_error = evict_unmap(pool, w);
        evict_save(pool, w, for_fault);
        *left = leave(pool, w);
        save_error = evict_give_back(pool, w);
        return save_error ? save_error : unmap_error;
}

/* ---- the story ----------------------------------------------------------------------------- */

/* Why there was no victim. Under the lock. Frames that are neither pinned nor victims are in
 * flight, or came back since we looked: only where all are pinned there is nothing to wait for. */
static int why_none(struct pg_pool *pool, struct worker *w, uint32_t passed_before)
{
        struct frames *f = &pool->frames;

        if (w->passed_over > pool->policy.count + pool->victims.list.count) {
                w->avoid_saves = false; /* all were looked at, and all must be saved */
                w->all_dirty = true;
                w->passed_over = 0;
                return 0;
        }
        if (w->passed_over > passed_before)
                return 0;
        return f->live < f->limit || f->live > f->pinned - f->promised ? -EAGAIN : -ENOMEM;
}

/* One look at policy and queue. Victims are in w->out then, or an error says why there are none; 0:
 * look again. */
static int pick(struct pg_pool *pool, struct worker *w, unsigned want)
{
        struct replacement r = pool_replacement(pool);
        uint32_t passed = w->passed_over;
        bool queue;
        int error = 0;

        lock_take(&pool->lock);
        queue = replacement_queues(&r);
        choose_from_policy(pool, w, want, queue);
        if (queue) {
                lock_drop(&pool->lock);
                transit_drop(pool, w);
                error = evict_unmap(pool, w);
                enqueue(pool, w);
                lock_take(&pool->lock);
                choose_from_queue(pool, w, want);
        }
        if (w->out.count == 0 && error == 0)
                error = why_none(pool, w, passed);
        lock_drop(&pool->lock);
        return error;
}

int evict(struct pg_pool *pool, struct worker *w, unsigned want)
{
        uint64_t began = clock_now();
        unsigned left = 0;
        int error;

        want = want < pool->batch_pages ? pool->batch_pages : want;
        error = pick(pool, w, want);
        if (w->out.count > 0)
                error = evict_batch(pool, w, true, &left);
        tally_time(&w->tally, PG_HISTOGRAM_EVICTION, clock_now() - began);
        if (left > 0)
                return (int)left;
        if (error == 0 || error == -EBUSY || error == -EAGAIN || error == -ENOMEM)
                return error;
        /* A store refused. Another victim may be clean, or go to another store. */
        w->avoid_saves = !w->all_dirty;
        return ++w->refused < SAVES_TRIED ? 0 : error;
}

int evict_to_limit(struct pg_pool *pool, unsigned patience_ms)
{
        struct worker *w = worker_get(&pool->workers, &pool->stats, stats_self());
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
                result = evict(pool, w, 1);
                if (result == -EAGAIN || (result == -EBUSY && patience_ms-- > 0))
                        futex_wait(&pool->frames.freed, freed, 1000000);
                else if (result < 0)
                        break;
                result = 0;
        }
        pool_worker_put(pool, w);
        return result;
}
