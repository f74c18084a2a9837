/* SPDX-License-Identifier: MIT */
/*
 * clock.c - evict the first page in a circle that was not used since its last turn.
 *
 * Theory of operation. Second chance (Corbató 1968): the frames stand in a circle, and a hand goes
 * round. A frame that was used since the hand last passed is let off, and its mark taken away; the
 * first without a mark is named. A new frame takes its place just behind the hand, so it is the
 * last that the hand comes to. The circle is a queue here: its head is where the hand points, and
 * what the hand passes goes to the end.
 *
 * A named frame is asked by the victim queue: the hand passes it, and if it is rescued it stands
 * where it stood, with a mark. It differs from lru in that a rescue does not move a frame, and from
 * sieve in that new and old ones stand among each other, so that a pass over many pages takes all
 * of the circle with it.
 *
 * Cost: 9 bytes a frame; all O(1), select amortised. The hand takes one step for each frame that it
 * passes: a mark that it takes away was paid for by the call of accessed that put it there. One
 * that waits is passed at most once a round, in which the hand also passes all that do not wait: 1
 * + w/u steps for each of these, with w frames waiting and u not; 1.25 with a victim queue of 20 %.
 * One select may take a whole round, when all frames were used.
 *
 * Invariants: waiting == number of frames marked WAITING <= circle.count; a frame outside the
 * circle is unmarked. Locking: none of its own; the caller serialises.
 */
#include "shipped.h"

#include "ring.h"

enum mark {
        UNMARKED,
        USED,    /* since the hand last passed */
        WAITING, /* in the victim queue: not to be named */
};

struct clock {
        uint32_t waiting;
        struct ring
                circle; /* oldest: where the hand points; and behind its links one mark a frame */
};

static uint8_t *mark_of(struct clock *c, uint32_t frame)
{
        return (uint8_t *)&c->circle.link[(size_t)c->circle.nframes + 1] + frame;
}

static void set_mark(struct clock *c, uint32_t frame, enum mark mark)
{
        uint8_t *now = mark_of(c, frame);

        c->waiting += (uint32_t)(mark == WAITING) - (uint32_t)(*now == WAITING);
        *now = (uint8_t)mark;
}

static void pass(struct clock *c, uint32_t frame)
{
        ring_unlink(&c->circle, frame);
        ring_append(&c->circle, frame);
}

static size_t clock_footprint(uint32_t nframes)
{
        return offsetof(struct clock, circle) + ring_footprint(nframes) + nframes;
}

static void clock_init(void *self, uint32_t nframes)
{
        struct clock *c = self;

        c->circle.nframes = nframes;
}

static void clock_add(void *self, uint32_t frame, uint64_t key, enum pg_add how)
{
        struct clock *c = self;

        (void)key;
        (void)how;
        ring_append(&c->circle, frame);
}

static void clock_remove(void *self, uint32_t frame)
{
        struct clock *c = self;

        if (!ring_has(&c->circle, frame))
                return;
        set_mark(c, frame, UNMARKED);
        ring_unlink(&c->circle, frame);
}

static void clock_accessed(void *self, uint32_t frame)
{
        struct clock *c = self;

        if (ring_has(&c->circle, frame))
                set_mark(c, frame, USED);
}

static void clock_queued(void *self, uint32_t frame)
{
        struct clock *c = self;

        if (!ring_has(&c->circle, frame))
                return;
        set_mark(c, frame, WAITING);
        pass(c, frame);
}

static uint32_t clock_select(void *self)
{
        struct clock *c = self;

        if (c->waiting == c->circle.count)
                return PG_NO_FRAME;
        for (;;) {
                uint32_t frame = ring_oldest(&c->circle);
                uint8_t *mark = mark_of(c, frame);

                if (*mark == UNMARKED)
                        return frame;
                if (*mark == USED)
                        *mark = UNMARKED;
                pass(c, frame);
        }
}

static bool clock_check(const void *self)
{
        const struct clock *c = self;
        const uint8_t *marks = (const uint8_t *)&c->circle.link[(size_t)c->circle.nframes + 1];
        uint32_t waiting = 0;

        if (!ring_check(&c->circle))
                return false;
        for (uint32_t frame = ring_oldest(&c->circle); frame != PG_NO_FRAME;
             frame = ring_next(&c->circle, frame)) {
                if (marks[frame] > WAITING)
                        return false;
                waiting += marks[frame] == WAITING;
        }
        return waiting == c->waiting;
}

const struct pg_policy_ops pg_policy_clock = {
        .size = sizeof(struct pg_policy_ops),
        .name = "clock",
        .footprint = clock_footprint,
        .init = clock_init,
        .add = clock_add,
        .remove = clock_remove,
        .accessed = clock_accessed,
        .select = clock_select,
        .queued = clock_queued,
        .check = clock_check,
};
