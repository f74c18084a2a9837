/* SPDX-License-Identifier: MIT */
/*
 * page_lists.h - doubly linked lists of pages by number, each page in one of them at most. For
 * the references of the simulator.
 *
 * Each list is a ring with an end of its own, numbered behind the pages: next of the end is the
 * oldest, before the end comes the newest. 9 bytes a page.
 */
#ifndef PAGE_LISTS_H
#define PAGE_LISTS_H

#include <stdbool.h>
#include <stdint.h>

#define PAGE_LISTS_MOST 4u
#define PAGE_LIST_NONE  UINT8_MAX

struct page_lists {
        uint32_t *next, *before;
        uint8_t *list; /* where the page is; or PAGE_LIST_NONE */
        uint32_t pages;
        uint32_t count[PAGE_LISTS_MOST];
};

/* 0 or -ENOMEM. */
int page_lists_init(struct page_lists *l, uint32_t pages);
void page_lists_destroy(struct page_lists *l);

void page_lists_append(struct page_lists *l, unsigned list, uint32_t page);
void page_lists_remove(struct page_lists *l, uint32_t page);

/* The list must not be empty. */
static inline uint32_t page_lists_oldest(const struct page_lists *l, unsigned list)
{
        return l->next[l->pages + list];
}

static inline void page_lists_move(struct page_lists *l, unsigned list, uint32_t page)
{
        page_lists_remove(l, page);
        page_lists_append(l, list, page);
}

#endif
