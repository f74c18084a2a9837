/* SPDX-License-Identifier: MIT */
/*
 * live_name.h - the names of files that processes leave while they live (live_file.h), and whether
 * those processes are still there.
 *
 * All calls are async-signal-safe.
 */
#ifndef LIVE_NAME_H
#define LIVE_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define RUN_SUFFIX "run" /* of the records of a run, behind the last point */

/* When a process began, in ticks after the machine did. 0: it is not there, or nobody can tell. */
uint64_t live_start_ticks(pid_t pid);
/* The parts of a file's name. False: it is none of ours. */
bool live_name_read(const char *name, pid_t *pid, uint64_t *start_ticks, unsigned *number);
/* The same of the records of a run: PID.START.run. */
bool live_run_name_read(const char *name, pid_t *pid, uint64_t *start_ticks);
/* The process that made it is still there, and no zombie. */
bool live_owner_is_there(pid_t pid, uint64_t start_ticks);

/* Append to a string in `size` bytes, and cut. Text without stdio, whose locale may lie in paged
 * memory, as the environment may: a child of fork is here before anybody can serve its faults. */
void live_put_text(char *to, size_t size, const char *text);
void live_put_number(char *to, size_t size, uint64_t n);

#endif
