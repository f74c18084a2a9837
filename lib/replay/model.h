/* SPDX-License-Identifier: MIT */
/*
 * model.h - what replays a trace and counts: a pool with a policy, or a reference.
 *
 * A trace comes as steps, one 32-bit word each: a page, by its number (steps.h), and what happens
 * to it. A model is driven through them in pieces of any length. References see every
 * touch that is in the trace and are bound by nothing, so they show what could be reached:
 *
 *      MIN   evicts the page whose next touch is farthest away (Belady): nothing can miss less
 *      LRU   evicts the page whose last touch is farthest away
 *      ARC   adapts between recency and frequency, with ghosts of as many pages as there are frames
 *
 * One thread at a time.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unpaged/policy.h>

enum step {
        STEP_READ,
        STEP_WRITE,
        STEP_FORGET, /* the page's content is dropped: its next touch is a first one */
};

#define NEVER UINT32_MAX

static inline uint32_t step_make(uint32_t page, enum step what)
{
        return page << 2 | (uint32_t)what;
}

static inline uint32_t step_page(uint32_t step)
{
        return step >> 2;
}

static inline enum step step_what(uint32_t step)
{
        return (enum step)(step & 3);
}

struct model_counts {
        uint64_t misses;  /* touches of pages that were not there, first ones included */
        uint64_t rescues; /* touches of pages that waited in the victim queue; no misses */
        uint64_t left_clean, left_dirty; /* pages evicted; the latter had to be written out */
        uint64_t first_writes;           /* to pages that were clean */
};

struct model;

struct model_ops {
        /* next: for each step that is a touch, the number of the touch (counted from 0) that is
         * the next one of the same page, or NEVER; only MIN looks at it. */
        void (*replay)(struct model *, const uint32_t *steps, const uint32_t *next, size_t n);
        void (*close)(struct model *);
};

struct model {
        const struct model_ops *ops;
        struct model_counts counts;
        char wrong[160]; /* a policy broke its contract, in words; it is not replayed further */
};

struct pool_model {
        const struct pg_policy_ops *policy;
        const uint64_t *keys; /* by page; must outlive the model */
        uint32_t pages;
        uint32_t frames;
        unsigned queue_pct; /* 0: as a pool has by default */
        bool strict;        /* as PG_POOL_STRICT */
        bool far;           /* clean pages wait in the victim queue, too */
        bool check;         /* ask the policy for its own invariants after each piece */
};

/* Each returns 0, or -ENOMEM; model_pool_open -EINVAL as well: the policy's table is not usable. */
int model_pool_open(struct model **model, const struct pool_model *config);
int model_min_open(struct model **model, uint32_t pages, uint32_t frames);
int model_lru_open(struct model **model, uint32_t pages, uint32_t frames);
int model_arc_open(struct model **model, uint32_t pages, uint32_t frames);

#endif
