/* SPDX-License-Identifier: MIT */
/*
 * curve_trace.c - see curve_trace.h.
 *
 * Every page of a trace is followed, so the curve knows of each whether it is inside, and events
 * that say it again (a page that left its frame was queued before) change nothing.
 */
#include "curve_trace.h"
#include "page_map.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct reading {
        struct curve_trace *t;
        uint64_t mapped; /* of a trace with every access: the page that is, + 1; 0: none */
};

/* ---- how many pages ------------------------------------------------------------------------ */

/* Pages that come in, by the names they have then. */
static int count_pages(struct trace_reader *reader, uint32_t *count)
{
        struct page_map pages = {0};
        struct pg_trace_event e;
        bool room = true;
        int more;

        while ((more = trace_file_next(reader, &e)) > 0 && room) {
                room = e.kind > PG_TRACE_RESCUED || page_map_get(&pages, e.page, 1);
                room = room && pages.count < UINT32_MAX / 8;
        }
        *count = (uint32_t)pages.count + 64;
        page_map_free(&pages);
        return room ? 0 : -ENOMEM;
}

/* ---- events -------------------------------------------------------------------------------- */

static void access(struct reading *r, uint64_t page)
{
        r->t->touches++;
        if (r->mapped == page + 1)
                return;
        if (r->mapped)
                curve_demoted(&r->t->curve, r->mapped - 1);
        curve_fault(&r->t->curve, page, true);
        r->mapped = page + 1;
}

static void forget(struct reading *r, uint64_t page, uint64_t count)
{
        if (r->mapped && r->mapped - 1 - page < count)
                r->mapped = 0;
        curve_forgotten_range(&r->t->curve, page, count);
}

static void take(struct reading *r, const struct pg_trace_event *e)
{
        struct curve_trace *t = r->t;

        switch (e->kind) {
        case PG_TRACE_ACCESS:
                access(r, e->page);
                break;
        case PG_TRACE_FAULT:
        case PG_TRACE_RESCUED:
                t->touches++;
                t->rescues += e->kind == PG_TRACE_RESCUED;
                curve_fault(&t->curve, e->page, true);
                break;
        case PG_TRACE_AHEAD:
        case PG_TRACE_RETURNED:
                curve_fault(&t->curve, e->page, false);
                break;
        case PG_TRACE_QUEUED:
        case PG_TRACE_LEFT:
                curve_demoted(&t->curve, e->page);
                break;
        case PG_TRACE_FORGOTTEN:
                forget(r, e->page, e->count);
                break;
        case PG_TRACE_MOVED:
                for (uint64_t i = 0; i < e->count; i++)
                        curve_renamed(&t->curve, e->page + i, e->to + i);
                break;
        case PG_TRACE_GAP:
                t->lost += e->count;
                break;
        case PG_TRACE_TIME:
                t->microseconds += e->count;
                break;
        case PG_TRACE_FRAMES:
                t->frames = e->count;
                break;
        default:
                break;
        }
}

static int read_events(struct curve_trace *t, struct trace_reader *reader, char why[TRACE_WHY])
{
        struct reading r = {.t = t};
        struct pg_trace_event e;
        int more;

        while ((more = trace_file_next(reader, &e)) > 0)
                take(&r, &e);
        if (trace_file_note(reader))
                snprintf(more < 0 ? why : t->note, TRACE_WHY, "%s", trace_file_note(reader));
        return more;
}

int curve_trace_read(struct curve_trace *t, const char *path, char why[TRACE_WHY])
{
        uint32_t pages = CURVE_PIPE_PAGES;
        struct trace_reader *reader;
        int error = trace_file_open(path, &reader, why);

        *t = (struct curve_trace){0};
        if (error)
                return error;
        t->header = *trace_file_header(reader);
        t->frames = t->header.frames;
        snprintf(why, TRACE_WHY, "%s: no memory for so many pages", path);
        if (trace_file_rewind(reader) == 0) {
                error = count_pages(reader, &pages);
                trace_file_rewind(reader);
        }
        if (!error)
                error = curve_init(&t->curve, pages);
        if (!error)
                error = read_events(t, reader, why);
        trace_file_close(reader);
        if (!error && t->curve.shift > 0) {
                snprintf(why, TRACE_WHY, "%s: more than %u pages through a pipe; give a file", path,
                         CURVE_PIPE_PAGES);
                error = -E2BIG;
        }
        return error;
}

void curve_trace_free(struct curve_trace *t)
{
        curve_destroy(&t->curve);
}
