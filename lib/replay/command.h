/* SPDX-License-Identifier: MIT */
/*
 * command.h - what the subcommands of `unpaged` share: how they complain, how they end, and
 * arguments that several have. And the subcommands of this folder, for the launcher's table.
 *
 * A command ends with 0, or after it has said why not: with STATUS_FAILED for what it met,
 * STATUS_USAGE for how it was called. `unpaged run` has statuses of its own, those of env(1).
 */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define STATUS_FAILED 1
#define STATUS_USAGE  2

/* "unpaged: ..." and a newline on standard error; the status is handed back. */
__attribute__((format(printf, 2, 3))) int say(int status, const char *format, ...);

/* Whether standard output took all we wrote; complains if not, and hands back `failed`. */
int output_status(int status, int failed);

/* Times and processes, as arguments name them: "1s", "500ms", "2"; a number. False: it is none. */
#define ARGUMENT_TIME "a time of a millisecond or more, as 1s or 500ms"
bool argument_time(const char *text, uint64_t *ns);
bool argument_pid(const char *text, pid_t *pid);

/* argv[0] is the subcommand's name. */
int trace_main(int argc, char **argv);
int sim_main(int argc, char **argv);
int curve_main(int argc, char **argv);
int stats_main(int argc, char **argv);
int top_main(int argc, char **argv);
int resize_main(int argc, char **argv);

#endif
