/* SPDX-License-Identifier: MIT */
/*
 * trace_writer.c - see trace_writer.h.
 *
 * Two buffers. One is being filled, under the pool lock. When it has no room for another event it
 * is handed over: `full` says which one it is, and no other thread touches it until it was written
 * and `full` is none again. The next thread that passes takes `writer` and writes it; a thread that
 * finds the writer busy goes on, but for trace_writer_finish(), which waits.
 *
 * Ownership: coder, events, lost, now, filling and used belong to the pool lock; at and written to
 * the writer; the members full_* to the thread that hands over, until `full` says so, and to the
 * writer then.
 *
 * Signals. A file that is too large (RLIMIT_FSIZE) sends SIGXFSZ to the writing thread. All
 * signals are blocked there, as always in the pager, so it is pending, and taken back.
 */
#include "trace_writer.h"
#include "arena.h"
#include "fd_keep.h"
#include "futex_lock.h"
#include "out_file.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>

#define BUFFER ((size_t)32 << 10)
/* What one call of trace_writer_add may need: the time, a gap, the event. */
#define MOST (3 * PG_TRACE_EVENT_MAX)

struct trace_output {
        struct pg_trace_coder coder;
        uint64_t events; /* coded so far */
        uint64_t lost;   /* since then */
        uint64_t now;    /* the last time told, in microseconds */
        unsigned filling;
        size_t used;

        _Atomic uint32_t full; /* 0: none; else 1 + the number of the buffer */
        size_t full_bytes;
        uint64_t full_events; /* in the trace, when it is written */

        struct futex_lock writer; /* held across the writing */
        int fd;
        off_t at;         /* where the next buffer goes */
        uint64_t written; /* events in the file */

        _Atomic int error; /* what has ended the trace: a negative errno */
        char pattern[PATH_MAX], path[PATH_MAX];
        struct out_file file;
        unsigned char buffers[2][BUFFER];
};

/* ---- the file ----------------------------------------------------------------------------- */

/* From the root, so that a child finds the place wherever it has gone. */
static int keep_pattern(struct trace_output *r, const char *pattern)
{
        size_t len = 0;

        if (pattern[0] != '/') {
                if (!getcwd(r->pattern, sizeof(r->pattern) - 1))
                        return -errno;
                len = strlen(r->pattern);
                r->pattern[len++] = '/';
        }
        if (strlen(pattern) >= sizeof(r->pattern) - len)
                return -ENAMETOOLONG;
        strcpy(r->pattern + len, pattern);
        return 0;
}

/* The process id for %p or, where there is none and it is wanted, behind the name. */
static int expand(struct trace_output *r, bool pid_wanted)
{
        const char *p = strstr(r->pattern, "%p");
        int before = p ? (int)(p - r->pattern) : (int)strlen(r->pattern), n;

        if (p || pid_wanted)
                n = snprintf(r->path, sizeof(r->path), "%.*s%s%d%s", before, r->pattern,
                             p ? "" : ".", (int)getpid(), p ? p + 2 : "");
        else
                n = snprintf(r->path, sizeof(r->path), "%s", r->pattern);
        return n < 0 || (size_t)n >= sizeof(r->path) ? -ENAMETOOLONG : 0;
}

/* All of it, or a negative errno; *at goes as far as it went. */
static int write_at(int fd, const void *bytes, size_t size, off_t *at)
{
        const char *from = bytes;

        while (size > 0) {
                ssize_t n = pwrite(fd, from, size, *at);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                *at += n;
                from += n;
                size -= (size_t)n;
        }
        return 0;
}

/* The same, without SIGXFSZ, which is then pending; unless it already was. */
static int write_quietly(int fd, const void *bytes, size_t size, off_t *at)
{
        static const struct timespec now = {0};
        sigset_t too_large, before, pending;
        int error;

        sigemptyset(&too_large);
        sigaddset(&too_large, SIGXFSZ);
        pthread_sigmask(SIG_BLOCK, &too_large, &before);
        sigpending(&pending);
        error = write_at(fd, bytes, size, at);
        if (error == -EFBIG && !sigismember(&pending, SIGXFSZ))
                sigtimedwait(&too_large, NULL, &now);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return error;
}

/* Begins the file anew. It replaces an older one as soon as it is a trace, without an event yet: it
 * must be readable where it is, whenever the process is killed. */
static int begin_buffer(struct trace_output *r, const struct pg_trace_header *header)
{
        unsigned char bytes[PG_TRACE_HEADER_SIZE];
        int fd = out_file_begin(&r->file, r->path, 0600), error;

        if (fd < 0)
                return fd;
        r->fd = fd_keep(fd);
        r->at = 0;
        pg_trace_header_encode(header, bytes);
        error = lseek(r->fd, 0, SEEK_CUR) < 0 ? -errno
                                              : write_quietly(r->fd, bytes, sizeof(bytes), &r->at);
        if (error)
                out_file_abandon(&r->file);
        else
                error = out_file_show(&r->file);
        if (error) {
                fd_keep_close(r->fd);
                r->fd = -1;
        }
        return error;
}

/* The trace ends here, before its time. */
static void end_early(struct trace_writer *w, int error)
{
        struct trace_output *r = w->output;
        unsigned char why[2];
        off_t at = PG_TRACE_ERROR_AT;

        atomic_store_explicit(&w->on, false, memory_order_relaxed);
        atomic_store(&r->error, error);
        pg_trace_put(why, sizeof(why), (uint64_t)-error);
        write_quietly(r->fd, why, sizeof(why), &at);
        /* Where an older end was overwritten in part, its rest would be read as events. */
        if (ftruncate(r->fd, r->at) != 0)
                return;
}

/* ---- handing over ------------------------------------------------------------------------- */

/* Under the pool lock, and nothing is handed over. */
static void hand_over(struct trace_output *r)
{
        r->full_bytes = r->used;
        r->full_events = r->events;
        r->used = 0;
        atomic_store_explicit(&r->full, r->filling + 1, memory_order_release);
        r->filling = !r->filling;
}

/* By the writer: the buffer that was handed over, if one was. */
static void write_full(struct trace_writer *w)
{
        struct trace_output *r = w->output;
        uint32_t full = atomic_load_explicit(&r->full, memory_order_acquire);
        int error = atomic_load(&r->error);

        if (full == 0)
                return;
        if (!error) {
                error = write_quietly(r->fd, r->buffers[full - 1], r->full_bytes, &r->at);
                if (error)
                        end_early(w, error);
                else
                        r->written = r->full_events;
        }
        atomic_store_explicit(&r->full, 0, memory_order_release);
}

void trace_writer_write_full(struct trace_writer *w)
{
        struct trace_output *r = w->output;
        int saved = errno;

        lock_assert_none();
        while (atomic_load_explicit(&r->full, memory_order_relaxed) && futex_lock_try(&r->writer)) {
                write_full(w);
                futex_lock_drop(&r->writer);
        }
        errno = saved;
}

/* ---- events ------------------------------------------------------------------------------- */

static uint64_t clock_us(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
        return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

static void put_event(struct trace_output *r, const struct pg_trace_event *event)
{
        r->used += pg_trace_encode(&r->coder, event, r->buffers[r->filling] + r->used);
        r->events += event->kind != PG_TRACE_TIME;
}

static void put_lost(struct trace_output *r)
{
        struct pg_trace_event gap = {.kind = PG_TRACE_GAP, .count = r->lost};

        if (r->lost == 0)
                return;
        put_event(r, &gap);
        r->lost = 0;
}

void trace_writer_add(struct trace_writer *w, const struct pg_trace_event *event)
{
        struct trace_output *r = w->output;
        uint64_t now = clock_us();

        if (BUFFER - r->used < MOST) {
                if (atomic_load_explicit(&r->full, memory_order_acquire) != 0) {
                        r->lost++;
                        return;
                }
                hand_over(r);
        }
        put_lost(r);
        if (now != r->now) {
                struct pg_trace_event time = {.kind = PG_TRACE_TIME, .count = now - r->now};

                put_event(r, &time);
                r->now = now;
        }
        put_event(r, event);
}

bool trace_writer_seal(struct trace_writer *w)
{
        struct trace_output *r = w->output;

        if (atomic_load_explicit(&r->full, memory_order_acquire) != 0)
                return true;
        if (r->used == 0)
                put_lost(r);
        if (r->used == 0)
                return false;
        hand_over(r);
        return true;
}

int trace_writer_finish(struct trace_writer *w)
{
        struct trace_output *r = w->output;
        struct pg_trace_event end = {.kind = PG_TRACE_END};
        unsigned char bytes[PG_TRACE_EVENT_MAX];
        struct pg_trace_coder none = {{0}};
        int error;

        futex_lock_take(&r->writer);
        write_full(w);
        end.count = r->written;
        error = atomic_load(&r->error);
        if (!error) {
                off_t at = r->at;

                error = write_quietly(r->fd, bytes, pg_trace_encode(&none, &end, bytes), &at);
                if (error)
                        end_early(w, error);
        }
        futex_lock_drop(&r->writer);
        return error;
}

/* ---- beginning and end -------------------------------------------------------------------- */

static int start_output(struct trace_writer *w, bool pid_wanted,
                        const struct pg_trace_header *header)
{
        struct trace_output *r = w->output;
        int error = expand(r, pid_wanted);

        r->now = clock_us();
        if (!error)
                error = begin_buffer(r, header);
        atomic_store(&r->error, error);
        atomic_store(&w->on, !error);
        return error;
}

size_t trace_writer_bytes(void)
{
        return sizeof(struct trace_output);
}

int trace_writer_open(struct trace_writer *w, const char *path,
                      const struct pg_trace_header *header)
{
        struct trace_output *r = arena_reserve(sizeof(*r), "unpaged-trace");
        int error;

        w->output = r;
        if (!r)
                return -ENOMEM;
        r->fd = -1;
        error = keep_pattern(r, path);
        return error ? error : start_output(w, false, header);
}

void trace_writer_close(struct trace_writer *w)
{
        if (!w->output)
                return;
        atomic_store(&w->on, false);
        fd_keep_close(w->output->fd);
        arena_release(w->output, sizeof(*w->output));
        w->output = NULL;
}

void trace_writer_child(struct trace_writer *w, bool anew, const struct pg_trace_header *header)
{
        struct trace_output *r = w->output;

        if (!r)
                return;
        atomic_store(&w->on, false);
        fd_keep_close(r->fd);
        r->fd = -1;
        memset(&r->coder, 0, sizeof(r->coder));
        r->events = r->lost = r->written = 0;
        r->used = r->filling = 0;
        atomic_store(&r->full, 0);
        futex_lock_reset(&r->writer);
        if (anew)
                start_output(w, true, header);
}

const char *trace_writer_path(const struct trace_writer *w)
{
        return w->output->path;
}
