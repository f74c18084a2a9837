/* SPDX-License-Identifier: MIT */
/*
 * replacement.h - which page goes next, and what is remembered of those that went.
 *
 * The rule, apart from how pages are moved: what the policy names goes into the victim queue, or
 * straight on; what has waited there for long enough leaves; a ghost stays behind. The pager and
 * the simulator (lib/replay) both go by this code, so what is found out with one holds for the
 * other. Whether a page can be had at the moment, and whether it need not wait, is only known to
 * who owns pages: he is asked as a taker.
 *
 * All calls: the pool lock is held.
 */
#ifndef REPLACEMENT_H
#define REPLACEMENT_H

#include <stdbool.h>
#include <stdint.h>
#include "frame.h"
#include "ghost.h"
#include "policy_gate.h"
#include "victim_queue.h"

/* The rooms that change together. It only refers to them. */
struct replacement {
        struct policy *policy;
        struct ghosts *ghosts;
        struct victim_queue *victim_queue;
        struct frames *frames;
};

enum taken {
        TAKEN_NOT,     /* it is somebody else's at the moment, or must stay */
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

/* Who takes pages: the beginning of his own structure. */
struct taker {
        const struct taker_ops *ops;
        unsigned taken; /* pages that he has */
        unsigned room;  /* for so many */
};

/* Victims in one go, in a pool of so many frames. */
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

/* A page has come into the frame. */
void replacement_came_in(struct replacement *r, uint32_t frame, uint64_t key, enum pg_add how);

/* The page that was taken from the frame has gone out: the frame is free. */
void replacement_went_out(struct replacement *r, uint32_t frame, uint64_t key);

#endif
