/* SPDX-License-Identifier: MIT */
/*
 * file_ring.h - the file store's io_uring: moves one long span in many chunks at once.
 */
#ifndef UNPAGED_FILE_RING_H
#define UNPAGED_FILE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a file and the memory they move from or to. */
struct file_span {
        int fd;
        bool write;
        uint64_t position; /* in the file */
        size_t length;
        char *buf;
};

struct file_ring;

/* NULL: the kernel refuses, or UNPAGED_MASK_FEATURES names `uring`. */
struct file_ring *file_ring_open(void);

/* Only when no transfer is under way. NULL is allowed. */
void file_ring_close(struct file_ring *ring);

/* True: every byte has moved. False: some may have; the caller moves the span again without the
 * ring and so learns why. In both cases nothing is in flight any more. ring may be NULL. */
bool file_ring_transfer(struct file_ring *ring, const struct file_span *span);

#endif
