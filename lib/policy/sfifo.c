/* SPDX-License-Identifier: MIT */
/*
 * sfifo.c - two fifos one behind the other: the page that came first is asked, and goes if it does
 * not answer.
 *
 * Theory of operation. The segmented fifo of VAX/VMS (Turner and Levy, SIGMETRICS 1981), which had
 * no accessed bits either. The first segment is a fifo of mapped pages, and use of them is seen by
 * nobody. What leaves it enters the second, here the pool's victim queue, a fifo of pages that are
 * still in their frames but not mapped. Touched there a page goes back to the end of the first
 * segment; untouched it goes out at the end of the second. The longer the second segment, the
 * closer the whole comes to true LRU, and the more rescues that costs.
 *
 * fifo comes to the same behind a victim queue, by what the pager does with a policy that has no
 * `queued`. Here it is the policy's own rule, whatever it stands behind: evidence counts for a page
 * of the second segment, and for no other. Because every load enters the first segment at its end,
 * and the first has a fixed length, the stream of faults alone tells how many there would have been
 * with a longer second segment.
 *
 * Cost: 9 bytes a frame; every operation O(1), no loop anywhere.
 *
 * Invariants: the first segment holds exactly the frames that may be selected; none of them is
 * marked as in the second.
 * Locking: none of its own; the caller serialises.
 */
#include "shipped.h"

#include "ring.h"

static bool *in_second(struct ring *first, uint32_t frame)
{
        return (bool *)&first->link[(size_t)first->nframes + 1] + frame;
}

static size_t sfifo_footprint(uint32_t nframes)
{
        return ring_footprint(nframes) + nframes * sizeof(bool);
}

static void sfifo_init(void *self, uint32_t nframes)
{
        struct ring *first = self;

        first->nframes = nframes;
}

static void sfifo_add(void *self, uint32_t frame, uint64_t key, enum pg_add how)
{
        (void)key;
        (void)how;
        ring_append(self, frame);
}

static void sfifo_remove(void *self, uint32_t frame)
{
        if (ring_has(self, frame))
                ring_unlink(self, frame);
        *in_second(self, frame) = false;
}

static void sfifo_accessed(void *self, uint32_t frame)
{
        if (!*in_second(self, frame))
                return;
        *in_second(self, frame) = false;
        ring_append(self, frame);
}

static void sfifo_queued(void *self, uint32_t frame)
{
        if (!ring_has(self, frame))
                return;
        ring_unlink(self, frame);
        *in_second(self, frame) = true;
}

static uint32_t sfifo_select(void *self)
{
        return ring_oldest(self);
}

static bool sfifo_check(const void *self)
{
        const struct ring *first = self;
        const bool *second = (const bool *)&first->link[(size_t)first->nframes + 1];

        if (!ring_check(first))
                return false;
        for (uint32_t frame = ring_oldest(first); frame != PG_NO_FRAME;
             frame = ring_next(first, frame))
                if (second[frame])
                        return false;
        return true;
}

const struct pg_policy_ops pg_policy_sfifo = {
        .size = sizeof(struct pg_policy_ops),
        .name = "sfifo",
        .footprint = sfifo_footprint,
        .init = sfifo_init,
        .add = sfifo_add,
        .remove = sfifo_remove,
        .accessed = sfifo_accessed,
        .select = sfifo_select,
        .queued = sfifo_queued,
        .check = sfifo_check,
};
