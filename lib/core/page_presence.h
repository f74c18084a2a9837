/* SPDX-License-Identifier: MIT */
/* page_presence.h - what the kernel has where a page should be. See page_presence.c. */
#ifndef PAGE_PRESENCE_H
#define PAGE_PRESENCE_H

#include <stdbool.h>
#include <stdint.h>

struct mapping;
struct pg_pool;

/* A claimed, poisoned page becomes an ordinary missing one, and the new word is returned; or,
 * where it takes a replacement of the mapping, stays as it is until transfer_in. */
uint64_t page_heal(struct pg_pool *pool, struct mapping *m, uint64_t page, uint64_t word);

/* An access to this claimed, poisoned page gets SIGBUS still. False: the program has dropped the
 * kernel's mark, and the page is an ordinary missing one. */
bool page_raises_sigbus(struct pg_pool *pool, const struct mapping *m, uint64_t page);

/* True if the kernel has nothing at all mapped where it should have this claimed page: the
 * program has dropped it behind our back. Pieces of it that are missing become zeros. */
bool page_is_hole(struct pg_pool *pool, const struct mapping *m, uint64_t page);

#endif
