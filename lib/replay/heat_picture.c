/* SPDX-License-Identifier: MIT */
/*
 * heat_picture.c - the heat picture (heat.h) as an SVG document: a panel of cells, and below it, of
 * what is known, panels of memory and of faults over the same time.
 *
 * A cell is shared by the kinds of events that it has, so that none covers another: as a whole, in
 * halves, or in quarters. All parts of one kind, level and height are one path of strokes, some 7
 * bytes each: the document stays below PICTURE_SIZE, however long the trace is. The sheet is drawn twice, first on nothing, which says how high it will be.
 */
#include "axis.h"
#include "heat.h"
#include "svg.h"

#include <errno.h>
#include <stdlib.h>

enum {
        MARGIN = 12,
        LEFT = 190, /* room for a band's address and size */
        RIGHT = 28, /* and for half a number at the end of the axis */
        CELL = 4,   /* pixels */
        COLUMNS = 176,
        ROWS = 96,
        BAND_ROWS = 4, /* a line of text */
        PANEL = 80,    /* of the time line, high */
        LEVELS = 5,
        PICTURE_SIZE = 640 << 10,
};

struct sheet {
        const struct heat *h;
        struct ink *k;
        double width, right;
        struct axis x; /* seconds, or events */
        double y;      /* of what comes next */
};

struct heat_size heat_picture_size(unsigned width)
{
        unsigned columns = (width - LEFT - RIGHT) / CELL;

        return (struct heat_size){columns < COLUMNS ? columns : COLUMNS, ROWS, BAND_ROWS};
}

/* The colours of Okabe and Ito, which people with any colour vision can tell apart. */
static const char light[] =
        ".panel{fill:#f6f8fa}.shade{fill:#59636e}.tall{stroke-width:2}"
        ".fault{stroke:#d55e00}rect.fault{fill:#d55e00;stroke:none}"
        ".rescue{stroke:#0072b2}rect.rescue{fill:#0072b2;stroke:none}"
        ".write{stroke:#009e73}rect.write{fill:#009e73;stroke:none}"
        ".evict{stroke:#a3517f}rect.evict{fill:#a3517f;stroke:none}"
        ".resident{stroke:#0072b2;stroke-width:1.8}.out{stroke:#a3517f;stroke-width:1.8}"
        ".limit{stroke:#59636e;stroke-width:1.4;stroke-dasharray:7 4}"
        ".rate{stroke:#d55e00;stroke-width:1.4}";
static const char dark[] =
        ".panel{fill:#1d2126}.shade{fill:#a0a8b2}"
        ".fault{stroke:#ff8c42}rect.fault{fill:#ff8c42}"
        ".rescue{stroke:#56b4e9}rect.rescue{fill:#56b4e9}"
        ".write{stroke:#2fd6a3}rect.write{fill:#2fd6a3}"
        ".evict{stroke:#e9a3cc}rect.evict{fill:#e9a3cc}"
        ".resident{stroke:#56b4e9}.out{stroke:#e9a3cc}.limit{stroke:#a0a8b2}.rate{stroke:#ff8c42}";

static const char *const classes[HEAT_KINDS] = {"fault", "rescue", "write", "evict"};

/* ---- above the panels ---------------------------------------------------------------------- */

static double opacity(unsigned level)
{
        return 0.4 + 0.6 * (level - 1) / (LEVELS - 1);
}

/* Darker is more, in steps of the logarithm. */
static void draw_scale(struct sheet *s, struct svg_legend *l)
{
        char at[96] = "";
        struct ink words = {at, sizeof(at), 0, false};

        ink_text(&words, "1 to ");
        ink_number(&words, (double)s->h->most, 0);
        ink_text(&words, " events of a kind in a cell (logarithmic)");
        if (l->x > l->left && l->x + LEVELS * 14 + 8 + svg_width(at, SVG_FONT) > l->right) {
                l->x = l->left;
                l->y += SVG_LINE + 2;
        }
        for (unsigned i = 0; i < LEVELS; i++, l->x += 14) {
                ink_text(s->k, "<g");
                svg_attribute(s->k, "fill-opacity", opacity(i + 1));
                ink_text(s->k, ">");
                svg_rectangle(s->k, "shade", l->x, l->y - 10, 12, 12);
                ink_text(s->k, "</g>\n");
        }
        svg_text(s->k, "tick", l->x + 8, l->y, "start", at);
}

static void draw_legend(struct sheet *s)
{
        struct svg_legend l = {s->k, MARGIN, s->width - MARGIN, MARGIN, s->y};

        for (enum heat_kind kind = 0; kind < HEAT_KINDS; kind++)
                if (s->h->kinds[kind])
                        svg_legend_entry(&l, SVG_KEY_BOX, classes[kind],
                                         heat_kind_name(s->h, kind));
        draw_scale(s, &l);
        s->y = l.y;
}

/* Escaped for the document. */
static void summary(const struct heat *h, struct ink *k)
{
        char at[512] = "";
        struct ink words = {at, sizeof(at), 0, false};

        heat_summary(h, &words);
        svg_escaped(k, at, sizeof(at));
}

static void draw_above(struct sheet *s)
{
        char at[1024] = "";
        struct ink words = {at, sizeof(at), 0, false};
        size_t most = (size_t)((s->width - 2 * MARGIN) / (SVG_TITLE * SVG_LETTER));

        svg_text_begin(s->k, "title", MARGIN, 24, "start");
        ink_text(s->k, "Pages of ");
        svg_escaped(s->k, s->h->name, most - sizeof("Pages of "));
        svg_text_end(s->k);
        summary(s->h, &words);
        s->y = svg_paragraph(s->k, "label", MARGIN, 44, s->width - 2 * MARGIN, at) + 10;
        draw_legend(s);
        s->y += 30;
}

/* ---- cells --------------------------------------------------------------------------------- */

/* Where in a cell, in quarters' sides, a kind is. */
struct part {
        unsigned x, y, w, h;
};

/* Kinds that have no events in the cell take no room. */
static struct part part_of(const struct heat *h, enum heat_kind kind, unsigned column, unsigned row)
{
        unsigned kinds = 0, before = 0;

        for (enum heat_kind k = 0; k < HEAT_KINDS; k++) {
                bool there = heat_cell(h, k, column, row) > 0;

                kinds += there;
                before += there && k < kind;
        }
        return kinds == 1   ? (struct part){0, 0, 2, 2}
               : kinds == 2 ? (struct part){0, before, 2, 1}
                            : (struct part){before % 2, before / 2, 1, 1};
}

/* A pen that strokes quarters from left to right, row by row, and joins those that touch. */
struct pen {
        struct ink *k;
        long x, y;          /* where the path is */
        long from, to, row; /* what is to be stroked; from == to: nothing yet */
};

static void pen_lift(struct pen *p)
{
        if (p->from == p->to)
                return;
        ink_text(p->k, "m");
        ink_number(p->k, (double)(p->from - p->x), 0);
        ink_text(p->k, " ");
        ink_number(p->k, (double)(p->row - p->y), 0);
        ink_text(p->k, "h");
        ink_number(p->k, (double)(p->to - p->from), 0);
        p->x = p->to;
        p->y = p->row;
        p->from = p->to;
}

static void pen_stroke(struct pen *p, long x, long y, long w)
{
        if (p->from == p->to || p->row != y || p->to != x) {
                pen_lift(p);
                p->from = x;
                p->row = y;
        }
        p->to = x + w;
}

/* Those whose part of a cell is `high`. */
static void stroke_cells(struct sheet *s, enum heat_kind kind, unsigned level, unsigned high)
{
        const struct heat *h = s->h;
        struct pen pen = {.k = s->k};

        for (unsigned i = 0; i < h->rows; i++)
                for (unsigned column = 0; column < h->columns; column++) {
                        unsigned row = h->rows - 1 - i;
                        uint32_t n = heat_cell(h, kind, column, row);
                        struct part part;

                        if (n == 0 || heat_level(h, n, LEVELS) != level)
                                continue;
                        part = part_of(h, kind, column, row);
                        if (part.h == high)
                                pen_stroke(&pen, 2 * column + part.x, 2 * i + part.y, part.w);
                }
        pen_lift(&pen);
}

static void draw_kind(struct sheet *s, enum heat_kind kind, unsigned level, unsigned high)
{
        ink_text(s->k, "<path class=\"");
        ink_text(s->k, classes[kind]);
        ink_text(s->k, high == 2 ? " tall\"" : "\"");
        svg_attribute(s->k, "stroke-opacity", opacity(level));
        ink_text(s->k, high == 2 ? " d=\"M0 1" : " d=\"M0 .5");
        stroke_cells(s, kind, level, high);
        ink_text(s->k, "\"/>\n");
}

static void draw_cells(struct sheet *s)
{
        ink_text(s->k, "<g shape-rendering=\"crispEdges\" transform=\"translate(");
        ink_number(s->k, LEFT, 0);
        ink_text(s->k, " ");
        ink_round(s->k, s->y, 1);
        ink_text(s->k, ") scale(");
        ink_number(s->k, (s->right - LEFT) / (2.0 * s->h->columns), 4);
        ink_text(s->k, " ");
        ink_number(s->k, CELL / 2.0, 1);
        ink_text(s->k, ")\">\n");
        for (enum heat_kind kind = 0; kind < HEAT_KINDS; kind++)
                for (unsigned level = 1; level <= LEVELS && s->h->kinds[kind]; level++)
                        for (unsigned high = 1; high <= 2; high++)
                                draw_kind(s, kind, level, high);
        ink_text(s->k, "</g>\n");
}

/* ---- panels -------------------------------------------------------------------------------- */

static unsigned time_ticks(const struct sheet *s, double values[AXIS_TICKS])
{
        return axis_ticks(&s->x, 10, (unsigned)((s->right - LEFT) / 110) + 1, values);
}

static void draw_panel(struct sheet *s, double height)
{
        double values[AXIS_TICKS];
        unsigned n = time_ticks(s, values);

        svg_rectangle(s->k, "panel", LEFT, s->y, s->right - LEFT, height);
        for (unsigned i = 0; i < n; i++) {
                double x = axis_place(&s->x, values[i]);

                svg_line(s->k, "grid", x, s->y, x, s->y + height);
        }
        svg_line(s->k, "frame", LEFT, s->y + height, s->right, s->y + height);
}

static void draw_band_label(struct sheet *s, unsigned band, double top, double bottom)
{
        char address[40] = "", size[40] = "";
        struct ink a = {address, sizeof(address), 0, false}, z = {size, sizeof(size), 0, false};
        double middle = (top + bottom) / 2 + 4;

        heat_band_address(s->h, band, &a);
        heat_band_size(s->h, band, &z);
        if (bottom - top >= 2 * SVG_LINE) {
                svg_text(s->k, "tick", LEFT - 7, middle - SVG_LINE / 2, "end", address);
                svg_text(s->k, "tick", LEFT - 7, middle + SVG_LINE / 2, "end", size);
                return;
        }
        ink_text(&a, " ");
        ink_text(&a, size);
        if (svg_width(address, SVG_FONT) > LEFT - 7 - MARGIN)
                address[a.len - z.len - 1] = '\0';
        svg_text(s->k, "tick", LEFT - 7, middle, "end", address);
}

static void draw_bands(struct sheet *s)
{
        double bottom = s->y + CELL * (double)s->h->rows;

        for (unsigned i = 0; i < s->h->bands.count; i++) {
                const struct heat_band *band = &s->h->bands.bands[i];
                double low = bottom - CELL * (double)band->row;
                double high = bottom - CELL * (double)(band->row + band->rows);

                if (i > 0)
                        svg_line(s->k, "frame", LEFT, low, s->right, low);
                draw_band_label(s, i, high, low);
        }
}

static void draw_heat(struct sheet *s)
{
        double height = CELL * (double)s->h->rows;

        svg_text(s->k, "label", MARGIN, s->y - 10, "start", "address and size");
        draw_panel(s, height);
        draw_cells(s);
        draw_bands(s);
        s->y += height;
}

/* ---- the time line ------------------------------------------------------------------------- */

/* A stair, with a point where it changes. */
static void draw_stair(struct sheet *s, const struct axis *y, const char *class, heat_value *value)
{
        double step = (s->right - LEFT) / s->h->columns, before = -1;

        ink_text(s->k, "<path class=\"");
        ink_text(s->k, class);
        ink_text(s->k, "\" d=\"");
        for (unsigned i = 0; i <= s->h->columns; i++) {
                bool end = i == s->h->columns;
                double at = end ? before : axis_place(y, value(s->h, i));

                for (unsigned twice = 0; twice < 2 && (end || at != before); twice++) {
                        if (i == 0 && twice == 0)
                                continue;
                        ink_text(s->k, i == 0 ? "M" : "L");
                        ink_round(s->k, LEFT + step * i, 1);
                        ink_text(s->k, " ");
                        ink_round(s->k, twice ? at : before, 1);
                }
                before = at;
        }
        ink_text(s->k, "\"/>\n");
}

/* The frame of a panel of the time line; values to `most`, in units of `unit`. */
static struct axis draw_values_axis(struct sheet *s, double most, double unit)
{
        struct axis y = {0, most > 0 ? most * 1.1 / unit : 1, s->y + PANEL, s->y, false, false};
        double values[AXIS_TICKS];
        unsigned n = axis_ticks(&y, 10, 3, values);

        draw_panel(s, PANEL);
        for (unsigned i = 0; i < n; i++) {
                double at = axis_place(&y, values[i]);

                svg_line(s->k, "grid", LEFT, at, s->right, at);
                svg_text_begin(s->k, "tick", LEFT - 7, at + 4, "end");
                ink_short(s->k, values[i]);
                svg_text_end(s->k);
        }
        y.high *= unit;
        return y;
}

static void draw_memory_legend(struct sheet *s, const char *unit, bool out)
{
        struct svg_legend l = {s->k, LEFT, s->width - MARGIN, LEFT, s->y};

        svg_text_begin(s->k, "label", MARGIN, s->y, "start");
        ink_text(s->k, "memory (");
        ink_text(s->k, unit);
        ink_text(s->k, ")");
        svg_text_end(s->k);
        svg_legend_entry(&l, SVG_KEY_LINE, "resident", "resident");
        svg_legend_entry(&l, SVG_KEY_LINE, "limit", "frames");
        if (out)
                svg_legend_entry(&l, SVG_KEY_LINE, "out", "in the swap store");
        s->y = l.y + 10;
}

static void draw_memory(struct sheet *s)
{
        double resident = heat_most(s->h, heat_resident), out = heat_most(s->h, heat_out);
        double limit = heat_most(s->h, heat_limit), most = resident > out ? resident : out;
        struct ink_unit unit;
        struct axis y;

        most = limit > most ? limit : most;
        unit = ink_unit(most);
        s->y += 28;
        draw_memory_legend(s, unit.name, out > 0);
        y = draw_values_axis(s, most, unit.bytes);
        draw_stair(s, &y, "limit", heat_limit);
        if (out > 0)
                draw_stair(s, &y, "out", heat_out);
        draw_stair(s, &y, "resident", heat_resident);
        s->y += PANEL;
}

static void draw_faults(struct sheet *s)
{
        struct axis y;

        s->y += 38;
        svg_text(s->k, "label", MARGIN, s->y - 10, "start", "faults a second");
        y = draw_values_axis(s, heat_most(s->h, heat_rate), 1);
        draw_stair(s, &y, "rate", heat_rate);
        s->y += PANEL;
}

/* ---- below the panels ---------------------------------------------------------------------- */

static void draw_time_axis(struct sheet *s)
{
        double values[AXIS_TICKS];
        unsigned n = time_ticks(s, values);

        for (unsigned i = 0; i < n; i++) {
                svg_text_begin(s->k, "tick", axis_place(&s->x, values[i]), s->y + 17, "middle");
                ink_short(s->k, values[i]);
                svg_text_end(s->k);
        }
        svg_text(s->k, "label", (LEFT + s->right) / 2, s->y + 38, "middle", heat_axis_name(s->h));
        s->y += 64;
}

static void draw_notes(struct sheet *s)
{
        char gaps[] = "The lowest addresses are at the bottom. Stretches of more than 256 pages "
                      "without an event are left out.";
        char store[] = "A trace does not say how small pages became in the swap store: they are "
                       "counted uncompressed.";
        double width = s->width - 2 * MARGIN;

        s->y = svg_paragraph(s->k, "tick", MARGIN, s->y, width, gaps);
        if (heat_shows_out(s->h))
                s->y = svg_paragraph(s->k, "tick", MARGIN, s->y, width, store);
}

/* ---- the sheet ----------------------------------------------------------------------------- */

static void draw_sheet(struct sheet *s)
{
        draw_above(s);
        draw_heat(s);
        if (s->h->knows_memory)
                draw_memory(s);
        if (heat_shows_rate(s->h))
                draw_faults(s);
        draw_time_axis(s);
        draw_notes(s);
}

static void begin(struct sheet *s, double height)
{
        char name[6 * TRACE_NAME] = "", words[1024] = "";
        struct ink title = {name, sizeof(name), 0, false};
        struct ink description = {words, sizeof(words), 0, false};

        ink_text(&title, "Pages of ");
        svg_escaped(&title, s->h->name, TRACE_NAME);
        summary(s->h, &description);
        svg_begin(s->k, &(struct svg_head){s->width, height, name, words, light, dark});
}

int heat_picture(const struct heat *h, unsigned width, FILE *out)
{
        struct ink nowhere = {NULL, 0, 0, false},
                   k = {malloc(PICTURE_SIZE), PICTURE_SIZE, 0, false};
        struct sheet s = {.h = h, .k = &nowhere, .width = width, .right = width - RIGHT};

        if (!k.at)
                return -ENOMEM;
        s.x = (struct axis){
                0, h->by_time ? h->seconds : (double)h->events, LEFT, s.right, false, !h->by_time};
        draw_sheet(&s);
        s.k = &k;
        begin(&s, s.y + MARGIN - SVG_LINE / 2);
        draw_sheet(&s);
        svg_end(&k);
        fwrite(k.at, 1, k.len, out);
        free(k.at);
        return k.full ? -ENOMEM : 0;
}
