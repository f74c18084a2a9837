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
        uint64_t mapped; /* the page that came last, + 1; 0: it is forgotten, or there was none */
        bool leaves;
};

/* ---- how many pages ------------------------------------------------------------------------ */

/* Pages that come in, by the names they have then; and whether any leaves. */
static int count_pages(struct trace_reader *reader, uint32_t *count, bool *leaves)
{
        struct page_map pages = {0};
        struct pg_trace_event e;
        bool room = true;
        int more;

        *leaves = false;
        while ((more = trace_file_next(reader, &e)) > 0 && room) {
                room = e.kind > PG_TRACE_RESCUED || page_map_get(&pages, e.page, 1);
                room = room && pages.count < UINT32_MAX / 8;
                *leaves |= e.kind == PG_TRACE_QUEUED || e.kind == PG_TRACE_LEFT;
        }
        *count = (uint32_t)pages.count;
        page_map_free(&pages);
        return room ? 0 : -ENOMEM;
}

/* ---- events -------------------------------------------------------------------------------- */

static void come(struct reading *r, uint64_t page, bool touched)
{
        struct curve_trace *t = r->t;

        t->touches += touched;
        if (t->touches_only && r->mapped == page + 1)
                return;
        if (t->touches_only && r->mapped)
                miss_curve_demoted(&t->curve, r->mapped - 1);
        miss_curve_fault(&t->curve, page, touched);
        r->mapped = page + 1;
}

static void forget(struct reading *r, uint64_t page, uint64_t count)
{
        if (r->mapped && r->mapped - 1 - page < count)
                r->mapped = 0;
        miss_curve_forgotten_range(&r->t->curve, page, count);
}

/* What was where the range goes ends there; hence a page that is there then has been moved. A range
 * may be far larger than what is followed of it. */
static void move(struct reading *r, uint64_t page, uint64_t to, uint64_t count)
{
        struct miss_curve *c = &r->t->curve;

        forget(r, to, count);
        for (uint64_t i = 0; i < count && count <= c->places; i++)
                miss_curve_renamed(c, page + i, to + i);
        for (uint32_t at = 0; at < c->places && count > c->places; at++)
                for (;;) {
                        uint64_t name = c->table[at].key - 1;

                        if (c->table[at].key == 0 || name - page >= count || name - to < count)
                                break;
                        miss_curve_renamed(c, name, to + (name - page));
                }
}

static void take(struct reading *r, const struct pg_trace_event *e)
{
        struct curve_trace *t = r->t;

        switch (e->kind) {
        case PG_TRACE_ACCESS:
        case PG_TRACE_FAULT:
        case PG_TRACE_RESCUED:
                come(r, e->page, true);
                break;
        case PG_TRACE_WRITTEN: /* a touch, too; where pages stay mapped, it changes nothing */
                if (t->touches_only)
                        come(r, e->page, true);
                break;
        case PG_TRACE_AHEAD:
        case PG_TRACE_RETURNED:
                come(r, e->page, false);
                break;
        case PG_TRACE_QUEUED:
        case PG_TRACE_LEFT:
                r->leaves = true;
                miss_curve_demoted(&t->curve, e->page);
                break;
        case PG_TRACE_FORGOTTEN:
                forget(r, e->page, e->count);
                break;
        case PG_TRACE_MOVED:
                move(r, e->page, e->to, e->count);
                break;
        case PG_TRACE_GAP:
                t->lost += e->count;
                break;
        case PG_TRACE_TIME:
                t->microseconds += e->count;
                break;
        case PG_TRACE_FRAMES:
                t->was_resized = t->was_resized || e->count != t->frames;
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
        if (more == 0 && !r.leaves && !t->touches_only && miss_curve_first(&t->curve) > t->frames) {
                snprintf(why, TRACE_WHY,
                         "a recording that does not say what left cannot come through a pipe: give "
                         "a file");
                return -ESPIPE;
        }
        t->least = miss_curve_primary(&t->curve);
        if (t->touches_only && t->header.frames > t->least)
                t->least = t->header.frames;
        if (trace_file_note(reader))
                snprintf(more < 0 ? why : t->note, TRACE_WHY, "%s", trace_file_note(reader));
        return more;
}

int curve_trace_read(struct curve_trace *t, const char *path, char why[TRACE_WHY])
{
        uint32_t pages = CURVE_PIPE_PAGES;
        bool leaves = true;
        struct trace_reader *reader;
        int error = trace_file_open(path, &reader, why);

        *t = (struct curve_trace){0};
        if (error)
                return error;
        t->header = *trace_file_header(reader);
        t->frames = t->header.frames;
        snprintf(why, TRACE_WHY, "%s: no memory for so many pages", path);
        if (trace_file_rewind(reader) == 0) {
                error = count_pages(reader, &pages, &leaves);
                trace_file_rewind(reader);
        }
        /* Where no more came in than there were frames, nothing had to leave. */
        t->touches_only = t->header.flags & PG_TRACE_EVERY_ACCESS || (!leaves && pages > t->frames);
        if (!error)
                error = miss_curve_init(&t->curve, pages + 1);
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
        miss_curve_destroy(&t->curve);
}
