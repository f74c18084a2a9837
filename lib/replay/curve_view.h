/* SPDX-License-Identifier: MIT */
/*
 * curve_view.h - what the what-if curve (lib/model/miss_curve.h) says to people: estimated time,
 * how much memory would have sufficed, a sentence, and a picture (curve_picture.c).
 *
 * For the command `unpaged curve`, and for the preloaded library at the end of a program: so it
 * neither allocates nor uses stdio, and all text goes into a buffer of the caller's. Any thread.
 *
 * The estimate. A run took `other_ns` besides waiting for pages, and one page costs `fault_ns`, as
 * long as it was measured. Then with M bytes it takes other_ns + misses(M) * fault_ns; and however
 * much memory there is, first touches remain. Their quotient is the slowdown. Where nobody knows
 * how long the rest took, it counts as nothing, and the slowdown is the most that there can be.
 *
 * It *suffices* what makes the run at most 5 % slower than unlimited memory would.
 */
#ifndef CURVE_VIEW_H
#define CURVE_VIEW_H

#include <stdint.h>
#include "ink.h"

#define CURVE_SUFFICES 1.05

struct curve_view {
        /* Misses with so many frames, first touches included; never more for more frames. */
        uint64_t (*misses)(const void *arg, uint64_t frames);
        const void *arg;
        const char *name;   /* of the program, or of what the trace is of */
        uint64_t page_size; /* bytes */
        uint64_t least;     /* frames below which nothing is known */
        uint64_t enough;    /* frames with which there are only first touches */
        uint64_t budget;    /* frames it had; 0: there was no pool */
        uint64_t given;     /* bytes of the budget, buffers included; 0: not known */
        uint64_t first;     /* misses that are first touches */
        uint64_t fault_ns;  /* that a miss takes */
        uint64_t other_ns;  /* that the run takes besides; 0: not known */
};

/* How many times as long the run takes as with unlimited memory. */
double curve_view_slowdown(const struct curve_view *v, uint64_t misses);

/* The least number of frames that suffices; v->least, if no less is known. */
uint64_t curve_view_sufficient(const struct curve_view *v);

/* The budget, in bytes, with which a pool has so many frames. A pool's buffers are a share of its
 * budget, and that share is taken from this run; where it is not known, frames alone count. */
double curve_view_bytes(const struct curve_view *v, uint64_t frames);

/* The other way, to the nearest. */
uint64_t curve_view_frames(const struct curve_view *v, double bytes);

/* What the budget is called: "budget", or "frames" where nothing else is known of it. */
const char *curve_view_budget_word(const struct curve_view *v);

/* One or two sentences without a newline: how much memory would have sufficed. */
void curve_view_sentence(const struct curve_view *v, struct ink *k);

/* An SVG document. CURVE_PICTURE_SIZE bytes are enough. */
#define CURVE_PICTURE_SIZE 16384
void curve_view_picture(const struct curve_view *v, struct ink *k);

#endif
