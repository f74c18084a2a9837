/* SPDX-License-Identifier: MIT */
/*
 * write_predict.h - clean or dirty? Whether a page that comes in will be written to.
 *
 * A page can come in write-protected, so that a first write tells that its copy in the store is out
 * of date: one fault more if it is written to. Or writable: then it must be saved when it goes,
 * even if it was only read. Both mistakes cost about the same.
 *
 * A stay tells something if the page came in clean, or for a write. What it told last is kept in
 * the page's word, as WRITTEN or READ. A page that has not told yet does as the pages of its
 * mapping did lately: the mapping counts, up for written ones and down for others, between two
 * limits, so that it forgets. Once in eight times pages that should come in dirty come in clean, to
 * find out again; once in 32 where the mapping's pages never are anything else.
 *
 * In a strict pool a page goes by itself alone. A page of a shared mapping always comes in clean,
 * unless for a write: a needless write to a file is worse than a fault.
 *
 * Only what is worth keeping a copy of counts: that a page is written to when it is touched for the
 * first time says nothing about later. And nothing of it matters to correctness: the mapping's
 * count may lose updates.
 */
#ifndef HABIT_H
#define HABIT_H

#include "page.h"

#define HABIT_MOST       16
#define HABIT_PROBE      8u
#define HABIT_PROBE_SURE 32u

/* Of a mapping: above 0, its pages are written to. */
typedef _Atomic int32_t mapping_habit;

static inline void habit_count(mapping_habit *h, int change)
{
        int now = atomic_load_explicit(h, memory_order_relaxed);

        if (now * change < HABIT_MOST)
                atomic_store_explicit(h, now + change, memory_order_relaxed);
}

/* The page's word, after a stay has told. */
static inline uint64_t habit_written(mapping_habit *h, uint64_t word)
{
        habit_count(h, 1);
        return (word & ~PAGE_HABIT) | PAGE_WRITTEN;
}

static inline uint64_t habit_read(mapping_habit *h, uint64_t word)
{
        habit_count(h, -1);
        return (word & ~PAGE_HABIT) | PAGE_READ;
}

/* Will it be written to? `turn` counts what comes in together; `alone`: go by this page, not by its
 * neighbours. */
static inline bool habit_will_write(const mapping_habit *h, uint64_t word, uint32_t turn,
                                    bool alone)
{
        int now = atomic_load_explicit(h, memory_order_relaxed);
        bool write = word & PAGE_HABIT || alone ? word & PAGE_WRITTEN : now > 0;

        return write && turn % (now < HABIT_MOST ? HABIT_PROBE : HABIT_PROBE_SURE) != 0;
}

#endif
