/* SPDX-License-Identifier: MIT */
/*
 * trace_file.h - traces as files: read event by event, or written.
 *
 * Both stream: their memory does not depend on the length of the trace, and both work on pipes; the
 * path "-" is standard input, or output. One thread at a time each.
 */
#ifndef TRACE_FILE_H
#define TRACE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <unpaged/trace.h>

/* Long enough for every message. */
#define TRACE_WHY 512

/* ---- reading ------------------------------------------------------------------------------ */

struct trace_reader;

/* Opens a trace and reads its header. 0, or a negative errno: *reader is NULL then, and `why` has a
 * sentence with the path, the cause and, where there is one, the remedy. -EINVAL: it is no trace;
 * -ENOTSUP: one of another version; else as open(2) and read(2) say. */
int trace_file_open(const char *path, struct trace_reader **reader, char why[TRACE_WHY]);

/* NULL is allowed. */
void trace_file_close(struct trace_reader *reader);

const struct pg_trace_header *trace_file_header(const struct trace_reader *reader);

/* The name of what the trace is of, without folder and arguments: of the program that was recorded,
 * or of the generator; else of the file. Returns name. */
#define TRACE_NAME 64
const char *trace_file_subject(const struct pg_trace_header *header, const char *path,
                               char name[TRACE_NAME]);

/* The next event. 1; or 0: there is none; or a negative errno: -EINVAL: the trace is damaged here,
 * else as read(2) says. After 0 or an error, trace_file_note() says more. */
int trace_file_next(struct trace_reader *reader, struct pg_trace_event *event);

/* In words, after the last event: why the trace could not be read on, or that it ends before its
 * time, and why. NULL: it is whole. Valid until trace_file_close(). */
const char *trace_file_note(const struct trace_reader *reader);

/* How many bytes the events took so far. */
uint64_t trace_file_bytes(const struct trace_reader *reader);

/* Begins with the first event again. 0, or -ESPIPE: it is a pipe. */
int trace_file_rewind(struct trace_reader *reader);

/* Copies what comes through a pipe to a temporary file, so that it can be read again; a file is
 * left as it is. Before the first event is read. 0, or a negative errno: that file cannot be
 * written. */
int trace_file_keep(struct trace_reader *reader);

/* ---- writing ------------------------------------------------------------------------------ */

struct trace_file_writer;

/* Makes the file, or empties it, and writes the header. Errors as above. */
int trace_file_create(const char *path, const struct pg_trace_header *header,
                      struct trace_file_writer **writer, char why[TRACE_WHY]);

/* Errors are kept for trace_file_finish, which also writes PG_TRACE_END. */
void trace_file_add(struct trace_file_writer *writer, const struct pg_trace_event *event);

/* The file will be incomplete, and an older one stays where it is. */
void trace_file_spoil(struct trace_file_writer *writer);
/* Ends the trace, `whole` or before its time, and closes it. 0; or a negative errno, the first that
 * there was, and why. The file of a trace that failed is left as far as it came, and has no end. */
int trace_file_finish(struct trace_file_writer *writer, bool whole, char why[TRACE_WHY]);

#endif
