/* SPDX-License-Identifier: MIT */
/* heat.c - see heat.h. */
#include "heat.h"
#include "page_lives.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The clock of a trace ticks every few ms. With fewer columns than COLUMNS_LEAST of four ticks each
 * the picture would be one of ticks: such a trace is shown by event. */
#define TICK_LEAST    1000u
#define COLUMNS_LEAST 32u

/* What the first reading finds out. */
struct survey {
        struct heat_pieces pieces;
        uint64_t microseconds, tick; /* in all; the shortest time between two */
        bool leaves;
};

/* ---- events -------------------------------------------------------------------------------- */

/* HEAT_KINDS: it is not drawn. */
static enum heat_kind kind_of(const struct pg_trace_event *e)
{
        switch (e->kind) {
        case PG_TRACE_ACCESS:
                return e->dirty ? HEAT_WRITE : HEAT_FAULT;
        case PG_TRACE_FAULT:
                return HEAT_FAULT;
        case PG_TRACE_RESCUED:
                return HEAT_RESCUE;
        case PG_TRACE_WRITTEN:
                return HEAT_WRITE;
        case PG_TRACE_LEFT:
                return HEAT_EVICTION;
        default:
                return HEAT_KINDS;
        }
}

static bool is_counted(const struct pg_trace_event *e)
{
        return e->kind != PG_TRACE_TIME && e->kind != PG_TRACE_END;
}

/* ---- the first reading --------------------------------------------------------------------- */

static bool look_at(struct heat *h, struct survey *s, const struct pg_trace_event *e)
{
        enum heat_kind kind = kind_of(e);

        h->events += is_counted(e);
        if (e->kind == PG_TRACE_TIME && e->count > 0) {
                s->microseconds += e->count;
                s->tick = e->count < s->tick ? e->count : s->tick;
        }
        s->leaves |= e->kind == PG_TRACE_LEFT;
        if (kind < HEAT_KINDS)
                h->kinds[kind]++;
        return (kind == HEAT_KINDS && e->kind != PG_TRACE_AHEAD) ||
               heat_pieces_note(&s->pieces, e->page);
}

static int survey_trace(struct heat *h, struct survey *s, struct trace_reader *reader)
{
        struct pg_trace_event e;
        int more;

        while ((more = trace_file_next(reader, &e)) > 0)
                if (!look_at(h, s, &e))
                        return -ENOMEM;
        return more;
}

/* ---- layout -------------------------------------------------------------------------------- */

static void divide_time(struct heat *h, const struct survey *s, unsigned columns)
{
        uint64_t tick = s->tick > TICK_LEAST ? s->tick : TICK_LEAST;
        uint64_t most = s->microseconds / (4 * tick);

        h->seconds = (double)s->microseconds / 1e6;
        h->by_time = most >= COLUMNS_LEAST;
        most = h->by_time ? most : h->events;
        h->columns = most < columns ? (unsigned)most : columns;
}

static int lay_out(struct heat *h, struct survey *s, const struct heat_size *size)
{
        divide_time(h, s, size->columns);
        h->rows = size->rows;
        if (!heat_bands_make(&h->bands, &s->pieces, size->rows, size->band_rows))
                return -ENOMEM;
        h->cells = calloc((size_t)HEAT_KINDS * h->columns * h->rows, sizeof(*h->cells));
        h->moments = calloc(h->columns, sizeof(*h->moments));
        return h->cells && h->moments ? 0 : -ENOMEM;
}

/* ---- the second reading -------------------------------------------------------------------- */

struct filling {
        struct heat *h;
        struct page_lives lives;
        uint64_t events, microseconds, all_microseconds;
        uint64_t frames, most_resident;
        unsigned column;
};

static uint32_t *cell(const struct heat *h, enum heat_kind kind, unsigned column, unsigned row)
{
        return &h->cells[((size_t)kind * h->rows + row) * h->columns + column];
}

static unsigned column_now(const struct filling *f)
{
        const struct heat *h = f->h;
        double part = h->by_time ? (double)f->microseconds / (double)f->all_microseconds
                                 : (double)f->events / (double)h->events;
        unsigned column = (unsigned)(part * h->columns);

        return column < h->columns ? column : h->columns - 1;
}

static void note_memory(struct filling *f)
{
        struct heat_moment *m = &f->h->moments[f->column];

        m->resident = f->lives.resident > m->resident ? f->lives.resident : m->resident;
        m->out = f->lives.out > m->out ? f->lives.out : m->out;
        m->frames = f->frames;
        f->most_resident = m->resident > f->most_resident ? m->resident : f->most_resident;
}

/* What was, goes on through columns in which nothing happens. */
static void go_on(struct filling *f, unsigned column)
{
        note_memory(f);
        while (f->column < column) {
                f->column++;
                note_memory(f);
        }
}

static void draw_event(struct filling *f, enum heat_kind kind, uint64_t page)
{
        struct heat *h = f->h;
        unsigned row = 0, n = heat_bands_rows(&h->bands, page, &row);

        for (unsigned i = 0; i < n && row + i < h->rows; i++) {
                uint32_t *at = cell(h, kind, f->column, row + i);

                *at += *at < UINT32_MAX;
                h->most = *at > h->most ? *at : h->most;
        }
}

static bool fill_in(struct filling *f, const struct pg_trace_event *e)
{
        enum heat_kind kind = kind_of(e);
        bool room = true;

        f->microseconds += e->kind == PG_TRACE_TIME ? e->count : 0;
        f->frames = e->kind == PG_TRACE_FRAMES ? e->count : f->frames;
        go_on(f, column_now(f));
        f->events += is_counted(e);
        if (f->h->knows_memory)
                room = page_lives_take(&f->lives, e);
        if (kind < HEAT_KINDS)
                draw_event(f, kind, e->page);
        f->h->moments[f->column].faults += e->kind == PG_TRACE_FAULT;
        note_memory(f);
        return room;
}

/* Without evictions, all that ever came is in memory: that is so if it fits. */
static int fill_cells(struct heat *h, const struct survey *s, struct trace_reader *reader)
{
        struct filling f = {
                .h = h, .all_microseconds = s->microseconds, .frames = h->header.frames};
        struct pg_trace_event e;
        int more = 0;
        bool room = true;

        h->knows_memory = h->header.frames > 0 && !h->every_access;
        while (room && (more = trace_file_next(reader, &e)) > 0)
                room = fill_in(&f, &e);
        go_on(&f, h->columns - 1);
        h->knows_memory = h->knows_memory && (s->leaves || f.most_resident <= h->header.frames);
        page_lives_free(&f.lives);
        return room ? more : -ENOMEM;
}

/* ---- reading ------------------------------------------------------------------------------- */

static int read_twice(struct heat *h, struct trace_reader *reader, const struct heat_size *size)
{
        struct survey s = {.tick = UINT64_MAX};
        int error = survey_trace(h, &s, reader);

        h->every_access = h->header.flags & PG_TRACE_EVERY_ACCESS;
        if (!error && s.pieces.map.count == 0)
                error = -ENODATA;
        if (!error)
                error = lay_out(h, &s, size);
        if (!error)
                error = trace_file_rewind(reader);
        if (!error)
                error = fill_cells(h, &s, reader);
        page_map_free(&s.pieces.map);
        return error;
}

static void put_why(char why[TRACE_WHY], const char *path, const struct trace_reader *reader,
                    int error)
{
        const char *note = trace_file_note(reader);

        if (error == -ENOMEM || error == -ENODATA || !note)
                snprintf(why, TRACE_WHY, "%s: %s", path,
                         error == -ENODATA  ? "nothing is touched in it"
                         : error == -ENOMEM ? "no memory for a map of its pages"
                                            : strerror(-error));
        else
                snprintf(why, TRACE_WHY, "%s", note);
}

int heat_read(struct heat *h, const char *path, const struct heat_size *size, char why[TRACE_WHY])
{
        struct trace_reader *reader;
        int error;

        *h = (struct heat){0};
        error = trace_file_open(path, &reader, why);
        if (error)
                return error;
        h->header = *trace_file_header(reader);
        trace_file_subject(&h->header, path, h->name);
        error = trace_file_keep(reader);
        if (!error)
                error = read_twice(h, reader, size);
        if (error)
                put_why(why, path, reader, error);
        else if (trace_file_note(reader))
                snprintf(h->note, sizeof(h->note), "%s", trace_file_note(reader));
        trace_file_close(reader);
        return error;
}

void heat_free(struct heat *h)
{
        free(h->cells);
        free(h->moments);
        heat_bands_free(&h->bands);
}

/* ---- what it says -------------------------------------------------------------------------- */

uint32_t heat_cell(const struct heat *h, enum heat_kind kind, unsigned column, unsigned row)
{
        return *cell(h, kind, column, row);
}

unsigned heat_level(const struct heat *h, uint32_t events, unsigned levels)
{
        double part = log2(1 + (double)events) / log2(1 + (double)h->most);
        unsigned level = (unsigned)ceil(part * levels - 1e-9);

        return level < levels ? level : levels;
}

const char *heat_kind_name(const struct heat *h, enum heat_kind kind)
{
        static const char *const names[] = {"faults", "rescues", "first writes", "evictions"};

        return !h->every_access     ? names[kind]
               : kind == HEAT_FAULT ? "reads"
               : kind == HEAT_WRITE ? "writes"
                                    : names[kind];
}

double heat_resident(const struct heat *h, unsigned column)
{
        return (double)h->moments[column].resident * h->header.page_size;
}

double heat_out(const struct heat *h, unsigned column)
{
        return (double)h->moments[column].out * h->header.page_size;
}

double heat_limit(const struct heat *h, unsigned column)
{
        return (double)h->moments[column].frames * h->header.page_size;
}

double heat_rate(const struct heat *h, unsigned column)
{
        return (double)h->moments[column].faults * h->columns / h->seconds;
}

double heat_most(const struct heat *h, heat_value *value)
{
        double most = 0;

        for (unsigned i = 0; i < h->columns; i++)
                most = value(h, i) > most ? value(h, i) : most;
        return most;
}

bool heat_shows_out(const struct heat *h)
{
        return h->knows_memory && heat_most(h, heat_out) > 0;
}

bool heat_shows_rate(const struct heat *h)
{
        return h->by_time && !h->every_access && h->kinds[HEAT_FAULT] > 0;
}

static void ink_count(struct ink *k, uint64_t n, const char *word)
{
        ink_number(k, (double)n, 0);
        ink_text(k, " ");
        ink_text(k, word);
}

void heat_summary(const struct heat *h, struct ink *k)
{
        const char *between = "";

        for (enum heat_kind kind = 0; kind < HEAT_KINDS; kind++) {
                if (!h->kinds[kind])
                        continue;
                ink_text(k, between);
                ink_count(k, h->kinds[kind], heat_kind_name(h, kind));
                between = ", ";
        }
        if (h->seconds > 0) {
                ink_text(k, " in ");
                ink_number(k, h->seconds, 3);
                ink_text(k, " s");
        }
        if (h->header.frames > 0) {
                ink_text(k, "; a pool of ");
                ink_count(k, h->header.frames, "frames of ");
                ink_bytes(k, h->header.page_size);
                ink_text(k, ", ");
                ink_text(k, h->header.policy);
        }
        ink_text(k, ".");
}

void heat_band_address(const struct heat *h, unsigned band, struct ink *k)
{
        char text[24];

        snprintf(text, sizeof(text), "%" PRIx64, h->bands.bands[band].first * h->header.page_size);
        ink_text(k, text);
}

void heat_band_size(const struct heat *h, unsigned band, struct ink *k)
{
        ink_bytes(k, (double)h->bands.bands[band].pages * h->header.page_size);
}

const char *heat_axis_name(const struct heat *h)
{
        return h->by_time       ? "time (s)"
               : h->seconds > 0 ? "events (the times are too few to show)"
                                : "events (the trace has no times)";
}
