/* SPDX-License-Identifier: MIT */
/*
 * pool.h - the pool: the rooms, wired together. For the verbs, the deliveries and the front.
 *
 * lock guards the policy, the victim queue and the frames, and who is told of them; they change
 * together (a page that is rescued leaves the queue and counts as accessed), in critical sections
 * of well under a microsecond, so one lock is simpler than three and no slower.
 */
#ifndef POOL_H
#define POOL_H

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unpaged/unpaged.h>
#include "miss_curve.h"
#include "frame.h"
#include "ghost.h"
#include "futex_lock.h"
#include "policy_gate.h"
#include "trace_writer.h"
#include "mapping.h"
#include "replacement.h"
#include "stats.h"
#include "store_gate.h"
#include "event_ring.h"
#include "uffd.h"
#include "victim_queue.h"
#include "move_context.h"

struct handler_threads;

#define FORK_LOG 1024u

/* Pages served while the process forks: see fork_freeze.c. */
struct fork_freeze {
        pid_t forker;   /* the thread that forks */
        uint64_t began; /* CLOCK_MONOTONIC, ns */
        uint32_t room;  /* frames that were free then */
        _Atomic uint32_t count;
        struct lock claiming; /* who serves which page */
        struct {
                _Atomic(struct mapping *) mapping;
                _Atomic uint64_t page;
        } log[FORK_LOG];
};

struct pg_pool {
        size_t page_size;
        unsigned page_shift;
        unsigned flags; /* PG_POOL_* */
        enum pg_delivery delivery;
        unsigned batch_pages; /* victims in one go */
        bool reads_ahead;
        bool predicts_by_mapping; /* of mappings (write_predict.h) */
        bool drops_near;          /* clean pages of near stores do not wait in the queue */
        bool frames_exact;        /* opened by frames: the buffers are not in the budget */
        bool is_orphan;           /* we are a child of fork: nothing here is ours */
        _Atomic bool has_forked;  /* pages may be shared with a child, or a parent */

        struct uffd uffd;
        struct stores stores;
        struct move_contexts contexts;
        struct stats stats;
        struct event_ring ring;
        struct trace_writer trace_writer;
        bool has_observers;                           /* a trace or a curve was asked for */
        void (*message)(void *arg, const char *text); /* for the application's threads only */
        void *message_arg;
        struct handler_threads *handlers; /* thread delivery: its threads */

        struct lock lock; /* the five below */
        struct policy policy;
        struct miss_curve miss_curve;
        struct ghosts ghosts;
        struct victim_queue victim_queue;
        struct frames frames;

        _Atomic uint64_t turn_until; /* see dispatch.c */
        _Atomic pid_t turn_tid;

        struct fork_freeze freeze;
        bool cannot_follow; /* a store has refused the fork that is under way */

        pthread_mutex_t resizing; /* one pg_resize at a time */

        struct lock mappings_lock;
        struct mapping *mappings; /* linked by next */

        struct pg_store *own_swap; /* made here, closed here; or NULL */
        struct pg_pool *next;      /* of all pools in the process */
};

/* Under the lock: one of the pins that were promised to the move context's pages is kept. */
static inline void pin_fulfil(struct pg_pool *pool, struct move_context *ctx)
{
        ctx->pins--;
        pool->frames.promised--;
}

static inline bool pool_is_strict(const struct pg_pool *pool)
{
        return pool->flags & PG_POOL_STRICT;
}

static inline bool pool_inherits(const struct pg_pool *pool)
{
        return pool->flags & PG_POOL_INHERIT;
}

static inline struct replacement pool_replacement(struct pg_pool *pool)
{
        return (struct replacement){&pool->policy, &pool->ghosts, &pool->victim_queue,
                                    &pool->frames};
}

/* What is there can be had again at once, so that it need not wait in the victim queue. */
static inline bool pool_is_near(struct pg_pool *pool, pg_location location)
{
        uint64_t ignored;

        return pool->drops_near &&
               store_flags(store_find(&pool->stores, location, &ignored)) & PG_STORE_NEAR;
}

static inline page_word *mapping_word(struct mapping *m, uint64_t page)
{
        return &m->pages[page];
}

/* A page's identity for policies, the same in all its residencies. */
static inline uint64_t page_key(const struct mapping *m, uint64_t page)
{
        return (uint64_t)(uintptr_t)mapping_addr(m, page) >> m->page_shift;
}

/* ---- page_events.c: what is to be known of a page's life outside
 * ---------------------------------- */

/* Under the lock, where there are observers: the trace, the curve, or both hear of it. `word` is
 * the page's, as it still stands in its table. */
void observers_report(struct pg_pool *pool, const struct pg_trace_event *event, uint64_t word);
/* The same where nothing else is done under the lock, and nothing if there are no observers. */
void observers_report_locking(struct pg_pool *pool, const struct pg_trace_event *event,
                              uint64_t word);

/* Under the lock, with the page owned. */
static inline void page_event(struct pg_pool *pool, enum pg_trace_kind kind,
                              const struct mapping *m, uint64_t page, bool dirty)
{
        if (__builtin_expect(pool->has_observers, false))
                observers_report(pool,
                                 &(struct pg_trace_event){.kind = kind,
                                                          .page = page_key(m, page),
                                                          .count = 1,
                                                          .dirty = dirty},
                                 page_load(&m->pages[page]));
}

/* With the page owned, without the lock. */
static inline void page_event_locking(struct pg_pool *pool, enum pg_trace_kind kind,
                                      const struct mapping *m, uint64_t page, bool dirty)
{
        if (!pool->has_observers)
                return;
        lock_take(&pool->lock);
        page_event(pool, kind, m, page, dirty);
        lock_drop(&pool->lock);
}

/* Without locks. What the move context's events have filled is written. */
static inline void pool_context_put(struct pg_pool *pool, struct move_context *ctx)
{
        move_context_put(&pool->contexts, ctx);
        trace_writer_write(&pool->trace_writer);
}

/* What a child's trace, or the pool's own, begins with. */
struct pg_trace_header pool_trace_header(struct pg_pool *pool);

/* Ends the ownership of a page: the new word is visible first, then who waits is woken. */
void page_release(struct mapping *m, uint64_t page, uint64_t word);
/* Wakes the threads that fault on it, whether or not they asked for it. */
void page_wake(struct mapping *m, uint64_t page);

/* What a call of the library must leave as it was. */
struct pager_section {
        sigset_t signals;
        int error_number;
        int cancel_state;
};

/* All signals of the thread are blocked between the two (see futex_lock.h), and errno is kept.
 * Nor is the thread cancelled there, although calls that move content (pread, pwrite) are
 * cancellation points: it would end with pages and buffers that are its own. */
static inline void pager_section_enter(struct pager_section *caller)
{
        sigset_t all;

        caller->error_number = errno;
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &caller->cancel_state);
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &caller->signals);
}

static inline void pager_section_leave(const struct pager_section *caller)
{
        pthread_sigmask(SIG_SETMASK, &caller->signals, NULL);
        pthread_setcancelstate(caller->cancel_state, NULL);
        errno = caller->error_number;
}

#endif
