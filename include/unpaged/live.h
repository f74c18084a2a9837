/* SPDX-License-Identifier: MIT */
/*
 * live.h - counters of a running process, for other processes to read.
 *
 * Each pool keeps what it counts in a file in memory, one pool a file, from pg_open() to
 * pg_close(). Where the process has ended otherwise, by SIGKILL for one, the file is still there,
 * with the last figures. `unpaged stats` and `unpaged top` read these files; so may any program
 * that may open them: they have mode 0600.
 *
 * A file lies in the first of these folders that belongs to the process's effective user, that
 * nobody else may write to, and that lies in memory (tmpfs, ramfs); the last folder of each is made
 * if need be:
 *
 *   $XDG_RUNTIME_DIR/unpaged     (not for programs with privileges of their file: AT_SECURE)
 *   /run/unpaged                 (for root)
 *   /dev/shm/unpaged-UID
 *
 * Its name is PID.START.POOL: the process, when it began (field 22 of /proc/PID/stat; 0: there is
 * no /proc), and the number of the pool in it, from 0 on. If none of these folders will do, or the
 * file cannot be made there, the pool counts in memory of its own, and nobody else can look. Files
 * of other names, such as PID.START.run, are the library's and `unpaged run`'s own.
 *
 * Reading. Map the file PROT_READ, MAP_SHARED, and look at `magic`, `version` and `bytes` first. A
 * newer version of the library may append members to struct pg_live, counters and histograms;
 * `version` changes only if something that was there means something else. All figures are aligned
 * 64-bit words (unless declared otherwise) that the process writes one by one while others read:
 * each is right, but one may be a moment newer than another. A counter is the sum over all blocks:
 *
 *   uint64_t sum = 0;
 *   for (uint32_t i = 0; i < live->blocks; i++)
 *           sum += ((const volatile uint64_t *)((const char *)live + live->block_offset +
 *                                               i * live->block_bytes))[counter];
 *
 * Behind its `counters` counters a block has `histograms` histograms (enum pg_histogram_kind) of
 * `bins` words each; their bounds are those of pg_histogram_get().
 *
 * Asking for another budget. A process that may write to the file can ask for it; `unpaged resize`
 * does. It needs a mapping that is MAP_SHARED and writable, and all words below are atomic:
 *
 *   1. claim: by compare-and-exchange from 0 to its own (its id << 32, and the low 32 bits of its
 *      start, counted as start_ticks). A claim of a process that has ended may be
 *      replaced in the same way. Otherwise wait: one asks at a time.
 *   2. request_bytes = the budget, counted as frames_total * page_size + buffer_bytes;
 *      request += 1; calls += 1; FUTEX_WAKE of `calls`.
 *   3. Wait (FUTEX_WAIT on `answered`) until `answered` is the number of the request, and look at
 *      `answer`. To withdraw the request, exchange request_bytes with 0: if it was not 0, nothing
 *      has happened, and nothing will. Wait with a limit: the process may be stopped.
 *   4. claim: back to 0.
 *
 * A child of fork has files of its own, and so a budget of its own.
 */
#ifndef UNPAGED_LIVE_H
#define UNPAGED_LIVE_H

#include <stdint.h>
#include <unpaged/statistics.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PG_LIVE_MAGIC   "unpaged" /* eight bytes, with the 0 */
#define PG_LIVE_VERSION 1u

/* What each counts stands at its namesake in struct pg_stats. Values are only appended. */
enum pg_counter {
        PG_COUNTER_FAULTS,
        PG_COUNTER_RESCUES,
        PG_COUNTER_PROTECT_FAULTS,
        PG_COUNTER_EVICTIONS_CLEAN,
        PG_COUNTER_EVICTIONS_DIRTY,
        PG_COUNTER_PAGES_IN,
        PG_COUNTER_PAGES_OUT,
        PG_COUNTER_ZERO_PAGES_OUT,
        PG_COUNTER_AHEAD_PAGES,
        PG_COUNTER_AHEAD_USED,
        PG_COUNTER_AHEAD_WASTED,
        PG_COUNTER_WAITS,
        PG_COUNTER_WAIT_NS,
        PG_COUNTER_LATE_FAULTS,
        PG_COUNTER_ERRORS_LOAD,
        PG_COUNTER_ERRORS_SAVE,
        PG_COUNTER_ERRORS_FULL,
        PG_COUNTER_ERRORS_FRAMES,
        PG_COUNTER_BUSY_PAGES,
        PG_COUNTER_ABOVE_BUDGET,
        /* Of each enum pg_cost_kind, added to these: how often; how many of them were measured; and
         * the time that those took, in nanoseconds: of the CPU, and waiting. */
        PG_COUNTER_COST_EVENTS,
        PG_COUNTER_COST_MEASURED = PG_COUNTER_COST_EVENTS + PG_COSTS_MOST,
        PG_COUNTER_COST_CPU_NS = PG_COUNTER_COST_MEASURED + PG_COSTS_MOST,
        PG_COUNTER_COST_WAIT_NS = PG_COUNTER_COST_CPU_NS + PG_COSTS_MOST,
        PG_COUNTERS = PG_COUNTER_COST_WAIT_NS + PG_COSTS_MOST
};

/* What there is now; as in struct pg_stats. Values are only appended. */
enum pg_gauge {
        PG_GAUGE_FRAMES_TOTAL, /* the budget, as pg_resize() and requests change it */
        PG_GAUGE_FRAMES_FREE,
        PG_GAUGE_FRAMES_PINNED,
        PG_GAUGE_FRAMES_QUEUED,
        PG_GAUGE_FRAMES_BUSY,
        PG_GAUGE_FRAMES_PEAK,
        PG_GAUGE_SWAP_PAGES, /* these, of the swap store: as of the last eviction */
        PG_GAUGE_SWAP_BYTES,
        PG_GAUGE_SWAP_MEMORY_BYTES,
        PG_GAUGE_SWAP_SAME_FILLED,
        PG_GAUGE_SWAP_INCOMPRESSIBLE,
        PG_GAUGE_SWAP_LIMIT_HITS,
        PG_GAUGE_ACCESS_CPU_NS, /* as pg_cost_measure() has found; 0: not yet */
        PG_GAUGE_ACCESS_WAIT_NS,
        PG_GAUGE_AHEAD_CPU_NS,
        PG_GAUGE_TOUCHES_UNTIL_FULL,
        PG_GAUGE_PAGES_PEAK,
        PG_GAUGE_BUDGET_CHANGES,
        PG_GAUGE_SWAP_LOWER_PAGES,
        PG_GAUGE_TABLE_BYTES,
        PG_GAUGE_MEMORY,
        PG_GAUGES
};

enum pg_live_state {
        PG_LIVE_RUNNING,  /* as long as the process is there: one that is killed leaves it so */
        PG_LIVE_CLOSED,   /* the pool is closed, or the process has ended */
        PG_LIVE_EXECUTED, /* the process executed another program */
};

/* Whether, and how, a pool serves requests for another budget. */
enum pg_live_server {
        PG_LIVE_SERVES_NONE,      /* it does not */
        PG_LIVE_SERVES_BY_THREAD, /* at once */
        PG_LIVE_SERVES_AT_FAULTS, /* when a thread of the process next touches a page that is out */
};

struct pg_live {
        char magic[8];
        uint32_t version;
        uint32_t bytes; /* of the file */
        uint32_t block_offset, block_bytes, blocks;
        uint32_t counters, histograms, bins;
        uint32_t gauges; /* how many there are, at gauge_offset */
        uint32_t gauge_offset;
        int32_t pid;
        uint32_t pool;
        uint32_t state;            /* enum pg_live_state */
        uint32_t delivery;         /* enum pg_delivery */
        uint64_t start_ticks;      /* as in the file's name */
        uint64_t opened_ns;        /* CLOCK_REALTIME */
        uint64_t opened_clock_ns;  /* CLOCK_MONOTONIC */
        uint64_t closed_clock_ns;  /* likewise; 0: not yet */
        uint64_t page_size;        /* bytes */
        uint64_t buffer_bytes;     /* the pool's own buffers, part of the budget */
        char program[64];          /* its name, cut if it is longer */
        char policy[32], swap[32]; /* names of the policy, of the swap store */
        uint64_t run_start_ticks;  /* when the process `run` began, as above */
        int32_t run;               /* the first process of the `unpaged run` it is part of; or 0 */

        /* Requests: see above. */
        uint64_t claim; /* of the process that asks: its id << 32, and the low half of its start */
        uint64_t request_bytes; /* the budget it asks for; taken by an exchange with 0 */
        uint32_t calls;         /* the process sleeps while it does not change: a futex, shared */
        uint32_t request;       /* number of the last request */
        uint32_t answered;      /* of the last one that was answered: a futex, shared */
        int32_t answer;         /* to it: 0, or -errno as of pg_resize(); -ERANGE: too large */
        uint32_t server;        /* enum pg_live_server */
        uint32_t reserved;
};

#ifdef __cplusplus
}
#endif

#endif
