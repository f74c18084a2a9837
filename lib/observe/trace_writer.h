/* SPDX-License-Identifier: MIT */
/*
 * trace_writer.h - writes down what happens to a pool's pages, as a trace (unpaged/trace.h).
 *
 * Events are coded into a buffer under the pool lock, which puts them in order: twenty nanoseconds
 * each, and no system call. A full buffer is written to the file by a thread that has no
 * lock and no worker, soon after (recorder_write); meanwhile the other buffer fills. Where both are
 * full, events are lost, and counted: a gap in the trace says how many.
 *
 * The file is only ever written at the recorder's own offset, and by one thread at a time. What was
 * written up to recorder_finish() is a whole trace, with an end; more events overwrite that end. Who
 * is killed loses what is in the buffers.
 *
 * A file that cannot be written on (a full disk) ends the trace, never the program: the reason goes
 * into the trace's header, and is kept for who asks.
 */
#ifndef RECORDER_H
#define RECORDER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <unpaged/trace.h>

struct recording;

struct recorder {
        _Atomic bool on;
        struct recording *recording; /* NULL: there never was one */
};

/* Begins a trace in a new file, or one that is emptied. `path` may be relative; "%p" in it is the
 * process id. 0 or a negative errno; -ESPIPE: not a file that has offsets. */
int recorder_open(struct recorder *r, const char *path, const struct pg_trace_header *header);

/* Ends the trace, and frees the recorder. */
void recorder_close(struct recorder *r);

/* In a child of fork, whose copy this is, while no other thread is there: the file stays the
 * parent's. `anew`: a trace of the child's own begins, in the file that "%p" leads to or, without
 * it, in one with ".PID" behind its name. */
void recorder_child(struct recorder *r, bool anew, const struct pg_trace_header *header);

static inline bool recorder_is_on(const struct recorder *r)
{
        return __builtin_expect(atomic_load_explicit(&r->on, memory_order_relaxed), false);
}

/* Under the pool lock, where it is on. */
void recorder_add(struct recorder *r, const struct pg_trace_event *event);

/* Writes a buffer that is full, if there is one. Without locks. Async-signal-safe. */
void recorder_write_full(struct recorder *r);

static inline void recorder_write(struct recorder *r)
{
        if (recorder_is_on(r))
                recorder_write_full(r);
}

/* Under the pool lock, before recorder_finish: what is in the buffers may now be written. False:
 * there is nothing left. */
bool recorder_seal(struct recorder *r);
/* Then, without: writes it, and an end behind it. Returns 0; or the negative errno that has ended
 * the trace. */
int recorder_finish(struct recorder *r);

/* The file's name. */
const char *recorder_path(const struct recorder *r);

#endif
