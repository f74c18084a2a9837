/* SPDX-License-Identifier: MIT */
/*
 * fifo.c - evict the page that came first, whatever happened to it since.
 *
 * Theory of operation. The frames stand in the order of their arrival; select names the oldest and
 * evidence of use is ignored. A frame that comes back (rescued, unpinned, or not evictable when it
 * was named) counts as new and goes to the end: behind a victim queue this is the segmented FIFO
 * of VAX/VMS. It is the measure for the others: what evidence is worth shows beside it.
 *
 * Cost: 8 bytes a frame; every operation O(1), no loop anywhere.
 *
 * Invariant: the ring holds exactly the frames that may be selected.
 * Locking: none of its own; the caller serialises.
 */
#include "shipped.h"

#include "ring.h"

static size_t fifo_footprint(uint32_t nframes)
{
        return ring_footprint(nframes);
}

static void fifo_init(void *self, uint32_t nframes)
{
        struct ring *ring = self;

        ring->nframes = nframes;
}

static void fifo_add(void *self, uint32_t frame, uint64_t key, enum pg_add how)
{
        (void)key;
        (void)how;
        ring_append(self, frame);
}

static void fifo_remove(void *self, uint32_t frame)
{
        if (ring_has(self, frame))
                ring_unlink(self, frame);
}

static void fifo_accessed(void *self, uint32_t frame)
{
        (void)self;
        (void)frame;
}

static uint32_t fifo_select(void *self)
{
        return ring_oldest(self);
}

static bool fifo_check(const void *self)
{
        return ring_check(self);
}

const struct pg_policy_ops pg_policy_fifo = {
        .size = sizeof(struct pg_policy_ops),
        .name = "fifo",
        .footprint = fifo_footprint,
        .init = fifo_init,
        .add = fifo_add,
        .remove = fifo_remove,
        .accessed = fifo_accessed,
        .select = fifo_select,
        .check = fifo_check,
};
