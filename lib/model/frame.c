/* SPDX-License-Identifier: MIT */
/*
 * frame.c - the seats of a pool: its budget, one by one.
 *
 * A frame is the right to keep one page in physical memory, and that page is in one of two places:
 * in the program, or, unmapped, in the frame's own slot, a page-size piece of a scratch area, where
 * it waits in the victim queue and is written out.
 *
 *         mapped: the page is in the program, the slot is a hole
 *         queued: the program has a hole, the slot holds the page
 *         free:   no memory at all
 *
 * Hence   physical memory <= live frames + the move contexts' buffers, at every moment, except that a
 * clean page that is rescued, and a run of clean pages that is copied out (no more than a buffer
 * holds), exist twice until the same move context has dropped one of them.
 *
 * The memory of a page that went out is given back to the kernel, never filled again. To move the
 * next page in through the slot would save an allocation; but somebody may still refer to that
 * memory without a pin (a pipe after vmsplice, a socket after a zero-copy send) and would see it
 * change.
 *
 * Numbers are handed out on demand up to the limit and retired when the budget shrinks. Frames are
 * taken in the order they were freed, so a stream that is evicted in order is filled in order, and
 * its slots are neighbours as its pages are: whole runs are unmapped in one call.
 */
#include "frame.h"
#include "arena.h"
#include "frame_list.h"

#include <errno.h>
#include <unpaged/policy.h>

/* Eight threads, each with the pages of its instruction. */
#define LOW_ON_FRAMES 32u

/* After each change of limit or pinned. */
static void update_pressure(struct frames *frames)
{
        atomic_store_explicit(&frames->low_on_frames,
                              frames->limit < frames->pinned + LOW_ON_FRAMES, memory_order_relaxed);
}

int frames_init(struct frames *frames, uint32_t capacity, uint32_t limit, size_t page_size)
{
        *frames = (struct frames){.page_size = page_size, .capacity = capacity, .limit = limit};
        frames->table = arena_reserve((size_t)capacity * sizeof(struct frame), "unpaged-frames");
        frames->slots = arena_reserve(frames_slots_bytes(frames), "unpaged-slots");
        if (frames->table && frames->slots) {
                update_pressure(frames);
                return 0;
        }
        frames_destroy(frames);
        return -ENOMEM;
}

void frames_destroy(struct frames *frames)
{
        arena_release(frames->table, (size_t)frames->capacity * sizeof(struct frame));
        arena_release(frames->slots, frames_slots_bytes(frames));
        *frames = (struct frames){0};
}

static uint32_t take_from(struct frames *frames, struct frame_list *list)
{
        uint32_t f = frame_list_first(list);

        if (f != PG_NO_FRAME)
                frame_list_remove(frames->table, list, f);
        return f;
}

static uint32_t take_within(struct frames *frames, uint32_t limit)
{
        uint32_t f, used;

        if (frames->live > limit)
                return PG_NO_FRAME;
        f = take_from(frames, &frames->free_list);
        if (f == PG_NO_FRAME) {
                if (frames->live == limit)
                        return PG_NO_FRAME;
                f = take_from(frames, &frames->retired);
                if (f == PG_NO_FRAME)
                        f = frames->high_water++;
                frames->live++;
        }
        used = frames->live - frames->free_list.count;
        if (frames->peak < used)
                frames->peak = used;
        return f;
}

uint32_t frame_take(struct frames *frames)
{
        return take_within(frames, frames->limit);
}

uint32_t frame_take_beyond(struct frames *frames)
{
        uint32_t limit = frames->limit;

        if (frames->live >= limit)
                limit = frames->live;
        if (frames->live >= limit && frames->free_list.count == 0 && limit < frames->capacity)
                limit++;
        return take_within(frames, limit);
}

void frame_put(struct frames *frames, uint32_t frame)
{
        struct frame *f = &frames->table[frame];

        f->mapping = NULL;
        f->location = PG_LOCATION_NONE;
        f->owned = false;
        atomic_store_explicit(&f->ahead, false, memory_order_relaxed);
        frame_list_append(frames->table, &frames->free_list, frame);
        frames_trim(frames);
        atomic_fetch_add_explicit(&frames->freed, 1, memory_order_release);
}

void frames_trim(struct frames *frames)
{
        while (frames->live > frames->limit && frames->free_list.count > 0) {
                frame_list_append(frames->table, &frames->retired,
                                  take_from(frames, &frames->free_list));
                frames->live--;
        }
}

uint32_t frames_reserve(uint32_t limit)
{
        return limit < 8 ? limit / 2 : 4;
}

bool frames_set_limit(struct frames *frames, uint32_t limit)
{
        if (frames->pinned + frames_reserve(limit) > limit)
                return false;
        frames->limit = limit;
        update_pressure(frames);
        return true;
}

bool frames_promise_pins(struct frames *frames, uint64_t n)
{
        if (n + frames->pinned + frames_reserve(frames->limit) > frames->limit)
                return false;
        frames->pinned += (uint32_t)n;
        frames->promised += (uint32_t)n;
        update_pressure(frames);
        return true;
}

void frames_withdraw_pins(struct frames *frames, uint32_t n)
{
        frames->pinned -= n;
        frames->promised -= n;
        update_pressure(frames);
}

void frames_fulfil_pin(struct frames *frames)
{
        frames->promised--;
}

void frames_unpin(struct frames *frames)
{
        frames->pinned--;
        update_pressure(frames);
}
