/* SPDX-License-Identifier: MIT */
/*
 * What the suites share: sizes in pages, and faults that are to be fatal.
 */
#ifndef EXPECT_H
#define EXPECT_H

#include <stddef.h>
#include <zephyr/kernel/mm.h>

#define PAGE ((size_t)CONFIG_MMU_PAGE_SIZE)

/* Frames that are free now. */
static inline size_t free_frames(void)
{
        return k_mem_free_get() / PAGE;
}

/* A mapping as long as all free frames and `more` pages, or NULL. */
static inline char *map_frames_and(size_t more, size_t *pages)
{
        *pages = free_frames() + more;
        return k_mem_map(*pages * PAGE, K_MEM_PERM_RW);
}

/*
 * The access must be a fatal fault: then the case has passed, and nothing behind it is done; if
 * it is none, the case has failed.
 */
void expect_fatal(void); /* the access follows */
void expect_fatal_read(const void *address);
void expect_fatal_write(void *address);

/* Writes a word of every page of a mapping that tells it from all others, from first to last. */
void stamp(char *pages, size_t count);

/* How many pages of these hold something else than stamp() wrote. */
size_t stamps_lost(const char *pages, size_t count);

#endif
