/* SPDX-License-Identifier: MIT */
/* mapping.h - mappings, and the way from an address to its page entry. See mapping.c. */
#ifndef MAPPING_H
#define MAPPING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unpaged/unpaged.h>
#include "page.h"
#include "readahead.h"
#include "write_predict.h"

struct lock;
struct pg_pool;

enum mapping_state {
        MAPPING_FREE, /* the structure is spare */
        MAPPING_LIVE,
        MAPPING_DYING, /* being unmapped: no new users: a fault waits until it is gone or live */
};

#define MAPPING_UNOBSERVED (1u << 31) /* neither the trace nor the curve hears of its pages */

struct mapping {
        struct pg_pool *pool;
        char *start;
        uint64_t npages;
        unsigned page_shift;
        unsigned flags;            /* PG_MAP_*, as mapped; MAPPING_UNOBSERVED */
        pg_location location;      /* of page 0 */
        page_word *pages;          /* npages words, sparse */
        _Atomic uint64_t *touched; /* a bit for every 512 words: some of them may not be zero */
        _Atomic uint64_t touched_parts; /* pages of both tables that were touched */
        struct readahead readahead;
        write_history history;
        _Atomic bool made_writable; /* PG_MAP_READONLY, and the program has written to it since */
        _Atomic uint32_t mlockalls; /* the pool's, when it was last unlocked */
        _Atomic uint32_t users;     /* threads between mapping_get and mapping_put */
        _Atomic uint32_t state;     /* enum mapping_state */
        struct mapping *next; /* the pool's mappings (under the index lock), or the spare ones */
};

/* One of the index: what mapping is where. */
struct mapping_slot {
        _Atomic uintptr_t start;
        _Atomic uintptr_t end;
        _Atomic(struct mapping *) mapping;
};

/* Finds the live mapping that holds the address and keeps it from going away until mapping_put.
 * NULL: there is none, or it is dying; *dying then says which. Async-signal-safe, takes no lock. */
struct mapping *mapping_get(uintptr_t addr, bool *dying);
void mapping_put(struct mapping *m);
/* Changes whenever a mapping comes or goes. */
uint32_t mapping_index_version(void);

/* Reserves address space, still inaccessible, tables and guard pages. NULL: no memory. */
struct mapping *mapping_new(struct pg_pool *pool, unsigned page_shift, uint64_t npages,
                            unsigned flags, pg_location location);
/* Makes it findable, and puts it on its pool's list. -ENOSPC: too many mappings. */
int mapping_publish(struct mapping *m, struct lock *list_lock, struct mapping **list);
/* Lets the program touch it: last of all, for a touch of memory that is not registered yet, by a
 * thread that still uses what was mapped here before, would find zeros. -ENOMEM. */
int mapping_open(struct mapping *m);

/* The way out. kill waits for the users to leave; then either revive, or seal, withdraw and free,
 * in that order. False: somebody else is killing it. */
bool mapping_kill(struct mapping *m);
void mapping_revive(struct mapping *m);
/* Frees its physical pages; every access is SIGSEGV from now on, and nothing else. */
void mapping_seal(struct mapping *m);
/* Puts inaccessible memory over a part of it: to be paged, or for the program's own use. 0 or
 * -errno. */
int mapping_cover(void *addr, size_t size, bool paged);
/* In a child of fork: what one pool had. */
void mapping_withdraw_all(const struct pg_pool *pool);
void mapping_withdraw(struct mapping *m, struct lock *list_lock, struct mapping **list);
/* Gives back the addresses, the tables and the structure. */
void mapping_free(struct mapping *m);

/* Without locks: is the index sound (debug.h, tier 2)? NULL, or what is broken. */
const char *mapping_index_check(void);
/* mapping_check.c: the walk itself. */
const char *mapping_slots_check(const struct mapping_slot *slots, size_t count);

/* Around fork(2): nobody changes the index meanwhile. */
void mapping_index_lock_for_fork(void);
void mapping_index_unlock_for_fork(void);
void mapping_index_in_child(void);

/* Waits until a dying mapping is gone or live again. */
void mapping_wait_settled(uintptr_t addr);

/* Must be called before a born page's word changes, so that mapping_next_touched finds it. */
void mapping_touch(struct mapping *m, uint64_t page);
/* The first page from `page` on whose word may not be zero; npages when there is none. */
uint64_t mapping_next_touched(const struct mapping *m, uint64_t page);

static inline size_t mapping_page_size(const struct mapping *m)
{
        return (size_t)1 << m->page_shift;
}

static inline char *mapping_addr(const struct mapping *m, uint64_t page)
{
        return m->start + (page << m->page_shift);
}

static inline uint64_t mapping_page(const struct mapping *m, uintptr_t addr)
{
        return (addr - (uintptr_t)m->start) >> m->page_shift;
}

/* It may hold modified pages. A read-only mapping may be made writable by mprotect(2), of which we
 * only see the first write. */
static inline bool mapping_is_writable(const struct mapping *m)
{
        return !(m->flags & PG_MAP_READONLY) ||
               atomic_load_explicit(&m->made_writable, memory_order_relaxed);
}

/* The program writes to it, so it is writable. */
static inline void mapping_note_write(struct mapping *m)
{
        if (!mapping_is_writable(m))
                atomic_store_explicit(&m->made_writable, true, memory_order_relaxed);
}

/* As it was mapped. */
static inline int mapping_prot(const struct mapping *m)
{
        return m->flags & PG_MAP_READONLY ? PROT_READ : PROT_READ | PROT_WRITE;
}

/* Where a born page lives. The two anonymous locations are the same for every page. */
static inline pg_location mapping_location(const struct mapping *m, uint64_t page)
{
        return m->location >= PG_LOCATION_ANON_UNINIT ? m->location
                                                      : m->location + (page << m->page_shift);
}

/* The place at which a page that is not resident lives was reserved for it in the swap store. */
static inline bool page_owns_place(uint64_t word, pg_location location)
{
        return word & PAGE_PLACED && location < PG_LOCATION_ANON_UNINIT;
}

/* Where a page that is not resident lives. */
static inline pg_location mapping_page_location(const struct mapping *m, uint64_t page,
                                                uint64_t word)
{
        return word & PAGE_PLACED ? word & ~PAGE_FLAGS : mapping_location(m, page);
}

#endif
