/* SPDX-License-Identifier: MIT */
/*
 * readahead.c - readahead: a pure function of the fault history of a mapping.
 *
 * A resident page gives no sign when it is read, so a stream can only be followed by its faults.
 * After a window of pages was brought in, the page behind it is left out: it is the marker, and a
 * fault on it says that the stream has run through the window. The next window is then twice as
 * long, up to the limit. A stream of n pages so costs n / limit faults instead of n.
 *
 * A mapping remembers four streams, so that a few threads, or the two sides of a merge, do not
 * break each other's. A fault that continues none begins one in place of the next in turn: one
 * page, nothing ahead. Pages of the stream that are already resident do not fault, so a fault up to
 * one window behind the marker still counts as the stream's.
 *
 * Each stream is one atomic word. Two threads that update it at once lose one update, which costs
 * a window and no more.
 */
#include "readahead.h"

#include <stdatomic.h>

#define WINDOW_BITS 16

static uint64_t stream_pack(uint64_t next, uint32_t window)
{
        return next << WINDOW_BITS | window;
}

void readahead_reset(struct readahead *a)
{
        for (unsigned i = 0; i < READAHEAD_STREAMS; i++)
                atomic_store_explicit(&a->streams[i], 0, memory_order_relaxed);
        atomic_store_explicit(&a->mode, READAHEAD_NORMAL, memory_order_relaxed);
}

struct readahead_window readahead_fault(struct readahead *a, uint64_t page, uint32_t most)
{
        uint32_t mode = atomic_load_explicit(&a->mode, memory_order_relaxed);
        struct readahead_window w = {.count = mode == READAHEAD_SEQUENTIAL ? most : 1};

        if (mode == READAHEAD_RANDOM)
                return w;
        for (w.stream = 0; w.stream < READAHEAD_STREAMS; w.stream++) {
                uint64_t s = atomic_load_explicit(&a->streams[w.stream], memory_order_relaxed);
                uint64_t next = s >> WINDOW_BITS;
                uint32_t window = s & ((1u << WINDOW_BITS) - 1);

                if (window == 0 || page < next || page - next > window)
                        continue;
                w.confirmed = window;
                if (w.count < 2 * window)
                        w.count = 2 * window < most ? 2 * window : most;
                return w;
        }
        w.stream = atomic_fetch_add_explicit(&a->turn, 1, memory_order_relaxed) % READAHEAD_STREAMS;
        return w;
}

void readahead_done(struct readahead *a, unsigned stream, uint64_t page, uint32_t count)
{
        atomic_store_explicit(&a->streams[stream], stream_pack(page + count, count),
                              memory_order_relaxed);
}
