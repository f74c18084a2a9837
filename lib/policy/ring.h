/* SPDX-License-Identifier: MIT */
/*
 * ring.h - the frames of a policy in one order, oldest first: a doubly linked list of numbers.
 *
 * Theory of operation. Links are 32-bit numbers, not pointers: half the memory, and the policy may
 * be copied to another address at any time. Frame f owns link[f + 1], and link[0] closes the ring,
 * so 0 means "no frame" and zeroed memory is an empty ring: nothing has to be walked at birth.
 * The numbers stay inside: callers speak of frames, and PG_NO_FRAME (which is 0 - 1) is the place
 * between the newest frame and the oldest. Hence ring_next(PG_NO_FRAME) is the oldest frame, and
 * the next of the newest is PG_NO_FRAME.
 *
 * Every operation is O(1) and has no branch that depends on a position. 8 bytes a frame.
 *
 * Invariants: link[link[i].next].prev == i == link[link[i].prev].next for 0 and for every frame in
 * the ring; a frame outside has both links 0; count + 1 steps by next lead from 0 back to 0.
 */
#ifndef UNPAGED_POLICY_RING_H
#define UNPAGED_POLICY_RING_H

#include <unpaged/policy.h>

struct ring_link {
        uint32_t next; /* towards the newest */
        uint32_t prev;
};

struct ring {
        uint32_t nframes;
        uint32_t count; /* frames in the ring */
        struct ring_link link[];
};

static inline size_t ring_footprint(uint32_t nframes)
{
        return sizeof(struct ring) + ((size_t)nframes + 1) * sizeof(struct ring_link);
}

static inline uint32_t ring_next(const struct ring *ring, uint32_t frame)
{
        return ring->link[frame + 1].next - 1;
}

static inline uint32_t ring_oldest(const struct ring *ring)
{
        return ring_next(ring, PG_NO_FRAME);
}

static inline bool ring_has(const struct ring *ring, uint32_t frame)
{
        /* Only the newest frame has no next one. */
        return ring->link[frame + 1].next != 0 || ring->link[0].prev == frame + 1;
}

/* The frame becomes the newest. It must not be in the ring. */
static inline void ring_append(struct ring *ring, uint32_t frame)
{
        uint32_t self = frame + 1;
        uint32_t newest = ring->link[0].prev;

        ring->link[self] = (struct ring_link){.next = 0, .prev = newest};
        ring->link[newest].next = self;
        ring->link[0].prev = self;
        ring->count++;
}

/* The frame must be in the ring. */
static inline void ring_unlink(struct ring *ring, uint32_t frame)
{
        struct ring_link *self = &ring->link[frame + 1];

        ring->link[self->prev].next = self->next;
        ring->link[self->next].prev = self->prev;
        *self = (struct ring_link){0};
        ring->count--;
}

/* True when both directions agree and the ring holds as many frames as it counts. O(count). */
static inline bool ring_check(const struct ring *ring)
{
        uint32_t at = 0;

        for (uint32_t left = ring->count;; left--) {
                uint32_t next = ring->link[at].next;

                if (next > ring->nframes || ring->link[next].prev != at)
                        return false;
                if (next == 0)
                        return left == 0;
                if (left == 0)
                        return false;
                at = next;
        }
}

#endif
