/* SPDX-License-Identifier: MIT */
/* stats.h - counters and histograms. See stats.c. */
#ifndef STATS_H
#define STATS_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>
#include <unpaged/statistics.h>
#include <unpaged/unpaged.h>

/* What each counts stands at its namesake in struct pg_stats. */
enum counter {
        STAT_FAULTS,
        STAT_RESCUES,
        STAT_PROTECT_FAULTS,
        STAT_EVICTIONS_CLEAN,
        STAT_EVICTIONS_DIRTY,
        STAT_PAGES_IN,
        STAT_PAGES_OUT,
        STAT_ZERO_PAGES_OUT,
        STAT_AHEAD_PAGES,
        STAT_AHEAD_USED,
        STAT_AHEAD_WASTED,
        STAT_WAITS,
        STAT_WAIT_NS,
        STAT_LATE_FAULTS,
        STAT_ERRORS_LOAD,
        STAT_ERRORS_SAVE,
        STAT_ERRORS_FULL,
        STAT_ERRORS_FRAMES,
        STAT_BUSY_PAGES,
        STAT_ABOVE_BUDGET,
        STATS
};

struct thread_counters {
        _Atomic int32_t tid; /* 0: unused; -1: the threads that found no place of their own */
        _Atomic uint64_t faults, rescues, evictions_clean, evictions_dirty, wait_ns;
};

#define STATS_THREADS      4096u
#define STATS_THREAD_SLOTS (2 * STATS_THREADS)

#define HISTOGRAMS (PG_HISTOGRAM_PAGE_OUT + 1)

/* What one move context counts: written by its holder alone, read by anybody. */
struct tally {
        _Atomic uint64_t counters[STATS];
        _Atomic uint64_t histograms[HISTOGRAMS][PG_HISTOGRAM_BINS];
};

struct stats {
        _Atomic uint64_t shared[STATS];  /* what is counted without a move context */
        struct thread_counters *threads; /* open addressing by thread id */
        _Atomic uint32_t nthreads;
};

int stats_init(struct stats *s);
/* All counters begin again. */
void stats_restart(struct stats *s);
void stats_destroy(struct stats *s);

static inline uint64_t stats_load(const _Atomic uint64_t *counter)
{
        return atomic_load_explicit(counter, memory_order_relaxed);
}

/* Without a move context: events that are rare. */
static inline void stats_add(struct stats *s, enum counter which, uint64_t n)
{
        atomic_fetch_add_explicit(&s->shared[which], n, memory_order_relaxed);
}

/* By the holder of a move context: there is no other writer, so this takes no locked
 * instruction. */
static inline void tally_add(struct tally *t, enum counter which, uint64_t n)
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
