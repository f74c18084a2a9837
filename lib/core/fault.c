/* SPDX-License-Identifier: MIT */
/*
 * fault.c - a page comes in.
 *
 *         touch ─► look at the word ─┬─ BUSY: its owner will wake us
 *                                    ├─ mapped: a first write to a clean page: make it writable
 *                                    ├─ in the victim queue: rescue it, no store is asked
 *                                    └─ out: claim it (and what is read ahead with it)
 *                                            ─► seat: a frame for each, evicting if need be
 *                                            ─► fill: from the stores, into the buffer
 *                                            ─► transit_in: install
 *                                            ─► settle: tell the policy, commit the words, wake
 *
 * A fault is a hint. The same one can be reported twice, late, or after it was resolved; what is
 * done depends on the page's word alone, and the word is owned while it is done.
 *
 * A page comes in clean if its store keeps the copy, and it is read and probably not written to
 * afterwards: see write_predict.h.
 */
#include "fault.h"
#include "evict.h"
#include "page_transfer.h"

#include <errno.h>

#define MS 1000000u
/* How long a fault waits for pages that the kernel has pinned, and nothing else could be
 * evicted. */
#define PINNED_PATIENCE_MS 2000u

/* ---- seat ---------------------------------------------------------------------------------- */

static bool comes_in_clean(struct pg_pool *pool, struct worker *w, struct item *item, bool write)
{
        uint64_t ignored;
        struct pg_store *store = store_find(&pool->stores, item->location, &ignored);

        if (!(store_flags(store) & PG_STORE_KEEPS))
                return false;
        if (!region_is_writable(item->region))
                return true;
        if (write)
                item->word = habit_written(&item->region->habit, item->word);
        /* What nobody has written to is not to be written to a file. */
        return !write && (item->region->flags & PG_MAP_SHARED ||
                          !habit_will_write(&item->region->habit, item->word, w->habit_turn,
                                            !pool->learns_habits));
}

/* Frames for the first pages of w->in. Returns how many have one. */
static unsigned take_frames(struct pg_pool *pool, struct worker *w, unsigned have)
{
        lock_take(&pool->lock);
        for (; have < w->in.count; have++) {
                struct item *item = &w->in.items[have];

                item->frame = frame_take(&pool->frames);
                if (item->frame == PG_NO_FRAME)
                        break;
        }
        lock_drop(&pool->lock);
        return have;
}

/* A frame for the first page at least, and for the others what one round of eviction yields. */
static int seat(struct pg_pool *pool, struct worker *w)
{
        unsigned have = 0, pinned_ms = 0, rounds = 0;
        int error = 0;

        for (;;) {
                uint32_t freed = atomic_load(&pool->frames.freed);

                have = take_frames(pool, w, have);
                if (have == w->in.count || (have > 0 && rounds > 0) || error)
                        break;
                rounds++;
                error = evict(pool, w, w->in.count - have);
                if (error >= 0) {
                        error = 0;
                } else if (error == -EAGAIN) {
                        atomic_fetch_add(&pool->frames.waiting, 1);
                        futex_wait(&pool->frames.freed, freed, have ? 1 : MS);
                        atomic_fetch_sub(&pool->frames.waiting, 1);
                        error = 0;
                } else if (error == -EBUSY && pinned_ms++ < PINNED_PATIENCE_MS) {
                        futex_wait(&pool->frames.freed, freed, MS);
                        error = 0;
                }
        }
        for (unsigned i = have; i < w->in.count; i++)
                page_release(w->in.items[i].region, w->in.items[i].page, w->in.items[i].word);
        w->in.count = have;
        return have > 0 ? 0 : error;
}

/* ---- fill ---------------------------------------------------------------------------------- */

static bool fills_next(struct pg_pool *pool, const struct item *a, const struct item *b)
{
        bool same_place = a->location >= PG_LOCATION_ANON_UNINIT;

        return b->location == a->location + (same_place ? 0 : pool->page_size);
}

/* Pages that are neighbours in one store: where they are in memory already, or else into the
 * buffer. */
static void load_run(struct pg_pool *pool, struct worker *w, struct item *first, unsigned n)
{
        uint64_t offset, began = clock_now();
        struct pg_store *store = store_find(&pool->stores, first->location, &offset);
        const char *at = store_page_at(store, offset, n);
        bool counts = first->location < PG_LOCATION_ANON_UNINIT;
        char *buffer = w->buffer + (size_t)(first - w->in.items) * pool->page_size;
        int error = at ? 0 : store_page_in(store, offset, n, buffer);

        for (unsigned i = 0; i < n; i++) {
                size_t skip = i * pool->page_size;

                first[i].data = at ? (char *)(uintptr_t)at + skip : buffer + skip;
                /* One bad page must not take its neighbours with it. */
                if (error)
                        first[i].error =
                                n == 1 ? error
                                       : store_page_in(store, offset + skip, 1, first[i].data);
                tally_add(&w->tally, STAT_PAGES_IN, counts && !first[i].error);
        }
        if (counts)
                tally_time(&w->tally, PG_HISTOGRAM_PAGE_IN, clock_now() - began);
}

static void fill(struct pg_pool *pool, struct worker *w)
{
        struct item *items = w->in.items;
        unsigned n;

        for (unsigned i = 0; i < w->in.count; i += n) {
                n = 1;
                while (i + n < w->in.count && fills_next(pool, &items[i + n - 1], &items[i + n]))
                        n++;
                load_run(pool, w, &items[i], n);
        }
}

/* ---- settle -------------------------------------------------------------------------------- */

/* Under the lock: the frame and the policy learn of a page that has come in. */
static void frame_settle(struct pg_pool *pool, struct worker *w, struct item *item, bool ahead)
{
        struct replacement r = pool_replacement(pool);
        struct frame *f = frame_at(&pool->frames, item->frame);

        f->region = item->region;
        f->page = item->page;
        f->location = item->clean ? item->location : PG_LOCATION_NONE;
        f->owned = item->clean && item->owned;
        atomic_store_explicit(&f->ahead, ahead, memory_order_relaxed);
        page_event(pool, ahead ? PG_TRACE_AHEAD : PG_TRACE_FAULT, item->region, item->page,
                   !item->clean);
        if (w->pins) {
                pin_keep(pool, w);
                return;
        }
        replacement_came_in(&r, item->frame, page_key(item->region, item->page),
                            ahead ? PG_ADD_AHEAD : PG_ADD_DEMAND);
}

static uint64_t poison(struct pg_pool *pool, struct worker *w, struct item *item)
{
        char *addr = region_addr(item->region, item->page);
        uint64_t word = item->word | PAGE_POISONED;

        if (pool->how == PG_DELIVERY_THREAD && uffd_poison(&pool->uffd, addr, pool->page_size) != 0)
                trace_broken(&pool->trace, addr, word, "a page that is lost could not be poisoned");
        trace_add(&pool->trace, addr, TRACE_POISONED, word, w->tid);
        return word;
}

static void settle_failed(struct pg_pool *pool, struct worker *w, struct item *item, bool wanted)
{
        lock_take(&pool->lock);
        frame_put(&pool->frames, item->frame);
        lock_drop(&pool->lock);
        tally_add(&w->tally, STAT_ERRORS_LOAD, wanted);
        page_release(item->region, item->page, wanted ? poison(pool, w, item) : item->word);
}

static int settle(struct pg_pool *pool, struct worker *w, unsigned demand)
{
        uint64_t pinned = w->pins ? PAGE_PINNED : 0;
        int error = 0;

        lock_take(&pool->lock);
        for (unsigned i = 0; i < w->in.count; i++)
                if (w->in.items[i].error == 0)
                        frame_settle(pool, w, &w->in.items[i], i >= demand);
        lock_drop(&pool->lock);
        for (unsigned i = 0; i < w->in.count; i++) {
                struct item *item = &w->in.items[i];
                uint64_t word = page_resident(item->frame, pinned | (item->word & PAGE_HABIT) |
                                                                   (item->clean ? 0 : PAGE_DIRTY));

                if (item->error) {
                        error = error || i >= demand ? error : item->error;
                        settle_failed(pool, w, item, i < demand);
                        continue;
                }
                if (!item->clean)
                        copy_forget(pool, item->location, item->owned);
                trace_add(&pool->trace, region_addr(item->region, item->page), TRACE_LOADED, word,
                          w->tid);
                page_release(item->region, item->page, word);
        }
        return error;
}

static void count_faults(struct worker *w, unsigned n, bool rescued)
{
        struct thread_counters *thread = w->thread;

        tally_add(&w->tally, STAT_FAULTS, n);
        if (rescued)
                tally_add(&w->tally, STAT_RESCUES, n);
        if (!thread)
                return;
        atomic_fetch_add_explicit(&thread->faults, n, memory_order_relaxed);
        if (rescued)
                atomic_fetch_add_explicit(&thread->rescues, n, memory_order_relaxed);
}

int fault_load(struct pg_pool *pool, struct worker *w, unsigned demand, bool write)
{
        int error;

        w->habit_turn++;
        for (unsigned i = 0; i < w->in.count; i++) {
                struct item *item = &w->in.items[i];

                item->location = region_page_location(item->region, item->page, item->word);
                item->owned = item->word & PAGE_PLACED && item->location < PG_LOCATION_ANON_UNINIT;
                item->clean = comes_in_clean(pool, w, item, write && i < demand);
        }
        error = seat(pool, w);
        if (error)
                return error;
        demand = demand < w->in.count ? demand : w->in.count;
        count_faults(w, demand, false);
        tally_add(&w->tally, STAT_AHEAD_PAGES, w->in.count - demand);
        fill(pool, w);
        transit_in(pool, &w->in);
        return settle(pool, w, demand);
}

/* ---- pages that hold a frame --------------------------------------------------------------- */

void fault_make_writable(struct pg_pool *pool, struct worker *w, struct item *item)
{
        struct frame *f = frame_at(&pool->frames, item->frame);
        char *addr = region_addr(item->region, item->page);

        tally_add(&w->tally, STAT_PROTECT_FAULTS, 1); /* before the program goes on */
        uffd_unprotect(&pool->uffd, addr, pool->page_size);
        copy_outdated(pool, f);
        item->word = habit_written(&item->region->habit, item->word) | PAGE_DIRTY;
        page_event_alone(pool, PG_TRACE_WRITTEN, item->region, item->page, true);
        trace_add(&pool->trace, addr, TRACE_WRITTEN, item->word, w->tid);
}

int fault_rescue(struct pg_pool *pool, struct worker *w, struct item *item, bool write)
{
        struct frame *f = frame_at(&pool->frames, item->frame);
        uint64_t word = item->word & ~PAGE_QUEUED;
        uint64_t key = page_key(item->region, item->page);

        item->data = frame_slot(&pool->frames, item->frame);
        item->clean = !(item->word & PAGE_DIRTY) && !(write && region_is_writable(item->region));
        lock_take(&pool->lock);
        victim_remove(&pool->victims, &pool->frames, item->frame);
        lock_drop(&pool->lock);
        count_faults(w, 1, true);
        transit_in(pool, &w->in);
        lock_take(&pool->lock);
        if (item->error) {
                victim_push(&pool->victims, &pool->frames, item->frame);
        } else if (w->pins) {
                pin_keep(pool, w);
                word |= PAGE_PINNED;
                policy_forget_queued(&pool->policy, item->frame);
        } else {
                policy_rescued(&pool->policy, item->frame, key);
        }
        if (!item->error)
                page_event(pool, PG_TRACE_RESCUED, item->region, item->page, !item->clean);
        lock_drop(&pool->lock);
        if (item->error) {
                page_release(item->region, item->page, item->word);
                return item->error;
        }
        if (!item->clean && !(item->word & PAGE_DIRTY)) {
                copy_outdated(pool, f);
                word = habit_written(&item->region->habit, word) | PAGE_DIRTY;
        }
        if (atomic_exchange_explicit(&f->ahead, false, memory_order_relaxed))
                tally_add(&w->tally, STAT_AHEAD_USED, 1);
        trace_add(&pool->trace, region_addr(item->region, item->page), TRACE_RESCUED, word, w->tid);
        page_release(item->region, item->page, word);
        return 0;
}

/* The kernel asked for a page that is mapped. Usually somebody was quicker. Unless the program has
 * dropped the page itself, by madvise: then it is as if it had been discarded. */
static bool was_dropped(struct pg_pool *pool, struct worker *w, struct item *item)
{
        struct frame *f = frame_at(&pool->frames, item->frame);

        if (!page_is_hole(pool, item->region, item->page))
                return false;
        copy_forget(pool, f->location, f->owned);
        lock_take(&pool->lock);
        if (item->word & PAGE_PINNED)
                pool->frames.pinned--;
        else
                policy_remove(&pool->policy, item->frame);
        frame_put(&pool->frames, item->frame);
        page_event(pool, PG_TRACE_FORGOTTEN, item->region, item->page, false);
        lock_drop(&pool->lock);
        item->word = 0;
        trace_add(&pool->trace, region_addr(item->region, item->page), TRACE_DISCARDED, 0, w->tid);
        return true;
}

/* ---- the story ----------------------------------------------------------------------------- */

/* Claims the pages that are read ahead with the first one of w->in, over those that are in
 * already. */
static void claim_ahead(struct pg_pool *pool, struct worker *w)
{
        struct region *r = w->in.items[0].region;
        uint64_t first = w->in.items[0].page, page;
        struct ahead_window window = ahead_fault(&r->ahead, first, pool->workers.run_pages);

        for (page = first - window.confirmed; page < first; page++) {
                uint64_t word = page_load(region_word(r, page));
                struct frame *f = frame_at(&pool->frames, page_frame(word));

                if (word & PAGE_RESIDENT &&
                    atomic_exchange_explicit(&f->ahead, false, memory_order_relaxed))
                        tally_add(&w->tally, STAT_AHEAD_USED, 1);
        }
        for (page = first + 1; page < first + window.count && page < r->npages; page++) {
                page_word *p = region_word(r, page);
                uint64_t word = page_load(p);

                region_touch(r, page);
                if (page_is_mapped(word))
                        continue;
                if (word & (PAGE_BUSY | PAGE_RESIDENT | PAGE_POISONED | PAGE_EXCLUDED) ||
                    !page_claim(p, word))
                        break;
                batch_add(&w->in, r, page, word);
        }
        ahead_done(&r->ahead, window.stream, first, (uint32_t)(page - first));
}

/* Nothing could be evicted: the access must fail, as the kernel's own would be killed. */
static enum fault_end no_frame(struct pg_pool *pool, struct worker *w, struct region *r,
                               uint64_t page)
{
        page_word *p = region_word(r, page);
        uint64_t word = page_load(p);
        struct item *item;

        if (word & (PAGE_BUSY | PAGE_RESIDENT | PAGE_POISONED | PAGE_EXCLUDED) ||
            !page_claim(p, word))
                return FAULT_BUSY; /* somebody else is at it, perhaps with more luck */
        item = batch_add(&w->in, r, page, word);
        tally_add(&w->tally, STAT_ERRORS_FRAMES, 1);
        page_release(r, page, poison(pool, w, item));
        return FAULT_POISONED;
}

static enum fault_end load_and_more(struct pg_pool *pool, struct worker *w, bool write)
{
        struct item *item = &w->in.items[0];
        struct region *r = item->region;
        uint64_t page = item->page;
        int error;

        if (pool->reads_ahead)
                claim_ahead(pool, w);
        error = fault_load(pool, w, 1, write);
        if (error == 0)
                return FAULT_DONE;
        if (w->in.count > 0)
                return FAULT_POISONED; /* the store failed, and settle has poisoned it */
        return no_frame(pool, w, r, page);
}

enum fault_end fault_page(struct pg_pool *pool, struct worker *w, struct region *r, uint64_t page,
                          bool write)
{
        page_word *p = region_word(r, page);
        struct item *item;
        uint64_t word;

        region_touch(r, page);
        do {
                word = page_load(p);
                if (word & PAGE_BUSY)
                        return FAULT_BUSY;
                if (word & PAGE_POISONED)
                        return FAULT_POISONED;
                if (word & PAGE_EXCLUDED)
                        return FAULT_DONE;
        } while (!page_claim(p, word));

        item = batch_add(&w->in, r, page, word);
        if (word & PAGE_QUEUED) {
                fault_rescue(pool, w, item, write);
                return FAULT_DONE;
        }
        if (page_is_mapped(word) && !(word & PAGE_DIRTY) && write) {
                fault_make_writable(pool, w, item);
                page_release(r, page, item->word);
                return FAULT_DONE;
        }
        if (page_is_mapped(word) && !was_dropped(pool, w, item)) {
                /* Somebody was quicker. */
                page_release(r, page, item->word);
                return FAULT_DONE;
        }
        return load_and_more(pool, w, write);
}
