/* SPDX-License-Identifier: MIT */
/*
 * curve_picture.c - the what-if curve as an SVG document: misses against memory, the slowdown they
 * mean on the axis to the right, the budget, what suffices, and where nothing is known.
 *
 * One line serves both axes, since the time of a run grows with its misses by a constant each. No
 * words stand inside the frame, where they could cover the curve: the legend above it says what a
 * line is, and its value. Colours are told apart by lightness, too.
 */
#include "axis.h"
#include "curve_view.h"
#include "svg.h"

#include <string.h>

enum {
        WIDTH = 760,
        MARGIN = 12,
        LEFT = 84,
        RIGHT = WIDTH - 84,
        PLOT = 278, /* high */
        SAMPLES = 180,
        NAME_MOST = 40, /* letters of a name in the title */
};

struct picture {
        const struct curve_view *v;
        struct ink *k;
        struct ink_unit unit; /* of memory */
        uint64_t sufficient;  /* frames */
        struct axis x, y;     /* bytes; misses */
        double top, bottom;
};

static double misses(const struct picture *p, uint64_t frames)
{
        return (double)p->v->misses(p->v->arg, frames);
}

static double place_of(const struct picture *p, uint64_t frames)
{
        return axis_place(&p->x, curve_view_bytes(p->v, frames));
}

/* ---- axes ---------------------------------------------------------------------------------- */

static void axis_title(struct picture *p, double x, double y, const char *anchor,
                       const char *const words[])
{
        svg_text_begin(p->k, "label", x, y, anchor);
        for (unsigned i = 0; words[i]; i++)
                ink_text(p->k, words[i]);
        svg_text_end(p->k);
}

/* In the axis's unit, so that ticks are round numbers of it. */
static struct axis in_unit(const struct axis *bytes, double unit)
{
        struct axis a = *bytes;

        a.low /= unit;
        a.high /= unit;
        return a;
}

static void draw_memory_axis(struct picture *p)
{
        struct axis a = in_unit(&p->x, p->unit.bytes);
        double values[AXIS_TICKS];
        unsigned n = axis_ticks(&a, 2, 6, values);

        for (unsigned i = 0; i < n; i++) {
                double x = axis_place(&a, values[i]);

                svg_line(p->k, "grid", x, p->top, x, p->bottom);
                svg_text_begin(p->k, "tick", x, p->bottom + 17, "middle");
                ink_short(p->k, values[i]);
                svg_text_end(p->k);
        }
        axis_title(p, (LEFT + RIGHT) / 2.0, p->bottom + 40, "middle",
                   (const char *const[]){"memory (", p->unit.name,
                                         a.by_ratio ? ", logarithmic)" : ")", NULL});
}

static void draw_misses_axis(struct picture *p)
{
        double values[AXIS_TICKS];
        unsigned n = axis_ticks(&p->y, 10, 6, values);

        for (unsigned i = 0; i < n; i++) {
                double y = axis_place(&p->y, values[i]);

                svg_line(p->k, "grid", LEFT, y, RIGHT, y);
                svg_text_begin(p->k, "tick", LEFT - 7, y + 4, "end");
                ink_short(p->k, values[i]);
                svg_text_end(p->k);
        }
        axis_title(p, MARGIN, p->top - 14, "start",
                   (const char *const[]){"misses", p->y.by_ratio ? " (logarithmic)" : "", NULL});
}

/* A mark stands where the curve is so high: time falls with misses. */
static void draw_slowdown_ticks(struct picture *p)
{
        static const double values[] = {1,   1.05, 1.1, 1.25, 1.5, 2,   3,   4,   5,   7.5,
                                        10,  15,   20,  30,   50,  75,  100, 150, 200, 300,
                                        500, 750,  1e3, 2e3,  5e3, 1e4, 2e4, 5e4, 1e5, 1e6};
        const struct curve_view *v = p->v;
        double before = 1e9, least = curve_view_slowdown(v, v->enough).middle;

        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
                uint64_t frames;

                if (values[i] < least - 0.001) /* not by misses, but by pages that leave */
                        continue;
                frames = curve_view_frames_for(v, values[i]);
                double at = (double)v->misses(v->arg, frames), y = axis_place(&p->y, at);

                if (at < p->y.low || at > p->y.high || before - y < 17 ||
                    (frames == v->least && curve_view_slowdown(v, frames).middle < values[i]))
                        continue;
                before = y;
                svg_line(p->k, "frame", RIGHT, y, RIGHT + 4, y);
                svg_text_begin(p->k, "tick", RIGHT + 8, y + 4, "start");
                ink_short(p->k, values[i]);
                ink_text(p->k, " ×");
                svg_text_end(p->k);
        }
}

static void draw_slowdown_axis(struct picture *p)
{
        if (p->v->miss_ns <= 0 || p->v->no_verdict)
                return;
        draw_slowdown_ticks(p);
        axis_title(p, WIDTH - MARGIN, p->top - 14, "end",
                   (const char *const[]){"estimated time", p->v->is_least ? ", at most" : "",
                                         p->y.by_ratio ? " (scale of misses)" : "", NULL});
}

/* ---- the curve ----------------------------------------------------------------------------- */

static void draw_curve(struct picture *p)
{
        struct axis known = p->x;
        uint64_t last = 0;

        known.low = curve_view_bytes(p->v, p->v->least);
        known.low = known.low < p->x.low ? p->x.low : known.low;
        ink_text(p->k, "<path class=\"curve\" d=\"");
        for (unsigned i = 0; i <= SAMPLES; i++) {
                uint64_t frames = curve_view_frames(p->v, axis_value(&known, (double)i / SAMPLES));

                frames = frames < p->v->least ? p->v->least : frames;
                if (frames == last)
                        continue;
                ink_text(p->k, last == 0 ? "M" : "L");
                ink_number(p->k, place_of(p, frames), 1);
                ink_text(p->k, " ");
                ink_number(p->k, axis_place(&p->y, misses(p, frames)), 1);
                last = frames;
        }
        ink_text(p->k, "\"/>\n");
}

static void draw_plot(struct picture *p)
{
        double first = axis_place(&p->y, (double)p->v->first);

        if (p->v->least > 1)
                svg_rectangle(p->k, "unknown", LEFT, p->top, place_of(p, p->v->least) - LEFT,
                              p->bottom - p->top);
        draw_memory_axis(p);
        draw_misses_axis(p);
        draw_slowdown_axis(p);
        svg_line(p->k, "first", LEFT, first, RIGHT, first);
        svg_line(p->k, "frame", LEFT, p->bottom, RIGHT, p->bottom);
        svg_line(p->k, "frame", LEFT, p->top, LEFT, p->bottom);
        svg_line(p->k, "frame", RIGHT, p->top, RIGHT, p->bottom);
        draw_curve(p);
        svg_line(p->k, "enough", place_of(p, p->sufficient), p->top, place_of(p, p->sufficient),
                 p->bottom);
        if (p->v->budget)
                svg_line(p->k, "budget", place_of(p, p->v->budget), p->top,
                         place_of(p, p->v->budget), p->bottom);
}

/* ---- above the frame ----------------------------------------------------------------------- */

static void legend_of_memory(struct picture *p, struct svg_legend *l, const char *class,
                             const char *word, uint64_t frames)
{
        char at[64];
        struct ink words = {at, sizeof(at), 0, false};

        ink_text(&words, word);
        ink_text(&words, ": ");
        ink_bytes(&words, curve_view_bytes(p->v, frames));
        svg_legend_entry(l, SVG_KEY_LINE, class, at);
}

/* Returns the y below it. */
static double draw_legend(struct picture *p, double y)
{
        struct svg_legend l = {p->k, MARGIN, WIDTH - MARGIN, MARGIN, y};

        svg_legend_entry(&l, SVG_KEY_LINE, "curve", "misses");
        if (p->v->budget)
                legend_of_memory(p, &l, "budget", curve_view_budget_word(p->v), p->v->budget);
        legend_of_memory(p, &l, "enough", "suffices", p->sufficient);
        svg_legend_entry(&l, SVG_KEY_LINE, "first", "first touches, which no memory avoids");
        if (p->v->least > 1)
                svg_legend_entry(&l, SVG_KEY_BOX, "unknown", "not seen by this run");
        return l.y;
}

/* Title, sentence and legend; returns the y of the frame. */
static double draw_above(struct picture *p)
{
        char at[512] = "";
        struct ink words = {at, sizeof(at), 0, false};
        double y;

        svg_text_begin(p->k, "title", MARGIN, 24, "start");
        ink_text(p->k, "How much memory does ");
        svg_escaped(p->k, p->v->name, NAME_MOST);
        ink_text(p->k, " need?");
        svg_text_end(p->k);
        curve_view_sentence(p->v, &words);
        y = svg_paragraph(p->k, "label", MARGIN, 44, WIDTH - 2 * MARGIN, at);
        return draw_legend(p, y + 10) + 40;
}

static const char light[] =
        ".unknown{fill:#e4e7ea}.curve{stroke:#1f5fa8;stroke-width:2.2;stroke-linejoin:round}"
        ".first{stroke:#59636e;stroke-width:1.4;stroke-dasharray:2 3}"
        ".budget{stroke:#b04a00;stroke-width:1.6;stroke-dasharray:7 4}"
        ".enough{stroke:#1a7f37;stroke-width:1.6}";
static const char dark[] = ".unknown{fill:#2d333a}.first{stroke:#a0a8b2}.curve{stroke:#6cb0ff}"
                           ".budget{stroke:#ffa657}.enough{stroke:#56d364}";

static void draw_head(struct picture *p)
{
        char name[6 * 60], sentence[512] = "";
        struct ink title = {name, sizeof(name), 0, false};
        struct ink words = {sentence, sizeof(sentence), 0, false};

        ink_text(&title, "Memory of ");
        svg_escaped(&title, p->v->name, NAME_MOST);
        curve_view_sentence(p->v, &words);
        svg_begin(p->k, &(struct svg_head){WIDTH, p->bottom + 58, name, sentence, light, dark});
}

/* ---- layout -------------------------------------------------------------------------------- */

/* What the axes span. With one frame as the least (every access is known), the interesting part is
 * near the other end. */
static void set_axes(struct picture *p)
{
        const struct curve_view *v = p->v;
        uint64_t end = v->enough > v->budget ? v->enough : v->budget, begin = v->least;
        uint64_t sufficient = v->no_verdict ? 0 : curve_view_sufficient(v);
        double most;

        end = end > sufficient ? end : sufficient;
        end = end < v->least + 1 ? v->least + 1 : end;
        if (v->least <= 1)
                begin = end / 1024 > 1 ? end / 1024 : 1;
        p->x = (struct axis){curve_view_bytes(v, begin),
                             curve_view_bytes(v, end) * 1.1,
                             LEFT,
                             RIGHT,
                             false,
                             false};
        if (v->least > 1)
                p->x.low /= 1.2;
        p->x.by_ratio = p->x.high > AXIS_FAR_APART * p->x.low;
        if (!p->x.by_ratio && p->x.high > 3 * p->x.low)
                p->x.low = 0;
        p->unit = ink_unit(p->x.high < 4 << 20 ? 1 : p->x.high);
        most = misses(p, begin);
        p->y = (struct axis){0, most > 1 ? most * 1.05 : 1, p->bottom, p->top, false, true};
        p->y.by_ratio = v->first > 0 && most > AXIS_FAR_APART * (double)v->first;
        if (p->y.by_ratio)
                p->y.low = (double)v->first / 1.5;
}

void curve_view_picture(const struct curve_view *v, struct ink *k)
{
        struct ink nowhere = {NULL, 0, 0, false};
        struct picture p = {.v = v, .k = &nowhere, .sufficient = curve_view_sufficient(v)};

        p.top = draw_above(&p);
        p.bottom = p.top + PLOT;
        p.k = k;
        set_axes(&p);
        draw_head(&p);
        draw_above(&p);
        draw_plot(&p);
        svg_end(k);
}
