/* SPDX-License-Identifier: MIT */
/*
 * write_predict.h - clean or dirty? Whether a page that comes in will be written to.
 *
 * A page can come in write-protected, so that a first write tells that its copy in the store is out
 * of date: one fault more if it is written to. Or writable: then it must be saved when it goes,
 * even if it was only read. Both mistakes cost about the same.
 *
 * A stay tells something if the page came in clean, or for a write. What it told last is kept in
 * the page's word, as WAS_WRITTEN or WAS_READ. A page that has not told yet does as the pages of
 * its mapping did lately: the mapping counts, up for written ones and down for others, between two
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
#ifndef WRITE_PREDICT_H
#define WRITE_PREDICT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdatomic.h>
#include "page.h"

#define PREDICT_MOST       16
#define PREDICT_PROBE      8u
#define PREDICT_PROBE_SURE 32u

/* Of a mapping: above 0, its pages are written to. */
typedef _Atomic int32_t write_history;

static inline void predict_count(write_history *h, int change)
{
        int now = atomic_load_explicit(h, memory_order_relaxed);

        if (now * change < PREDICT_MOST)
                atomic_store_explicit(h, now + change, memory_order_relaxed);
}

/* The page's word, after a stay has told. */
static inline uint64_t predict_note_written(write_history *h, uint64_t word)
{
        predict_count(h, 1);
        return (word & ~PAGE_HISTORY) | PAGE_WAS_WRITTEN;
}

static inline uint64_t predict_note_read(write_history *h, uint64_t word)
{
        predict_count(h, -1);
        return (word & ~PAGE_HISTORY) | PAGE_WAS_READ;
}

/* Will it be written to? `turn` counts what comes in together; `alone`: go by this page, not by its
 * neighbours. */
static inline bool predict_will_write(const write_history *h, uint64_t word, uint32_t turn,
                                      bool alone)
{
        int now = atomic_load_explicit(h, memory_order_relaxed);
        bool write = word & PAGE_HISTORY || alone ? word & PAGE_WAS_WRITTEN : now > 0;

        return write && turn % (now < PREDICT_MOST ? PREDICT_PROBE : PREDICT_PROBE_SURE) != 0;
}

#endif
