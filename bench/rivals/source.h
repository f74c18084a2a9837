/* SPDX-License-Identifier: MIT */
/* source.h - the file whose pages are read: one at a time, without a name. */
#ifndef RIVALS_SOURCE_H
#define RIVALS_SOURCE_H

#include "run.h"

/* Makes it for the run unless it is there, and sets run->fd. NULL, or why there is none. */
const char *source_open(struct run *run);

/* Everything in the page cache, or nothing. NULL, or why not. */
const char *source_warm(const struct run *run);
const char *source_cool(const struct run *run);

#endif
