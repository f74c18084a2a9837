/* SPDX-License-Identifier: MIT */
/* readahead.h - readahead: how many pages to bring in beside a faulting one. See readahead.c. */
#ifndef AHEAD_H
#define AHEAD_H

#include <stdint.h>

#define AHEAD_STREAMS 4

enum ahead_mode {
        AHEAD_NORMAL,
        AHEAD_SEQUENTIAL,
        AHEAD_RANDOM,
};

struct ahead {
        _Atomic uint64_t streams[AHEAD_STREAMS]; /* next page << 16 | window */
        _Atomic uint32_t turn;
        _Atomic uint32_t mode; /* enum ahead_mode */
};

struct ahead_window {
        uint32_t count;     /* pages to bring in, from the faulting one; at least 1 */
        uint32_t confirmed; /* pages before the faulting one that were read ahead for this stream,
                             * and rightly so, as this fault proves */
        unsigned stream;
};

void ahead_reset(struct ahead *a);

/* A fault at `page`: how far to read, at most `most` pages. */
struct ahead_window ahead_fault(struct ahead *a, uint64_t page, uint32_t most);

/* `count` pages from `page` on are in now, which may be fewer. */
void ahead_done(struct ahead *a, unsigned stream, uint64_t page, uint32_t count);

#endif
