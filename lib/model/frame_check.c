/* SPDX-License-Identifier: MIT */
/*
 * frame_check.c - walks over frames, their lists and the victim queue (debug.h, tier 2).
 *
 * Pure: NULL, or what is broken. A list with a loop ends the walk, for none can be longer than the
 * numbers that were given out.
 */
#include "frame.h"
#include "victim_queue.h"

#include <unpaged/policy.h>

const char *frame_list_check(const struct frames *f, const struct frame_list *list)
{
        uint32_t count = 0, prev = 0;

        for (uint32_t at = list->head; at; at = f->table[at - 1].link.next) {
                if (at > f->high_water)
                        return "a list of frames names one that was never given out";
                if (f->table[at - 1].link.prev != prev)
                        return "a list of frames does not lead back";
                if (++count > f->high_water)
                        return "a list of frames has a loop";
                prev = at;
        }
        if (list->tail != prev)
                return "a list of frames does not end at its tail";
        return list->count == count ? NULL : "a list of frames miscounts";
}

/* Frames without a page: those in the list hold none. */
static bool are_empty(const struct frames *f, const struct frame_list *list)
{
        for (uint32_t at = list->head; at; at = f->table[at - 1].link.next)
                if (f->table[at - 1].mapping)
                        return false;
        return true;
}

const char *frames_check(const struct frames *f)
{
        const char *broken;

        if (f->high_water > f->capacity || f->high_water != f->live + f->retired.count)
                return "frames: numbers given out are not those live and retired";
        if (f->live < f->free_list.count)
                return "frames: more are free than live";
        if (f->pinned < f->promised)
                return "frames: more pins are promised than there are";
        broken = frame_list_check(f, &f->free_list);
        if (!broken)
                broken = frame_list_check(f, &f->retired);
        if (broken)
                return broken;
        return are_empty(f, &f->free_list) && are_empty(f, &f->retired)
                       ? NULL
                       : "frames: a free one holds a page";
}

const char *victim_queue_check(const struct victim_queue *v, const struct frames *f)
{
        const char *broken = frame_list_check(f, &v->list);
        uint32_t waited = UINT32_MAX;

        for (uint32_t at = v->list.head; at && !broken; at = f->table[at - 1].link.next) {
                const struct frame *frame = &f->table[at - 1];

                if (!frame->mapping)
                        broken = "victim queue: a frame in it holds no page";
                else if (v->named - frame->queued > waited)
                        broken = "victim queue: it is out of order";
                waited = v->named - frame->queued;
        }
        return broken;
}
