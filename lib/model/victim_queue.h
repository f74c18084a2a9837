/* SPDX-License-Identifier: MIT */
/*
 * victim_queue.h - the victim queue: pages unmapped from the program, but still in their frames.
 *
 * It is the pager's accessed bit. Whether a page is in use cannot be read from user space, but it
 * can be asked: unmap it for a while and see whether it is touched. A page that is touched in the
 * queue is rescued, without a store, and its policy is told; the oldest page that was not goes out.
 * First in, first out: a page may leave when as many victims were named after it as the queue may
 * hold, a fixed share of the frames. Victims that do not wait in it count as well, or the last
 * pages that were written to would stay in it for as long as a program only reads.
 *
 * All calls: the pool lock is held. A page in the queue has QUEUED in its word; a thread that
 * claims such a page takes it out of the queue at once, under the lock.
 */
#ifndef VICTIM_QUEUE_H
#define VICTIM_QUEUE_H

#include <stdbool.h>
#include <stdint.h>
#include "frame.h"
#include "frame_list.h"

#define VICTIM_QUEUE_PCT 20u /* unless the pool says otherwise */

struct victim_queue {
        struct frame_list list; /* oldest first */
        unsigned pct;           /* share of the frames; 0: no queue */
        uint32_t named;         /* counts victims */
};

/* Frames the queue should hold. */
static inline uint32_t victim_queue_target(const struct victim_queue *v,
                                           const struct frames *frames)
{
        return (uint32_t)((uint64_t)frames->limit * v->pct / 100);
}

static inline void victim_queue_push(struct victim_queue *v, struct frames *frames, uint32_t frame)
{
        frames->table[frame].queued = v->named;
        frame_list_append(frames->table, &v->list, frame);
}

/* The page in the frame, which is in the queue, has waited long enough. */
static inline bool victim_queue_is_due(const struct victim_queue *v, const struct frames *frames,
                                       uint32_t frame)
{
        return v->named - frames->table[frame].queued >= victim_queue_target(v, frames);
}

/* frame_check.c: NULL, or what is broken. */
const char *victim_queue_check(const struct victim_queue *v, const struct frames *frames);

static inline void victim_queue_remove(struct victim_queue *v, struct frames *frames,
                                       uint32_t frame)
{
        frame_list_remove(frames->table, &v->list, frame);
}

#endif
