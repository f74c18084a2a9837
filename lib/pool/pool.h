/* SPDX-License-Identifier: MIT */
/*
 * pool.h - what a pool owns. For core, delivery and api.
 *
 * lock guards the policy, the victim queue, the frames, the ghosts and the miss curve; they change
 * together (a page that is rescued leaves the queue and counts as accessed), in critical sections
 * of well under a microsecond, so one lock is simpler than five and no slower.
 */
#ifndef POOL_H
#define POOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unpaged/store.h>
#include <unpaged/unpaged.h>
#include "event_ring.h"
#include "fault_sampler.h"
#include "frame.h"
#include "futex_lock.h"
#include "ghost.h"
#include "last_error.h"
#include "mapping.h"
#include "miss_curve.h"
#include "move_context.h"
#include "page.h"
#include "policy_gate.h"
#include "replacement.h"
#include "stats.h"
#include "store_gate.h"
#include "trace_writer.h"
#include "uffd.h"
#include "victim_queue.h"

struct handler_threads;
struct keeper;
struct resizer;

#define FORK_LOG 1024u

/* Pages served while the process forks: see fork_freeze.c. */
struct fork_freeze {
        pid_t forker;   /* the thread that forks */
        uint64_t began; /* CLOCK_MONOTONIC, ns */
        uint32_t room;  /* frames that were free then */
        _Atomic uint32_t count;
        struct futex_lock claiming; /* which thread serves which page */
        struct {
                _Atomic(struct mapping *) mapping;
                _Atomic uint64_t page;
                _Atomic pid_t tid;    /* of the thread that wanted it */
                _Atomic bool written; /* a thread wanted to write to it */
        } log[FORK_LOG];
};

/* Changes of the budget: see resize.c. Order: changing, step. */
struct resize {
        struct futex_lock changing; /* one at a time */
        struct futex_lock step;     /* a part of one; or a fork: never both */
        _Atomic uint32_t forks;     /* that wait for it */
        uint64_t before;            /* the budget; 0: it is not shrinking. With step */
};

/* Frames, swap store and tables under one cap: see memory_cap.c. */
struct memory_cap {
        _Atomic uint64_t bytes; /* 0: there is none, and the frames alone have a limit */
        uint64_t fixed;         /* bytes of tables that are there from the beginning, */
        uint32_t per_frame;     /* for each frame ever used, */
        _Atomic uint64_t words; /* and for pages that were touched */
        uint32_t told;          /* frames, as of the last report to observers. Under lock */
};

struct pg_pool {
        size_t page_size;
        unsigned page_shift;
        unsigned flags; /* PG_POOL_* */
        enum pg_delivery delivery;
        unsigned batch_pages; /* victims in one go */
        bool reads_ahead;
        bool predicts_by_mapping; /* from other pages, too (write_predict.h) */
        bool drops_near;          /* clean pages of near stores do not wait in the queue */
        bool frames_exact;        /* opened by frames: the buffers are not in the budget */
        bool is_orphan;           /* we are a child of fork: nothing here is ours */
        _Atomic int64_t away;     /* pages that are out, in a place of their own */
        uint64_t pages_peak;     /* most pages that had content at once, since the first went out */
        _Atomic bool has_forked; /* pages may be shared with a child, or a parent */
        _Atomic uint32_t mlockalls; /* so often were the slots found locked: see page_transfer.c */

        struct uffd uffd;
        struct stores stores;
        struct move_contexts contexts;
        struct stats stats;
        struct event_ring ring;
        struct fault_sampler sampler;
        struct trace_writer trace_writer;
        bool has_observers;                               /* a trace or a curve was asked for */
        void (*message)(void *arg, const char *text);     /* for the application's threads only */
        void (*out_of_room)(void *arg, const char *line); /* in a fault; or NULL */
        _Atomic uint32_t told_out_of_room;                /* and told_cut_off: see out_of_room.c */
        void *message_arg;
        struct handler_threads *handlers; /* thread delivery: its threads */
        struct keeper *keeper;            /* holds the userfaultfd: see keeper.c */
        _Atomic uint32_t keeper_calls;    /* counts what it is asked for: a futex */
        atomic_bool wake_wanted;          /* it is to wake all that wait for a page */
        _Atomic uint32_t told_cut_off;

        struct lock lock; /* the five below */
        struct policy policy;
        struct miss_curve miss_curve;
        struct ghosts ghosts;
        struct victim_queue victim_queue;
        struct frames frames;

        _Atomic uint64_t turn_until; /* see dispatch.c */
        _Atomic pid_t turn_tid;

        struct fork_freeze freeze;
        bool fork_refused; /* a store has refused the fork that is under way */

        struct memory_cap cap;
        struct resize resize;    /* changes of the budget: see resize.c */
        struct resizer *resizer; /* makes them for other processes: see resizer.c */

        struct lock mappings_lock;
        struct mapping *mappings; /* linked by next */

        struct pg_store *own_swap; /* made here, closed here; or NULL */
        struct pg_pool *next;      /* of all pools in the process */
};

static inline int pool_orphan_error(void)
{
        return last_error(-ECHILD, "the pool stayed with the parent of this process: open it with "
                                   "PG_POOL_INHERIT, or open another one here");
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

/* The calling thread must be able to wake threads that wait for a page. 0, or -errno: it is not,
 * as uffd_answers() says why. */
static inline int pool_cut_off(const struct pg_pool *pool)
{
        return pool->delivery == PG_DELIVERY_THREAD ? uffd_answers(&pool->uffd) : 0;
}

/* The keeper wakes all threads that wait for a page: they try again. */
static inline void pool_call_keeper(struct pg_pool *pool)
{
        atomic_store(&pool->wake_wanted, true);
        atomic_fetch_add(&pool->keeper_calls, 1);
        futex_wake(&pool->keeper_calls, 1);
}

/* A page that lives there loads about as fast as a rescue: it need not wait in the victim queue. */
static inline bool pool_is_near(struct pg_pool *pool, pg_location location)
{
        uint64_t offset;
        struct pg_store *store = store_find(&pool->stores, location, &offset);

        return pool->drops_near && store_is_near(store, offset);
}

/* Of all tables, if `frames` were in use, or the most that ever were. Under the lock. */
static inline uint64_t pool_table_bytes(const struct pg_pool *pool, uint64_t frames)
{
        const struct memory_cap *c = &pool->cap;
        uint64_t most = pool->frames.high_water;

        return c->fixed + atomic_load_explicit(&c->words, memory_order_relaxed) +
               (frames > most ? frames : most) * c->per_frame;
}

/* Into the gauges (pg_gauge): the frames, under the lock; the swap store, by any thread. */
static inline void pool_show_frames(struct pg_pool *pool)
{
        const struct frames *f = &pool->frames;
        uint32_t spare = f->limit > f->live ? f->limit - f->live : 0;
        uint32_t seated = f->free_list.count + f->pinned - f->promised +
                          pool->victim_queue.list.count + pool->policy.count;

        stats_set(&pool->stats, PG_GAUGE_FRAMES_TOTAL, f->limit);
        stats_set(&pool->stats, PG_GAUGE_FRAMES_FREE, f->free_list.count + spare);
        stats_set(&pool->stats, PG_GAUGE_FRAMES_PINNED, f->pinned);
        stats_set(&pool->stats, PG_GAUGE_FRAMES_QUEUED, pool->victim_queue.list.count);
        stats_set(&pool->stats, PG_GAUGE_FRAMES_BUSY, f->live > seated ? f->live - seated : 0);
        stats_set(&pool->stats, PG_GAUGE_FRAMES_PEAK, f->peak);
        stats_set(&pool->stats, PG_GAUGE_TABLE_BYTES, pool_table_bytes(pool, 0));
        stats_set(&pool->stats, PG_GAUGE_MEMORY,
                  atomic_load_explicit(&pool->cap.bytes, memory_order_relaxed));
        stats_set(&pool->stats, PG_GAUGE_PAGES_PEAK,
                  pool->pages_peak > f->peak ? pool->pages_peak : f->peak);
}

static inline void pool_show_swap(struct pg_pool *pool)
{
        struct pg_store_stats swap;
        uint64_t ignored;

        store_stats(store_find(&pool->stores, location_make(pool->stores.swap, 0), &ignored),
                    &swap);
        stats_set(&pool->stats, PG_GAUGE_SWAP_PAGES, swap.stored_pages);
        stats_set(&pool->stats, PG_GAUGE_SWAP_BYTES, swap.payload_bytes);
        stats_set(&pool->stats, PG_GAUGE_SWAP_MEMORY_BYTES, swap.memory_bytes);
        stats_set(&pool->stats, PG_GAUGE_SWAP_SAME_FILLED, swap.same_filled_pages);
        stats_set(&pool->stats, PG_GAUGE_SWAP_INCOMPRESSIBLE, swap.incompressible_pages);
        stats_set(&pool->stats, PG_GAUGE_SWAP_LIMIT_HITS, swap.limit_hits);
        stats_set(&pool->stats, PG_GAUGE_SWAP_LOWER_PAGES, swap.lower_pages);
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

static inline void pool_lock(struct pg_pool *pool)
{
        lock_take(&pool->lock);
}

/* What other processes see of the frames is as it was when the lock was last dropped. */
static inline void pool_unlock(struct pg_pool *pool)
{
        pool_show_frames(pool);
        lock_drop(&pool->lock);
}

/* Without locks. What the move context's events have filled is written. */
static inline void pool_context_put(struct pg_pool *pool, struct move_context *ctx)
{
        move_context_put(&pool->contexts, ctx);
        trace_writer_write(&pool->trace_writer);
}

#endif
