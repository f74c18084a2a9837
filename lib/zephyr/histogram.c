/* SPDX-License-Identifier: MIT */
/* histogram.c - the paging histograms for people: bars of text, or a picture by gnuplot. */
#include "machine.h"

#include <stdio.h>
#include <stdlib.h>

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

static void print(const char *title, const struct k_mem_paging_histogram_t *h)
{
        unsigned long most = 1;
        char text[32];

        printf("\n%s\n", title);
        for (int i = 0; i < NUM_BINS; i++)
                most = MAX(most, h->counts[i]);
        for (int i = 0; i < NUM_BINS; i++) {
                int bar = (int)(h->counts[i] * BAR / most);

                label(text, sizeof(text), h->bounds[i]);
                printf("%12s %8lu %.*s\n", text, h->counts[i], bar,
                       "##################################################");
        }
}

static void plot(FILE *gnuplot, const char *path)
{
        struct k_mem_paging_histogram_t h;
        char text[32];

        fprintf(gnuplot,
                "set terminal svg size 1200,360\nset output '%s'\nset multiplot layout 1,3\n"
                "set style fill solid\nset boxwidth 0.9\nset xtics rotate\nset yrange [0:*]\n"
                "unset key\nset ylabel 'times'\n",
                path);
        for (size_t i = 0; i < ARRAY_SIZE(histograms); i++) {
                histograms[i].get(&h);
                fprintf(gnuplot, "set title '%s'\nplot '-' using 2:xtic(1) with boxes\n",
                        histograms[i].title);
                for (int bin = 0; bin < NUM_BINS; bin++) {
                        label(text, sizeof(text), h.bounds[bin]);
                        fprintf(gnuplot, "\"%s\" %lu\n", text, h.counts[bin]);
                }
                fprintf(gnuplot, "e\n");
        }
}

void unpaged_histogram_report(const char *path)
{
        struct k_mem_paging_histogram_t h;
        FILE *gnuplot;

        if (!path) {
                for (size_t i = 0; i < ARRAY_SIZE(histograms); i++) {
                        histograms[i].get(&h);
                        print(histograms[i].title, &h);
                }
                return;
        }
        gnuplot = popen("gnuplot", "we");
        if (gnuplot)
                plot(gnuplot, path);
        if (!gnuplot || pclose(gnuplot) != 0)
                fprintf(stderr, "%s is not written: gnuplot is needed for it, and failed\n", path);
}

#else

void unpaged_histogram_report(const char *path)
{
        ARG_UNUSED(path);
        fprintf(stderr, "no histograms: they need CONFIG_DEMAND_PAGING_STATS and "
                        "CONFIG_DEMAND_PAGING_TIMING_HISTOGRAM\n");
}

#endif
