/* SPDX-License-Identifier: MIT */
/*
 * svg.h - the parts of SVG documents that the pictures here are made of, written into an ink
 * (ink.h, whose rules hold here, too).
 *
 * All lengths are pixels. The letters of a reader's font are not known, so widths of text are taken
 * as SVG_LETTER times the size of the font for each letter, which ordinary text never is on
 * average; what is laid out by them does not overlap.
 *
 * Colours follow the reader's choice of a light or a dark page by a media query. There are no
 * variables of CSS, which some readers of SVG do not know.
 */
#ifndef SVG_H
#define SVG_H

#include "ink.h"

#define SVG_FONT   12.0
#define SVG_TITLE  17.0 /* the font of the class "title" */
#define SVG_LETTER 0.62
#define SVG_LINE   16.0 /* from a line of text to the next */

/* The document's beginning: its size, and what is told of it in words. A narrow window shows it
 * smaller. */
struct svg_head {
        double width, height;
        const char *title;       /* escaped already */
        const char *description; /* likewise */
        const char *light;       /* rules of CSS beside those that all pictures have */
        const char *dark;        /* those that a dark page changes */
};
void svg_begin(struct ink *k, const struct svg_head *head);
void svg_end(struct ink *k);

void svg_attribute(struct ink *k, const char *name, double value);
void svg_line(struct ink *k, const char *class, double x1, double y1, double x2, double y2);
void svg_rectangle(struct ink *k, const char *class, double x, double y, double w, double h);

/* The text that follows, up to svg_text_end(), begins ("start"), is centred on ("middle") or ends
 * at x ("end"). */
void svg_text_begin(struct ink *k, const char *class, double x, double y, const char *anchor);
void svg_text_end(struct ink *k);
void svg_text(struct ink *k, const char *class, double x, double y, const char *anchor,
              const char *words);

/* At most so many bytes of what may be anything, as text of a document. */
void svg_escaped(struct ink *k, const char *words, size_t most);

/* What escaped words take in a font of that size. */
double svg_width(const char *words, double font);

/* Words broken into lines no wider than `width`; they are changed meanwhile. Returns the y of the
 * line that would follow. */
double svg_paragraph(struct ink *k, const char *class, double x, double y, double width,
                     char *words);

/* Entries beside each other, in as many lines as they need. */
struct svg_legend {
        struct ink *k;
        double left, right;
        double x, y; /* of the next entry; y is the baseline */
};

enum svg_key { SVG_KEY_LINE, SVG_KEY_BOX };
void svg_legend_entry(struct svg_legend *l, enum svg_key key, const char *class, const char *words);

#endif
