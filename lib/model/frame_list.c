/* SPDX-License-Identifier: MIT */
/* frame_list.c - doubly linked lists of frames, by number. See frame_list.h. */
#include "frame.h"
#include "frame_list.h"

void frame_list_append(struct frame *table, struct frame_list *list, uint32_t frame)
{
        table[frame].link = (struct frame_link){.next = 0, .prev = list->tail};
        if (list->tail)
                table[list->tail - 1].link.next = frame + 1;
        else
                list->head = frame + 1;
        list->tail = frame + 1;
        list->count++;
}

void frame_list_remove(struct frame *table, struct frame_list *list, uint32_t frame)
{
        struct frame_link *link = &table[frame].link;

        if (link->prev)
                table[link->prev - 1].link.next = link->next;
        else
                list->head = link->next;
        if (link->next)
                table[link->next - 1].link.prev = link->prev;
        else
                list->tail = link->prev;
        *link = (struct frame_link){0};
        list->count--;
}

uint32_t frame_list_next(const struct frame *table, uint32_t frame)
{
        return table[frame].link.next - 1;
}
