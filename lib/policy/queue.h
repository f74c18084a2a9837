/* SPDX-License-Identifier: MIT */
/*
 * queue.h - several queues of frames, for policies that move frames between them.
 *
 * Theory of operation. A frame is in one queue at most, so one pair of links for each frame serves
 * all queues; which one it is in, the policy knows. As in ring.h links are numbers, one more than
 * the frame's, so that 0 means "none", zeroed memory is a set of empty queues, and the policy may
 * be copied to another address at any time. PG_NO_FRAME stands before the oldest and after the
 * newest.
 *
 * Beside its links each frame has a few bytes that are the policy's own. A policy that walks looks
 * at both, and the frames of a queue lie anywhere: so it costs one cache miss a step instead of
 * two.
 *
 * Every operation is O(1). 12 bytes a frame.
 *
 * Invariants: count steps by next lead from the oldest to the newest, and by prev back; the links
 * of a frame in no queue mean nothing.
 */
#ifndef UNPAGED_POLICY_QUEUE_H
#define UNPAGED_POLICY_QUEUE_H

#include <unpaged/policy.h>

struct seat {
        uint32_t next; /* towards the newest */
        uint32_t prev;
        /* The policy's own, 0 at first: where the frame is, and what is known of it. */
        uint8_t place, part, level, credit;
};

struct queue {
        uint32_t oldest, newest;
        uint32_t count;
};

static inline uint32_t queue_oldest(const struct queue *q)
{
        return q->oldest - 1;
}

static inline uint32_t queue_next(const struct seat *seats, uint32_t frame)
{
        return seats[frame].next - 1;
}

/* The frame becomes the newest. It must be in no queue. */
static inline void queue_append(struct seat *seats, struct queue *q, uint32_t frame)
{
        seats[frame].next = 0;
        seats[frame].prev = q->newest;
        *(q->newest ? &seats[q->newest - 1].next : &q->oldest) = frame + 1;
        q->newest = frame + 1;
        q->count++;
}

/* The frame must be in this queue. */
static inline void queue_remove(struct seat *seats, struct queue *q, uint32_t frame)
{
        const struct seat *self = &seats[frame];

        *(self->prev ? &seats[self->prev - 1].next : &q->oldest) = self->next;
        *(self->next ? &seats[self->next - 1].prev : &q->newest) = self->prev;
        q->count--;
}

/* True when both directions agree and the queue holds as many frames as it counts. O(count). */
static inline bool queue_check(const struct seat *seats, uint32_t nframes, const struct queue *q)
{
        uint32_t at = q->oldest, before = 0;

        for (uint32_t left = q->count; left > 0; left--) {
                if (at == 0 || at > nframes || seats[at - 1].prev != before)
                        return false;
                before = at;
                at = seats[at - 1].next;
        }
        return at == 0 && q->newest == before;
}

#endif
