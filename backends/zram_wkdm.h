/* SPDX-License-Identifier: MIT */
/*
 * zram_wkdm.h - a compressor for pages of memory: words that are zero, small, pointers, repeated.
 *
 * Several times as fast as lz4 at packing such pages, and often tighter; no use for text.
 */
#ifndef BACKENDS_ZRAM_WORDS_H
#define BACKENDS_ZRAM_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes that words_pack may write behind the `most` of `packed`. */
#define WORDS_SLACK ((size_t)1024)

/* For a page that is a multiple of 1 KiB: a bit for each 128 bytes of it. */
static inline size_t words_filled_bytes(size_t page_size)
{
        return page_size / 1024;
}

/* Memory to pack in, aligned to 64 bytes: fault handlers have little stack. */
static inline size_t words_state_bytes(size_t page_size)
{
        size_t bytes = 2048 + page_size / 64 + page_size / 16 + words_filled_bytes(page_size);

        return (bytes + 63) & ~(size_t)63;
}

/* Compresses a page into `packed`. Its length; 0: longer than `most`, as is soon known for a page
 * that has no such words. A page that changes meanwhile gives a mixture of both contents, word by
 * word. */
size_t words_pack(const void *page, size_t page_size, void *state, void *packed, size_t most);

/* False: that is nothing words_pack has made from a page of this size. */
bool words_unpack(const void *packed, size_t length, void *page, size_t page_size);

#endif
