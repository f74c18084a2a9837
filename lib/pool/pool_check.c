/* SPDX-License-Identifier: MIT */
/*
 * pool_check.c - walks over all that a pool knows (debug.h, tier 2).
 *
 * What may be looked at while threads go on with their work: under the pool lock the frames, their
 * lists, the victim queue, the policy and the curve do not change. A page word may become BUSY at
 * any time; the walks pass over such a page, as its owner may be in the middle of anything. A word
 * that is not BUSY was committed after its frame, and frames change under the lock only, so the two
 * agree.
 *
 * Cost: a few nanoseconds a frame, and a cache miss for its page's word. pool_check_sometimes
 * bounds it by FRAMES_WALKED and EVERY; the whole walk also reads each word that was ever touched.
 */
#include "pool_check.h"
#include "event_ring.h"
#include "frame.h"
#include "futex_lock.h"
#include "mapping.h"
#include "miss_curve.h"
#include "page.h"
#include "pool.h"
#include "victim_queue.h"

/* In a pool with more frames only the lists are walked, and pages at the large checks. */
#define FRAMES_WALKED 65536u
#define EVERY         256u

/* A frame that holds a page, whose word is `word`, and not BUSY. */
static const char *seat_check(uint32_t frame, uint64_t word)
{
        if (!(word & PAGE_RESIDENT) || page_frame(word) != frame)
                return "a frame and its page disagree";
        return NULL;
}

static const char *seats_check(struct pg_pool *pool, const void **page)
{
        const struct frames *f = &pool->frames;
        const char *broken = NULL;
        uint32_t queued = 0;

        for (uint32_t i = 0; i < f->high_water && !broken; i++) {
                const struct frame *frame = &f->table[i];
                uint64_t word;

                if (!frame->mapping)
                        continue;
                word = page_word_read(mapping_word(frame->mapping, frame->page));
                if (word & PAGE_BUSY)
                        continue;
                *page = mapping_addr(frame->mapping, frame->page);
                broken = seat_check(i, word);
                queued += (word & PAGE_QUEUED) != 0;
        }
        if (broken || queued <= pool->victim_queue.list.count)
                return broken;
        *page = NULL; /* which one, the count does not say */
        return "victim queue: a page that is QUEUED is not in it";
}

static const char *queue_words_check(struct pg_pool *pool, const void **page)
{
        const struct frames *f = &pool->frames;

        for (uint32_t at = pool->victim_queue.list.head; at; at = f->table[at - 1].link.next) {
                const struct frame *frame = &f->table[at - 1];
                uint64_t word = page_word_read(mapping_word(frame->mapping, frame->page));

                *page = mapping_addr(frame->mapping, frame->page);
                if (word & PAGE_BUSY)
                        continue;
                if (!(word & PAGE_QUEUED) || seat_check(at - 1, word))
                        return "victim queue: a page in it is not QUEUED";
        }
        return NULL;
}

/* live = free + mapped + queued + busy; of the mapped ones some are pinned, the others in the
 * policy. */
static const char *sum_check(const struct pg_pool *pool)
{
        const struct frames *f = &pool->frames;
        uint64_t seated = (uint64_t)f->free_list.count + f->pinned - f->promised +
                          pool->victim_queue.list.count + pool->policy.count;

        return seated <= f->live ? NULL : "frames: more are free, mapped and queued than are live";
}

const char *pool_check(struct pg_pool *pool, const void **page)
{
        const struct policy *p = &pool->policy;
        const char *broken = frames_check(&pool->frames);

        *page = NULL;
        if (!broken)
                broken = victim_queue_check(&pool->victim_queue, &pool->frames);
        if (!broken)
                broken = sum_check(pool);
        if (!broken && p->ops.check && !p->ops.check(p->self))
                broken = "the policy's structures are broken";
        if (!broken)
                broken = miss_curve_check(&pool->miss_curve);
        if (!broken)
                broken = queue_words_check(pool, page);
        if (!broken && pool->frames.high_water <= FRAMES_WALKED)
                broken = seats_check(pool, page);
        return broken;
}

const char *pool_mapping_check(struct pg_pool *pool, struct mapping *m, const void **page)
{
        const struct frames *f = &pool->frames;

        for (uint64_t i = mapping_next_touched(m, 0); i < m->npages;
             i = mapping_next_touched(m, i + 1)) {
                uint64_t word = page_word_read(mapping_word(m, i));
                const struct frame *frame = frame_at(f, page_frame(word));

                if (word & PAGE_BUSY || !(word & PAGE_RESIDENT))
                        continue;
                *page = mapping_addr(m, i);
                if (page_frame(word) >= f->high_water || frame->mapping != m || frame->page != i)
                        return "a page is resident in a frame that is not its own";
        }
        return NULL;
}

static void pool_broken(struct pg_pool *pool, const void *page, const char *broken)
{
        event_ring_abort(&pool->ring, page, pool->frames.live, broken);
}

void pool_check_whole(struct pg_pool *pool)
{
        const char *broken = mapping_index_check();
        const void *page = NULL;

        if (broken)
                pool_broken(pool, NULL, broken);
        lock_take(&pool->mappings_lock);
        pool_lock(pool);
        broken = pool_check(pool, &page);
        for (struct mapping *m = pool->mappings; m && !broken; m = m->next)
                broken = pool_mapping_check(pool, m, &page);
        if (broken)
                pool_broken(pool, page, broken);
        pool_unlock(pool);
        lock_drop(&pool->mappings_lock);
}

void pool_check_sometimes(struct pg_pool *pool)
{
        static _Atomic uint32_t calls;
        const void *page;
        const char *broken;

        if (atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed) % EVERY)
                return;
        pool_lock(pool);
        broken = pool_check(pool, &page);
        if (broken)
                pool_broken(pool, page, broken);
        pool_unlock(pool);
}
