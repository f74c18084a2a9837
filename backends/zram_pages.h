/* SPDX-License-Identifier: MIT */
/*
 * zram_pages.h - memory for content that is kept in whole pages of the system, and never moved.
 */
#ifndef BACKENDS_ZRAM_PAGES_H
#define BACKENDS_ZRAM_PAGES_H

#include "budget.h"
#include "futex_lock.h"

#define ZRAM_NO_PLACE UINT32_MAX

struct zram_pages {
        struct budget *budget;
        char *base;
        size_t bytes;              /* reserved for places */
        size_t page_size;          /* of a place */
        uint32_t limit;            /* places there are */
        uint32_t fresh;            /* the first that was never used */
        uint32_t full;             /* taken places of a whole page */
        uint32_t idle, idle_count; /* list of free places that still have their page: number + 1 */
        struct budget_table bare;  /* stack of free places without memory: uint32_t */
        uint32_t bare_count;
        struct futex_lock lock; /* guards all that changes */
};

/* Reserves `bytes` of address space. -ENOMEM. */
int zram_pages_open(struct zram_pages *pages, struct budget *budget, size_t bytes);
void zram_pages_close(struct zram_pages *pages);

/* Once, before any of the calls below. */
void zram_pages_start(struct zram_pages *pages, size_t page_size);

/* A place with memory for `bytes`, up to a page, or ZRAM_NO_PLACE: no memory, no address space. */
uint32_t zram_pages_alloc(struct zram_pages *pages, size_t bytes);
void zram_pages_free(struct zram_pages *pages, uint32_t place, size_t bytes);

static inline void *zram_pages_at(const struct zram_pages *pages, uint32_t place)
{
        return pages->base + place * pages->page_size;
}

/* Gives some idle pages back to the system; false when there are none. */
bool zram_pages_reclaim(struct zram_pages *pages);

#endif
