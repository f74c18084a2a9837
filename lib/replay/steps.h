/* SPDX-License-Identifier: MIT */
/*
 * steps.h - a trace as steps for models (model.h). It is read when it is opened, to number its
 * pages and to know how many there are, and replayed once.
 *
 * Of a recorded trace, faults and rescues are touches, first writes are writes, and pages that
 * were read ahead count as touched; what the pool did with its frames does not matter. A page that
 * is moved keeps its number. Memory: at most 70 bytes for each page, of which 26 remain, and 4 for
 * each touch if next touches are wanted; and 4 for each step in a temporary file.
 *
 * One thread at a time.
 */
#ifndef STEPS_H
#define STEPS_H

#include "trace_file.h"

#include <stdbool.h>
#include <stdint.h>

#define STEPS_PIECE 65536u
/* Pages are numbered below this: a step has 30 bits for them. */
#define PAGES_MOST (UINT32_C(1) << 30)

struct steps_facts {
        struct pg_trace_header header;
        uint64_t touches, writes;
        uint64_t first_touches; /* of pages, or after they were forgotten */
        uint64_t ahead;         /* of touches: pages that were read ahead */
        uint64_t lost;          /* events lost in gaps */
        uint32_t pages;         /* numbered from 0 */
        uint32_t most_alive;    /* pages at once: the footprint */
};

struct steps;

/* Called after each piece that was read, with the touches so far. */
typedef void steps_progress(void *arg, uint64_t touches);

/* Reads a trace; "-" is standard input. Next touches are kept if they are wanted, there is memory
 * for them, and they are fewer than 2^32 - 1. 0, or a negative errno and the reason. A trace that
 * ends before its time is no error: note then says so, else it is empty. */
int steps_open(struct steps **steps, const char *path, bool with_next, steps_progress *progress,
               void *arg, char note[TRACE_WHY], char why[TRACE_WHY]);
void steps_close(struct steps *steps);

const struct steps_facts *steps_facts(const struct steps *steps);
/* By page number: its key. */
const uint64_t *steps_keys(const struct steps *steps);
bool steps_know_next(const struct steps *steps);

/* The next piece of at most STEPS_PIECE steps, valid until the next call; next as in model.h, or
 * NULL. Returns their number; 0: that was all; or a negative errno and the reason. */
long steps_next(struct steps *steps, const uint32_t **piece, const uint32_t **next,
                char why[TRACE_WHY]);

#endif
