/* SPDX-License-Identifier: MIT */
/*
 * zram_lz77.h - a compressor for pages that repeat themselves; see zram_lz77.c.
 *
 * For what zram_wkdm.h is no good for: text, records, tables of bytes.
 */
#ifndef BACKENDS_ZRAM_REPEATS_H
#define BACKENDS_ZRAM_REPEATS_H

#include "kernel_page.h"

#include <stdbool.h>
#include <stddef.h>

/* The one size of page that it knows. */
#define REPEATS_PAGE KERNEL_PAGE_SIZE

/* Bytes that repeats_pack may write behind the `most` of `packed`. */
#define REPEATS_SLACK ((size_t)64)

/* Memory to pack in, aligned to 64 bytes: fault handlers have little stack. */
size_t repeats_state_bytes(void);

/* Compresses a page into `packed`. Its length; 0: longer than `most`, or a page that looks as if
 * nothing in it came twice, or, if *too_many becomes true, as if so much did that a compressor
 * which looks more closely is better. A page that changes meanwhile gives a mixture of both
 * contents, byte by byte. */
size_t repeats_pack(const void *page, void *state, void *packed, size_t most, bool *too_many);

/* False: that is nothing repeats_pack has made. */
bool repeats_unpack(const void *packed, size_t length, void *page);

#endif
