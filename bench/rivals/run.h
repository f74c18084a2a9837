/* SPDX-License-Identifier: MIT */
/*
 * run.h - one run: a subject, a workload, and what came out.
 *
 * Each run happens in a child of its own, so that nobody inherits another's memory, handlers or
 * counters. The parent prepares what a child cannot take down again after a crash: its cgroup.
 */
#ifndef RIVALS_RUN_H
#define RIVALS_RUN_H

#include "data.h"

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_THREADS 64u

struct pg_pool;
struct pg_store;
struct run;
struct place;

enum family {
        FAMILY_MEMORY, /* anonymous memory */
        FAMILY_FILE,   /* pages of a file */
        FAMILY_FLOOR,  /* part of the work, in a loop of its own */
};

struct subject {
        const char *name;
        const char *about;
        enum family family;
        bool unpaged;      /* ours */
        bool limited;      /* in a memory cgroup of the budget and the room */
        bool cold;         /* the file must not be in the page cache before */
        bool direct;       /* past the page cache */
        unsigned delivery; /* of unpaged */
        const char *rivals[2];
        void (*open)(struct place *place);       /* fails by fail() */
        uint64_t (*faults)(struct place *place); /* hard ones, so far */
        double (*floor)(const struct run *run);  /* of a floor, instead: ns a page */
};

enum touch {
        TOUCH_LINES, /* reads a word of each line of 64 bytes */
        TOUCH_READ,  /* reads the marked word */
        TOUCH_WRITE, /* writes it */
        TOUCH_RMW,   /* reads and writes it */
};

enum order {
        ORDER_SEQUENTIAL,
        ORDER_UNIFORM,
        ORDER_ZIPF,
        ORDER_HOT_SCAN,
        ORDER_CHASE,
};

struct workload {
        const char *name;
        const char *about;
        bool file;
        enum order order;
        enum touch touch;
        unsigned passes;   /* accesses, where nobody says: so many times the pages */
        double overcommit; /* 0: as asked for */
};

struct run {
        const struct subject *subject;
        const struct workload *workload;
        enum data_kind data;
        double overcommit;
        unsigned threads;
        size_t budget;
        uint32_t pages;
        uint64_t accesses;
        size_t limit;      /* of the cgroup */
        const char *group; /* its folder; NULL: none */
        int fd;            /* the file; -1: none */
        uint64_t seed;
        const cpu_set_t *cpus; /* NULL: all */
        unsigned timeout;      /* seconds */
};

enum outcome {
        OUTCOME_DONE,
        OUTCOME_SKIPPED, /* this machine cannot */
        OUTCOME_WRONG,   /* a word was not as it was written */
        OUTCOME_FAILED,
        OUTCOME_STARVED, /* killed in its cgroup, for want of memory */
};

struct result {
        enum outcome outcome;
        char text[240]; /* why */
        double ns;      /* per access of one thread */
        uint64_t accesses, faults;
        double p50, p99, p999; /* of a fault, ns */
};

/* Where a subject keeps the pages of a run. */
struct window {
        char *buffer;
        uint32_t first, count; /* pages in it */
        uint64_t calls;
};

struct place {
        const struct run *run;
        char *start; /* the mapping; NULL: pages are fetched */
        const uint64_t *(*fetch)(struct place *place, unsigned thread, uint32_t page);
        struct pg_pool *pool;
        struct pg_store *store;
        int fd;
        struct window windows[MAX_THREADS];
};

/* ---- subjects.c: NULL-terminated by name; floors among them ---- */
extern const struct subject subjects[];
const struct subject *subject_find(const char *name);

/* ---- subjects_unpaged.c, subjects.c, floors.c ---- */
void unpaged_open(struct place *place);
void unpaged_file_open(struct place *place);
uint64_t unpaged_faults(struct place *place);
void pread_open(struct place *place);
uint64_t pread_faults(struct place *place);
double codec_floor(const struct run *run);
double memcpy_floor(const struct run *run);
double fault_floor(const struct run *run);
double moves_floor(const struct run *run);

/* ---- child.c ---- */

/* Runs it in a child and waits. false: somebody interrupted the benchmark. */
bool run_in_child(const struct run *run, struct result *result);

/* In the child: reports and ends it. */
void fail(enum outcome outcome, const char *format, ...)
        __attribute__((noreturn, format(printf, 2, 3)));

/* In the child: ordinary memory, touched, so that it is charged before the limit counts. */
void *ordinary_memory(size_t size);

/* ---- workload.c: NULL-terminated ---- */
extern const struct workload workloads[];

/* Prepares, fills, warms up, measures, verifies. */
void workload_run(const struct run *run, struct result *result);

#endif
