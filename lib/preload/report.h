/* SPDX-License-Identifier: MIT */
/*
 * report.h - what one `unpaged run` has cost: a table for people, or a document of JSON.
 *
 *   report.c            gathers the records of the run's processes; totals
 *   report_table.c      the table
 *   report_sentence.c   its last line: what it means
 *   report_json.c       the document; unpaged(1) describes it
 *
 * No malloc, no stdio; async-signal-safe: a signal may be what ends the process. Text goes into an
 * ink of the caller's. One caller in a process at a time.
 */
#ifndef REPORT_H
#define REPORT_H

#include "ink.h"
#include "run_file.h"

struct report {
        struct run_records records; /* by process and time, none twice */
        bool whole;                 /* of a run; else of one process that was alone */
        bool all;                   /* the table has all rows */
        struct run_record total;    /* sums; of peaks and of what would suffice the greatest */
        struct run_record others;   /* the same of those that never evicted */
        size_t evicting;            /* records of those that did */
        size_t processes;           /* a process that executed another program counts once */
        size_t running;             /* of the run, which have not ended yet */
        uint64_t wall_ns;           /* of the run */
};

/* Of all that the file at `path` has, of those that were killed, and of `own`, if it is not NULL.
 * 0; or -errno: there is no such file any more. */
int report_of_run(struct report *r, const char *path, const struct run_record *own);
/* Of this record alone. 0 or -ENOMEM. */
int report_of_one(struct report *r, const struct run_record *own);
void report_release(struct report *r);

static inline uint64_t report_evictions(const struct run_record *r)
{
        return r->evictions_clean + r->evictions_dirty;
}

static inline uint64_t report_loads(const struct run_record *r)
{
        return r->faults > r->rescues ? r->faults - r->rescues : 0;
}

/* How many times as much as they take compressed the pages in the swap store took; 0: none. What
 * the store needs besides, swap_memory has: at the end it may hold a few pages only. */
double report_ratio(const struct run_record *r);
/* Of that time, in per cent; of several threads together, so it may be more than 100. */
double report_waiting(const struct run_record *r);
/* What part of its time paging took, in per cent: if that is not known, report_waiting(). */
double report_paging(const struct run_record *r);

/* Bytes that are enough for either. */
size_t report_room(const struct report *r);
void report_table(const struct report *r, struct ink *k);
void report_json(const struct report *r, struct ink *k);

/* One line or two: what part of the time paging took, and how much memory would have saved it. */
void report_sentence(const struct report *r, struct ink *k);

#endif
