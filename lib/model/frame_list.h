/* SPDX-License-Identifier: MIT */
/*
 * frame_list.h - doubly linked lists of frames, by number.
 *
 * Half the size of pointers, and a zeroed table is a table of unlinked frames: links and ends hold
 * number + 1, and 0 is none. The links lie in struct frame, so every call takes the table.
 *
 * Invariants: head == 0 iff tail == 0 iff count == 0; walking next from head meets count frames.
 */
#ifndef FRAME_LIST_H
#define FRAME_LIST_H

#include <stdint.h>

struct frame;

struct frame_link {
        uint32_t next, prev;
};

struct frame_list {
        uint32_t head, tail, count;
};

void frame_list_append(struct frame *table, struct frame_list *list, uint32_t frame);
void frame_list_remove(struct frame *table, struct frame_list *list, uint32_t frame);

/* The first frame, or PG_NO_FRAME; the one after it, likewise. */
static inline uint32_t frame_list_first(const struct frame_list *list)
{
        return list->head - 1; /* 0 - 1 is PG_NO_FRAME */
}
uint32_t frame_list_next(const struct frame *table, uint32_t frame);

#endif
