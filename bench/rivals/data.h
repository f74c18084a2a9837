/* SPDX-License-Identifier: MIT */
/*
 * data.h - what stands in the pages.
 *
 * A page's content follows from its kind, a seed and its number, so a check needs no second copy.
 * One word of each page, at its *marked* position, is the program's: it begins as the caller says,
 * and counts the writes.
 */
#ifndef RIVALS_DATA_H
#define RIVALS_DATA_H

#include <stddef.h>
#include <stdint.h>

#define PAGE_BYTES ((size_t)4096)
#define PAGE_WORDS (PAGE_BYTES / sizeof(uint64_t))

enum data_kind {
        DATA_INCOMPRESSIBLE,
        DATA_HARD,
        DATA_HEAP,
        DATA_TEXT,
        DATA_ZEROISH,
        DATA_KINDS,
};

extern const char *const data_names[DATA_KINDS];
extern const char *const data_abouts[DATA_KINDS];

/* Makes the vocabulary. Once, before any page. */
void data_prepare(void);

/* The number of the page's marked word. */
static inline unsigned data_mark(uint32_t page)
{
        return (unsigned)((page * 0x9E3779B97F4A7C15u) >> 55);
}

/* Fills the PAGE_WORDS words of a page, `marked` at its marked position. */
void data_page(enum data_kind kind, uint64_t seed, uint32_t page, uint64_t marked, uint64_t *words);

/* How many times smaller LZ4 makes pages of the kind, one by one. */
double data_lz4_ratio(enum data_kind kind);

#endif
