/* SPDX-License-Identifier: MIT */
/*
 * heat_bands.h - the addresses of a trace as bands: where on a short axis a page stands.
 *
 * A trace does not say which mappings there were. So a band is a run of touched pages, in which no
 * gap is larger than BAND_GAP pages; what is between bands is not drawn. If there are more than
 * BANDS_MOST, those closest to each other share one. Inside a band addresses are true to scale, but
 * for the gaps between runs that share it.
 *
 * Memory is bounded: pages are noted in pieces, of one page as long as there are few, and of twice
 * as many whenever there are more than PIECES_MOST.
 */
#ifndef HEAT_BANDS_H
#define HEAT_BANDS_H

#include "page_map.h"

#define BANDS_MOST  12u
#define BAND_GAP    256u
#define PIECES_MOST 65536u

/* ---- noting pages ------------------------------------------------------------------------- */

struct heat_pieces {
        struct page_map map; /* by piece */
        unsigned shift;      /* a piece is 2^shift pages */
};

/* All zeros at first. False: no memory. */
bool heat_pieces_note(struct heat_pieces *p, uint64_t page);

/* ---- bands -------------------------------------------------------------------------------- */

struct heat_run {
        uint64_t first, pages;
        uint64_t before; /* pages of its band's runs before it */
        unsigned band;
};

struct heat_band {
        uint64_t first, last; /* pages */
        uint64_t pages;       /* of its runs */
        unsigned row, rows;   /* its place on the axis, counted from the lowest address */
};

struct heat_bands {
        struct heat_run *runs;
        size_t nruns;
        struct heat_band bands[BANDS_MOST];
        unsigned count;
};

/* Divides `rows` rows among the bands, no less than `least` to each; rows >= least * BANDS_MOST.
 * Frees what was noted. False: no memory. */
bool heat_bands_make(struct heat_bands *b, struct heat_pieces *noted, unsigned rows,
                     unsigned least);
void heat_bands_free(struct heat_bands *b);

/* The rows that a page covers, from *row on; how many; 0: it was not noted. */
unsigned heat_bands_rows(const struct heat_bands *b, uint64_t page, unsigned *row);

#endif
