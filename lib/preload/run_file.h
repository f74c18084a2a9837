/* SPDX-License-Identifier: MIT */
/*
 * run_file.h - what the processes of one `unpaged run` leave for its report. See run_file.c.
 *
 * No malloc, no stdio; async-signal-safe. One caller in a process at a time.
 */
#ifndef RUN_FILE_H
#define RUN_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum run_end {
        RUN_ENDED,    /* by itself, or by a signal that let it write */
        RUN_EXECUTED, /* it goes on as another program */
        RUN_KILLED,   /* by a signal that did not: from its file of counters */
};

/* What one program of one process has counted: a process that executes another program leaves
 * several. Sizes are in bytes. 512 bytes, so that none lies across two pages of the file: with
 * O_APPEND it is written as a whole or not at all. */
struct run_record {
        char magic[8];
        uint32_t end; /* enum run_end */
        int32_t pid;
        uint64_t start_ticks; /* when the process began; with pid: which it is */
        uint64_t started_ns;  /* CLOCK_MONOTONIC, when this program of it was begun to be paged */
        uint64_t wall_ns;     /* since; 0: not known */
        uint64_t budget, page_size;
        uint64_t peak;         /* resident of what is paged, the most */
        uint64_t peak_process; /* of the whole process, as the kernel counts; 0: not known */
        uint64_t sufficient;   /* as curve_sufficient() says; 0: not known */
        uint64_t faults, rescues, evictions_clean, evictions_dirty;
        uint64_t pages_in, pages_out, zero_pages_out;
        uint64_t swap_pages, swap_bytes, swap_memory; /* in the swap store, at the end */
        uint64_t errors_load, errors_save, errors_frames, errors_full;
        uint64_t wait_ns; /* of all its threads together */
        uint64_t paging_ns,
                run_ns; /* of the time run_ns that it ran; 0: not known. See run_costs.c */
        char program[64];
        char reason[192]; /* why an access has failed, the last time; "" */
        char spare[40];
};
_Static_assert(sizeof(struct run_record) == 512, "records must not lie across pages");

/* The first of the file's records, of the run itself. */
struct run_head {
        char magic[8];
        int32_t pid; /* the first process, which is to write the report */
        int32_t reserved;
        uint64_t start_ticks, started_ns; /* as above */
        uint64_t pid_space;               /* in which pid is its number */
        uint64_t budget;
        char given[24];    /* the budget as the user gave it, if that is shorter; "" */
        char program[440]; /* what was to be run */
};
_Static_assert(sizeof(struct run_head) == sizeof(struct run_record), "the head is a record");

/* Which run it is, from the path of its file. False: it is none. */
bool run_file_whose(const char *path, pid_t *first, uint64_t *start_ticks);

/* Fills magic, pid, start_ticks, started_ns and pid_space, by the first process. */
void run_head_begin(struct run_head *head, pid_t pid, uint64_t start_ticks);

/* Appends to the file. 0; or -errno, after which the file has not got it: -ENOENT, the report is
 * written or the file cannot be seen from here; -ESRCH: the first process has ended without
 * a report, which the caller may write. */
int run_file_append(const char *path, const struct run_record *r);

/* Removes the file and reads what is in it into memory of its own, with places for `more` records
 * behind. The caller gives it back. -errno. */
struct run_records {
        struct run_head head;
        struct run_record *at;
        size_t count, places;
};
int run_file_take(const char *path, struct run_records *all, size_t more);
int run_records_reserve(struct run_records *all, size_t places);
void run_records_release(struct run_records *all);

#endif
