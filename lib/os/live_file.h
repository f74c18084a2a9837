/* SPDX-License-Identifier: MIT */
/*
 * live_file.h - a file in memory that other processes can read while this one lives, and after.
 * Where it lies, and its name, are described in include/unpaged/live.h.
 */
#ifndef LIVE_FILE_H
#define LIVE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define LIVE_FOLDER 192
#define LIVE_PATH   (LIVE_FOLDER + 64)

struct live_file {
        char path[LIVE_PATH]; /* ""; the memory is the process's own */
        pid_t pid;            /* whose it is: children of fork have a copy of this */
        uint64_t start_ticks;
};

/* Reads from the environment where files may lie, for all that follows: by a thread of the
 * application, where a pool is opened. */
void live_places_read(void);

/* The folder number `i` that may be tried for the calling process's user, from 0 on; false: there
 * are no more. */
bool live_folder(unsigned i, char folder[LIVE_FOLDER]);

/* Maps a new file of zeros, or, where none can be made, memory of the process's own; in place of
 * what is at `at`, if that is not NULL. `number`: the last part of its name. NULL: no memory. */
void *live_file_map(struct live_file *f, size_t bytes, unsigned number, void *at);
/* Makes a file of `bytes` zeros, for the records of the run that this process begins. Returns a
 * descriptor, or -1.
 * Readable and writable by this user alone. */
int live_run_open(struct live_file *f, size_t bytes);
/* By the process that made it: nobody finds it any more. */
void live_file_remove(struct live_file *f);

/* Files whose processes have ended without removing them: the newest LIVE_STALE_MOST of the folder
 * of this user stay, the others are removed. So with records of runs, and with those of the first
 * that belong to a run: none as long as the first process of the run is there. */
#define LIVE_STALE_MOST 32u
void live_files_prune(void);

#endif
