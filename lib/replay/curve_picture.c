/* SPDX-License-Identifier: MIT */
/*
 * curve_picture.c - the what-if curve as an SVG document: misses against memory, the slowdown they
 * mean on the axis to the right, the budget, what suffices, and where nothing is known.
 *
 * One line serves both axes, since the time of a run grows with its misses by a constant each. An
 * axis is divided by ratios where its ends are far apart, else evenly. Colours follow the reader's
 * choice of a light or a dark page, and are told apart by lightness, too.
 */
#include "curve_view.h"

#include <math.h>
#include <string.h>

enum {
        WIDTH = 760,
        HEIGHT = 456,
        LEFT = 84,
        RIGHT = WIDTH - 84,
        TOP = 120,
        BOTTOM = HEIGHT - 58,
        SAMPLES = 180,
        TICKS = 12, /* at most, of one axis */
};

/* Beyond this ratio of its ends an axis is divided by ratios. */
#define FAR_APART 12

struct axis {
        double low, high; /* values at its ends */
        double from, to;  /* where these are, in pixels */
        bool by_ratio;
};

struct picture {
        const struct curve_view *v;
        struct ink *k;
        struct axis x, y;
};

static double place(const struct axis *a, double value)
{
        double part;

        value = value < a->low ? a->low : value > a->high ? a->high : value;
        part = a->by_ratio ? log2(value / a->low) / log2(a->high / a->low)
                           : (value - a->low) / (a->high - a->low);
        return a->from + part * (a->to - a->from);
}

static double mib(const struct picture *p, uint64_t frames)
{
        return (double)frames * (double)p->v->page_size / (1 << 20);
}

static double misses(const struct picture *p, uint64_t frames)
{
        return (double)p->v->misses(p->v->arg, frames);
}

/* ---- parts of the document ----------------------------------------------------------------- */

static void attribute(struct ink *k, const char *name, double value)
{
        ink_text(k, " ");
        ink_text(k, name);
        ink_text(k, "=\"");
        ink_number(k, value, 1);
        ink_text(k, "\"");
}

static void element(struct picture *p, const char *name, const char *class)
{
        ink_text(p->k, "<");
        ink_text(p->k, name);
        ink_text(p->k, " class=\"");
        ink_text(p->k, class);
        ink_text(p->k, "\"");
}

static void line(struct picture *p, const char *class, double x1, double y1, double x2, double y2)
{
        element(p, "line", class);
        attribute(p->k, "x1", x1);
        attribute(p->k, "y1", y1);
        attribute(p->k, "x2", x2);
        attribute(p->k, "y2", y2);
        ink_text(p->k, "/>\n");
}

static void rectangle(struct picture *p, const char *class, double x, double y, double w, double h)
{
        element(p, "rect", class);
        attribute(p->k, "x", x);
        attribute(p->k, "y", y);
        attribute(p->k, "width", w);
        attribute(p->k, "height", h);
        ink_text(p->k, "/>\n");
}

/* The text that follows, up to text_end, begins, is centred on or ends at x. */
static void text_begin(struct picture *p, const char *class, double x, double y, const char *anchor)
{
        ink_text(p->k, "<text class=\"");
        ink_text(p->k, class);
        ink_text(p->k, "\"");
        attribute(p->k, "x", x);
        attribute(p->k, "y", y);
        ink_text(p->k, " text-anchor=\"");
        ink_text(p->k, anchor);
        ink_text(p->k, "\">");
}

static void text_end(struct picture *p)
{
        ink_text(p->k, "</text>\n");
}

static void text(struct picture *p, const char *class, double x, double y, const char *anchor,
                 const char *words)
{
        text_begin(p, class, x, y, anchor);
        ink_text(p->k, words);
        text_end(p);
}

/* What the program is called may be anything. */
static void escaped(struct ink *k, const char *words, size_t most)
{
        for (size_t i = 0; words[i] && i < most; i++) {
                char c[2] = {words[i], '\0'};

                ink_text(k, c[0] == '<'                                         ? "&lt;"
                            : c[0] == '>'                                       ? "&gt;"
                            : c[0] == '&'                                       ? "&amp;"
                            : (unsigned char)c[0] < 32 || (signed char)c[0] < 0 ? "?"
                                                                                : c);
        }
}

/* ---- ticks --------------------------------------------------------------------------------- */

/* 1, 2 or 5 times a power of ten, and such that few of them fit between the ends. */
static double even_step(const struct axis *a)
{
        double wanted = (a->high - a->low) / 6, step = pow(10, floor(log10(wanted)));

        return wanted > 5 * step   ? 10 * step
               : wanted > 2 * step ? 5 * step
               : wanted > step     ? 2 * step
                                   : step;
}

static unsigned tick(const struct axis *a, double value, double values[TICKS], unsigned n)
{
        if (value >= a->low && value <= a->high && n < TICKS)
                values[n++] = value;
        return n;
}

/* Round values between the ends; how many. On an axis by ratios: powers of the base, or fewer where
 * that are too many; where there are few powers of ten, also 2 and 5 times these. */
static unsigned ticks(const struct axis *a, double base, double values[TICKS])
{
        double step = even_step(a), ratio = base, value, powers;
        unsigned n = 0;

        if (!a->by_ratio) {
                for (value = ceil(a->low / step) * step; value <= a->high; value += step)
                        n = tick(a, value, values, n);
                return n;
        }
        while ((powers = log2(a->high / a->low) / log2(ratio)) > 10)
                ratio *= base;
        for (value = pow(ratio, floor(log2(a->low) / log2(ratio))); value <= a->high;
             value *= ratio) {
                n = tick(a, value, values, n);
                n = ratio == 10 && powers < 3 ? tick(a, 2 * value, values, n) : n;
                n = ratio == 10 && powers < 3 ? tick(a, 5 * value, values, n) : n;
        }
        return n;
}

/* As short as it can be told: 0.25, 64, 1500, 20 k, 3 M. */
static void short_number(struct ink *k, double value)
{
        const char *unit = value >= 1e6 ? " M" : value >= 1e4 ? " k" : "";
        unsigned places = 0;

        value /= value >= 1e6 ? 1e6 : value >= 1e4 ? 1e3 : 1;
        while (places < 4 &&
               fabs(value - rint(value * pow(10, places)) / pow(10, places)) > value * 1e-3)
                places++;
        ink_number(k, value, places);
        ink_text(k, unit);
}

static void draw_memory_axis(struct picture *p)
{
        double values[TICKS];
        unsigned n = ticks(&p->x, 2, values);

        for (unsigned i = 0; i < n; i++) {
                double x = place(&p->x, values[i]);

                line(p, "grid", x, TOP, x, BOTTOM);
                text_begin(p, "tick", x, BOTTOM + 17, "middle");
                short_number(p->k, values[i]);
                text_end(p);
        }
        text(p, "label", (LEFT + RIGHT) / 2.0, HEIGHT - 18, "middle", "memory (MiB)");
}

static void draw_misses_axis(struct picture *p)
{
        double values[TICKS];
        unsigned n = ticks(&p->y, 10, values);

        for (unsigned i = 0; i < n; i++) {
                double y = place(&p->y, values[i]);

                line(p, "grid", LEFT, y, RIGHT, y);
                text_begin(p, "tick", LEFT - 7, y + 4, "end");
                short_number(p->k, values[i]);
                text_end(p);
        }
        text(p, "label", 12, TOP - 14, "start", "misses");
}

static void draw_slowdown_axis(struct picture *p)
{
        static const double values[] = {1,   1.05, 1.1, 1.25, 1.5, 2,   3,   4,   5,   7.5,
                                        10,  15,   20,  30,   50,  75,  100, 150, 200, 300,
                                        500, 750,  1e3, 2e3,  5e3, 1e4, 2e4, 5e4, 1e5, 1e6};
        const struct curve_view *v = p->v;
        double before = 1e9;

        if (v->fault_ns == 0)
                return;
        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
                double least = (double)v->other_ns + (double)v->first * (double)v->fault_ns;
                double at = (values[i] * least - (double)v->other_ns) / (double)v->fault_ns, y;

                if (at < p->y.low || at > p->y.high || least <= 0)
                        continue;
                y = place(&p->y, at);
                if (before - y < 17)
                        continue;
                before = y;
                line(p, "frame", RIGHT, y, RIGHT + 4, y);
                text_begin(p, "tick", RIGHT + 8, y + 4, "start");
                short_number(p->k, values[i]);
                ink_text(p->k, " ×");
                text_end(p);
        }
        text(p, "label", WIDTH - 12, TOP - 14, "end",
             v->other_ns ? "estimated time" : "estimated time, at most");
}

/* ---- the curve ----------------------------------------------------------------------------- */

static void draw_curve(struct picture *p)
{
        uint64_t last = 0;

        ink_text(p->k, "<path class=\"curve\" d=\"");
        for (unsigned i = 0; i <= SAMPLES; i++) {
                double part = (double)i / SAMPLES, low = mib(p, p->v->least), value;
                uint64_t frames;

                low = low < p->x.low ? p->x.low : low;
                value = p->x.by_ratio ? low * pow(p->x.high / low, part)
                                      : low + (p->x.high - low) * part;
                frames = (uint64_t)(value * (1 << 20) / (double)p->v->page_size + 0.5);
                frames = frames < p->v->least ? p->v->least : frames;
                if (frames == last)
                        continue;
                ink_text(p->k, last == 0 ? "M" : "L");
                ink_number(p->k, place(&p->x, mib(p, frames)), 1);
                ink_text(p->k, " ");
                ink_number(p->k, place(&p->y, misses(p, frames)), 1);
                last = frames;
        }
        ink_text(p->k, "\"/>\n");
}

/* A vertical line with a word at its upper end, on the side where there is room. The word has an
 * edge of paper, so that it can be read across the curve. */
static void mark(struct picture *p, const char *class, uint64_t frames, double y, const char *word)
{
        double x = place(&p->x, mib(p, frames));
        bool left = x > (LEFT + RIGHT) / 2.0;

        line(p, class, x, TOP, x, BOTTOM);
        text_begin(p, class, left ? x - 5 : x + 5, y, left ? "end" : "start");
        ink_text(p->k, word);
        ink_memory(p->k, p->v, frames);
        text_end(p);
}

static void draw_legend(struct picture *p)
{
        double y = TOP - 36;

        line(p, "curve", LEFT, y, LEFT + 24, y);
        text(p, "tick", LEFT + 30, y + 4, "start", "misses");
        line(p, "first", LEFT + 90, y, LEFT + 114, y);
        text(p, "tick", LEFT + 120, y + 4, "start", "first touches, which no memory avoids");
        if (p->v->least > 1) {
                rectangle(p, "unknown", LEFT + 380, y - 6, 24, 12);
                text(p, "tick", LEFT + 410, y + 4, "start", "not seen by this run");
        }
}

/* Without variables of CSS, which some readers of SVG do not know. */
static const char style[] =
        "<style>"
        "text{font-family:system-ui,'DejaVu Sans',Helvetica,Arial,sans-serif;font-size:12px;"
        "fill:#1f2328}line,path{fill:none;stroke-width:1}"
        ".paper{fill:#fff}.unknown{fill:#e4e7ea}.title{font-size:17px;font-weight:bold}"
        ".tick{fill:#59636e}.grid{stroke:#e4e7ea}.frame{stroke:#59636e}"
        ".curve{stroke:#1f5fa8;stroke-width:2.2;stroke-linejoin:round}"
        ".first{stroke:#59636e;stroke-width:1.4;stroke-dasharray:2 3}"
        "text.budget,text.enough{paint-order:stroke;stroke:#fff;stroke-width:4}"
        "line.budget{stroke:#b04a00;stroke-width:1.6;stroke-dasharray:7 4}text.budget{fill:#b04a00}"
        "line.enough{stroke:#1a7f37;stroke-width:1.6}text.enough{fill:#1a7f37}"
        "@media(prefers-color-scheme:dark){"
        "text{fill:#e6e8eb}.paper{fill:#16191d}.unknown{fill:#2d333a}.tick{fill:#a0a8b2}"
        "text.budget,text.enough{stroke:#16191d}.grid{stroke:#2d333a}"
        ".frame,.first{stroke:#a0a8b2}.curve{stroke:#6cb0ff}"
        "line.budget{stroke:#ffa657}text.budget{fill:#ffa657}"
        "line.enough{stroke:#56d364}text.enough{fill:#56d364}}"
        "</style>\n";

/* The sentences under the title, broken between words where a line is full. */
static void draw_sentence(struct picture *p)
{
        char at[512];
        struct ink words = {at, sizeof(at), 0, false};
        double y = 44;

        at[0] = '\0';
        curve_view_sentence(p->v, &words);
        for (char *from = at, *end; *from; from = end, y += 16) {
                char kept;

                end = from + strnlen(from, 118);
                while (*end && *end != ' ')
                        end--;
                kept = *end;
                *end = '\0';
                text(p, "label", 12, y, "start", from + (*from == ' '));
                *end = kept;
        }
}

static void draw_head(struct picture *p)
{
        ink_text(p->k, "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" viewBox=\"0 0 ");
        ink_number(p->k, WIDTH, 0);
        ink_text(p->k, " ");
        ink_number(p->k, HEIGHT, 0);
        ink_text(p->k, "\"");
        attribute(p->k, "width", WIDTH);
        attribute(p->k, "height", HEIGHT);
        ink_text(p->k, ">\n<title>Memory of ");
        escaped(p->k, p->v->name, 60);
        ink_text(p->k, "</title>\n<desc>");
        curve_view_sentence(p->v, p->k);
        ink_text(p->k, "</desc>\n");
        ink_text(p->k, style);
        rectangle(p, "paper", 0, 0, WIDTH, HEIGHT);
        text_begin(p, "title", 12, 24, "start");
        ink_text(p->k, "How much memory does ");
        escaped(p->k, p->v->name, 48);
        ink_text(p->k, " need?");
        text_end(p);
        draw_sentence(p);
}

/* What the axes span. With one frame as the least (every access is known), the interesting part is
 * near the other end. */
static void set_axes(struct picture *p)
{
        const struct curve_view *v = p->v;
        uint64_t end = v->enough > v->budget ? v->enough : v->budget, begin = v->least;
        double most;

        end = end < v->least + 1 ? v->least + 1 : end;
        if (v->least <= 1)
                begin = end / 1024 > 1 ? end / 1024 : 1;
        p->x = (struct axis){mib(p, begin), mib(p, end) * 1.1, LEFT, RIGHT, false};
        if (v->least > 1)
                p->x.low /= 1.2;
        p->x.by_ratio = p->x.high > FAR_APART * p->x.low;
        if (!p->x.by_ratio && p->x.high > 3 * p->x.low)
                p->x.low = 0;
        most = misses(p, begin);
        p->y = (struct axis){0, most > 1 ? most * 1.05 : 1, BOTTOM, TOP, false};
        p->y.by_ratio = v->first > 0 && most > FAR_APART * (double)v->first;
        if (p->y.by_ratio)
                p->y.low = (double)v->first / 1.5;
}

void curve_view_picture(const struct curve_view *v, struct ink *k)
{
        struct picture p = {.v = v, .k = k};
        uint64_t sufficient = curve_view_sufficient(v);
        double y;

        set_axes(&p);
        draw_head(&p);
        if (v->least > 1)
                rectangle(&p, "unknown", LEFT, TOP, place(&p.x, mib(&p, v->least)) - LEFT,
                          BOTTOM - TOP);
        draw_memory_axis(&p);
        draw_misses_axis(&p);
        draw_slowdown_axis(&p);
        y = place(&p.y, (double)v->first);
        line(&p, "first", LEFT, y, RIGHT, y);
        line(&p, "frame", LEFT, BOTTOM, RIGHT, BOTTOM);
        line(&p, "frame", LEFT, TOP, LEFT, BOTTOM);
        line(&p, "frame", RIGHT, TOP, RIGHT, BOTTOM);
        draw_curve(&p);
        if (v->budget)
                mark(&p, "budget", v->budget, TOP + 30, "budget: ");
        mark(&p, "enough", sufficient, TOP + 14, "suffices: ");
        draw_legend(&p);
        ink_text(k, "</svg>\n");
}
