/* SPDX-License-Identifier: MIT */
/*
 * launcher.h - the program `unpaged`: what its files share.
 *
 *   launcher.c           the subcommands, help and version
 *   launcher_run.c       `run`: options become variables, then the program is executed
 *   launcher_program.c   which file that is, and the preloaded library beside us
 *   launcher_swap.c      whether what is named for swap can be that
 *   launcher_words.c     what `run` says although it goes on
 *   launcher_report.c    where the processes of a run leave what they have counted
 *   launcher_check.c     `check`: what this machine allows
 *   launcher_probe.c     the questions of `check` to the kernel
 *   lib/replay           the subcommands that work on traces, and on other processes
 *
 * It only ever prepares an exec: it allocates without freeing, and ends at the first error.
 */
#ifndef LAUNCHER_H
#define LAUNCHER_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "command.h"

/* Exit statuses of `unpaged run`, those of env(1) and nohup(1), which leave the others to the
 * program. Other commands have those of command.h. */
#define STATUS_REFUSED    125 /* our own error: options, settings, --require */
#define STATUS_CANNOT_RUN 126
#define STATUS_NOT_FOUND  127

/* ---- subcommands: argv[0] is the subcommand's name; those about traces: command.h
 * -------------- */

int run_main(int argc, char **argv);
int check_main(int argc, char **argv);

/* ---- launcher_program.c
 * ----------------------------------------------------------------------- */

/* The file that execvp(3) would take for the name. 0, or an errno: ENOENT if there is none, also
 * where folders of PATH may not be searched. */
int program_find(const char *name, char path[PATH_MAX]);

/* The preloaded library. False: it is not there, and `why` says where it was looked for. */
bool preload_find(char path[PATH_MAX], char *why, size_t why_size);

/* Puts the library first in LD_PRELOAD, or takes it out; the rest of the list stays. False: no
 * memory. */
bool preload_set(const char *path);
bool preload_drop(const char *path);

/* ---- launcher_swap.c
 * -------------------------------------------------------------------------- */

struct settings;

/* -1: it can be; or the status to end with, and why was said. */
int swap_check(const struct settings *s);

/* ---- launcher_words.c
 * ------------------------------------------------------------------------- */

/* That the program runs unpaged: to the log, and with `speak` to standard error. */
void words_unpaged(const struct settings *s, const char *program, const char *reason, bool speak);

/* A line for each variable of the environment that looks like one of ours and is none. */
void words_misspelt(void);

/* Sets UNPAGED_TREE, so that the program's processes may speak, or takes it out. False: errno. */
bool words_for_tree(bool speak);

/* ---- launcher_report.c
 * ----------------------------------------------------------------------- */

/* What the user gave as the budget; NULL: nothing. */
void report_budget(const char *text);

/* Sets UNPAGED_REPORT where statistics are wanted: of a new run, unless this one is part of a run
 * and not to be told `anew`. Takes it out where it is not `possible`: the first process will have
 * no library. False: errno. */
bool report_prepare(const struct settings *s, bool anew, bool possible, const char *program);
/* The program was not executed. */
void report_give_up(void);

/* ---- launcher_probe.c
 * ------------------------------------------------------------------------- */

/* Opens a small pool as the preloaded library would. 0, or pg_open()'s error with its words. */
int probe_pool(bool signal_delivery, char *why, size_t why_size);

/* Whether a pool can make a mapping of so many bytes. */
bool probe_mapping(uint64_t size);

/* The ways to a userfaultfd that serves faults of the kernel's, too: 0, or the errno. */
int probe_device(void);
int probe_system_call(void);

/* What the kernel's userfaultfd can do, as bits PROBE_*; UINT64_MAX: it cannot be asked. */
#define PROBE_WRITE_PROTECT (1ull << 0)
#define PROBE_THREAD_ID     (1ull << 8)
#define PROBE_POISON        (1ull << 14)
#define PROBE_MOVE          (1ull << 16)
uint64_t probe_features(void);

bool probe_capability(unsigned capability);
int probe_io_uring(void);

/* The first number of a file, or of its line that begins with `key`; -1: not there. */
long probe_number(const char *path, const char *key);

#endif
