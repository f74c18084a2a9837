/* SPDX-License-Identifier: MIT */
/* mask.h - features that UNPAGED_MASK_FEATURES hides (see unpaged/internals.h). */
#ifndef MASK_H
#define MASK_H

#include <stdbool.h>

/* Reads UNPAGED_MASK_FEATURES (255 bytes at most), for all that follows. Where a pool or a store is
 * opened, by a thread of the application. */
void features_read(void);

/* True when the list that was last read has the word. Async-signal-safe. */
bool feature_is_masked(const char *feature);

#endif
