/* SPDX-License-Identifier: MIT */
/* mask.h - features that UNPAGED_MASK_FEATURES hides (see unpaged/internals.h). */
#ifndef MASK_H
#define MASK_H

#include <stdbool.h>

/* True when UNPAGED_MASK_FEATURES lists the word. */
bool feature_is_masked(const char *feature);

#endif
