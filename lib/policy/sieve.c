/* SPDX-License-Identifier: MIT */
/*
 * sieve.c - evict the pages nobody came back for; the default.
 *
 * Theory of operation. SIEVE (Zhang et al., NSDI 2024), fed by rescues. The frames stand in the
 * order of their arrival and keep their place for life. A hand walks from the oldest to the newest
 * and starts over at the oldest. A frame that was used since the hand last passed is marked USED:
 * the hand takes the mark away and walks on. The first frame without a mark is named, and the hand
 * rests behind it. Frames that proved useful thus stay near the old end, where the hand only takes
 * a mark away, while new ones are tried between the hand and the new end and leave soon if nobody
 * came back for them: one pass over a large file does not push out the working set.
 *
 * Left to itself the hand may never get to the newest: it names as many as come in before it. Then
 * what stands behind it is never tried again, however long nobody has used it. A database that
 * builds one index after the other so missed twice as often as with fifo. Hence, after it
 * has named four times as many as there are frames, the hand starts over wherever it is.
 *
 * A page that is simply resident gives no evidence of use, so the victim queue has to ask for it:
 * a named frame is marked WAITING and keeps its place; a rescue turns the mark into USED, and the
 * frame has survived this lap and the next; or its page goes out, and the frame leaves. That is why
 * this policy wants `queued`: remove and add would move each rescued frame to the new end.
 *
 * A page read ahead is tried like any other. One that comes back after a pin, or because it could
 * not go, stands at the new end, which is as far from the hand as there is.
 *
 * Cost: 9 bytes a frame; all O(1), select amortised. The hand takes one step for each frame it
 * passes, and passes three kinds:
 *  - unmarked: this ends the select. One step a select.
 *  - USED: the step takes a mark away that one call of accessed had put there. One step a call.
 *  - WAITING: at most once a lap. In the same lap the hand also passes every frame that is not
 *    waiting, and each of those steps is one of the two kinds above. So with w frames waiting and
 *    u not, all the steps of a lap are at most 1 + w/u times those paid for: 1.25 with a victim
 *    queue of 20 % of the frames, 2 with one of 50 %.
 * Starting over early passes frames that wait once more, in one of at least four laps.
 * When all frames are waiting the counts say so, and nothing is walked. When any is not, the hand
 * gets to it unmarked within two laps, so select ends. One select may take that long, when all that
 * was named in the last lap was rescued; then as many calls of accessed have paid for it.
 *
 * Invariants: waiting == number of frames marked WAITING <= ring.count; a frame outside the ring is
 * unmarked; the hand is in the ring, or PG_NO_FRAME: the place before the oldest.
 * Locking: none of its own; the caller serialises.
 */
#include "shipped.h"

#include "ring.h"

#define LAPS 4

enum mark {
        UNMARKED,
        USED,    /* since the hand last passed */
        WAITING, /* in the victim queue: not to be named */
};

struct sieve {
        uint32_t hand;  /* the frame to look at next */
        uint64_t named; /* frames since the hand was at the oldest */
        uint32_t waiting;
        struct ring ring; /* and behind its links one mark a frame */
};

static uint8_t *mark_of(struct sieve *s, uint32_t frame)
{
        return (uint8_t *)&s->ring.link[(size_t)s->ring.nframes + 1] + frame;
}

static size_t sieve_footprint(uint32_t nframes)
{
        return offsetof(struct sieve, ring) + ring_footprint(nframes) + nframes;
}

static void sieve_init(void *self, uint32_t nframes)
{
        struct sieve *s = self;

        s->hand = PG_NO_FRAME;
        s->ring.nframes = nframes;
}

static void sieve_add(void *self, uint32_t frame, uint64_t key, enum pg_add how)
{
        struct sieve *s = self;

        (void)key;
        (void)how;
        ring_append(&s->ring, frame);
}

static void set_mark(struct sieve *s, uint32_t frame, enum mark mark)
{
        uint8_t *now = mark_of(s, frame);

        s->waiting += (uint32_t)(mark == WAITING) - (uint32_t)(*now == WAITING);
        *now = (uint8_t)mark;
}

static void sieve_remove(void *self, uint32_t frame)
{
        struct sieve *s = self;

        if (!ring_has(&s->ring, frame))
                return;
        if (s->hand == frame)
                s->hand = ring_next(&s->ring, frame);
        set_mark(s, frame, UNMARKED);
        ring_unlink(&s->ring, frame);
}

static void sieve_accessed(void *self, uint32_t frame)
{
        struct sieve *s = self;

        if (ring_has(&s->ring, frame))
                set_mark(s, frame, USED);
}

static void sieve_queued(void *self, uint32_t frame)
{
        struct sieve *s = self;

        if (ring_has(&s->ring, frame))
                set_mark(s, frame, WAITING);
}

static uint32_t sieve_select(void *self)
{
        struct sieve *s = self;
        uint32_t frame = s->hand;

        if (s->waiting == s->ring.count)
                return PG_NO_FRAME;
        for (;; frame = ring_next(&s->ring, frame)) {
                if (frame == PG_NO_FRAME || s->named >= LAPS * (uint64_t)s->ring.count) {
                        frame = ring_oldest(&s->ring);
                        s->named = 0;
                }

                uint8_t *mark = mark_of(s, frame);

                if (*mark == UNMARKED)
                        break;
                if (*mark == USED)
                        *mark = UNMARKED;
        }
        s->hand = ring_next(&s->ring, frame);
        s->named++;
        return frame;
}

static bool sieve_check(const void *self)
{
        const struct sieve *s = self;
        const uint8_t *marks = (const uint8_t *)&s->ring.link[(size_t)s->ring.nframes + 1];
        uint32_t waiting = 0;

        if (!ring_check(&s->ring))
                return false;
        for (uint32_t frame = ring_oldest(&s->ring); frame != PG_NO_FRAME;
             frame = ring_next(&s->ring, frame)) {
                if (marks[frame] > WAITING)
                        return false;
                waiting += marks[frame] == WAITING;
        }
        if (s->hand != PG_NO_FRAME && (s->hand >= s->ring.nframes || !ring_has(&s->ring, s->hand)))
                return false;
        return waiting == s->waiting;
}

const struct pg_policy_ops pg_policy_sieve = {
        .size = sizeof(struct pg_policy_ops),
        .name = "sieve",
        .footprint = sieve_footprint,
        .init = sieve_init,
        .add = sieve_add,
        .remove = sieve_remove,
        .accessed = sieve_accessed,
        .select = sieve_select,
        .queued = sieve_queued,
        .check = sieve_check,
};
