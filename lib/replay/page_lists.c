/* SPDX-License-Identifier: MIT */
/* page_lists.c - see page_lists.h. */
#include "page_lists.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int page_lists_init(struct page_lists *l, uint32_t pages)
{
        size_t nodes = (size_t)pages + PAGE_LISTS_MOST;

        *l = (struct page_lists){.pages = pages};
        l->next = calloc(nodes, sizeof(*l->next));
        l->before = calloc(nodes, sizeof(*l->before));
        l->list = malloc(nodes);
        if (!l->next || !l->before || !l->list) {
                page_lists_destroy(l);
                return -ENOMEM;
        }
        memset(l->list, PAGE_LIST_NONE, nodes);
        for (uint32_t end = pages; end < nodes; end++)
                l->next[end] = l->before[end] = end;
        return 0;
}

void page_lists_destroy(struct page_lists *l)
{
        free(l->next);
        free(l->before);
        free(l->list);
        *l = (struct page_lists){0};
}

void page_lists_append(struct page_lists *l, unsigned list, uint32_t page)
{
        uint32_t end = l->pages + list, newest = l->before[end];

        l->before[page] = newest;
        l->next[page] = end;
        l->next[newest] = l->before[end] = page;
        l->list[page] = (uint8_t)list;
        l->count[list]++;
}

void page_lists_remove(struct page_lists *l, uint32_t page)
{
        l->next[l->before[page]] = l->next[page];
        l->before[l->next[page]] = l->before[page];
        l->count[l->list[page]]--;
        l->list[page] = PAGE_LIST_NONE;
}
