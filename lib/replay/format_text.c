/* SPDX-License-Identifier: MIT */
/*
 * format_text.c - traces as text, a line for each event; unpaged/trace.h has the format.
 *
 * Nothing is lost on the way there and back: the bytes of the trace are the same again, and one
 * that ended before its time still does.
 */
#include "formats.h"
#include "kernel_page.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[PG_TRACE_KINDS] = {
        [PG_TRACE_ACCESS] = "access",
        [PG_TRACE_FAULT] = "fault",
        [PG_TRACE_AHEAD] = "ahead",
        [PG_TRACE_RESCUED] = "rescued",
        [PG_TRACE_WRITTEN] = "written",
        [PG_TRACE_QUEUED] = "queued",
        [PG_TRACE_LEFT] = "left",
        [PG_TRACE_RETURNED] = "returned",
        [PG_TRACE_FORGOTTEN] = "forgotten",
        [PG_TRACE_MOVED] = "moved",
        [PG_TRACE_GAP] = "gap",
        [PG_TRACE_TIME] = "time",
        [PG_TRACE_FRAMES] = "frames",
        [PG_TRACE_END] = "end",
};

/* By their bits. */
static const char *const flags[] = {"every-access", "strict"};

/* ---- out ---------------------------------------------------------------------------------- */

static void put_header(const struct pg_trace_header *h, FILE *out)
{
        const char *comma = "";

        fprintf(out, "#page-size %" PRIu32 "\n#frames %" PRIu32 "\n#queue %u\n#flags ",
                h->page_size, h->frames, h->queue_pct);
        for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
                if (!(h->flags & 1u << i))
                        continue;
                fprintf(out, "%s%s", comma, flags[i]);
                comma = ",";
        }
        fprintf(out, "%s\n#error %u\n#policy %s\n#origin %s\n", *comma ? "" : "none", h->error,
                h->policy, h->origin);
}

static int put(struct trace_reader *reader, FILE *out, char why[TRACE_WHY])
{
        struct pg_trace_event e;
        int more;

        put_header(trace_file_header(reader), out);
        while ((more = trace_file_next(reader, &e)) > 0) {
                fputs(names[e.kind], out);
                if (pg_trace_has_page(e.kind))
                        fprintf(out, " %" PRIx64, e.page);
                if (e.dirty)
                        fputs(" dirty", out);
                if (pg_trace_has_count(e.kind))
                        fprintf(out, " %" PRIu64, e.count);
                if (e.kind == PG_TRACE_MOVED)
                        fprintf(out, " %" PRIx64, e.to);
                fputc('\n', out);
        }
        if (more < 0)
                snprintf(why, TRACE_WHY, "%s", trace_file_note(reader));
        return more;
}

/* ---- in ----------------------------------------------------------------------------------- */

static bool read_number(const char *word, int base, uint64_t most, uint64_t *number)
{
        char *end;

        /* strtoull would take a sign, and blanks. */
        if (!word || !strchr(base == 16 ? "0123456789abcdefABCDEF" : "0123456789", *word) || !*word)
                return false;
        errno = 0;
        *number = strtoull(word, &end, base);
        return *end == '\0' && errno == 0 && *number <= most;
}

static bool read_flags(const char *word, unsigned *result)
{
        *result = 0;
        if (!word || strcmp(word, "none") == 0)
                return word != NULL;
        while (*word) {
                size_t len = strcspn(word, ",");
                unsigned i = 0;

                while (i < sizeof(flags) / sizeof(flags[0]) &&
                       (strlen(flags[i]) != len || memcmp(flags[i], word, len) != 0))
                        i++;
                if (i == sizeof(flags) / sizeof(flags[0]))
                        return false;
                *result |= 1u << i;
                word += len + (word[len] == ',');
        }
        return true;
}

static bool read_text(const char *rest, char *text, size_t size)
{
        if (strlen(rest) >= size)
                return false;
        memset(text, 0, size);
        memcpy(text, rest, strlen(rest));
        return true;
}

/* A line that begins with #. False: a member that is not right; comments are. */
static bool read_member(char *line, struct pg_trace_header *h)
{
        char *rest = strchr(line, ' ');
        uint64_t number = 0;
        bool right;

        if (!rest)
                return true;
        *rest++ = '\0';
        if (strcmp(line, "#policy") == 0)
                return read_text(rest, h->policy, sizeof(h->policy));
        if (strcmp(line, "#origin") == 0)
                return read_text(rest, h->origin, sizeof(h->origin));
        if (strcmp(line, "#flags") == 0)
                return read_flags(rest, &h->flags);
        right = read_number(rest, 10, UINT32_MAX, &number);
        if (strcmp(line, "#page-size") == 0)
                h->page_size = (uint32_t)number;
        else if (strcmp(line, "#frames") == 0)
                h->frames = (uint32_t)number;
        else if (strcmp(line, "#queue") == 0)
                h->queue_pct = (unsigned)number;
        else if (strcmp(line, "#error") == 0)
                h->error = (unsigned)number;
        else
                return true;
        return right && h->page_size > 0 && h->queue_pct <= 100 && h->error <= UINT16_MAX;
}

static bool read_event(char *line, struct pg_trace_event *e)
{
        char *rest = line, *word = strsep(&rest, " ");
        unsigned kind = 0;

        *e = (struct pg_trace_event){.count = 1};
        while (kind < PG_TRACE_KINDS && strcmp(names[kind], word) != 0)
                kind++;
        if (kind == PG_TRACE_KINDS)
                return false;
        e->kind = (enum pg_trace_kind)kind;
        if (pg_trace_has_page(e->kind) &&
            !read_number(strsep(&rest, " "), 16, UINT64_MAX, &e->page))
                return false;
        if (rest && strncmp(rest, "dirty", 5) == 0) {
                e->dirty = true;
                strsep(&rest, " ");
        }
        if (pg_trace_has_count(e->kind) &&
            !read_number(strsep(&rest, " "), 10, UINT64_MAX, &e->count))
                return false;
        if (e->kind == PG_TRACE_MOVED && !read_number(strsep(&rest, " "), 16, UINT64_MAX, &e->to))
                return false;
        return rest == NULL;
}

struct text_import {
        struct pg_trace_header header;
        struct trace_file_writer *writer; /* from the first event on */
        const char *path;
        bool whole; /* PG_TRACE_END was there */
};

/* False: why is set, or `why` is empty and the line is wrong. */
static bool take_line(struct text_import *t, char *line, char why[TRACE_WHY])
{
        struct pg_trace_event e;

        if (line[0] == '#')
                return t->writer || read_member(line, &t->header);
        if (line[0] == '\0')
                return true;
        if (t->whole || !read_event(line, &e))
                return false;
        if (!t->writer && trace_file_create(t->path, &t->header, &t->writer, why) != 0)
                return false;
        t->whole = e.kind == PG_TRACE_END;
        if (!t->whole)
                trace_file_add(t->writer, &e);
        return true;
}

static int get(FILE *in, const char *name, const char *path, char why[TRACE_WHY])
{
        struct text_import t = {.header = {.page_size = KERNEL_PAGE_SIZE}, .path = path};
        char *line = NULL, wrong[TRACE_WHY];
        size_t size = 0, number = 0;
        ssize_t len;
        int error = 0;

        why[0] = '\0';
        while (!error && (len = getline(&line, &size, in)) >= 0) {
                number++;
                if (len > 0 && line[len - 1] == '\n')
                        line[len - 1] = '\0';
                if (!take_line(&t, line, why))
                        error = -EINVAL;
        }
        free(line);
        if (error && !why[0])
                snprintf(why, TRACE_WHY, "%s: line %zu is no event, and no member of a header",
                         name, number);
        if (!error && ferror(in)) {
                error = -EIO;
                snprintf(why, TRACE_WHY, "%s: cannot be read", name);
        }
        if (!error && !t.writer)
                error = trace_file_create(path, &t.header, &t.writer, why);
        if (t.writer && error)
                trace_file_spoil(t.writer);
        if (t.writer) {
                int closed = trace_file_finish(t.writer, t.whole && !error, error ? wrong : why);

                error = error ? error : closed;
        }
        return error;
}

const struct trace_format format_text = {"text", "a line for each event", put, get};
