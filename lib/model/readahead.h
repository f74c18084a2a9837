/* SPDX-License-Identifier: MIT */
/* readahead.h - readahead: how many pages to bring in beside a faulting one. See readahead.c. */
#ifndef READAHEAD_H
#define READAHEAD_H

#include <stdatomic.h>
#include <stdint.h>

#define READAHEAD_STREAMS 4

enum readahead_mode {
        READAHEAD_NORMAL,
        READAHEAD_SEQUENTIAL,
        READAHEAD_RANDOM,
};

struct readahead {
        _Atomic uint64_t streams[READAHEAD_STREAMS]; /* next page << 16 | window */
        _Atomic uint32_t turn;
        _Atomic uint32_t mode; /* enum readahead_mode */
};

struct readahead_window {
        uint32_t count;     /* pages to bring in, from the faulting one; at least 1 */
        uint32_t confirmed; /* pages before the faulting one that were read ahead for this stream,
                             * and rightly so, as this fault proves */
        unsigned stream;
};

void readahead_reset(struct readahead *a);

/* A fault at `page`: how far to read, at most `most` pages. */
struct readahead_window readahead_fault(struct readahead *a, uint64_t page, uint32_t most);

/* `count` pages from `page` on are in now, which may be fewer. */
void readahead_done(struct readahead *a, unsigned stream, uint64_t page, uint32_t count);

#endif
