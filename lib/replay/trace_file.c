/* SPDX-License-Identifier: MIT */
/*
 * trace_file.c - see trace_file.h; the format is that of unpaged/trace.h.
 *
 * The reader keeps a buffer of bytes that were read and not yet decoded. An event that ends beyond
 * it is decoded again when more was read; at the end of the file it is one that was cut off, which
 * happens to the traces of programs that were killed.
 */
#include "trace_file.h"
#include "out_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER ((size_t)64 << 10)

static bool is_standard(const char *path)
{
        return strcmp(path, "-") == 0;
}

/* ---- reading ------------------------------------------------------------------------------ */

struct trace_reader {
        int fd;
        size_t at, end; /* of what is in the buffer and not yet decoded */
        off_t begin;    /* of the events in the file */
        uint64_t events, bytes;
        bool ended, cut,
                whole; /* at the end of the file; inside an event; PG_TRACE_END was there */
        int error;
        struct pg_trace_coder coder;
        struct pg_trace_header header;
        char *path;
        char note[TRACE_WHY];
        unsigned char buffer[BUFFER];
};

/* More bytes, behind those that are left. False: there are none, or r->error. */
static bool fill(struct trace_reader *r)
{
        ssize_t n;

        memmove(r->buffer, r->buffer + r->at, r->end - r->at);
        r->end -= r->at;
        r->at = 0;
        do
                n = read(r->fd, r->buffer + r->end, BUFFER - r->end);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                r->error = -errno;
        if (n <= 0)
                return false;
        r->end += (size_t)n;
        return true;
}

/* At least so many bytes, if there are as many. */
static bool have(struct trace_reader *r, size_t bytes)
{
        while (r->end - r->at < bytes)
                if (!fill(r))
                        return false;
        return true;
}

/* What the file begins with is understood, and skipped. */
static int read_header(struct trace_reader *r, char *why)
{
        int begin;

        if (!have(r, PG_TRACE_HEADER_SIZE) && r->error) {
                snprintf(why, TRACE_WHY, "%s: %s", r->path, strerror(-r->error));
                return r->error;
        }
        begin = r->end < PG_TRACE_HEADER_SIZE ? -1 : pg_trace_header_decode(&r->header, r->buffer);
        if (begin == -2) {
                snprintf(why, TRACE_WHY,
                         "%s: a trace of version %u, and this program knows version %u: read it "
                         "with the unpaged that wrote it",
                         r->path, (unsigned)pg_trace_get(r->buffer + 8, 2), PG_TRACE_VERSION);
                return -ENOTSUP;
        }
        if (begin < 0 || !have(r, (size_t)begin)) {
                snprintf(why, TRACE_WHY,
                         "%s: not a trace%s; `unpaged run --trace` and `unpaged trace import` make "
                         "them",
                         r->path, r->end ? "" : ", but empty");
                return r->error ? r->error : -EINVAL;
        }
        r->at = (size_t)begin;
        r->begin = begin;
        return 0;
}

int trace_file_open(const char *path, struct trace_reader **reader, char why[TRACE_WHY])
{
        struct trace_reader *r = calloc(1, sizeof(*r));
        int error;

        *reader = NULL;
        if (r)
                r->path = strdup(is_standard(path) ? "standard input" : path);
        if (!r || !r->path) {
                free(r);
                snprintf(why, TRACE_WHY, "%s: %s", path, strerror(ENOMEM));
                return -ENOMEM;
        }
        r->fd = is_standard(path) ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
        if (r->fd < 0) {
                error = -errno;
                snprintf(why, TRACE_WHY, "%s: %s", path, strerror(errno));
        } else {
                error = read_header(r, why);
        }
        if (error) {
                trace_file_close(r);
                return error;
        }
        *reader = r;
        return 0;
}

void trace_file_close(struct trace_reader *reader)
{
        if (!reader)
                return;
        if (reader->fd > STDIN_FILENO)
                close(reader->fd);
        free(reader->path);
        free(reader);
}

const struct pg_trace_header *trace_file_header(const struct trace_reader *reader)
{
        return &reader->header;
}

static const char *without_folder(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

const char *trace_file_subject(const struct pg_trace_header *header, const char *path,
                               char name[TRACE_NAME])
{
        const char *origin = header->origin;

        if (!origin[0])
                origin = is_standard(path) ? "standard input" : without_folder(path);
        snprintf(name, TRACE_NAME, "%s", origin);
        if (!header->origin[0])
                return name;
        name[strcspn(name, " ")] = '\0';
        memmove(name, without_folder(name), strlen(without_folder(name)) + 1);
        return name;
}

/* The words for trace_file_note. Returns r->error. */
static int ends(struct trace_reader *r)
{
        const char *cause = r->header.error ? strerror((int)r->header.error)
                            : r->cut        ? "it was cut off inside an event"
                                            : "its end is missing";

        r->ended = true;
        if (r->error == -EINVAL)
                snprintf(r->note, sizeof(r->note),
                         "%s: damaged after %" PRIu64 " events: what follows is no event", r->path,
                         r->events);
        else if (r->error)
                snprintf(r->note, sizeof(r->note), "%s: after %" PRIu64 " events: %s", r->path,
                         r->events, strerror(-r->error));
        else if (!r->whole)
                snprintf(r->note, sizeof(r->note),
                         "%s: the trace ends before its time, after %" PRIu64 " events: %s",
                         r->path, r->events, cause);
        return r->error;
}

int trace_file_next(struct trace_reader *r, struct pg_trace_event *event)
{
        int n = 0;

        if (r->ended)
                return r->error;
        if (r->end - r->at < PG_TRACE_EVENT_MAX)
                have(r, PG_TRACE_EVENT_MAX);
        if (r->error)
                return ends(r);
        n = pg_trace_decode(&r->coder, event, r->buffer + r->at, r->end - r->at);
        if (n <= 0 || r->whole) {
                r->cut = n == 0 && r->end > r->at;
                r->error = n < 0 || (r->whole && r->end > r->at) ? -EINVAL : 0;
                return ends(r);
        }
        r->at += (size_t)n;
        r->bytes += (size_t)n;
        r->whole = event->kind == PG_TRACE_END;
        r->events += event->kind != PG_TRACE_END && event->kind != PG_TRACE_TIME;
        return 1;
}

const char *trace_file_note(const struct trace_reader *reader)
{
        return reader->note[0] ? reader->note : NULL;
}

uint64_t trace_file_bytes(const struct trace_reader *reader)
{
        return reader->bytes;
}

int trace_file_rewind(struct trace_reader *r)
{
        if (lseek(r->fd, r->begin, SEEK_SET) < 0)
                return -errno;
        r->at = r->end = 0;
        r->events = r->bytes = 0;
        r->ended = r->cut = r->whole = false;
        r->error = 0;
        r->note[0] = '\0';
        memset(&r->coder, 0, sizeof(r->coder));
        return 0;
}

/* From what is in the buffer on. */
static int copy_rest(struct trace_reader *r, FILE *copy)
{
        do {
                if (fwrite(r->buffer + r->at, 1, r->end - r->at, copy) != r->end - r->at)
                        return errno ? -errno : -EIO;
                r->at = r->end;
        } while (fill(r));
        return r->error ? r->error : fflush(copy) != 0 ? -errno : 0;
}

int trace_file_keep(struct trace_reader *r)
{
        FILE *copy;
        int error, fd;

        if (lseek(r->fd, 0, SEEK_CUR) >= 0)
                return 0;
        copy = tmpfile();
        if (!copy)
                return -errno;
        error = copy_rest(r, copy);
        fd = error ? -1 : fcntl(fileno(copy), F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        error = error || fd >= 0 ? error : -errno;
        fclose(copy);
        if (error)
                return error;
        if (r->fd > STDIN_FILENO)
                close(r->fd);
        r->fd = fd;
        r->begin = 0;
        return trace_file_rewind(r);
}

/* ---- writing ------------------------------------------------------------------------------ */

struct trace_file_writer {
        struct out_stream out;
        char *path;
        uint64_t events;
        bool spoilt;
        int error;
        struct pg_trace_coder coder;
};

static void put(struct trace_file_writer *w, const void *bytes, size_t n)
{
        if (!w->error && fwrite(bytes, 1, n, w->out.stream) != n)
                w->error = errno ? -errno : -EIO;
}

int trace_file_create(const char *path, const struct pg_trace_header *header,
                      struct trace_file_writer **writer, char why[TRACE_WHY])
{
        struct trace_file_writer *w = calloc(1, sizeof(*w));
        unsigned char coded[PG_TRACE_HEADER_SIZE];
        int error;

        *writer = NULL;
        if (w)
                w->path = strdup(is_standard(path) ? "standard output" : path);
        error = w && w->path ? out_stream_open(&w->out, path) : -ENOMEM;
        if (error) {
                snprintf(why, TRACE_WHY, "%s: %s", path, out_file_why(error));
                if (w)
                        free(w->path);
                free(w);
                return error;
        }
        pg_trace_header_encode(header, coded);
        put(w, coded, sizeof(coded));
        *writer = w;
        return 0;
}

void trace_file_spoil(struct trace_file_writer *w)
{
        w->spoilt = true;
}

void trace_file_add(struct trace_file_writer *w, const struct pg_trace_event *event)
{
        unsigned char coded[PG_TRACE_EVENT_MAX];

        put(w, coded, pg_trace_encode(&w->coder, event, coded));
        w->events += event->kind != PG_TRACE_TIME;
}

int trace_file_finish(struct trace_file_writer *w, bool whole, char why[TRACE_WHY])
{
        struct pg_trace_event end = {.kind = PG_TRACE_END, .count = w->events};
        int error;

        if (whole)
                trace_file_add(w, &end);
        error = out_stream_close(&w->out, w->error || w->spoilt);
        error = w->error ? w->error : error;
        if (error)
                snprintf(why, TRACE_WHY, "%s: %s", w->path, strerror(-error));
        free(w->path);
        free(w);
        return error;
}
