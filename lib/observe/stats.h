/* SPDX-License-Identifier: MIT */
/* stats.h - counters, gauges and histograms. See stats.c. */
#ifndef STATS_H
#define STATS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <unpaged/live.h>
#include <unpaged/statistics.h>
#include <unpaged/unpaged.h>
#include "live_file.h"

struct thread_counters {
        _Atomic int32_t tid; /* 0: unused; -1: the threads that found no place of their own */
        _Atomic uint64_t faults, rescues, evictions_clean, evictions_dirty, wait_ns;
};

#define STATS_THREADS      4096u
#define STATS_THREAD_SLOTS (2 * STATS_THREADS)

#define HISTOGRAMS (PG_HISTOGRAM_PAGE_OUT + 1)

/* A block of counters as <unpaged/live.h> has it. What one move context counts: written by its
 * holder alone, read by anybody. */
struct tally {
        _Alignas(64) _Atomic uint64_t counters[PG_COUNTERS];
        _Atomic uint64_t histograms[HISTOGRAMS][PG_HISTOGRAM_BINS];
};

struct stats {
        struct pg_live *live; /* all of it but the threads; other processes may see it */
        size_t bytes;
        struct live_file file;
        _Atomic uint64_t *gauges;        /* enum pg_gauge */
        struct tally *shared;            /* what is counted without a move context */
        struct tally *tallies;           /* of move contexts, behind it */
        unsigned count;                  /* of them */
        struct thread_counters *threads; /* open addressing by thread id */
        _Atomic uint32_t nthreads;
};

/* For so many move contexts. `first`: everything but the figures, with which the file begins.
 * -ENOMEM. */
int stats_init(struct stats *s, unsigned contexts, const struct pg_live *first);
/* All counters begin again, in a child of fork: in a file of its own, at the same address. If that
 * cannot be, -ENOMEM: it must not count in the parent's. */
int stats_restart(struct stats *s);
/* stays: other processes can still read the last figures. */
void stats_destroy(struct stats *s, bool stays);

static inline uint64_t stats_load(const _Atomic uint64_t *counter)
{
        return atomic_load_explicit(counter, memory_order_relaxed);
}

/* Without a move context: events that are rare. */
static inline void stats_add(struct stats *s, enum pg_counter which, uint64_t n)
{
        atomic_fetch_add_explicit(&s->shared->counters[which], n, memory_order_relaxed);
}

/* Pages are evicted. What was counted until the first of them stays known. */
void stats_full(struct stats *s);

/* By one thread at a time. */
static inline void stats_set(struct stats *s, enum pg_gauge which, uint64_t value)
{
        atomic_store_explicit(&s->gauges[which], value, memory_order_relaxed);
}

/* The file says so from now on. When it says PG_LIVE_CLOSED, it is removed unless it stays. Not by
 * a process that has only a copy of this. */
void stats_mark(struct stats *s, enum pg_live_state state, bool stays);

/* Over all blocks. */
uint64_t stats_sum(const struct stats *s, enum pg_counter which);

/* By the holder of a move context: there is no other writer, so this takes no locked
 * instruction. */
static inline void tally_add(struct tally *t, enum pg_counter which, uint64_t n)
{
        atomic_store_explicit(&t->counters[which], stats_load(&t->counters[which]) + n,
                              memory_order_relaxed);
}

void tally_time(struct tally *t, enum pg_histogram_kind kind, uint64_t ns);

/* The upper bound of a bin. */
uint64_t stats_bound(unsigned bin);

/* The counters of a thread, made if it has none yet. tid 0 (unknown) gives NULL. */
struct thread_counters *stats_thread(struct stats *s, pid_t tid);
/* The same, but NULL if it has none. */
struct thread_counters *stats_thread_find(struct stats *s, pid_t tid);

/* The calling thread's id, without a system call but for the first time. */
pid_t stats_self(void);
/* In a child of fork the caller is another thread. */
void stats_self_forget(void);

#endif
