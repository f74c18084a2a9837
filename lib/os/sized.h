/* SPDX-License-Identifier: MIT */
/* sized.h - structures that pass between us and callers built against other versions of the public
 * headers. See sized.c. `name` is the structure's, without "struct", for pg_last_error(). */
#ifndef SIZED_H
#define SIZED_H

#include <stddef.h>

/* Copies the caller's structure, of the size that its first member says, to ours; what the caller
 * does not have is 0. -EINVAL: its size is 0 or absurd, or a member that we do not know is set. */
int sized_read(void *ours, size_t our_size, const void *theirs, const char *name);

/* Copies our structure to the caller's, whose first member, its size, stays; what we do not have
 * becomes 0. -EINVAL: its size is 0 or absurd, and nothing was written. */
int sized_write(void *theirs, const void *ours, size_t our_size, const char *name);

#endif
