/* SPDX-License-Identifier: MIT */
/* svg.c - see svg.h. */
#include "svg.h"

#include <string.h>

#define KEY     24.0 /* the sample of a legend's entry */
#define KEY_GAP 6.0  /* between it and its words */
#define GAP     20.0 /* between entries */

static const char light[] =
        "text{font-family:system-ui,'DejaVu Sans',Helvetica,Arial,sans-serif;font-size:12px;"
        "fill:#1f2328}line,path{fill:none;stroke-width:1}"
        ".paper{fill:#fff}.title{font-size:17px;font-weight:bold}"
        ".tick{fill:#59636e}.grid{stroke:#e4e7ea}.frame{stroke:#59636e}";
static const char dark[] = "text{fill:#e6e8eb}.paper{fill:#16191d}.tick{fill:#a0a8b2}"
                           ".grid{stroke:#2d333a}.frame{stroke:#a0a8b2}";

void svg_attribute(struct ink *k, const char *name, double value)
{
        ink_text(k, " ");
        ink_text(k, name);
        ink_text(k, "=\"");
        ink_round(k, value, 1);
        ink_text(k, "\"");
}

void svg_begin(struct ink *k, const struct svg_head *head)
{
        ink_text(k, "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" viewBox=\"0 0 ");
        ink_round(k, head->width, 1);
        ink_text(k, " ");
        ink_round(k, head->height, 1);
        ink_text(k, "\"");
        svg_attribute(k, "width", head->width);
        svg_attribute(k, "height", head->height);
        ink_text(k, " style=\"max-width:100%;height:auto\">\n<title>");
        ink_text(k, head->title);
        ink_text(k, "</title>\n<desc>");
        ink_text(k, head->description);
        ink_text(k, "</desc>\n<style>");
        ink_text(k, light);
        ink_text(k, head->light);
        ink_text(k, "@media(prefers-color-scheme:dark){");
        ink_text(k, dark);
        ink_text(k, head->dark);
        ink_text(k, "}</style>\n");
        svg_rectangle(k, "paper", 0, 0, head->width, head->height);
}

void svg_end(struct ink *k)
{
        ink_text(k, "</svg>\n");
}

static void element(struct ink *k, const char *name, const char *class)
{
        ink_text(k, "<");
        ink_text(k, name);
        ink_text(k, " class=\"");
        ink_text(k, class);
        ink_text(k, "\"");
}

void svg_line(struct ink *k, const char *class, double x1, double y1, double x2, double y2)
{
        element(k, "line", class);
        svg_attribute(k, "x1", x1);
        svg_attribute(k, "y1", y1);
        svg_attribute(k, "x2", x2);
        svg_attribute(k, "y2", y2);
        ink_text(k, "/>\n");
}

void svg_rectangle(struct ink *k, const char *class, double x, double y, double w, double h)
{
        element(k, "rect", class);
        svg_attribute(k, "x", x);
        svg_attribute(k, "y", y);
        svg_attribute(k, "width", w);
        svg_attribute(k, "height", h);
        ink_text(k, "/>\n");
}

void svg_text_begin(struct ink *k, const char *class, double x, double y, const char *anchor)
{
        element(k, "text", class);
        svg_attribute(k, "x", x);
        svg_attribute(k, "y", y);
        ink_text(k, " text-anchor=\"");
        ink_text(k, anchor);
        ink_text(k, "\">");
}

void svg_text_end(struct ink *k)
{
        ink_text(k, "</text>\n");
}

void svg_text(struct ink *k, const char *class, double x, double y, const char *anchor,
              const char *words)
{
        svg_text_begin(k, class, x, y, anchor);
        ink_text(k, words);
        svg_text_end(k);
}

void svg_escaped(struct ink *k, const char *words, size_t most)
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

/* ---- layout -------------------------------------------------------------------------------- */

/* Bytes of the letter that begins here: an entity, or one of UTF-8. */
static size_t letter_size(const char *words)
{
        size_t n = 1;

        if (words[0] == '&')
                return strcspn(words, ";") + (strchr(words, ';') != NULL);
        while ((words[n] & 0xc0) == 0x80)
                n++;
        return n;
}

double svg_width(const char *words, double font)
{
        double letters = 0;

        for (; *words; words += letter_size(words))
                letters++;
        return letters * font * SVG_LETTER;
}

/* Where the line that begins here ends: at a blank, or at the end; in a word only if that is alone
 * and too long. */
static char *line_end(char *from, double width)
{
        char *end = NULL, *at = from;

        for (double x = 0; *at && x + SVG_FONT * SVG_LETTER <= width; at += letter_size(at)) {
                end = *at == ' ' ? at : end;
                x += SVG_FONT * SVG_LETTER;
        }
        return *at && *at != ' ' && end ? end : at;
}

double svg_paragraph(struct ink *k, const char *class, double x, double y, double width,
                     char *words)
{
        for (char *end; *words; words = end + (*end == ' '), y += SVG_LINE) {
                char kept;

                end = line_end(words, width);
                kept = *end;
                *end = '\0';
                svg_text(k, class, x, y, "start", words);
                *end = kept;
        }
        return y;
}

void svg_legend_entry(struct svg_legend *l, enum svg_key key, const char *class, const char *words)
{
        double needs = KEY + KEY_GAP + svg_width(words, SVG_FONT);

        if (l->x > l->left && l->x + needs > l->right) {
                l->x = l->left;
                l->y += SVG_LINE + 2;
        }
        if (key == SVG_KEY_LINE)
                svg_line(l->k, class, l->x, l->y - 4, l->x + KEY, l->y - 4);
        else
                svg_rectangle(l->k, class, l->x, l->y - 10, KEY, 12);
        svg_text(l->k, "tick", l->x + KEY + KEY_GAP, l->y, "start", words);
        l->x += needs + GAP;
}
