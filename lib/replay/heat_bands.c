/* SPDX-License-Identifier: MIT */
/* heat_bands.c - see heat_bands.h. */
#include "heat_bands.h"

#include <stdlib.h>

/* ---- noting pages -------------------------------------------------------------------------- */

static bool coarsen(struct heat_pieces *p)
{
        struct page_map coarser = {0};
        bool room = true;

        for (size_t i = 0; i < p->map.places && room; i++)
                if (p->map.entries[i].value)
                        room = page_map_get(&coarser, p->map.entries[i].page >> 1, 1);
        page_map_free(&p->map);
        p->map = coarser;
        p->shift++;
        return room;
}

bool heat_pieces_note(struct heat_pieces *p, uint64_t page)
{
        if (!page_map_get(&p->map, page >> p->shift, 1))
                return false;
        while (p->map.count > PIECES_MOST)
                if (!coarsen(p))
                        return false;
        return true;
}

/* ---- runs ---------------------------------------------------------------------------------- */

static int by_first(const void *a, const void *b)
{
        uint64_t x = ((const struct heat_run *)a)->first, y = ((const struct heat_run *)b)->first;

        return (x > y) - (x < y);
}

static uint64_t last_of(const struct heat_run *r)
{
        return r->first + (r->pages - 1);
}

/* Joins what is close together; how many runs remain. */
static size_t join(struct heat_run *runs, size_t n)
{
        size_t kept = 0;

        for (size_t i = 1; i < n; i++) {
                if (runs[i].first - last_of(&runs[kept]) <= BAND_GAP + 1)
                        runs[kept].pages = last_of(&runs[i]) - runs[kept].first + 1;
                else
                        runs[++kept] = runs[i];
        }
        return n ? kept + 1 : 0;
}

static bool make_runs(struct heat_bands *b, const struct heat_pieces *p)
{
        b->runs = calloc(p->map.count + 1, sizeof(*b->runs));
        if (!b->runs)
                return false;
        for (size_t i = 0; i < p->map.places; i++)
                if (p->map.entries[i].value)
                        b->runs[b->nruns++] =
                                (struct heat_run){.first = p->map.entries[i].page << p->shift,
                                                  .pages = (uint64_t)1 << p->shift};
        qsort(b->runs, b->nruns, sizeof(b->runs[0]), by_first);
        b->nruns = join(b->runs, b->nruns);
        return true;
}

/* ---- bands --------------------------------------------------------------------------------- */

/* Before a run, there is a gap. */
static uint64_t gap(const struct heat_bands *b, size_t run)
{
        return b->runs[run].first - last_of(&b->runs[run - 1]);
}

/* The least of the BANDS_MOST - 1 largest gaps: bands are parted there. Equal ones beyond that
 * number join. */
static uint64_t least_gap(const struct heat_bands *b)
{
        uint64_t largest[BANDS_MOST - 1] = {0}; /* sorted, the largest first */

        for (size_t i = 1; i < b->nruns; i++) {
                uint64_t g = gap(b, i);

                for (unsigned at = 0; at < BANDS_MOST - 1; at++)
                        if (g > largest[at]) {
                                uint64_t smaller = largest[at];

                                largest[at] = g;
                                g = smaller;
                        }
        }
        return largest[BANDS_MOST - 2];
}

static void group(struct heat_bands *b)
{
        uint64_t least = least_gap(b);

        for (size_t i = 0; i < b->nruns; i++) {
                struct heat_run *r = &b->runs[i];
                struct heat_band *band = &b->bands[b->count - (b->count > 0)];

                if (b->count == 0 || (gap(b, i) >= least && b->count < BANDS_MOST)) {
                        band = &b->bands[b->count++];
                        band->first = r->first;
                }
                r->band = b->count - 1;
                r->before = band->pages;
                band->pages += r->pages;
                band->last = last_of(r);
        }
}

/* Each gets the least, and its share of what is left. */
static void give_rows(struct heat_bands *b, unsigned rows, unsigned least)
{
        unsigned spare = rows - least * b->count, given = 0;
        uint64_t pages = 0, all = 0;

        for (unsigned i = 0; i < b->count; i++)
                all += b->bands[i].pages;
        for (unsigned i = 0; i < b->count; i++) {
                struct heat_band *band = &b->bands[i];
                unsigned upto;

                pages += band->pages;
                upto = least * (i + 1) + (unsigned)((double)spare * (double)pages / (double)all);
                band->row = given;
                band->rows = upto - given;
                given = upto;
        }
}

bool heat_bands_make(struct heat_bands *b, struct heat_pieces *noted, unsigned rows, unsigned least)
{
        bool room;

        *b = (struct heat_bands){0};
        room = make_runs(b, noted);
        page_map_free(&noted->map);
        if (room) {
                group(b);
                give_rows(b, rows, least);
        }
        return room;
}

void heat_bands_free(struct heat_bands *b)
{
        free(b->runs);
        b->runs = NULL;
}

static const struct heat_run *run_of(const struct heat_bands *b, uint64_t page)
{
        size_t low = 0, high = b->nruns;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (last_of(&b->runs[middle]) < page)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < b->nruns && b->runs[low].first <= page ? &b->runs[low] : NULL;
}

unsigned heat_bands_rows(const struct heat_bands *b, uint64_t page, unsigned *row)
{
        const struct heat_run *r = run_of(b, page);
        const struct heat_band *band;
        double at, to, scale;
        unsigned end;

        if (!r)
                return 0;
        band = &b->bands[r->band];
        scale = (double)band->rows / (double)band->pages;
        at = (double)(r->before + (page - r->first)) * scale;
        to = at + scale;
        *row = band->row + (unsigned)at;
        end = band->row + (unsigned)to;
        return end > *row ? end - *row : 1;
}
