/* SPDX-License-Identifier: MIT */
/*
 * page_map.h - a number for each page of a trace: a hash table with open addressing, at most three
 * quarters full, that doubles when it is. 16 bytes a place, so 21 to 43 bytes a page. Pages never
 * leave it.
 */
#ifndef PAGE_MAP_H
#define PAGE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct page_entry {
        uint64_t page;
        uint64_t value; /* never 0 where there is a page */
};

/* All zeros: an empty one. */
struct page_map {
        struct page_entry *entries; /* places, those with value 0 are free */
        size_t places;              /* a power of two, or 0 */
        size_t count;
};

/* The page's entry, which is valid until the next call; a new one has `fresh` as its value, which
 * must not be 0. NULL: no memory. */
struct page_entry *page_map_get(struct page_map *map, uint64_t page, uint64_t fresh);

/* The page's entry, or NULL. */
struct page_entry *page_map_find(const struct page_map *map, uint64_t page);

void page_map_free(struct page_map *map);

#endif
