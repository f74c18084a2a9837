/* SPDX-License-Identifier: MIT */
/*
 * stats.c - counters and histograms.
 *
 * Each move context counts by itself, and a reader adds them up; so counting shares no cache line
 * and takes no locked instruction. All are relaxed atomics: each is exact, but a reader that looks
 * while the pager works may see one event in one counter and not yet in another. Nothing ever stops
 * for a reader.
 *
 * Threads are found by hashing their id into a fixed table with linear probing. Entries are never
 * removed, so a thread's figures outlive it; an id that the kernel gives out again goes on with the
 * old entry.
 */
#include "stats.h"
#include "arena.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define THREAD_OTHER (-1)

/* 1, 2, 5 in every decade from 100 ns to 1 s; the first and the last bin catch the rest. */
static const uint64_t bounds[PG_HISTOGRAM_BINS] = {
        100,      200,      500,       1000,      2000,      5000,       10000,      20000,
        50000,    100000,   200000,    500000,    1000000,   2000000,    5000000,    10000000,
        20000000, 50000000, 100000000, 200000000, 500000000, 1000000000, 2000000000, UINT64_MAX,
};

int stats_init(struct stats *s)
{
        memset(s, 0, sizeof(*s));
        s->threads = arena_reserve((STATS_THREAD_SLOTS + 1) * sizeof(*s->threads), "unpaged-stats");
        return s->threads ? 0 : -ENOMEM;
}

void stats_restart(struct stats *s)
{
        memset((void *)s->shared, 0, sizeof(s->shared));
        if (atomic_load(&s->nthreads))
                madvise(s->threads, (STATS_THREAD_SLOTS + 1) * sizeof(*s->threads), MADV_DONTNEED);
        atomic_store(&s->nthreads, 0);
}

void stats_destroy(struct stats *s)
{
        arena_release(s->threads, (STATS_THREAD_SLOTS + 1) * sizeof(*s->threads));
        s->threads = NULL;
}

static __thread pid_t self;

pid_t stats_self(void)
{
        if (self == 0)
                self = gettid();
        return self;
}

void stats_self_forget(void)
{
        self = 0;
}

struct thread_counters *stats_thread_find(struct stats *s, pid_t tid)
{
        uint32_t at = (uint32_t)tid * 2654435761u % STATS_THREAD_SLOTS;

        if (tid == THREAD_OTHER)
                return &s->threads[STATS_THREAD_SLOTS];
        for (uint32_t i = 0; i < STATS_THREAD_SLOTS; i++, at = (at + 1) % STATS_THREAD_SLOTS) {
                int32_t there = atomic_load_explicit(&s->threads[at].tid, memory_order_relaxed);

                if (there == tid)
                        return &s->threads[at];
                if (there == 0)
                        break;
        }
        return NULL;
}

struct thread_counters *stats_thread(struct stats *s, pid_t tid)
{
        struct thread_counters *found;
        uint32_t at = (uint32_t)tid * 2654435761u % STATS_THREAD_SLOTS;

        if (tid == 0)
                return NULL;
        found = stats_thread_find(s, tid);
        if (found)
                return found;
        if (atomic_fetch_add_explicit(&s->nthreads, 1, memory_order_relaxed) >= STATS_THREADS) {
                atomic_fetch_sub_explicit(&s->nthreads, 1, memory_order_relaxed);
                return &s->threads[STATS_THREAD_SLOTS];
        }
        /* At most half of the slots are used, so a free one comes soon. */
        for (;; at = (at + 1) % STATS_THREAD_SLOTS) {
                int32_t there = 0;

                if (atomic_compare_exchange_strong_explicit(&s->threads[at].tid, &there, tid,
                                                            memory_order_relaxed,
                                                            memory_order_relaxed) ||
                    there == tid)
                        return &s->threads[at];
        }
}

void tally_time(struct tally *t, enum pg_histogram_kind kind, uint64_t ns)
{
        _Atomic uint64_t *bins = t->histograms[kind];
        unsigned bin = 0;

        while (ns > bounds[bin])
                bin++;
        atomic_store_explicit(&bins[bin], stats_load(&bins[bin]) + 1, memory_order_relaxed);
}

uint64_t stats_bound(unsigned bin)
{
        return bounds[bin];
}
