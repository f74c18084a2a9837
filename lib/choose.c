/* SPDX-License-Identifier: MIT */
/*
 * choose.c - which pages are to go: those the policy names, and the oldest of the victim queue.
 *
 * Under the pool lock, all of it. A page is chosen when it is BUSY and ours; one that is somebody
 * else's at the moment is passed by.
 */
#include "choose.h"
#include "evict.h"
#include "transit.h"

/* Frames looked at under the lock in one go. */
#define SELECT_MOST 1024u
/* Around the caller's frame: what the pager and a signal frame take, and what its callers have. */
#define STACK_BELOW ((uintptr_t)16 << 10)
#define STACK_ABOVE ((uintptr_t)32 << 10)

/* The caller's stack may be paged (that of a coroutine, or of a thread in signal delivery): then
 * the pages that it stands on, and may touch while it owns them, must stay. */
static bool is_stood_on(const struct region *r, uint64_t page)
{
        uintptr_t stack = (uintptr_t)__builtin_frame_address(0);
        uintptr_t addr = (uintptr_t)region_addr(r, page);
        uintptr_t start = (uintptr_t)r->start;

        return stack - start < r->npages << r->page_shift &&
               addr + region_page_size(r) > stack - STACK_BELOW && addr < stack + STACK_ABOVE;
}

/* The page in a frame that is in the policy or the queue; NULL when its owner is somebody else at
 * the moment, or it must stay. */
static struct item *claim_victim(struct pg_pool *pool, struct batch *out, uint32_t frame)
{
        struct frame *f = frame_at(&pool->frames, frame);
        page_word *p = region_word(f->region, f->page);
        uint64_t word = page_load(p);

        if (word & PAGE_BUSY || is_stood_on(f->region, f->page) || !page_claim(p, word))
                return NULL;
        if (!(word & PAGE_RESIDENT) || page_frame(word) != frame || word & PAGE_PINNED)
                trace_broken(&pool->trace, region_addr(f->region, f->page), word,
                             "a frame and its page disagree");
        return batch_add(out, f->region, f->page, word);
}

/* A store has just refused: look for pages that need none first. */
static bool is_avoided(const struct worker *w, const struct frame *f)
{
        return w->avoid_saves && page_load(region_word(f->region, f->page)) & PAGE_DIRTY;
}

/* Counts those passed over. */
static bool is_passed_over(struct pg_pool *pool, struct worker *w, uint32_t frame)
{
        bool pass = is_avoided(w, frame_at(&pool->frames, frame));

        w->passed_over += pass;
        return pass;
}

/* Waiting in the queue would save it little: it is clean, and its store is near. */
static bool need_not_wait(struct pg_pool *pool, const struct item *item)
{
        return !(item->word & PAGE_DIRTY) &&
               pool_is_near(pool, frame_at(&pool->frames, item->frame)->location);
}

/* How far the queue has been looked at for pages that can leave it. */
struct queue_walk {
        uint32_t next; /* frame */
        unsigned tries, due;
};

/* Finds pages at the head of the queue, at most `want`, that have waited long enough, or are more
 * than it may hold when `more` have come. Those that this worker cannot take are no reason to
 * leave the policy alone: with a queue of nothing else it would wait for ever. */
static void find_due(struct pg_pool *pool, const struct worker *w, struct queue_walk *k,
                     unsigned want, unsigned more)
{
        uint32_t most = victims_target(&pool->victims, &pool->frames);

        while (k->next != PG_NO_FRAME && k->due < want && k->tries < SELECT_MOST &&
               (victim_is_due(&pool->victims, &pool->frames, k->next) ||
                pool->victims.list.count + more > most + k->due)) {
                const struct frame *f = frame_at(&pool->frames, k->next);

                k->due += !is_stood_on(f->region, f->page) && !is_avoided(w, f);
                k->next = list_next(pool->frames.table, k->next);
                k->tries++;
        }
}

void choose_from_policy(struct pg_pool *pool, struct worker *w, unsigned want, bool queue)
{
        unsigned tries = pool->policy.count < SELECT_MOST ? pool->policy.count : SELECT_MOST;
        unsigned most = queue && 2 * want < RUN_MAX ? 2 * want : want;
        struct queue_walk k = {.next = list_first(&pool->victims.list)};
        unsigned straight_on = 0;
        uint32_t frame;

        while (w->out.count < most && tries-- > 0) {
                struct item *item = NULL;

                find_due(pool, w, &k, want, w->out.count - straight_on);
                if (k.due + straight_on >= want ||
                    (frame = policy_select(&pool->policy)) == PG_NO_FRAME)
                        break;
                if (!is_passed_over(pool, w, frame))
                        item = claim_victim(pool, &w->out, frame);
                if (item) {
                        evict_take(pool, frame, item->word);
                        item->straight_on = !queue || need_not_wait(pool, item);
                        straight_on += item->straight_on;
                        pool->victims.named++;
                } else {
                        struct frame *f = frame_at(&pool->frames, frame);

                        policy_return(&pool->policy, frame, page_key(f->region, f->page));
                }
        }
}

void choose_from_queue(struct pg_pool *pool, struct worker *w, unsigned want)
{
        uint32_t frame = list_first(&pool->victims.list);

        for (unsigned tries = 0; tries < SELECT_MOST; tries++) {
                uint32_t next;
                struct item *item = NULL;

                if (frame == PG_NO_FRAME || w->out.count == want)
                        break;
                next = list_next(pool->frames.table, frame);
                if (!is_passed_over(pool, w, frame))
                        item = claim_victim(pool, &w->out, frame);
                if (item)
                        evict_take(pool, frame, item->word);
                frame = next;
        }
}
