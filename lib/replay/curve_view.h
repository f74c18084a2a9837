/* SPDX-License-Identifier: MIT */
/*
 * curve_view.h - what the what-if curve (lib/model/miss_curve.h) says to people: estimated time,
 * how much memory would have sufficed, a sentence, and a picture (curve_picture.c).
 *
 * For the command `unpaged curve`, and for the preloaded library at the end of a program: so it
 * neither allocates nor uses stdio, and all text goes into a buffer of the caller's. Any thread.
 *
 * The estimate. A run takes `kept_ns` with all the memory it could want: then no page comes back,
 * and none leaves. Each miss that is no first touch adds `miss_ns`, and each page that leaves its
 * frame `leave_ns`. The quotient is the slowdown: always beside the same program with all the
 * memory it could want, paged as well.
 *
 * The costs may be wrong by the share `doubt`, in both directions. As their sum was taken off the
 * time of the run to get kept_ns, that is then wrong by as much the other way. So slowdowns are
 * ranges, wide ones where most of the time was paging.
 *
 * It *suffices* what makes the run 5 % slower, by the middle of the range.
 *
 * There is no verdict where too little happened; nor where the budget was changed meanwhile, as
 * costs and misses are then of several budgets.
 */
#ifndef CURVE_VIEW_H
#define CURVE_VIEW_H

#include <stdbool.h>
#include <stdint.h>
#include "ink.h"

#define CURVE_SUFFICES 1.05

/* For no_verdict. */
#define CURVE_SHORT   "it ran for too short a time, or had too few faults"
#define CURVE_RESIZED "its budget was changed while it ran"

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
        uint64_t most;      /* pages that there were at once, wherever; where leave_ns > 0 */
        uint64_t left;      /* pages that left their frames, */
        uint64_t back;      /* and those that came back from a store, with what was read ahead */
        double kept_ns;     /* that the run takes with all memory */
        double miss_ns;     /* that a miss costs which is no first touch */
        double leave_ns;    /* that it costs if a page leaves; 0: part of the other one */
        double doubt;       /* of these: 0.1 is one tenth more or less */
        bool is_least;      /* kept_ns is too small: what the program did besides is not known */
        const char *no_verdict; /* why there is none; NULL: there is one */
};

/* How many times as long the run takes with so many frames as with all memory: by the middle of
 * the range, at its lower end, and at its upper one. */
struct slowdown {
        double middle, low, high;
};
struct slowdown curve_view_slowdown(const struct curve_view *v, uint64_t frames);

/* The least number of frames with which the run is at most so many times as slow; v->least, if no
 * less is known. */
uint64_t curve_view_frames_for(const struct curve_view *v, double times);
/* The least number that suffices. */
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
#define CURVE_PICTURE_SIZE 24576
void curve_view_picture(const struct curve_view *v, struct ink *k);

#endif
