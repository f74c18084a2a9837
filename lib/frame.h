/* SPDX-License-Identifier: MIT */
/* frame.h - the seats of a pool: its budget, one by one. See frame.c. */
#ifndef FRAME_H
#define FRAME_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unpaged/unpaged.h>
#include "list.h"

struct region;

/*
 * Owner rules: region, page, location, owned and ahead belong to the owner of the page in the frame
 * (who holds its BUSY), and may be read under the pool lock while the frame is in the policy or in
 * the victim queue. link and warm belong to the pool lock while the frame is free.
 */
struct frame {
        struct region *region;
        uint64_t page;
        pg_location location; /* of the identical copy, while the page is not DIRTY */
        struct link link;     /* in a list of free frames, or in the victim queue */
        bool owned;           /* location is a place of the swap store, to be freed with the copy */
        bool warm;            /* free: its slot holds physical memory */
        _Atomic bool ahead;   /* read ahead, and no proof yet that it was wanted */
};
_Static_assert(sizeof(struct frame) <= 40, "64 bytes a frame, of which the policy needs some");

struct frames {
        struct frame *table; /* `capacity` of them, sparse */
        char *slots;         /* frame f's slot: slots + f * page_size; a hole while f is mapped */
        size_t page_size;
        uint32_t capacity;
        uint32_t limit;  /* the budget */
        uint32_t minted; /* numbers given out so far; minted = live + retired */
        uint32_t live;   /* = free + mapped + queued + busy; above limit only while shrinking */
        uint32_t free;
        uint32_t pinned;   /* frames of pinned pages, and those promised */
        uint32_t promised; /* of pinned: for pages that are on their way in */
        uint32_t peak;     /* most of live - free */
        struct list warm, cold, retired;
        _Atomic uint32_t freed;   /* counts frame_put: what a thread without a frame waits on */
        _Atomic uint32_t waiting; /* such threads */
};

int frames_init(struct frames *frames, uint32_t capacity, uint32_t limit, size_t page_size);
void frames_destroy(struct frames *frames);

/* All below: the pool lock is held. */

/* A free frame, with a warm slot or a cold one if there is a choice. PG_NO_FRAME: none is free, or
 * the pool is above its limit and free frames are to be retired. */
uint32_t frame_take(struct frames *frames, bool prefer_warm);
/* Gives it back. warm: its slot holds memory. */
void frame_put(struct frames *frames, uint32_t frame, bool warm);
/* Takes a free frame that is above the limit, to be retired by frame_retire when its slot has been
 * dropped. PG_NO_FRAME: there is none. */
uint32_t frame_take_excess(struct frames *frames);
void frame_retire(struct frames *frames, uint32_t frame);
/* Frames that must stay unpinned. */
uint32_t frames_reserve(uint32_t limit);

static inline struct frame *frame_at(const struct frames *frames, uint32_t frame)
{
        return &frames->table[frame];
}

static inline char *frame_slot(const struct frames *frames, uint32_t frame)
{
        return frames->slots + (size_t)frame * frames->page_size;
}

#endif
