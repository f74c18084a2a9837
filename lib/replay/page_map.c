/* SPDX-License-Identifier: MIT */
/* page_map.c - see page_map.h. */
#include "page_map.h"

#include <stdlib.h>

#define PLACES_FIRST ((size_t)1 << 12)

/* The page's place, or the free one where it would be. There is always a free one. */
static struct page_entry *place_of(const struct page_map *map, uint64_t page)
{
        /* Multiplication mixes upwards: the upper half is the good one. */
        uint64_t at = (page + 1) * 0x9e3779b97f4a7c15u >> 32;

        for (;; at++) {
                struct page_entry *e = &map->entries[at & (map->places - 1)];

                if (e->value == 0 || e->page == page)
                        return e;
        }
}

static bool grow(struct page_map *map)
{
        struct page_map larger = {.places = map->places ? 2 * map->places : PLACES_FIRST,
                                  .count = map->count};

        larger.entries = calloc(larger.places, sizeof(*larger.entries));
        if (!larger.entries)
                return false;
        for (size_t i = 0; i < map->places; i++)
                if (map->entries[i].value)
                        *place_of(&larger, map->entries[i].page) = map->entries[i];
        free(map->entries);
        *map = larger;
        return true;
}

struct page_entry *page_map_get(struct page_map *map, uint64_t page, uint64_t fresh)
{
        struct page_entry *e;

        if (4 * map->count >= 3 * map->places && !grow(map))
                return NULL;
        e = place_of(map, page);
        if (e->value == 0) {
                *e = (struct page_entry){page, fresh};
                map->count++;
        }
        return e;
}

struct page_entry *page_map_find(const struct page_map *map, uint64_t page)
{
        struct page_entry *e = map->places ? place_of(map, page) : NULL;

        return e && e->value ? e : NULL;
}

void page_map_free(struct page_map *map)
{
        free(map->entries);
        *map = (struct page_map){0};
}
