/* SPDX-License-Identifier: MIT */
/*
 * curve_picture.c - the what-if curve as an SVG document: above, the time that the run would take
 * with so much memory; below, its misses; in both the budget, what suffices, and where nothing is
 * known. Without a verdict there are only misses.
 *
 * No words stand inside a frame, where they could cover a curve: the legend above says what a line
 * is, and its value. Colours are told apart by lightness, too.
 */
#include "axis.h"
#include "curve_view.h"
#include "svg.h"

#include <string.h>

enum {
        WIDTH = 760,
        MARGIN = 12,
        LEFT = 84,
        RIGHT = WIDTH - 34,
        PLOT = 278,      /* high, if it is the only one; */
        PLOT_TIME = 190, /* and if there are two */
        PLOT_MISSES = 140,
        BETWEEN = 36,
        SAMPLES = 180,
        NAME_MOST = 40, /* letters of a name in the title */
};

/* One of the two parts. */
struct plot {
        struct axis y;
        double top, bottom;
};

struct picture {
        const struct curve_view *v;
        struct ink *k;
        struct ink_unit unit; /* of memory */
        uint64_t sufficient;  /* frames; 0: there is no verdict */
        struct axis x;        /* bytes */
        struct plot time, misses;
};

static bool has_time(const struct picture *p)
{
        return !p->v->no_verdict && (p->v->miss_ns > 0 || p->v->leave_ns > 0);
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
        double values[AXIS_TICKS], bottom = p->misses.bottom;
        unsigned n = axis_ticks(&a, 2, 6, values);

        for (unsigned i = 0; i < n; i++) {
                double x = axis_place(&a, values[i]);

                if (has_time(p))
                        svg_line(p->k, "grid", x, p->time.top, x, p->time.bottom);
                svg_line(p->k, "grid", x, p->misses.top, x, bottom);
                svg_text_begin(p->k, "tick", x, bottom + 17, "middle");
                ink_short(p->k, values[i]);
                svg_text_end(p->k);
        }
        axis_title(p, (LEFT + RIGHT) / 2.0, bottom + 40, "middle",
                   (const char *const[]){"memory (", p->unit.name,
                                         a.by_ratio ? ", logarithmic)" : ")", NULL});
}

static void draw_tick(struct picture *p, double y, double value, const char *unit)
{
        svg_text_begin(p->k, "tick", LEFT - 7, y + 4, "end");
        ink_short(p->k, value);
        ink_text(p->k, unit);
        svg_text_end(p->k);
}

/* With a tick at its low end. */
static void draw_axis(struct picture *p, const struct plot *plot, const char *word,
                      const char *more, const char *unit)
{
        double values[AXIS_TICKS], last = plot->y.by_ratio ? 1e9 : plot->bottom;
        unsigned n = axis_ticks(&plot->y, 10, 6, values);

        if (!plot->y.by_ratio)
                draw_tick(p, plot->bottom, plot->y.low, unit);
        for (unsigned i = 0; i < n; i++) {
                double y = axis_place(&plot->y, values[i]);

                svg_line(p->k, "grid", LEFT, y, RIGHT, y);
                if (last - y < SVG_LINE)
                        continue;
                last = y;
                draw_tick(p, y, values[i], unit);
        }
        axis_title(
                p, MARGIN, plot->top - 14, "start",
                (const char *const[]){word, more, plot->y.by_ratio ? " (logarithmic)" : "", NULL});
}

/* ---- curves -------------------------------------------------------------------------------- */

static double misses(const struct curve_view *v, uint64_t frames)
{
        return (double)v->misses(v->arg, frames);
}

static double time_middle(const struct curve_view *v, uint64_t frames)
{
        return curve_view_slowdown(v, frames).middle;
}

static double time_low(const struct curve_view *v, uint64_t frames)
{
        return curve_view_slowdown(v, frames).low;
}

static double time_high(const struct curve_view *v, uint64_t frames)
{
        return curve_view_slowdown(v, frames).high;
}

/* Points of a path, from the least memory of which anything is known; or backward, as the rest of a
 * path that goes on. */
static void draw_points(struct picture *p, const struct axis *y,
                        double (*value)(const struct curve_view *v, uint64_t frames), bool backward)
{
        struct axis known = p->x;
        uint64_t last = 0;

        known.low = curve_view_bytes(p->v, p->v->least);
        known.low = known.low < p->x.low ? p->x.low : known.low;
        for (unsigned i = 0; i <= SAMPLES; i++) {
                double part = (double)(backward ? SAMPLES - i : i) / SAMPLES;
                uint64_t frames = curve_view_frames(p->v, axis_value(&known, part));

                frames = frames < p->v->least ? p->v->least : frames;
                if (frames == last)
                        continue;
                ink_text(p->k, last == 0 && !backward ? "M" : "L");
                ink_number(p->k, place_of(p, frames), 1);
                ink_text(p->k, " ");
                ink_number(p->k, axis_place(y, value(p->v, frames)), 1);
                last = frames;
        }
}

static void path_begin(struct picture *p, const char *class)
{
        ink_text(p->k, "<path class=\"");
        ink_text(p->k, class);
        ink_text(p->k, "\" d=\"");
}

static void path_end(struct picture *p)
{
        ink_text(p->k, "\"/>\n");
}

/* ---- the two parts ------------------------------------------------------------------------- */

static void draw_below(struct picture *p, const struct plot *plot)
{
        if (p->v->least > 1)
                svg_rectangle(p->k, "unknown", LEFT, plot->top, place_of(p, p->v->least) - LEFT,
                              plot->bottom - plot->top);
}

static void draw_mark(struct picture *p, const struct plot *plot, const char *class,
                      uint64_t frames)
{
        if (frames)
                svg_line(p->k, class, place_of(p, frames), plot->top, place_of(p, frames),
                         plot->bottom);
}

static void draw_frame(struct picture *p, const struct plot *plot)
{
        svg_line(p->k, "frame", LEFT, plot->bottom, RIGHT, plot->bottom);
        svg_line(p->k, "frame", LEFT, plot->top, LEFT, plot->bottom);
        svg_line(p->k, "frame", RIGHT, plot->top, RIGHT, plot->bottom);
        draw_mark(p, plot, "enough", p->sufficient);
        draw_mark(p, plot, "budget", p->v->budget);
}

static void draw_time(struct picture *p)
{
        path_begin(p, "range");
        draw_points(p, &p->time.y, time_high, false);
        draw_points(p, &p->time.y, time_low, true);
        path_end(p);
        draw_axis(p, &p->time, "estimated time", p->v->is_least ? ", at most" : "", " ×");
        path_begin(p, "curve");
        draw_points(p, &p->time.y, time_middle, false);
        path_end(p);
        draw_frame(p, &p->time);
}

static void draw_misses(struct picture *p)
{
        double first = axis_place(&p->misses.y, (double)p->v->first);

        draw_axis(p, &p->misses, "misses", "", "");
        svg_line(p->k, "first", LEFT, first, RIGHT, first);
        path_begin(p, "curve");
        draw_points(p, &p->misses.y, misses, false);
        path_end(p);
        draw_frame(p, &p->misses);
}

static void draw_plots(struct picture *p)
{
        if (has_time(p))
                draw_below(p, &p->time);
        draw_below(p, &p->misses);
        draw_memory_axis(p);
        if (has_time(p))
                draw_time(p);
        draw_misses(p);
}

/* ---- above ---------------------------------------------------------------------------------- */

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

        if (p->v->budget)
                legend_of_memory(p, &l, "budget", curve_view_budget_word(p->v), p->v->budget);
        if (p->sufficient)
                legend_of_memory(p, &l, "enough", "suffices", p->sufficient);
        if (has_time(p) && p->v->doubt > 0)
                svg_legend_entry(&l, SVG_KEY_BOX, "range", "what it may be");
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

static const char light[] = ".unknown{fill:#e4e7ea}.range{fill:#c3d9f2}.curve{stroke:#1f5fa8;"
                            "stroke-width:2.2;stroke-linejoin:round}"
                            ".first{stroke:#59636e;stroke-width:1.4;stroke-dasharray:2 3}"
                            ".budget{stroke:#b04a00;stroke-width:1.6;stroke-dasharray:7 4}"
                            ".enough{stroke:#1a7f37;stroke-width:1.6}";
static const char dark[] =
        ".unknown{fill:#2d333a}.range{fill:#1d3a5c}.first{stroke:#a0a8b2}.curve{stroke:#6cb0ff}"
        ".budget{stroke:#ffa657}.enough{stroke:#56d364}";

static void draw_head(struct picture *p)
{
        char name[6 * 60], sentence[512] = "";
        struct ink title = {name, sizeof(name), 0, false};
        struct ink words = {sentence, sizeof(sentence), 0, false};

        ink_text(&title, "Memory of ");
        svg_escaped(&title, p->v->name, NAME_MOST);
        curve_view_sentence(p->v, &words);
        svg_begin(p->k,
                  &(struct svg_head){WIDTH, p->misses.bottom + 58, name, sentence, light, dark});
}

/* ---- layout -------------------------------------------------------------------------------- */

static uint64_t greater(uint64_t a, uint64_t b)
{
        return a > b ? a : b;
}

static void set_memory_axis(struct picture *p, uint64_t begin, uint64_t end)
{
        p->x = (struct axis){curve_view_bytes(p->v, begin),
                             curve_view_bytes(p->v, end) * 1.1,
                             LEFT,
                             RIGHT,
                             false,
                             false};
        if (p->v->least > 1)
                p->x.low /= 1.2;
        p->x.by_ratio = p->x.high > AXIS_FAR_APART * p->x.low;
        if (!p->x.by_ratio && p->x.high > 3 * p->x.low)
                p->x.low = 0;
        p->unit = ink_unit(p->x.high < 4 << 20 ? 1 : p->x.high);
}

static struct axis axis_of(const struct plot *plot, double low, double high, double far)
{
        return (struct axis){low,  high, plot->bottom, plot->top, high > AXIS_FAR_APART * far,
                             false};
}

/* What the axes span. With one frame as the least (every access is known), the interesting part is
 * near the other end. */
static void set_axes(struct picture *p)
{
        const struct curve_view *v = p->v;
        uint64_t end = greater(greater(v->enough, v->budget), v->least + 1), begin = v->least;
        double most, slowest;

        end = greater(end, p->sufficient);
        end = has_time(p) && v->leave_ns > 0 ? greater(end, v->most) : end;
        if (v->least <= 1)
                begin = greater(end / 1024, 1);
        set_memory_axis(p, begin, end);
        most = misses(v, begin);
        p->misses.y = axis_of(&p->misses, 0, most > 1 ? most * 1.05 : 1, (double)v->first);
        p->misses.y.whole = true;
        p->misses.y.by_ratio = p->misses.y.by_ratio && v->first > 0;
        if (p->misses.y.by_ratio)
                p->misses.y.low = (double)v->first / 1.5;
        slowest = time_high(v, begin);
        if (slowest > time_middle(v, begin) * 2.5)
                slowest = time_middle(v, begin) * 2.5;
        slowest *= 1.05;
        p->time.y = axis_of(&p->time, 1, slowest > 1.2 ? slowest : 1.2, 1);
}

static void place_plots(struct picture *p, double top)
{
        double high = PLOT;

        if (has_time(p)) {
                p->time.top = top;
                p->time.bottom = top + PLOT_TIME;
                top = p->time.bottom + BETWEEN;
                high = PLOT_MISSES;
        }
        p->misses.top = top;
        p->misses.bottom = top + high;
}

void curve_view_picture(const struct curve_view *v, struct ink *k)
{
        struct ink nowhere = {NULL, 0, 0, false};
        struct picture p = {.v = v, .k = &nowhere};

        p.sufficient = v->no_verdict ? 0 : curve_view_sufficient(v);
        place_plots(&p, draw_above(&p));
        p.k = k;
        set_axes(&p);
        draw_head(&p);
        draw_above(&p);
        draw_plots(&p);
        svg_end(k);
}
