/* SPDX-License-Identifier: MIT */
/* frame.h - the seats of a pool: its budget, one by one. See frame.c. */
#ifndef FRAME_H
#define FRAME_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unpaged/unpaged.h>
#include "frame_list.h"

/* Frames beyond the budget by which pages and victims change places (page_load.c). */
#define FRAMES_SPARE 16u

struct mapping;

/*
 * Owner rules: mapping, page, location, owned and ahead belong to the owner of the page in the
 * frame (the thread that holds its BUSY), and may be read under the pool lock while the frame is in
 * the policy or in the victim queue. link and queued belong to the pool lock.
 */
struct frame {
        struct mapping *mapping;
        uint64_t page;
        pg_location location;   /* of the identical copy, while the page is not DIRTY */
        struct frame_link link; /* in a list of free frames, or in the victim queue */
        bool owned;         /* location is a place of the swap store, to be freed with the copy */
        _Atomic bool ahead; /* read ahead, and no proof yet that it was wanted */
        uint32_t queued;    /* victims there were when it entered the queue (victim_queue.h) */
};
_Static_assert(sizeof(struct frame) <= 40, "64 bytes a frame, of which the policy needs some");

struct frames {
        struct frame *table; /* `capacity` of them, sparse */
        char *slots;         /* frame f's slot: slots + f * page_size; a hole unless f is queued */
        size_t page_size;
        uint32_t capacity;
        uint32_t limit;      /* the budget */
        uint32_t high_water; /* numbers given out so far; high_water = live + retired */
        uint32_t live;       /* = free_list.count + mapped + queued + busy; above limit only while
                        * shrinking, or by frame_take_beyond */
        uint32_t pinned;     /* frames of pinned pages, and those promised */
        uint32_t promised;   /* of pinned: for pages that are on their way in */
        uint32_t peak;       /* most of live - free_list.count */
        struct frame_list free_list, retired;
        _Atomic uint32_t freed;     /* counts frame_put: what a thread without a frame waits on */
        _Atomic uint32_t waiting;   /* such threads */
        _Atomic bool low_on_frames; /* so few are not pinned that threads may starve each other */
};

int frames_init(struct frames *frames, uint32_t capacity, uint32_t limit, size_t page_size);
void frames_destroy(struct frames *frames);

static inline size_t frames_slots_bytes(const struct frames *frames)
{
        return (size_t)frames->capacity * frames->page_size;
}

/* All below: the pool lock is held. */

/* A free frame. PG_NO_FRAME: none is free, or the pool is above its limit. */
uint32_t frame_take(struct frames *frames);
/* A free frame or, where there is none, one beyond the limit. PG_NO_FRAME: there is no address
 * space for another slot. */
uint32_t frame_take_beyond(struct frames *frames);
/* Gives it back: to be taken again or, above the limit, retired. Its slot is a hole. */
void frame_put(struct frames *frames, uint32_t frame);
/* Retires the free frames that are above the limit. */
void frames_trim(struct frames *frames);
/* Frames that must stay unpinned, so that faults can be served. */
uint32_t frames_reserve(uint32_t limit);
/* A new limit. False, and nothing has changed: the pinned pages would not leave that reserve. */
bool frames_set_limit(struct frames *frames, uint32_t limit);

/* Pins. n frames count as pinned from here on, for pages that are on their way in; false:
 * they would not leave the reserve. */
bool frames_promise_pins(struct frames *frames, uint64_t n);
/* Promises that are not needed after all. */
void frames_withdraw_pins(struct frames *frames, uint32_t n);
/* A page is pinned now, as was promised. */
void frames_fulfil_pin(struct frames *frames);
/* A pinned page is not pinned any more. */
void frames_unpin(struct frames *frames);

/* frame_check.c: is the list sound, are the frames? NULL, or what is broken. */
const char *frame_list_check(const struct frames *frames, const struct frame_list *list);
const char *frames_check(const struct frames *frames);

static inline struct frame *frame_at(const struct frames *frames, uint32_t frame)
{
        return &frames->table[frame];
}

static inline char *frame_slot(const struct frames *frames, uint32_t frame)
{
        return frames->slots + (size_t)frame * frames->page_size;
}

#endif
