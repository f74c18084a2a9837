/* SPDX-License-Identifier: MIT */
/*
 * heat_text.c - the heat picture (heat.h) as text: a letter for each cell, the initial of the kind
 * that has most events in it, large if they are many; and bars for the time line.
 */
#include "heat.h"

#include <stdio.h>
#include <string.h>

enum {
        LABEL = 22, /* letters before a row */
        ROWS = 24,
        BAR = 5, /* rows of a panel of the time line */
        LEVELS = 2,
        NUMBER = 10, /* room for one, below the axis */
};

struct heat_size heat_text_size(unsigned width)
{
        return (struct heat_size){width - LABEL - 1, ROWS, 1};
}

static const char small[] = "frwe", large[] = "FRWE";

static void rule(const struct heat *h)
{
        printf("%*s +", LABEL - 1, "");
        for (unsigned i = 0; i < h->columns; i++)
                putchar('-');
        putchar('\n');
}

/* ---- cells --------------------------------------------------------------------------------- */

static char letter(const struct heat *h, unsigned column, unsigned row)
{
        enum heat_kind most = 0;
        uint32_t n;

        for (enum heat_kind kind = 1; kind < HEAT_KINDS; kind++)
                if (heat_cell(h, kind, column, row) > heat_cell(h, most, column, row))
                        most = kind;
        n = heat_cell(h, most, column, row);
        if (n == 0)
                return ' ';
        return heat_level(h, n, LEVELS) < LEVELS ? small[most] : large[most];
}

/* The least number that gets a large letter. */
static uint64_t least_large(const struct heat *h)
{
        uint64_t n = 1;

        while (n < h->most && heat_level(h, (uint32_t)n, LEVELS) < LEVELS)
                n++;
        return n;
}

/* Words in lines of at most `width` letters. */
static void print_wrapped(const char *words, unsigned width)
{
        while (*words) {
                size_t n = strlen(words), end = n <= width ? n : width;

                while (end < n && end > 0 && words[end] != ' ')
                        end--;
                end = end > 0 ? end : n < width ? n : width;
                printf("%.*s\n", (int)end, words);
                words += end + (words[end] == ' ');
        }
}

static void print_key(const struct heat *h, unsigned width)
{
        char at[256] = "";
        struct ink words = {at, sizeof(at), 0, false};

        ink_text(&words, "Of each cell, the kind that it has most of:");
        for (enum heat_kind kind = 0; kind < HEAT_KINDS; kind++) {
                char initial[] = {' ', small[kind], ' ', '\0'};

                if (!h->kinds[kind])
                        continue;
                ink_text(&words, initial);
                ink_text(&words, heat_kind_name(h, kind));
                ink_text(&words, ",");
        }
        ink_text(&words, " capital from ");
        ink_number(&words, (double)least_large(h), 0);
        ink_text(&words, " on, to ");
        ink_number(&words, (double)h->most, 0);
        ink_text(&words, ".");
        print_wrapped(at, width);
}

static void print_label(const struct heat *h, const struct heat_band *band, unsigned row)
{
        char at[64] = "";
        struct ink text = {at, sizeof(at), 0, false};
        unsigned number = (unsigned)(band - h->bands.bands);

        if (row == band->row)
                heat_band_address(h, number, &text);
        if (row == band->row && band->rows == 1)
                ink_text(&text, " ");
        if (row == band->row + (band->rows > 1))
                heat_band_size(h, number, &text);
        printf("%*.*s |", LABEL - 1, LABEL - 1, at);
}

static void print_row(const struct heat *h, unsigned row)
{
        char line[4096];
        size_t n = h->columns;

        for (unsigned i = 0; i < n; i++)
                line[i] = letter(h, i, row);
        while (n > 0 && line[n - 1] == ' ')
                n--;
        printf("%.*s\n", (int)n, line);
}

static void print_cells(const struct heat *h)
{
        for (unsigned i = h->bands.count; i-- > 0;) {
                const struct heat_band *band = &h->bands.bands[i];

                rule(h);
                for (unsigned row = band->row + band->rows; row-- > band->row;) {
                        print_label(h, band, row);
                        print_row(h, row);
                }
        }
        rule(h);
}

/* ---- the time line ------------------------------------------------------------------------- */

/* The highest value is as high as the panel. */
static void print_bars(const struct heat *h, const char *name, const char *top, heat_value *value)
{
        double most = heat_most(h, value);

        for (unsigned row = BAR; row-- > 0;) {
                printf("%*.*s |", LABEL - 1, LABEL - 1,
                       row == BAR - 1   ? name
                       : row == BAR - 2 ? top
                                        : "");
                for (unsigned i = 0; i < h->columns; i++)
                        putchar(value(h, i) * BAR > most * row ? '#' : ' ');
                putchar('\n');
        }
        rule(h);
}

static void print_memory(const struct heat *h, const char *name, heat_value *value)
{
        char at[40] = "";
        struct ink top = {at, sizeof(at), 0, false};

        ink_text(&top, "top: ");
        ink_bytes(&top, heat_most(h, value));
        print_bars(h, name, at, value);
}

static void print_faults(const struct heat *h)
{
        char at[40] = "";
        struct ink top = {at, sizeof(at), 0, false};

        ink_text(&top, "top: ");
        ink_short(&top, heat_most(h, heat_rate));
        print_bars(h, "faults a second", at, heat_rate);
}

static void print_axis(const struct heat *h)
{
        char end[32] = "";
        struct ink words = {end, sizeof(end), 0, false};
        int width = h->columns > NUMBER ? (int)h->columns - 1 : NUMBER;

        if (h->by_time)
                ink_number(&words, h->seconds, 3);
        else
                ink_number(&words, (double)h->events, 0);
        printf("%*s0%*s\n%*s%s\n", LABEL + 1, "", width, end, LABEL + 1, "", heat_axis_name(h));
}

void heat_text(const struct heat *h, unsigned width)
{
        char at[512 + TRACE_NAME] = "";
        struct ink words = {at, sizeof(at), 0, false};

        ink_text(&words, "Pages of ");
        ink_text(&words, h->name);
        ink_text(&words, ": ");
        heat_summary(h, &words);
        print_wrapped(at, width);
        print_key(h, width);
        print_cells(h);
        if (h->knows_memory)
                print_memory(h, "resident", heat_resident);
        if (heat_shows_out(h))
                print_memory(h, "in swap, uncompressed", heat_out);
        if (heat_shows_rate(h))
                print_faults(h);
        print_axis(h);
}
