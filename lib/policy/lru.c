/* SPDX-License-Identifier: MIT */
/*
 * lru.c - evict the page that has gone longest without evidence of use.
 *
 * Theory of operation. One queue: a new frame joins at the end, a used one moves to the end, and
 * select names the head. Zephyr's policy of this name arms its head, that is, makes that one page
 * inaccessible; touched there it moves to the end and the next head is armed, untouched it goes.
 * Here a page is inaccessible while it waits in the victim queue, so that queue is the armed part
 * and may be longer than one page: select hands the head over, and a rescue brings it back to the
 * end. Like Zephyr's it is a second-chance queue rather than a true LRU, because hits on pages that
 * are simply resident are seen by nobody.
 *
 * Unlike Zephyr's there is no special case for a frame that is alone: arming is the pager's. And
 * where rescues are the only evidence, this is the order of fifo, in which a rescued frame goes to
 * the end as well; the two part where the application itself says what is used.
 *
 * Cost: 8 bytes a frame; every operation O(1), no loop anywhere.
 *
 * Invariant: the ring holds exactly the frames that may be selected.
 * Locking: none of its own; the caller serialises.
 */
#include "shipped.h"

#include "ring.h"

static size_t lru_footprint(uint32_t nframes)
{
        return ring_footprint(nframes);
}

static void lru_init(void *self, uint32_t nframes)
{
        struct ring *ring = self;

        ring->nframes = nframes;
}

static void lru_add(void *self, uint32_t frame, uint64_t key, enum pg_add how)
{
        (void)key;
        (void)how;
        ring_append(self, frame);
}

static void lru_remove(void *self, uint32_t frame)
{
        if (ring_has(self, frame))
                ring_unlink(self, frame);
}

static void lru_accessed(void *self, uint32_t frame)
{
        if (!ring_has(self, frame))
                return;
        ring_unlink(self, frame);
        ring_append(self, frame);
}

static uint32_t lru_select(void *self)
{
        return ring_oldest(self);
}

static bool lru_check(const void *self)
{
        return ring_check(self);
}

const struct pg_policy_ops pg_policy_lru = {
        .size = sizeof(struct pg_policy_ops),
        .name = "lru",
        .footprint = lru_footprint,
        .init = lru_init,
        .add = lru_add,
        .remove = lru_remove,
        .accessed = lru_accessed,
        .select = lru_select,
        .check = lru_check,
};
