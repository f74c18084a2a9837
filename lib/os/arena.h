/* SPDX-License-Identifier: MIT */
/*
 * arena.h - memory for the pager's own tables: never paged, never from malloc.
 *
 * A table is reserved at the largest size it can ever have and costs physical memory only where it
 * is touched, so tables never move and nothing on the fault path allocates. That holds, too, where
 * the program calls mlockall(2), before or after; but MCL_CURRENT without MCL_ONFAULT needs Linux
 * 6.13.
 */
#ifndef ARENA_H
#define ARENA_H

#include "kernel_page.h"

#include <stddef.h>

/* In front of each, in the same mapping of the kernel, lies a page that cannot be touched. What is
 * done to the mapping, so that the kernel would split it there, is done to that page as well. */
#define ARENA_HEAD KERNEL_PAGE_SIZE

/* Zeroed, page aligned. NULL: no address space. `name` shows up in /proc/self/maps where the kernel
 * can show it. */
void *arena_reserve(size_t bytes, const char *name);
/* A child of fork does not get it. */
void arena_not_for_child(void *memory, size_t bytes);
/* Gives the memory of whole pages back; they read as zeros then. */
void arena_forget(void *memory, size_t bytes);
void arena_release(void *memory, size_t bytes);

/* Names a mapping in /proc/self/maps, where the kernel can (Linux 5.17). */
void arena_name(void *memory, size_t bytes, const char *name);

#endif
