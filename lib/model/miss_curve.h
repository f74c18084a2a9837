/* SPDX-License-Identifier: MIT */
/*
 * miss_curve.h - how many pages would have missed with another budget: for every budget at once,
 * from the faults and demotions of one run. What it rests on, and its proof, stand in miss_curve.c.
 *
 * Words. The *primary* segment are the pages that are mapped; a page that the policy names leaves
 * it: it is *demoted*. Whatever became of it, the victim queue or a store, it now has a place in
 * the order of demotions, until it is touched again. A miss is a touch that a store had to serve.
 *
 * Pure: it calls nothing and knows no pool. Memory is taken once. The caller serialises all calls.
 */
#ifndef MISS_CURVE_H
#define MISS_CURVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct miss_curve_page {
        uint64_t key;     /* page + 1; 0: free */
        uint32_t demoted; /* the moment; 0: it is in the primary segment */
};

struct miss_curve {
        void *memory; /* all tables below; NULL: switched off */
        size_t bytes;
        uint32_t capacity;             /* pages that are followed, at most */
        uint32_t places;               /* of the table; a power of two */
        uint32_t times;                /* the last moment there is; one less than a power of two */
        struct miss_curve_page *table; /* by hash */
        uint64_t *missed;      /* weighted faults, by the frames that would have been enough */
        uint64_t *slot, *hole; /* a bit for each moment */
        uint32_t *older;       /* Fenwick tree over the words of slot */
        unsigned shift;        /* one page in 2^shift is followed */
        uint32_t pages;        /* in the table */
        uint32_t slots;        /* in the order of demotions: pages and holes */
        uint32_t holes;        /* of them */
        uint32_t hole_most;    /* no hole is younger than this */
        uint32_t now;          /* the last moment that is used */
        uint64_t inside;       /* pages in the primary segment, followed or not */
        uint64_t room;         /* frames of the primary segment whose pages were forgotten */
        uint64_t primary;      /* sum of what it could hold, over faults while there were slots */
        uint64_t looks;        /* such faults */
        uint64_t faults;       /* counted, followed or not */
        uint64_t first;        /* of them, weighted: first touches */
};

/* Follows at most `capacity` pages; 49 to 98 bytes for each, touched as they are needed. 0 or
 * -ENOMEM. */
int miss_curve_init(struct miss_curve *c, uint32_t capacity);
void miss_curve_destroy(struct miss_curve *c);
/* Counts from now on; what is known of pages stays. */
void miss_curve_restart(struct miss_curve *c);

/* A page comes into the primary segment: from a store, or rescued; what is demoted in its stead was
 * told before. `touched`: because somebody wanted it, which counts; else it was read ahead, or came
 * back because it could not go. */
void miss_curve_fault(struct miss_curve *c, uint64_t page, bool touched);
/* It leaves the primary segment. */
void miss_curve_demoted(struct miss_curve *c, uint64_t page);
/* Its content is gone: the next fault is a first touch. `inside`: it was in the primary segment;
 * asked for pages that are not followed, of others it is known. */
void miss_curve_forgotten(struct miss_curve *c, uint64_t page, bool inside);
/* The same for `count` pages from this one on, where all pages are followed. */
void miss_curve_forgotten_range(struct miss_curve *c, uint64_t page, uint64_t count);
/* It goes by another name from now on. */
void miss_curve_renamed(struct miss_curve *c, uint64_t page, uint64_t to);

/* miss_curve_check.c: NULL, or what is broken. */
const char *miss_curve_check(const struct miss_curve *c);

/* Frames of the primary segment, on average. With fewer the run tells nothing. */
uint64_t miss_curve_primary(const struct miss_curve *c);
/* Estimates the misses that the run so far would have had with that many frames, first touches
 * included. Below miss_curve_primary() it returns all faults there were: a lower bound. */
uint64_t miss_curve_misses(const struct miss_curve *c, uint64_t frames);
/* First touches: no budget avoids them. */
uint64_t miss_curve_first(const struct miss_curve *c);
/* The least number of frames with which only first touches miss. */
uint64_t miss_curve_enough(const struct miss_curve *c);

#endif
