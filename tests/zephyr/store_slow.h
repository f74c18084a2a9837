/* SPDX-License-Identifier: MIT */
/*
 * What tests may see of store_slow.c while it is at work.
 */
#ifndef STORE_SLOW_H
#define STORE_SLOW_H

#include <stdatomic.h>
#include <stdbool.h>

/* In page_in or page_out now. */
extern atomic_bool store_slow_at_work;

/* The frame of the last location_get was BUSY when its page was written. */
extern bool store_slow_saw_busy;

#endif
