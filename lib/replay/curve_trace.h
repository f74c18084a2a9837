/* SPDX-License-Identifier: MIT */
/*
 * curve_trace.h - the what-if curve of a trace.
 *
 * Of a recorded trace, the curve is told of each event what a pool tells its own (miss_curve.h):
 * what came in, what was unmapped, what was forgotten. A trace that does not have what left,
 * because it has every access, or of a recording only the touches were kept, is taken as that of a
 * pool with a single mapped frame: every touch of another page then is a fault, and the curve is
 * that of LRU. Of a recording this is known from the recorded pool's frames on: a page that was
 * touched and did not fault was one of the last that had come in.
 */
#ifndef CURVE_TRACE_H
#define CURVE_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include "miss_curve.h"
#include "trace_file.h"

struct curve_trace {
        struct miss_curve curve;
        struct pg_trace_header header;
        bool touches_only;     /* what left is not in it */
        uint64_t frames;       /* of the pool, at the end; 0: there was none */
        bool was_resized;      /* it had another number of frames before */
        uint64_t least;        /* frames below which nothing is known */
        uint64_t touches;      /* faults and rescues; or accesses */
        uint64_t lost;         /* events in gaps */
        uint64_t microseconds; /* that it took; 0: the trace has no times */
        char note[TRACE_WHY];  /* why it ends before its time; "": it is whole */
};

/* Reads a file twice, first to count its pages; a pipe once, for at most CURVE_PIPE_PAGES pages.
 * 0, or a negative errno, and `why` has a sentence: as trace_file_open(), trace_file_next();
 * -ENOMEM; -E2BIG: a pipe brought more pages; -ESPIPE: a pipe brought a recording that does not
 * say which pages left. */
#define CURVE_PIPE_PAGES ((uint32_t)1 << 22)
int curve_trace_read(struct curve_trace *t, const char *path, char why[TRACE_WHY]);

/* Also after an error. */
void curve_trace_free(struct curve_trace *t);

#endif
