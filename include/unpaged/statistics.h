/* SPDX-License-Identifier: MIT */
/*
 * statistics.h - for applications: what a pool has counted, and what would have been with another
 * budget. The conventions of unpaged.h hold. Other processes can read counters, too: see live.h.
 */
#ifndef UNPAGED_STATISTICS_H
#define UNPAGED_STATISTICS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unpaged/attributes.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pg_pool;

/* ---- what things cost ------------------------------------------------------------------- */

/* Values are only appended. */
enum pg_cost_kind {
        PG_COST_FIRST_TOUCH, /* a page filled with zeros, or left as it was: nothing was read */
        PG_COST_LOAD_SWAP,   /* a page that came back from the swap store */
        PG_COST_LOAD_STORE,  /* or from another store: a file, as a rule */
        PG_COST_RESCUE,      /* a page that was still in the victim queue */
        PG_COST_FIRST_WRITE, /* the first write to a clean page */
        PG_COST_EVICTION,    /* a page that left its frame, to make room for another */
        PG_COSTS
};

#define PG_COSTS_MOST 8u /* as many kinds as there may come to be */

/* What all events of a kind have cost, in nanoseconds: an estimate from one of 64 of them (of the
 * first ones, more), in which none of the eviction's cost is in the costs of the faults. What the
 * program's thread spends on the exception comes on top: see pg_cost_measure(). */
struct pg_cost {
        uint64_t events;
        uint64_t cpu_ns;  /* on a CPU, in the pager */
        uint64_t wait_ns; /* not on a CPU: for the store, for a lock, or for other work to leave the
                           * CPU, while the program's thread waited */
};

/* ---- statistics -------------------------------------------------------------------------- */

/* Counters since pg_open. Reading them never stops the pager; they are exact when it is idle. */
struct pg_stats {
        size_t size;              /* sizeof(struct pg_stats) */
        uint64_t faults;          /* touches of pages that were not mapped, or explicit page-ins */
        uint64_t rescues;         /* of them: still in the victim queue, no store was asked */
        uint64_t protect_faults;  /* first writes to clean pages; not in faults */
        uint64_t evictions_clean; /* pages that left their frame without being written */
        uint64_t evictions_dirty; /* pages that were written, or found to be all zero */
        uint64_t pages_in;        /* pages read from a store (not: zero, uninit) */
        uint64_t pages_out;       /* pages written to a store */
        uint64_t zero_pages_out;  /* of evictions_dirty: all zero, nothing was written */
        uint64_t ahead_pages;     /* pages read ahead */
        uint64_t ahead_used;      /* of them: touched, as far as the pager can know */
        uint64_t ahead_wasted;    /* of them: evicted untouched */
        uint64_t waits;           /* threads that found a page busy and waited for its owner */
        uint64_t wait_ns;         /* time programs waited for faults, in nanoseconds */
        uint64_t late_faults;   /* faults an ordinary thread served because the handler was late */
        uint64_t errors_load;   /* pages a store failed to load (each was poisoned) */
        uint64_t errors_save;   /* pages a store failed to save (each went back to the program) */
        uint64_t errors_full;   /* of errors_save: the store was full */
        uint64_t errors_frames; /* faults for which no frame could be had (poisoned) */
        uint64_t busy_pages;    /* victims skipped because the kernel had pinned them */

        uint32_t frames_total; /* the budget, in frames */
        uint32_t frames_free;  /* hold no page */
        uint32_t frames_pinned;
        uint32_t frames_queued; /* in the victim queue */
        uint32_t frames_busy;   /* in flight: taken, and neither free, mapped nor queued */
        uint32_t frames_peak;   /* most that were ever in use at once */
        size_t page_size;
        size_t buffer_bytes; /* the pool's own buffers, part of the budget */

        uint64_t swap_pages;        /* pages in the swap store now */
        uint64_t swap_bytes;        /* their compressed size */
        uint64_t swap_memory_bytes; /* memory the swap store uses for them */
        uint64_t swap_same_filled;  /* of swap_pages: one repeated word */
        uint64_t swap_incompressible;
        uint64_t swap_limit_hits;

        uint64_t above_budget; /* faults served with a frame beyond the budget: the kernel had
                                * pinned too many pages, or the swap store was full */

        struct pg_cost costs[PG_COSTS_MOST]; /* by enum pg_cost_kind */
        /* CPU time of the process, of all its pools together, in nanoseconds: what is not the
         * pager's own; and the pager's, which in signal delivery is estimated as the costs are. In
         * the first of them is what threads of the program spend on exceptions. */
        uint64_t cpu_program_ns, cpu_pager_ns;
        /* What an access that faults costs its thread besides, in nanoseconds: of the CPU (the
         * exception, and switching to another thread and back), and waiting (for that to happen).
         * 0, 0: not measured. */
        uint64_t access_cpu_ns, access_wait_ns;
        /* What the first access to a page that was read ahead costs: next to nothing, but under a
         * hypervisor that keeps page tables of its own. 0: not measured. */
        uint64_t ahead_cpu_ns;
        uint64_t pages_peak; /* most pages that had content at once, in frames or swapped out, as of
                              * the last that went out; a child of fork begins with its parent's */
        uint64_t touches_until_full; /* first touches before the first eviction; 0: none was */
        uint64_t budget_changes;     /* how often: by pg_resize(), or as another process asked; a
                                      * child of fork begins with 0 */
        uint64_t swap_lower_pages;   /* of swap_pages: in the lower store of a tiered one */
        uint64_t table_bytes;        /* the pool's own tables, as far as they were touched */
        uint64_t memory;             /* the cap on all memory (pg_config.memory); 0: none */
};

/* stats may lie in paged memory. -EINVAL: stats->size. */
int pg_stats_get(struct pg_pool *pool, struct pg_stats *stats) PG_NONNULL(1, 2);

/*
 * Measures access_cpu_ns, access_wait_ns and ahead_cpu_ns, on this machine and at this moment: the
 * calling thread has pages of its own go out and touches them, which takes 5 to 50 milliseconds.
 * In signal delivery with SIGBUS unblocked meanwhile. The pool's counters and its curve have these
 * faults, too.
 * 0; -ECHILD: the pool stayed with the parent; or the error of pg_map() or pg_page_out().
 */
int pg_cost_measure(struct pg_pool *pool) PG_NONNULL(1);

/* What one thread caused. Faults count for the thread that touched the page, whichever thread
 * served them. */
struct pg_thread_stats {
        size_t size; /* sizeof(struct pg_thread_stats) */
        uint64_t faults;
        uint64_t rescues;
        uint64_t evictions_clean;
        uint64_t evictions_dirty;
        uint64_t wait_ns;
};

/* tid: as gettid() gave it; 0: the calling thread. -ENOENT: it has caused nothing yet. -ENOTSUP:
 * thread delivery on a kernel that does not say which thread faulted. -EINVAL: stats->size. Beyond
 * 4096 threads the newcomers are counted together, under tid -1. */
int pg_thread_stats_get(struct pg_pool *pool, pid_t tid, struct pg_thread_stats *stats)
        PG_NONNULL(1, 3);

#define PG_HISTOGRAM_BINS 24

/* counts[i] holds the samples of at most bounds_ns[i] nanoseconds (and more than bounds_ns[i-1]);
 * the last bound is UINT64_MAX. */
struct pg_histogram {
        size_t size; /* sizeof(struct pg_histogram) */
        uint64_t bounds_ns[PG_HISTOGRAM_BINS];
        uint64_t counts[PG_HISTOGRAM_BINS];
};

enum pg_histogram_kind {
        PG_HISTOGRAM_FAULT,    /* a fault, from its arrival at the pager to the wake-up */
        PG_HISTOGRAM_EVICTION, /* choosing, unmapping and saving victims, for one frame or a batch */
        PG_HISTOGRAM_PAGE_IN,  /* one page_in call of a store */
        PG_HISTOGRAM_PAGE_OUT, /* one page_out call of a store */
};

/* -EINVAL: there is no such kind; histogram->size. */
int pg_histogram_get(struct pg_pool *pool, enum pg_histogram_kind kind,
                     struct pg_histogram *histogram) PG_NONNULL(1, 3);

/* ---- another budget ---------------------------------------------------------------------- */

/* What would have been with another budget, from what the pool saw since pg_open (in a child of
 * fork: since then). */
struct pg_curve {
        size_t size;     /* sizeof(struct pg_curve) */
        uint64_t faults; /* touches that it saw: misses, and rescues from the victim queue */
        uint64_t first;  /* misses that no budget avoids: first touches */
        uint64_t least;  /* frames below which nothing is known: so many pages were mapped, and
                          * nobody sees how often those are touched */
        uint64_t enough; /* frames with which all misses are first touches */
        uint64_t sample; /* one page in so many is followed; 1: every page, nothing is estimated */
};

/* A question and its answer, an element of an array: it does not grow. */
struct pg_curve_point {
        uint64_t frames; /* in: with so many frames, beside the pool's buffers, */
        uint64_t misses; /* out: so many touches would have had to wait for a store */
};

/*
 * With so many frames there would have been so many misses: for as many sizes as are asked for, all
 * from one run. Exact for a pool whose mapped pages and victim queue are two queues, first in,
 * first out, of which the first keeps its size (strict: policy "fifo"); for others an estimate,
 * which asks what a longer or a shorter victim queue would have rescued. Below curve->least,
 * `misses` is curve->faults, and there would have been more. Pages that are read ahead count
 * neither as touches nor as misses.
 *
 * Costs 1 to 3 % of the time of a fault. curve may be NULL, and points with npoints 0. While the
 * program runs on, each point is of a moment of its own.
 * -ENOENT: opened without curve_pages. -EINVAL: curve->size; points are untouched then.
 */
int pg_curve_get(struct pg_pool *pool, struct pg_curve *curve, struct pg_curve_point *points,
                 size_t npoints) PG_NONNULL(1);

#ifdef __cplusplus
}
#endif

#endif
