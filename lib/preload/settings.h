/* SPDX-License-Identifier: MIT */
/*
 * settings.h - what the user asked for, in the UNPAGED_* variables of the environment. The launcher
 * writes them, the preloaded library reads them; both check them with the same code.
 *
 * Reading allocates nothing, uses neither stdio nor locale, and may happen before main(). Strings
 * in struct settings are the environment's own: the program may change them, so code that needs
 * them after main() has begun keeps copies. A variable that is empty counts as not set; paths are
 * then NULL.
 *
 * Where text goes. UNPAGED_STATS, UNPAGED_STATS_JSON and UNPAGED_LOG name files. A process opens
 * them, appends a report or line with a single write, and closes them: O_APPEND keeps them whole,
 * and no descriptor stays behind that would keep a pipe open. "-" is the standard error that the
 * process started with. Descriptor 2 itself will not do: many programs (sort, ls, all that check
 * their output) close it before the end, and others get something else under that number. So a
 * duplicate is kept, close-on-exec and under a high number, and a daemon keeps what it was started
 * with open: for daemons, name a file.
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "size.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum swap_kind { SWAP_ZRAM, SWAP_FILE };

struct settings {
        uint64_t budget;         /* UNPAGED_BUDGET: bytes; N% has been resolved */
        const char *policy;      /* UNPAGED_POLICY: a name; NULL: the default of pg_open() */
        const char *policy_path; /* UNPAGED_POLICY: a shared object, not looked at yet; or NULL */
        size_t page_size;        /* UNPAGED_PAGE_SIZE: bytes, 4096 */
        enum swap_kind swap;     /* UNPAGED_SWAP: zram[:algorithm][:LIMIT] | file:PATH[,force] */
        char swap_algorithm[16]; /* zram: "words", "lz4", "zstd" */
        uint64_t swap_limit;     /* zram: bytes; 0: none */
        const char *swap_path;   /* file: the file, or a directory for a nameless one */
        bool swap_force;         /* file: what it holds may be overwritten */
        const char *spill_path;  /* UNPAGED_SPILL: file:DIRECTORY[:LIMIT]; NULL: none */
        uint64_t spill_limit;    /* bytes, for each process */
        bool wipe;               /* UNPAGED_WIPE: freed places of the swap store are overwritten */
        bool signal_delivery;    /* UNPAGED_DELIVERY: thread | signal */
        const char *stats_path;  /* UNPAGED_STATS: appended to at the end; "-": standard error */
        const char *stats_json_path; /* UNPAGED_STATS_JSON: likewise, in JSON */
        bool stats_all;              /* UNPAGED_STATS_ALL: 1: also what never evicted has a row */
        const char *report_path;     /* UNPAGED_REPORT: records of the run, for that: run_file.c */
        const char *trace_path;  /* UNPAGED_TRACE: what happens to the pages is recorded there */
        const char *curve_path;  /* UNPAGED_CURVE: a picture of misses against memory */
        const char *sample_path; /* UNPAGED_SAMPLE: FILE[,N]: where its faults come from */
        unsigned sample_every;   /* one fault in so many is looked at */
        const char *old_trace, *old_curve,
                *old_sample;  /* what the launcher found there: see claim.h */
        bool children;        /* UNPAGED_CHILDREN: on | off: whether what it executes is paged */
        bool require;         /* UNPAGED_REQUIRE: 1: no paging is an error */
        const char *log_path; /* UNPAGED_LOG: one line for each event; "-": standard error */
        const char *allow, *deny; /* UNPAGED_ONLY, UNPAGED_SKIP: program names with commas; NULL */
        char swap_name[4096];     /* what swap_path points to where the value says more */
        char spill_name[4096];    /* likewise */
        char sample_name[4096];   /* and sample_path */
        bool quiet;               /* UNPAGED_QUIET: 1: not a word about what cannot be had */
        bool off;                 /* UNPAGED_OFF=1: do nothing at all; nothing else is checked */
};

/* What a process gets that is paged without UNPAGED_BUDGET. */
#define BUDGET_DEFAULT "25%"
/* So many that the cost is far below a percent; and still a thousand of a few seconds' paging. */
#define SAMPLE_EVERY_DEFAULT 500u
/* With fewer no program gets anything done: its instructions, and the handlers of its signals, keep
 * some of these for themselves. */
#define BUDGET_LEAST_PAGES 64u

/* Reads `name=value` from getenv-like lookup(name). Returns NULL; or what is wrong, in words
 * that name the variable, the value and the remedy, written to `why`, which is returned. Without
 * UNPAGED_BUDGET the budget is 0: BUDGET_DEFAULT is meant. The text has the form "NAME=value:
 * words". It depends on the machine only in what a percentage is, and in that no budget may
 * exceed its memory. */
const char *settings_read(struct settings *s, const char *(*lookup)(const char *name), char *why,
                          size_t why_size);

/* BUDGET_DEFAULT in bytes. Percentages are of the machine's memory, or of the cgroup's where that
 * is less; how sizes are written: lib/replay/size.h. 0: how much memory there is cannot be told. */
uint64_t settings_budget_default(void);

/* The least budget for pages of s->page_size, in bytes, and as the user would write it. */
uint64_t settings_budget_least(const struct settings *s, char text[SIZE_TEXT]);

/* NULL: there is a variable of this name. Else the one that is most like it. */
const char *settings_nearest(const char *name);

/* Whether UNPAGED_ONLY and UNPAGED_SKIP let a program be paged, by the last part of its path: SKIP
 * must not name it; ONLY, if set, must. */
bool settings_let(const struct settings *s, const char *program);

#endif
