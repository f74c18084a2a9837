/* SPDX-License-Identifier: MIT */
/* page_lives.c - see page_lives.h. */
#include "page_lives.h"

#include <stdlib.h>

enum state { GONE = 1, RESIDENT, OUT };

/* A page of a range, and what it was. */
struct kept {
        uint64_t page, state;
};

static void count(struct page_lives *l, uint64_t state, uint64_t by)
{
        l->resident += state == RESIDENT ? by : 0;
        l->out += state == OUT ? by : 0;
}

static void become(struct page_lives *l, struct page_entry *e, uint64_t state)
{
        count(l, e->value, UINT64_MAX); /* one less */
        count(l, state, 1);
        e->value = state;
}

static bool come(struct page_lives *l, uint64_t page, uint64_t state)
{
        struct page_entry *e = page_map_get(&l->pages, page, GONE);

        if (!e)
                return false;
        l->born = e->value == GONE;
        become(l, e, state);
        return true;
}

static void change(struct page_lives *l, uint64_t page, uint64_t state)
{
        struct page_entry *e = page_map_find(&l->pages, page);

        if (e && e->value != GONE)
                become(l, e, state);
}

/* Keeps the pages of the range that are alive, for which `kept` has room. A range may be far larger
 * than what was ever touched of it. Returns how many they are. */
static size_t alive_in(const struct page_lives *l, uint64_t first, uint64_t n, struct kept *kept)
{
        const struct page_map *pages = &l->pages;
        size_t found = 0;

        for (uint64_t i = 0; i < n && n <= pages->count; i++) {
                const struct page_entry *e = page_map_find(pages, first + i);

                if (e && e->value != GONE)
                        kept[found++] = (struct kept){first + i, e->value};
        }
        for (size_t i = 0; i < pages->places && n > pages->count; i++) {
                const struct page_entry *e = &pages->entries[i];

                if (e->value > GONE && e->page - first < n)
                        kept[found++] = (struct kept){e->page, e->value};
        }
        return found;
}

static size_t end_range(struct page_lives *l, uint64_t first, uint64_t n, struct kept *kept)
{
        size_t found = alive_in(l, first, n, kept);

        for (size_t i = 0; i < found; i++)
                change(l, kept[i].page, GONE);
        return found;
}

/* The range ends here; or it goes on at e->to, where what was there before ends. */
static bool end_or_move(struct page_lives *l, const struct pg_trace_event *e)
{
        uint64_t alive = l->resident + l->out, most = e->count < alive ? e->count : alive;
        struct kept *kept = most ? calloc(most, sizeof(*kept)) : NULL;
        bool moves = e->kind == PG_TRACE_MOVED, room = true;

        if (!kept)
                return most == 0;
        if (moves)
                end_range(l, e->to, e->count, kept);
        l->concerned = end_range(l, e->page, e->count, kept);
        for (size_t i = 0; i < l->concerned && moves && room; i++)
                room = come(l, e->to + (kept[i].page - e->page), kept[i].state);
        free(kept);
        return room;
}

bool page_lives_take(struct page_lives *l, const struct pg_trace_event *e)
{
        l->born = false;
        l->concerned = 0;
        if (e->kind <= PG_TRACE_WRITTEN)
                return come(l, e->page, RESIDENT);
        if (e->kind == PG_TRACE_FORGOTTEN || e->kind == PG_TRACE_MOVED)
                return end_or_move(l, e);
        if (e->kind == PG_TRACE_LEFT)
                change(l, e->page, OUT);
        if (e->kind == PG_TRACE_RETURNED)
                change(l, e->page, RESIDENT);
        return true;
}

void page_lives_free(struct page_lives *l)
{
        page_map_free(&l->pages);
        *l = (struct page_lives){0};
}
