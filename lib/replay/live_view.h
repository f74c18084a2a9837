/* SPDX-License-Identifier: MIT */
/*
 * live_view.h - the counters of other processes' pools, as they were at one moment. Where they lie
 * is described in include/unpaged/live.h.
 */
#ifndef LIVE_VIEW_H
#define LIVE_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unpaged/live.h>
#include <unpaged/statistics.h>
#include "live_file.h"

struct live_view {
        struct pg_live live; /* texts are ended */
        uint64_t counters[PG_COUNTERS], gauges[PG_GAUGES];
        uint64_t clock_ns; /* CLOCK_MONOTONIC, when it was read; of one that has ended, its end */
        uid_t user;
        pid_t parent;   /* 0: unknown, or it has ended */
        bool has_ended; /* the process, or its pool */
        char path[LIVE_PATH];
};

struct live_views {
        struct live_view *at; /* by pid, then by pool */
        size_t count, room;
        size_t refused; /* files that this user may not read */
};

/* All pools that this user may look at; with `pid`, those of that process. What has ended only if
 * `ended`. 0, or -ENOMEM. May be called again with what it has filled. */
int live_views_read(struct live_views *all, pid_t pid, bool ended);
void live_views_free(struct live_views *all);

/* The figures of a file of so many bytes, as they stand there (live_decode.c). False: it is no such
 * file. Async-signal-safe. */
bool live_decode(struct live_view *v, const char *file, size_t bytes);

/* The same pool in another reading, or NULL. */
const struct live_view *live_view_find(const struct live_views *all, const struct live_view *v);

/* Names of figures, as in struct pg_stats; of counters, those before PG_COUNTER_COST_EVENTS. */
const char *live_counter_name(enum pg_counter counter);
const char *live_gauge_name(enum pg_gauge gauge);
const char *live_cost_name(enum pg_cost_kind kind);
/* Of all events of the kind, as in struct pg_stats. */
struct pg_cost live_cost(const struct live_view *v, enum pg_cost_kind kind);

/* In bytes: what it may have, and what it has, in frames and buffers; and in the swap store. */
uint64_t live_budget(const struct live_view *v);
uint64_t live_resident(const struct live_view *v);
/* What is to stay below the budget: frames and buffers; or, under a cap on all memory, all. */
uint64_t live_counted(const struct live_view *v);
uint64_t live_compressed(const struct live_view *v);
/* What the pages in the swap store would take otherwise; without those in a lower store, which is
 * not memory. And how many times as much that is; 0: there are none. */
uint64_t live_unpacked(const struct live_view *v);
double live_ratio(const struct live_view *v);

/* Nanoseconds from `before` (NULL: from when the pool was opened) to v. At least 1. */
uint64_t live_span(const struct live_view *v, const struct live_view *before);
/* A second in that time. */
double live_rate(const struct live_view *v, const struct live_view *before, enum pg_counter which);
/* Of faults that needed more than to map a page again. */
double live_loads(const struct live_view *v, const struct live_view *before);
/* Of that time, in per cent; of several threads together, so it may be more than 100. */
double live_waiting(const struct live_view *v, const struct live_view *before);

#endif
