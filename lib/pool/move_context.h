/* SPDX-License-Identifier: MIT */
/*
 * move_context.h - what one thread needs while it moves pages: lists of them, and a buffer.
 *
 * A handful of move contexts exist for each pool, made when it opens, so that moving pages neither
 * allocates nor needs a deep stack (a SIGBUS handler may run on a small one), and so that pages in
 * flight are bounded. Their buffers are part of the budget. A thread that finds none waits.
 *
 * Order: a move context is taken before any page is claimed, and is given back before waiting for
 * BUSY; so threads that hold move contexts never wait for threads that do not.
 */
#ifndef MOVE_CONTEXT_H
#define MOVE_CONTEXT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unpaged/unpaged.h>
#include "cost_meter.h"
#include "stats.h"

#define BATCH_MAX         64u /* pages in one batch */
#define MOVE_CONTEXTS_MAX 16u

struct mapping;

/* A page op: one page on its way in or out, owned. */
struct page_op {
        struct mapping *mapping;
        uint64_t page;
        uint64_t word;        /* as it was claimed, without BUSY */
        pg_location location; /* coming in: where from; going out: where to */
        char *data;           /* where its content is outside the program */
        uint32_t frame;
        bool taken; /* it is going out: in no queue, and not to be selected (page_state.h) */
        bool clean; /* install protected */
        bool owned; /* location is a place of the swap store that was reserved for it */
        bool location_is_new; /* going out: that place was reserved just now */
        bool bypass_queue;    /* going out: not by the victim queue */
        bool dropped;         /* going out: from where it was mapped, with nothing in its slot */
        int error;
};

struct page_batch {
        unsigned count;
        struct page_op ops[BATCH_MAX];
};

/* Address ranges of a batch, neighbours joined. */
struct ranges {
        size_t n;
        struct iovec v[BATCH_MAX];
};

static inline void ranges_add(struct ranges *r, char *addr, size_t size)
{
        struct iovec *last = r->n ? &r->v[r->n - 1] : NULL;

        if (last && (char *)last->iov_base + last->iov_len == addr)
                last->iov_len += size;
        else
                r->v[r->n++] = (struct iovec){addr, size};
}

/* Pages of a batch that may be dropped where they are mapped. */
struct dropping {
        void *addr[BATCH_MAX];
        int there[BATCH_MAX];                  /* negative: it is not */
        uint8_t ask[BATCH_MAX], go[BATCH_MAX]; /* their numbers in the batch */
};

/* What was learnt of stores that refuse pages. */
struct refusals {
        uint32_t count;       /* batches of victims that they refused */
        uint32_t passed_over; /* dirty victims passed over while avoid_saves */
        bool avoid_saves;     /* a store has just refused: look for victims that are clean */
        bool all_dirty;       /* and there are none */
};

struct move_context {
        struct page_batch in;  /* pages coming in */
        struct page_batch out; /* pages going out, to make room for them */
        char *buffer;          /* run_pages pages */
        /* Not on the stack, which may be that of a signal handler. */
        struct dropping drop;
        struct ranges ranges;
        struct tally *tally;
        struct cost_meter cost;
        struct thread_counters *thread; /* of that thread; or NULL */
        pid_t tid;                      /* of the thread on whose behalf this happens; 0: unknown */
        struct refusals refusals;
        uint32_t passed_before; /* of them, before the present eviction */
        bool uses_queue;        /* in the present eviction victims wait in the queue */
        bool nameless;          /* in it the policy named no frame, although it has some */
        uint32_t predict_turn;  /* counts batches that came in (write_predict.h) */
        uint32_t pins;          /* frames reserved for pinning: pages coming in are pinned */
};

#define MOVE_CONTEXTS_FROZEN (1u << 31)

struct move_contexts {
        _Atomic uint32_t free; /* a bit for each; or MOVE_CONTEXTS_FROZEN */
        _Atomic uint32_t
                spare; /* while frozen: a bit for each that serves a fault (fork_freeze.c) */
        _Atomic uint32_t waiting;
        unsigned count;
        unsigned run_pages;
        struct move_context *table;
        char *buffers;
        size_t bytes;
};

/* They count in the tallies of `stats`, which has one for each. */
int move_contexts_init(struct move_contexts *all, unsigned count, unsigned run_pages,
                       size_t page_size, const struct stats *stats);
void move_contexts_destroy(struct move_contexts *all);

struct move_context *move_context_get(struct move_contexts *all, struct stats *stats, pid_t tid);
/* NULL instead of waiting for move_contexts_thaw. */
struct move_context *move_context_get_for_fault(struct move_contexts *all, struct stats *stats,
                                                pid_t tid);
/* As it is when a thread gets it. */
void move_context_reset(struct move_context *ctx, struct stats *stats, pid_t tid);
void move_context_put(struct move_contexts *all, struct move_context *ctx);

/* Waits until no other thread has one, and lets none have one: no page moves, and no word of a
 * page changes, until the thaw. One thread at a time. */
void move_contexts_take_all(struct move_contexts *all);
/* Then, tells the threads that wait to serve a fault. */
void move_contexts_freeze(struct move_contexts *all);
void move_contexts_thaw(struct move_contexts *all);
/* Meanwhile, for a thread that must serve a fault nevertheless; NULL: none is left. */
struct move_context *move_context_spare_get(struct move_contexts *all);
void move_context_spare_put(struct move_contexts *all, struct move_context *ctx);
/* Waits until all of them are back, and lets no thread have one. */
void move_contexts_spare_end(struct move_contexts *all);

#endif
