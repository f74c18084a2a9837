/* SPDX-License-Identifier: MIT */
/*
 * frame.c - the seats of a pool: its budget, one by one.
 *
 * A frame is the right to keep one page in physical memory, and that page is in one of two places:
 * in the program, or in the frame's own slot, a page-size piece of a scratch area. The slot is where
 * a page waits in the victim queue, from where it is written out, and where the next page is filled
 * in. So the memory of an evicted page passes on to the next page without being freed and allocated,
 * and moving it is all the kernel has to do (UFFDIO_MOVE).
 *
 *         mapped: the page is in the program, the slot is a hole
 *         queued: the program has a hole, the slot holds the page
 *         free, warm: the slot holds memory whose content does not matter
 *         free, cold: no memory at all
 *
 * Hence   physical memory <= live frames + the workers' buffers, at every moment, except that a page
 * installed by copy from a slot exists twice until the slot is dropped by the same worker.
 *
 * Numbers are minted on demand up to the limit and retired when the budget shrinks: a frame above
 * the limit is taken, its slot dropped, and only then retired, so that nobody can have filled the
 * slot meanwhile. Frames are
 * taken in the order they were freed, so a stream that is evicted in order is filled in order, and
 * its slots are neighbours as its pages are: whole runs move in one call.
 */
#include "frame.h"
#include "arena.h"

#include <errno.h>
#include <unpaged/policy.h>

int frames_init(struct frames *frames, uint32_t capacity, uint32_t limit, size_t page_size)
{
        *frames = (struct frames){.page_size = page_size, .capacity = capacity, .limit = limit};
        frames->table = arena_reserve((size_t)capacity * sizeof(struct frame), "unpaged-frames");
        frames->slots = arena_reserve((size_t)capacity * page_size, "unpaged-slots");
        if (frames->table && frames->slots) {
                /* The kernel does not move pages that a child shares. */
                arena_not_for_child(frames->slots, (size_t)capacity * page_size);
                return 0;
        }
        frames_destroy(frames);
        return -ENOMEM;
}

void frames_destroy(struct frames *frames)
{
        arena_release(frames->table, (size_t)frames->capacity * sizeof(struct frame));
        arena_release(frames->slots, (size_t)frames->capacity * frames->page_size);
        *frames = (struct frames){0};
}

static uint32_t take_from(struct frames *frames, struct list *list)
{
        uint32_t f = list_first(list);

        list_remove(frames->table, list, f);
        frames->free--;
        return f;
}

static uint32_t mint(struct frames *frames)
{
        uint32_t f = list_first(&frames->retired);

        if (frames->live >= frames->limit)
                return PG_NO_FRAME;
        if (f != PG_NO_FRAME)
                list_remove(frames->table, &frames->retired, f);
        else
                f = frames->minted++;
        frames->live++;
        return f;
}

static uint32_t take_any(struct frames *frames, bool prefer_warm)
{
        uint32_t f;

        if (frames->live > frames->limit)
                return PG_NO_FRAME;
        if (prefer_warm && frames->warm.count)
                return take_from(frames, &frames->warm);
        if (frames->cold.count)
                return take_from(frames, &frames->cold);
        f = mint(frames);
        return f == PG_NO_FRAME && frames->warm.count ? take_from(frames, &frames->warm) : f;
}

uint32_t frame_take(struct frames *frames, bool prefer_warm)
{
        uint32_t f = take_any(frames, prefer_warm);

        if (f != PG_NO_FRAME && frames->peak < frames->live - frames->free)
                frames->peak = frames->live - frames->free;
        return f;
}

void frame_put(struct frames *frames, uint32_t frame, bool warm)
{
        struct frame *f = &frames->table[frame];

        f->region = NULL;
        f->location = PG_LOCATION_NONE;
        f->owned = false;
        f->warm = warm;
        atomic_store_explicit(&f->ahead, false, memory_order_relaxed);
        list_append(frames->table, warm ? &frames->warm : &frames->cold, frame);
        frames->free++;
        atomic_fetch_add_explicit(&frames->freed, 1, memory_order_release);
}

uint32_t frame_take_excess(struct frames *frames)
{
        if (frames->live <= frames->limit || frames->free == 0)
                return PG_NO_FRAME;
        return take_from(frames, frames->cold.count ? &frames->cold : &frames->warm);
}

void frame_retire(struct frames *frames, uint32_t frame)
{
        frames->table[frame].warm = false;
        list_append(frames->table, &frames->retired, frame);
        frames->live--;
}

uint32_t frames_reserve(uint32_t limit)
{
        return limit < 8 ? limit / 2 : 4;
}
