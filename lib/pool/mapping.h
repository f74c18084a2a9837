/* SPDX-License-Identifier: MIT */
/* mapping.h - mappings, and the way from an address to its page entry. See mapping.c. */
#ifndef REGION_H
#define REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unpaged/unpaged.h>
#include "readahead.h"
#include "write_predict.h"
#include "page.h"

enum region_state {
        REGION_FREE, /* the structure is spare */
        REGION_LIVE,
        REGION_DYING, /* being unmapped: no new users; a fault waits until it is gone, or live again */
};

struct region {
        struct pg_pool *pool;
        char *start;
        uint64_t npages;
        unsigned page_shift;
        unsigned flags;            /* PG_MAP_*, PG_PROT_* as mapped */
        pg_location location;      /* of page 0 */
        page_word *pages;          /* npages words, sparse */
        _Atomic uint64_t *touched; /* a bit for every 512 words: some of them may not be zero */
        struct ahead ahead;
        mapping_habit habit;
        _Atomic uint32_t users; /* threads between region_get and region_put */
        _Atomic uint32_t state; /* enum region_state */
        struct region *next;    /* the pool's mappings (under the index lock), or the spare ones */
};

/* Finds the live mapping that holds the address and keeps it from going away until region_put.
 * NULL: there is none, or it is dying; *dying then says which. Async-signal-safe, takes no lock. */
struct region *region_get(uintptr_t addr, bool *dying);
void region_put(struct region *r);
/* Changes whenever a mapping comes or goes. */
uint32_t region_index_version(void);

/* Reserves address space, still inaccessible, tables and guard pages. NULL: no memory. */
struct region *region_new(struct pg_pool *pool, unsigned page_shift, uint64_t npages,
                          unsigned flags, pg_location location);
/* Makes it findable, and puts it on its pool's list. -ENOSPC: too many mappings. */
int region_publish(struct region *r, struct lock *list_lock, struct region **list);
/* Lets the program touch it: last of all, for a touch of memory that is not registered yet, by a
 * thread that still uses what was mapped here before, would find zeros. -ENOMEM. */
int region_open(struct region *r);

/* The way out. kill waits for the users to leave; then either revive, or seal, withdraw and free,
 * in that order. False: somebody else is killing it. */
bool region_kill(struct region *r);
void region_revive(struct region *r);
/* Frees its physical pages; every access is SIGSEGV from now on, and nothing else. */
void region_seal(struct region *r);
/* Puts inaccessible memory over a part of it: to be paged, or for the program's own use. 0 or
 * -errno. */
int region_cover(void *addr, size_t size, bool paged);
/* In a child of fork: what one pool had. */
void region_withdraw_all(const struct pg_pool *pool);
void region_withdraw(struct region *r, struct lock *list_lock, struct region **list);
/* Gives back the addresses, the tables and the structure. */
void region_free(struct region *r);

/* Around fork(2): nobody changes the index meanwhile. */
void region_index_lock_for_fork(void);
void region_index_unlock_for_fork(void);

/* Waits until a dying mapping is gone or live again. */
void region_wait_settled(uintptr_t addr);

/* Must be called before a born page's word changes, so that region_next_touched finds it. */
void region_touch(struct region *r, uint64_t page);
/* The first page from `page` on whose word may not be zero; npages when there is none. */
uint64_t region_next_touched(const struct region *r, uint64_t page);

static inline size_t region_page_size(const struct region *r)
{
        return (size_t)1 << r->page_shift;
}

static inline char *region_addr(const struct region *r, uint64_t page)
{
        return r->start + (page << r->page_shift);
}

static inline uint64_t region_page(const struct region *r, uintptr_t addr)
{
        return (addr - (uintptr_t)r->start) >> r->page_shift;
}

static inline bool region_is_writable(const struct region *r)
{
        return !(r->flags & PG_PROT_READ);
}

static inline int region_prot(const struct region *r)
{
        return region_is_writable(r) ? PROT_READ | PROT_WRITE : PROT_READ;
}

/* Where a born page lives. The two anonymous locations are the same for every page. */
static inline pg_location region_location(const struct region *r, uint64_t page)
{
        return r->location >= PG_LOCATION_ANON_UNINIT ? r->location
                                                      : r->location + (page << r->page_shift);
}

/* Where a page that is not resident lives. */
static inline pg_location region_page_location(const struct region *r, uint64_t page, uint64_t word)
{
        return word & PAGE_PLACED ? word & ~PAGE_FLAGS : region_location(r, page);
}

#endif
