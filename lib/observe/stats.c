/* SPDX-License-Identifier: MIT */
/*
 * stats.c - counters, gauges and histograms.
 *
 * Each move context counts by itself, and a reader adds them up; so counting shares no cache line
 * and takes no locked instruction. All of it lies in a file in memory, where other processes can
 * read it (include/unpaged/live.h); that costs no more than other memory. All are relaxed atomics:
 * each is exact, but a reader that looks while the pager works may see one event in one counter and
 * not yet in another. Nothing ever stops for a reader.
 *
 * Threads are found by hashing their id into a fixed table with linear probing. Entries are never
 * removed, so a thread's figures outlive it; an id that the kernel gives out again goes on with the
 * old entry.
 */
#include "stats.h"
#include "arena.h"
#include "futex_lock.h"
#include "kernel_page.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define THREAD_OTHER (-1)

/* 1, 2, 5 in every decade from 100 ns to 1 s; the first and the last bin catch the rest. */
static const uint64_t bounds[PG_HISTOGRAM_BINS] = {
        100,      200,      500,       1000,      2000,      5000,       10000,      20000,
        50000,    100000,   200000,    500000,    1000000,   2000000,    5000000,    10000000,
        20000000, 50000000, 100000000, 200000000, 500000000, 1000000000, 2000000000, UINT64_MAX,
};

/* The header, then the gauges, then the blocks. */
#define GAUGE_OFFSET ((sizeof(struct pg_live) + 63) & ~(size_t)63)
#define BLOCK_OFFSET ((GAUGE_OFFSET + PG_GAUGES * sizeof(uint64_t) + 63) & ~(size_t)63)

static void live_begin(struct stats *s, const struct pg_live *first)
{
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        *s->live = *first;
        memcpy(s->live->magic, PG_LIVE_MAGIC, sizeof(s->live->magic));
        s->live->version = PG_LIVE_VERSION;
        s->live->bytes = (uint32_t)s->bytes;
        s->live->block_offset = BLOCK_OFFSET;
        s->live->block_bytes = sizeof(struct tally);
        s->live->blocks = s->count + 1;
        s->live->counters = PG_COUNTERS;
        s->live->histograms = HISTOGRAMS;
        s->live->bins = PG_HISTOGRAM_BINS;
        s->live->gauges = PG_GAUGES;
        s->live->gauge_offset = GAUGE_OFFSET;
        s->live->pid = s->file.pid;
        s->live->start_ticks = s->file.start_ticks;
        s->live->state = PG_LIVE_RUNNING;
        s->live->claim = s->live->request_bytes = 0; /* `first` may be a parent's */
        s->live->calls = s->live->request = s->live->answered = 0;
        s->live->answer = 0;
        s->live->server = PG_LIVE_SERVES_NONE;
        s->live->opened_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
        s->live->opened_clock_ns = clock_now();
        s->live->closed_clock_ns = 0;
}

int stats_init(struct stats *s, unsigned contexts, const struct pg_live *first)
{
        memset(s, 0, sizeof(*s));
        s->count = contexts;
        s->bytes = (BLOCK_OFFSET + (contexts + 1) * sizeof(struct tally) + KERNEL_PAGE_SIZE - 1) &
                   ~(size_t)(KERNEL_PAGE_SIZE - 1);
        s->live = live_file_map(&s->file, s->bytes, first->pool, NULL);
        s->threads = arena_reserve((STATS_THREAD_SLOTS + 1) * sizeof(*s->threads), "unpaged-stats");
        if (!s->live || !s->threads) {
                stats_destroy(s, false);
                return -ENOMEM;
        }
        s->gauges = (_Atomic uint64_t *)(void *)((char *)s->live + GAUGE_OFFSET);
        s->shared = (struct tally *)(void *)((char *)s->live + BLOCK_OFFSET);
        s->tallies = s->shared + 1;
        live_begin(s, first);
        return 0;
}

int stats_restart(struct stats *s)
{
        struct pg_live first = *s->live;
        uint64_t gauges[PG_GAUGES];

        memcpy(gauges, (void *)s->gauges, sizeof(gauges));
        if (!live_file_map(&s->file, s->bytes, first.pool, s->live))
                return -ENOMEM;
        live_begin(s, &first);
        gauges[PG_GAUGE_TOUCHES_UNTIL_FULL] = gauges[PG_GAUGE_BUDGET_CHANGES] = 0;
        memcpy((void *)s->gauges, gauges, sizeof(gauges));
        if (atomic_load(&s->nthreads))
                madvise(s->threads, (STATS_THREAD_SLOTS + 1) * sizeof(*s->threads), MADV_DONTNEED);
        atomic_store(&s->nthreads, 0);
        return 0;
}

void stats_mark(struct stats *s, enum pg_live_state state, bool stays)
{
        if (!s->live || s->file.pid != getpid())
                return;
        s->live->closed_clock_ns = state == PG_LIVE_RUNNING ? 0 : clock_now();
        s->live->state = state;
        if (state == PG_LIVE_CLOSED && !stays)
                live_file_remove(&s->file);
}

void stats_destroy(struct stats *s, bool stays)
{
        stats_mark(s, PG_LIVE_CLOSED, stays);
        if (s->live)
                munmap(s->live, s->bytes);
        arena_release(s->threads, (STATS_THREAD_SLOTS + 1) * sizeof(*s->threads));
        s->live = NULL;
        s->threads = NULL;
}

void stats_full(struct stats *s)
{
        _Atomic uint64_t *known = &s->gauges[PG_GAUGE_TOUCHES_UNTIL_FULL];
        uint64_t none = 0;

        if (stats_load(known) == 0)
                atomic_compare_exchange_strong_explicit(
                        known, &none, stats_sum(s, PG_COUNTER_COST_EVENTS + PG_COST_FIRST_TOUCH),
                        memory_order_relaxed, memory_order_relaxed);
}

uint64_t stats_sum(const struct stats *s, enum pg_counter which)
{
        uint64_t n = 0;

        for (unsigned i = 0; i <= s->count; i++)
                n += stats_load(&s->shared[i].counters[which]);
        return n;
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
