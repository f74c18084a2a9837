/* SPDX-License-Identifier: MIT */
/*
 * heat.h - what `unpaged trace heat` shows of a trace: events by time and address, counted in
 * cells, and a time line of memory and faults.
 *
 * A trace is read twice, first for its extent. One that comes through a pipe is copied to a
 * temporary file. Memory does not depend on the trace's length: cells, pieces (heat_bands.h), and a
 * map of its pages (page_lives.h), which is left out where nothing is known of evictions.
 */
#ifndef HEAT_H
#define HEAT_H

#include "heat_bands.h"
#include "ink.h"
#include "trace_file.h"

#include <stdio.h>

enum heat_kind { HEAT_FAULT, HEAT_RESCUE, HEAT_WRITE, HEAT_EVICTION, HEAT_KINDS };

/* The most cells that are wanted. */
struct heat_size {
        unsigned columns, rows;
        unsigned band_rows; /* the least of a band */
};

/* A column of the time line. */
struct heat_moment {
        uint64_t faults;
        uint64_t resident, out; /* pages, the most that there were in it */
        uint64_t frames;        /* of the pool, at its end */
};

struct heat {
        struct pg_trace_header header;
        char name[TRACE_NAME];
        struct heat_bands bands;
        unsigned columns, rows;
        uint32_t *cells; /* see heat_cell() */
        struct heat_moment *moments;
        uint64_t kinds[HEAT_KINDS]; /* events of each */
        uint64_t most;              /* events in a cell, of one kind */
        uint64_t events;            /* of all kinds, those that are not drawn, too */
        double seconds;             /* 0: the trace has no times */
        bool by_time;               /* columns are time; else numbers of events */
        bool every_access;          /* HEAT_FAULT are reads, HEAT_WRITE are writes */
        bool knows_memory;          /* resident and out mean something */
        char note[TRACE_WHY];       /* why the trace ends before its time; "": it is whole */
};

/* 0; or a negative errno and why, as trace_file_open() and trace_file_next(); -ENOMEM; -ENODATA: no
 * page is touched in it. heat_free() also after an error. */
int heat_read(struct heat *h, const char *path, const struct heat_size *size, char why[TRACE_WHY]);
void heat_free(struct heat *h);

/* Events of that kind in the cell. */
uint32_t heat_cell(const struct heat *h, enum heat_kind kind, unsigned column, unsigned row);

/* From 0 for none to `levels` for h->most, by the logarithm. */
unsigned heat_level(const struct heat *h, uint32_t events, unsigned levels);

/* What events of the kind are called. */
const char *heat_kind_name(const struct heat *h, enum heat_kind kind);

/* Values of a column of the time line: bytes; or faults a second, of which nothing is known unless
 * h->by_time. */
typedef double heat_value(const struct heat *h, unsigned column);
heat_value heat_resident, heat_out, heat_limit, heat_rate;
double heat_most(const struct heat *h, heat_value *value);

/* What of the time line is not empty. */
bool heat_shows_out(const struct heat *h);
bool heat_shows_rate(const struct heat *h);

/* In words, without a newline: what was counted, and of what. */
void heat_summary(const struct heat *h, struct ink *k);
/* As "7f12a4000000", "64 MiB". */
void heat_band_address(const struct heat *h, unsigned band, struct ink *k);
void heat_band_size(const struct heat *h, unsigned band, struct ink *k);
/* What the columns are, as "time (s)". */
const char *heat_axis_name(const struct heat *h);

/* heat_picture.c: an SVG document, `width` pixels wide. 0 or -ENOMEM. */
#define HEAT_WIDTH       920u
#define HEAT_WIDTH_LEAST 460u
struct heat_size heat_picture_size(unsigned width);
int heat_picture(const struct heat *h, unsigned width, FILE *out);

/* heat_text.c: the same as text, that many letters wide. */
#define HEAT_COLUMNS_LEAST 48u
struct heat_size heat_text_size(unsigned width);
void heat_text(const struct heat *h, unsigned width);

#endif
