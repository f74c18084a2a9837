/* SPDX-License-Identifier: MIT */
/*
 * trace_writer.h - writes down what happens to a pool's pages, as a trace (unpaged/trace.h).
 *
 * Events are coded into a buffer under the pool lock, which puts them in order: twenty nanoseconds
 * each, and no system call. A full buffer is written to the file by a thread that has no lock and
 * no move context, soon after (trace_writer_write); meanwhile the other buffer fills. Where both
 * are full, events are lost, and counted: a gap in the trace says how many.
 *
 * The file is only ever written at the trace writer's own offset, and by one thread at a time. What
 * was written up to trace_writer_finish() is a whole trace, with an end; more events overwrite that
 * end. A process that is killed loses what is in the buffers.
 *
 * A file that cannot be written on (a full disk) ends the trace, never the program: the reason goes
 * into the trace's header, and is kept for callers that ask.
 */
#ifndef TRACE_WRITER_H
#define TRACE_WRITER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <unpaged/trace.h>

struct trace_output;

struct trace_writer {
        _Atomic bool on;
        struct trace_output *output; /* NULL: there never was one */
};

/* What a trace takes in memory. */
size_t trace_writer_bytes(void);

/* Begins a trace in a new file, or one that is emptied. `path` may be relative; "%p" in it is the
 * process id. 0 or a negative errno; -ESPIPE: not a file that has offsets. */
int trace_writer_open(struct trace_writer *w, const char *path,
                      const struct pg_trace_header *header);

/* Ends the trace, and frees the trace writer. */
void trace_writer_close(struct trace_writer *w);

/* In a child of fork, whose copy this is, while no other thread is there: the file stays the
 * parent's. `anew`: a trace of the child's own begins, in the file that "%p" leads to or, without
 * it, in one with ".PID" behind its name. */
void trace_writer_child(struct trace_writer *w, bool anew, const struct pg_trace_header *header);

static inline bool trace_writer_is_on(const struct trace_writer *w)
{
        return __builtin_expect(atomic_load_explicit(&w->on, memory_order_relaxed), false);
}

/* Under the pool lock, where it is on. */
void trace_writer_add(struct trace_writer *w, const struct pg_trace_event *event);

/* Writes a buffer that is full, if there is one. Without locks. Async-signal-safe. */
void trace_writer_write_full(struct trace_writer *w);

static inline void trace_writer_write(struct trace_writer *w)
{
        if (trace_writer_is_on(w))
                trace_writer_write_full(w);
}

/* Under the pool lock, before trace_writer_finish: what is in the buffers may now be written.
 * False: there is nothing left. */
bool trace_writer_seal(struct trace_writer *w);
/* Then, without: writes it, and an end behind it. Returns 0; or the negative errno that has ended
 * the trace. */
int trace_writer_finish(struct trace_writer *w);

/* The file's name. */
const char *trace_writer_path(const struct trace_writer *w);

#endif
