/* SPDX-License-Identifier: MIT */
/* fd_keep.h - the pager's file descriptors, out of the program's way. See fd_keep.c. */
#ifndef FD_KEEP_H
#define FD_KEEP_H

/* Moves a new descriptor to a high number, close-on-exec, and remembers it. Returns the number it
 * has now: the same where there is no room above; what it was given where that is negative. */
int fd_keep(int fd);
/* Closes it. A negative one is allowed. */
void fd_keep_close(int fd);

#endif
