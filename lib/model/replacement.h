/* SPDX-License-Identifier: MIT */
/*
 * replacement.h - which page goes next, and what is remembered of those that went.
 *
 * The rule, apart from how pages are moved: what the policy names goes into the victim queue, or
 * straight on; what has waited there for long enough leaves; a ghost stays behind. The pager and
 * the simulator (lib/replay) both go by this code, so what is found out with one holds for the
 * other. Whether a page can be had at the moment, and whether it need not wait, is only known to
 * the code that owns pages: it is asked as a taker.
 *
 * All calls: the pool lock is held.
 */
#ifndef REPLACEMENT_H
#define REPLACEMENT_H

#include <stdbool.h>
#include <stdint.h>
#include <unpaged/policy.h>
#include "victim_queue.h"

struct frames;
struct ghosts;
struct policy;

/* The parts that change together. It only refers to them. */
struct replacement {
        struct policy *policy;
        struct ghosts *ghosts;
        struct victim_queue *victim_queue;
        struct frames *frames;
};

enum taken {
        TAKEN_NOT,     /* another thread owns it at the moment, or it must stay */
        TAKEN_TO_WAIT, /* it is going out, by way of the victim queue if that was asked */
        TAKEN_BYPASS,  /* it is going out, and waiting would save it little */
};

struct taker;

struct taker_ops {
        /* Takes the page in a frame which the policy, or the queue, has named. */
        enum taken (*take)(struct taker *, uint32_t frame);
        /* It might be taken, as far as can be seen; it is in the queue. */
        bool (*could_take)(struct taker *, uint32_t frame);
        /* Its identity for policies. */
        uint64_t (*key)(struct taker *, uint32_t frame);
};

/* The code that takes pages: the beginning of its own structure. */
struct taker {
        const struct taker_ops *ops;
        unsigned taken; /* pages that it has */
        unsigned room;  /* how many it can have */
        bool nameless;  /* the policy was asked last, and named no frame although it has some */
};

/* Victims in one go, in a pool of `frames` frames. */
unsigned replacement_batch(uint32_t frames);

/* Whether victims wait in a queue. It may have pages although it is to have none: the budget may
 * have been larger. */
static inline bool replacement_queues(const struct replacement *r)
{
        return victim_queue_target(r->victim_queue, r->frames) > 0 ||
               r->victim_queue->list.count > 0;
}

/* Lets the taker have victims of the policy until `want` pages can leave: those that go straight
 * on, and those that are due in the queue. A queue that has not filled yet takes in two pages for
 * each that leaves. Without a queue all go straight on. */
void replacement_from_policy(struct replacement *r, struct taker *t, unsigned want, bool queue);

/* The oldest of the victim queue, until the taker has `want` pages. */
void replacement_from_queue(struct replacement *r, struct taker *t, unsigned want);

/* What becomes of a frame's page. It stands with the policy, as one that may be selected; or in
 * the victim queue; or it is *taken*: it was selected, or claimed by a call, and is going out. A
 * taken page is in no queue, and the policy knows it as one that waits there. A pinned page stands
 * nowhere. */

/* A page has come into the frame, and stands with the policy. */
void replacement_came_in(struct replacement *r, uint32_t frame, uint64_t key, enum pg_add how);
/* A page that stands with the policy, or in the queue (`queued`), is taken without being
 * selected. */
void replacement_taken(struct replacement *r, uint32_t frame, bool queued);
/* A taken page waits in the queue. */
void replacement_parked(struct replacement *r, uint32_t frame);
/* A taken page stands with the policy again, as one that is in use. */
void replacement_returned(struct replacement *r, uint32_t frame, uint64_t key);
/* A page that is taken, or stands with the policy, is pinned; and is so no longer. */
void replacement_pinned(struct replacement *r, uint32_t frame, bool taken);
void replacement_unpinned(struct replacement *r, uint32_t frame, uint64_t key);
/* A taken page has gone out: the frame is free, and a ghost stays. */
void replacement_went_out(struct replacement *r, uint32_t frame, uint64_t key);
/* The content of a page that is taken, or stands with the policy, is forgotten: the frame is
 * free. */
void replacement_forgot(struct replacement *r, uint32_t frame, bool taken);

#endif
