/* SPDX-License-Identifier: MIT */
/* histogram.c - the paging histograms for people: bars of text, or an SVG document. */
#include "machine.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#ifdef CONFIG_DEMAND_PAGING_TIMING_HISTOGRAM

#define NUM_BINS CONFIG_DEMAND_PAGING_TIMING_HISTOGRAM_NUM_BINS
#define BAR      50

static const struct {
        const char *title;
        void (*get)(struct k_mem_paging_histogram_t *histogram);
} histograms[] = {
        {"choosing a victim", k_mem_paging_histogram_eviction_get},
        {"page in", k_mem_paging_histogram_backing_store_page_in_get},
        {"page out", k_mem_paging_histogram_backing_store_page_out_get},
};

static void label(char *text, size_t size, unsigned long bound)
{
        if (bound == ULONG_MAX)
                snprintf(text, size, "longer");
        else
                snprintf(text, size, "%g us", (double)k_cyc_to_ns_ceil64(bound) / NSEC_PER_USEC);
}

static unsigned long most_of(const struct k_mem_paging_histogram_t *h)
{
        unsigned long most = 0;

        for (int i = 0; i < NUM_BINS; i++)
                most = MAX(most, h->counts[i]);
        return most;
}

static void print(const char *title, const struct k_mem_paging_histogram_t *h)
{
        unsigned long most = MAX(1, most_of(h));
        char text[32];

        printf("\n%s\n", title);
        for (int i = 0; i < NUM_BINS; i++) {
                int bar = (int)(h->counts[i] * BAR / most);

                label(text, sizeof(text), h->bounds[i]);
                printf("%12s %8lu %.*s\n", text, h->counts[i], bar,
                       "##################################################");
        }
}

/* ---- the picture --------------------------------------------------------------------------- */

enum { WIDTH = 640, LEFT = 132, LONGEST = 340, ROW = 17, HEAD = 40, TITLE = 34 };

static const char style[] =
        "<style>text{font:12px system-ui,'DejaVu Sans',Helvetica,Arial,sans-serif;fill:#1f2328}"
        ".title{font-size:17px;font-weight:bold}.paper{fill:#fff}.bar{fill:#1f5fa8}"
        "@media(prefers-color-scheme:dark){text{fill:#e6e8eb}.paper{fill:#16191d}"
        ".bar{fill:#6cb0ff}}</style>\n";

static void draw_text(FILE *out, const char *class, int x, int y, const char *anchor,
                      const char *words)
{
        fprintf(out, "<text class=\"%s\" x=\"%d\" y=\"%d\" text-anchor=\"%s\">", class, x, y,
                anchor);
        for (; *words; words++)
                if (*words == '<' || *words == '&')
                        fputs(*words == '<' ? "&lt;" : "&amp;", out);
                else
                        fputc(*words, out);
        fprintf(out, "</text>\n");
}

/* A bar for each bin, below y. */
static void draw_bars(FILE *out, int y, const struct k_mem_paging_histogram_t *h)
{
        unsigned long most = most_of(h);
        char text[32];

        for (int i = 0; i < NUM_BINS; i++, y += ROW) {
                int bar = (int)(h->counts[i] * LONGEST / most);

                label(text, sizeof(text), h->bounds[i]);
                draw_text(out, "bound", LEFT - 8, y + 12, "end", text);
                fprintf(out, "<rect class=\"bar\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n",
                        LEFT, y + 2, bar, ROW - 4);
                snprintf(text, sizeof(text), "%lu", h->counts[i]);
                draw_text(out, "count", LEFT + bar + 8, y + 12, "start", text);
        }
}

/* Only histograms that have something in them. */
static void draw(FILE *out, int height)
{
        struct k_mem_paging_histogram_t h;
        char title[64];
        int y = HEAD;

        fprintf(out,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
                "height=\"%d\">\n%s<rect class=\"paper\" width=\"%d\" height=\"%d\"/>\n",
                WIDTH, height, WIDTH, height, style, WIDTH, height);
        snprintf(title, sizeof(title), "Paging of %.40s", program_invocation_short_name);
        draw_text(out, "title", 12, 24, "start", title);
        for (size_t i = 0; i < ARRAY_SIZE(histograms); i++) {
                histograms[i].get(&h);
                if (most_of(&h) == 0)
                        continue;
                snprintf(title, sizeof(title), "%s: how many took up to", histograms[i].title);
                draw_text(out, "heading", 12, y + 20, "start", title);
                draw_bars(out, y + TITLE - 6, &h);
                y += TITLE + NUM_BINS * ROW;
        }
        fprintf(out, "</svg>\n");
}

static int height_of_all(void)
{
        struct k_mem_paging_histogram_t h;
        int height = HEAD;

        for (size_t i = 0; i < ARRAY_SIZE(histograms); i++) {
                histograms[i].get(&h);
                height += most_of(&h) ? TITLE + NUM_BINS * ROW : 0;
        }
        return height == HEAD ? 0 : height + 12;
}

static void write_picture(const char *path)
{
        int height = height_of_all();
        FILE *out = height ? fopen(path, "we") : NULL;
        bool written = out != NULL;

        if (!height) {
                fprintf(stderr, "%s is not written: nothing was paged\n", path);
                return;
        }
        if (out) {
                draw(out, height);
                written = !ferror(out);
                written = fclose(out) == 0 && written;
        }
        if (!written)
                fprintf(stderr, "%s is not written: %s\n", path, strerror(errno));
}

void unpaged_histogram_report(const char *path)
{
        struct k_mem_paging_histogram_t h;

        if (path) {
                write_picture(path);
                return;
        }
        for (size_t i = 0; i < ARRAY_SIZE(histograms); i++) {
                histograms[i].get(&h);
                print(histograms[i].title, &h);
        }
}

#else

void unpaged_histogram_report(const char *path)
{
        ARG_UNUSED(path);
        fprintf(stderr, "no histograms: they need CONFIG_DEMAND_PAGING_STATS and "
                        "CONFIG_DEMAND_PAGING_TIMING_HISTOGRAM\n");
}

#endif
