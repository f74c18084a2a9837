/* SPDX-License-Identifier: MIT */
/*
 * replacement.c - see replacement.h.
 *
 * Victims are taken in batches, so that one lock round trip and one system call serve many. A
 * batch ends when as many pages can leave as were wanted: pages at the head of the queue that are
 * due count, and so do victims that will not wait. Nothing here blocks, allocates, or looks at more
 * than LOOKS_MOST frames.
 */
#include "replacement.h"
#include "frame.h"
#include "frame_list.h"
#include "ghost.h"
#include "policy_gate.h"
#include "victim_queue.h"

/* Frames looked at under the lock in one go. */
#define LOOKS_MOST 1024u
/* A batch is a small part of the frames, and not so large that its fault waits for long. */
#define BATCH_PART 32u
#define BATCH_MOST 16u

unsigned replacement_batch(uint32_t frames)
{
        unsigned part = frames / BATCH_PART;

        return part < 1 ? 1 : part > BATCH_MOST ? BATCH_MOST : part;
}

/* How far the queue has been looked at for pages that can leave it. */
struct queue_walk {
        uint32_t next; /* frame */
        unsigned looks, due;
};

/* Finds pages at the head of the queue, at most `want`, that have waited long enough, or are more
 * than it may hold when `more` have come. Those that this taker cannot have are no reason to
 * leave the policy alone: with a queue of nothing else it would wait for ever. */
static void find_due(const struct replacement *r, struct taker *t, struct queue_walk *k,
                     unsigned want, unsigned more)
{
        uint32_t most = victim_queue_target(r->victim_queue, r->frames);

        while (k->next != PG_NO_FRAME && k->due < want && k->looks < LOOKS_MOST &&
               (victim_queue_is_due(r->victim_queue, r->frames, k->next) ||
                r->victim_queue->list.count + more > most + k->due)) {
                k->due += t->ops->could_take(t, k->next);
                k->next = frame_list_next(r->frames->table, k->next);
                k->looks++;
        }
}

void replacement_from_policy(struct replacement *r, struct taker *t, unsigned want, bool queue)
{
        unsigned looks = r->policy->count < LOOKS_MOST ? r->policy->count : LOOKS_MOST;
        unsigned most = queue && 2 * want < t->room ? 2 * want : want;
        struct queue_walk k = {.next = frame_list_first(&r->victim_queue->list)};
        unsigned bypass_queue = 0;
        bool named = false;
        enum taken taken;
        uint32_t frame;

        t->nameless = false;
        while (t->taken < most && looks-- > 0) {
                find_due(r, t, &k, want, t->taken - bypass_queue);
                if (k.due + bypass_queue >= want)
                        break;
                frame = policy_select(r->policy);
                if (frame == PG_NO_FRAME) {
                        t->nameless = !named;
                        break;
                }
                named = true;
                taken = t->ops->take(t, frame);
                if (taken == TAKEN_NOT) {
                        policy_return(r->policy, frame, t->ops->key(t, frame));
                        continue;
                }
                policy_queued(r->policy, frame);
                t->taken++;
                bypass_queue += taken == TAKEN_BYPASS || !queue;
                r->victim_queue->named++;
        }
}

void replacement_from_queue(struct replacement *r, struct taker *t, unsigned want)
{
        uint32_t frame = frame_list_first(&r->victim_queue->list);

        for (unsigned looks = 0; looks < LOOKS_MOST; looks++) {
                uint32_t next;

                if (frame == PG_NO_FRAME || t->taken == want)
                        break;
                next = frame_list_next(r->frames->table, frame);
                if (t->ops->take(t, frame) != TAKEN_NOT) {
                        victim_queue_remove(r->victim_queue, r->frames, frame);
                        t->taken++;
                }
                frame = next;
        }
}

void replacement_came_in(struct replacement *r, uint32_t frame, uint64_t key, enum pg_add how)
{
        policy_add(r->policy, frame, key, how);
        if (how == PG_ADD_DEMAND && ghost_take(r->ghosts, r->frames->limit, key))
                policy_accessed(r->policy, frame);
}

void replacement_taken(struct replacement *r, uint32_t frame, bool queued)
{
        if (queued)
                victim_queue_remove(r->victim_queue, r->frames, frame);
        else
                policy_queued(r->policy, frame);
}

void replacement_parked(struct replacement *r, uint32_t frame)
{
        victim_queue_push(r->victim_queue, r->frames, frame);
}

void replacement_returned(struct replacement *r, uint32_t frame, uint64_t key)
{
        policy_rescued(r->policy, frame, key);
}

void replacement_pinned(struct replacement *r, uint32_t frame, bool taken)
{
        if (taken)
                policy_forget_queued(r->policy, frame);
        else
                policy_remove(r->policy, frame);
        frames_fulfil_pin(r->frames);
}

void replacement_unpinned(struct replacement *r, uint32_t frame, uint64_t key)
{
        frames_unpin(r->frames);
        policy_add(r->policy, frame, key, PG_ADD_RETURNED);
}

void replacement_forgot(struct replacement *r, uint32_t frame, bool taken)
{
        if (taken)
                policy_forget_queued(r->policy, frame);
        else
                policy_remove(r->policy, frame);
        frame_put(r->frames, frame);
}

void replacement_went_out(struct replacement *r, uint32_t frame, uint64_t key)
{
        if (r->victim_queue->pct)
                ghost_add(r->ghosts, r->frames->limit, key);
        policy_forget_queued(r->policy, frame);
        frame_put(r->frames, frame);
}
