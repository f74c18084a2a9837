/* SPDX-License-Identifier: MIT */
/*
 * range_table.h - what each range of the arena is: a sorted table of ranges. See range_table.c.
 *
 * It only keeps records. arena_ops.c makes true what they say; calls_*.c translate what programs
 * ask for.
 */
#ifndef RANGE_TABLE_H
#define RANGE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a range is, beside its protection. */
#define RANGE_OUT       (1u << 0) /* not paged: something of the kernel's was mapped over it */
#define RANGE_LOCKED    (1u << 1) /* mlock: pinned, and may not be discarded */
#define RANGE_STACK     (1u << 2) /* a thread's stack: pinned, until it is discarded */
#define RANGE_NOFORK    (1u << 3) /* MADV_DONTFORK: a child does not have it */
#define RANGE_WIPE      (1u << 4) /* MADV_WIPEONFORK: a child has zeros */
#define RANGE_KEY       (1u << 5) /* has, or had, a protection key */
#define RANGE_NORESERVE (1u << 6) /* may become writable whatever its size */
#define RANGE_FRESH     (1u << 7) /* while mlock is at it: locked now, not yet pinned */
#define RANGE_PINNED    (RANGE_LOCKED | RANGE_STACK)

struct range {
        uintptr_t start, end; /* multiples of the kernel's page */
        int prot;
        unsigned flags;
};

/* The kernel's limit of mappings is 65530: there cannot be many more ranges than that. */
#define RANGE_TABLE_MAX ((size_t)1 << 17)

/* Ranges in [start, end); range_table_find_free names none below `floor`, and multiples of
 * `granule`. */
int range_table_init(uintptr_t start, uintptr_t end, uintptr_t floor, size_t granule);

/* Every call below needs the lock. All signals are blocked while a thread has it: a handler that
 * calls mmap finds it free, or held by another thread. Nobody takes it on a fault. */
uint64_t range_table_lock(void);
void range_table_unlock(uint64_t signals);

/* The ranges in order of address. find: the first that ends beyond addr. NULL: there are no
 * more. */
struct range *range_table_find(uintptr_t addr);
struct range *range_table_next(struct range *r);
/* The range that holds the address, or NULL. */
struct range *range_table_at(uintptr_t addr);

bool range_table_is_free(uintptr_t start, uintptr_t end);

/* The lowest place for so many bytes; 0: there is none. */
uintptr_t range_table_find_free(size_t size);

/* True if n more ranges fit into the table. set, clear and cut need one or two. */
bool range_table_has_room(size_t n);

/* Replaces whatever is in [start, end). */
void range_table_set(uintptr_t start, uintptr_t end, int prot, unsigned flags);
void range_table_clear(uintptr_t start, uintptr_t end);

/* Makes start and end borders of ranges, so that those in between can be changed in place; join
 * afterwards makes one of neighbours that do not differ. */
void range_table_cut(uintptr_t start, uintptr_t end);
void range_table_join(uintptr_t start, uintptr_t end);

/* Tier 2 of debug.h alone, with the lock held: is the table sorted, and minimal? */
bool range_table_check(void);

#endif
