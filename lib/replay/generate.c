/* SPDX-License-Identifier: MIT */
/*
 * generate.c - traces made up by rule and seed.
 *
 * All is computed with integers, so that a seed gives the same bytes on every machine: random
 * numbers are splitmix64's, a random number below n is the upper half of its product with n (whose
 * bias is below n / 2^64), and the powers that zipf needs are computed to 32 binary places by
 * squaring and by square roots.
 *
 * Which accesses write is drawn from a stream of its own: another share of writes leaves the pages
 * as they are.
 */
#include "generate.h"
#include "kernel_page.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ONE ((uint64_t)1 << 32) /* of numbers with 32 binary places */

struct stream {
        uint64_t state;
};

static uint64_t draw(struct stream *s)
{
        uint64_t z = s->state += 0x9e3779b97f4a7c15u;

        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        return z ^ z >> 31;
}

static uint64_t below(struct stream *s, uint64_t n)
{
        return (uint64_t)((unsigned __int128)draw(s) * n >> 64);
}

struct generator {
        const struct generator_settings *settings;
        struct stream stream;
        uint64_t done;     /* accesses so far */
        uint64_t at;       /* scan: the next page; phases: where the window begins */
        uint64_t *weights; /* zipf: of the first i + 1 ranks together */
        uint64_t *page_of; /* zipf: by rank */
};

/* ---- zipf --------------------------------------------------------------------------------- */

/* Of n >= 1, with 32 binary places, which squaring gives one by one. */
static uint64_t log2_of(uint64_t n)
{
        unsigned whole = 63 - (unsigned)__builtin_clzll(n);
        uint64_t x = n << (63 - whole), result = whole; /* x: 1 to 2, with 63 places */

        for (unsigned i = 0; i < 32; i++) {
                unsigned __int128 square = (unsigned __int128)x * x;
                bool two = square >> 127;

                x = (uint64_t)(square >> (two ? 64 : 63));
                result = result << 1 | two;
        }
        return result;
}

static uint64_t square_root(unsigned __int128 x)
{
        uint64_t root = 0;

        for (uint64_t bit = (uint64_t)1 << 63; bit; bit >>= 1)
                if ((unsigned __int128)(root | bit) * (root | bit) <= x)
                        root |= bit;
        return root;
}

/* 2^-x of 32 binary places, with 62 of its own: the product of 2^(-1/2), 2^(-1/4) ... for the
 * binary places that x has. */
static uint64_t exp2_minus(uint64_t x)
{
        uint64_t result = (uint64_t)1 << 62, factor = (uint64_t)1 << 61; /* 1/2 */
        uint64_t whole = x >> 32;

        for (uint64_t bit = ONE >> 1; bit; bit >>= 1) {
                factor = square_root((unsigned __int128)factor << 62);
                if (x & bit)
                        result = (uint64_t)((unsigned __int128)result * factor >> 62);
        }
        return whole > 62 ? 0 : result >> whole;
}

/* Weights, and which page has which rank: so that popular pages are no neighbours. */
static int zipf_begin(struct generator *g)
{
        uint64_t n = g->settings->pages, sum = 0;
        unsigned room = 64 - (unsigned)__builtin_clzll(n);

        g->weights = calloc(n, sizeof(*g->weights));
        g->page_of = calloc(n, sizeof(*g->page_of));
        if (!g->weights || !g->page_of)
                return -ENOMEM;
        for (uint64_t i = 0; i < n; i++) {
                uint64_t j = below(&g->stream, i + 1);
                unsigned __int128 power =
                        (unsigned __int128)log2_of(i + 1) * g->settings->alpha_ppm / 1000000;

                /* So that n of them do not overflow; none is without a chance. */
                sum += (exp2_minus((uint64_t)power) >> room) + 1;
                g->weights[i] = sum;
                g->page_of[i] = g->page_of[j];
                g->page_of[j] = i;
        }
        return 0;
}

static uint64_t zipf_next(struct generator *g)
{
        uint64_t n = g->settings->pages, low = 0, high = n - 1;
        uint64_t at = below(&g->stream, g->weights[n - 1]);

        while (low < high) {
                uint64_t middle = low + (high - low) / 2;

                if (g->weights[middle] > at)
                        high = middle;
                else
                        low = middle + 1;
        }
        return g->page_of[low];
}

/* ---- the others --------------------------------------------------------------------------- */

static uint64_t uniform_next(struct generator *g)
{
        return below(&g->stream, g->settings->pages);
}

static uint64_t loop_next(struct generator *g)
{
        return g->done % g->settings->pages;
}

/* The hot set lies before the pages that are scanned. */
static uint64_t scan_next(struct generator *g)
{
        const struct generator_settings *s = g->settings;

        if (below(&g->stream, 100) < s->hot_pct)
                return below(&g->stream, s->hot);
        return s->hot + g->at++ % (s->pages - s->hot);
}

static uint64_t phases_next(struct generator *g)
{
        const struct generator_settings *s = g->settings;
        uint64_t length = (s->accesses + s->phases - 1) / s->phases;

        if (g->done % length == 0)
                g->at = below(&g->stream, s->pages - s->window + 1);
        return g->at + below(&g->stream, s->window);
}

static const struct {
        const char *name, *help;
        int (*begin)(struct generator *g);
        uint64_t (*next)(struct generator *g);
} kinds[] = {
        {"uniform", "any page, all alike", NULL, uniform_next},
        {"zipf", "the page of rank k by k^-alpha (--alpha 0.99)", zipf_begin, zipf_next},
        {"loop", "all pages in order, over and over", NULL, loop_next},
        {"scan", "a hot set (--hot, a tenth) by --hot-share (50 %), else a loop over the rest",
         NULL, scan_next},
        {"phases", "any page of a --window (a quarter), which moves --phases (8) times", NULL,
         phases_next},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

const char *generator_name(unsigned index, const char **help)
{
        if (index >= KINDS)
                return NULL;
        *help = kinds[index].help;
        return kinds[index].name;
}

/* ---- the whole ---------------------------------------------------------------------------- */

static const char *check(const struct generator_settings *s, unsigned kind)
{
        bool scans = kinds[kind].next == scan_next, shifts = kinds[kind].next == phases_next;

        if (s->pages == 0 || s->pages > (uint64_t)1 << 40 || s->accesses == 0)
                return "--pages must be from 1 to 2^40, and --accesses at least 1";
        if (scans && (s->hot == 0 || s->hot >= s->pages))
                return "--hot must be from 1 to one page less than all";
        if (shifts && (s->window == 0 || s->window > s->pages || s->phases == 0))
                return "--window must be from 1 to all pages, and --phases at least 1";
        if (s->hot_pct > 100 || s->writes_pct > 100)
                return "--hot-share and --writes must be at most 100 %";
        if (s->alpha_ppm > 16000000)
                return "--alpha must be at most 16";
        return NULL;
}

/* What a reader is told: all that the pages depend on. */
static void describe(const struct generator_settings *s, unsigned kind, char *origin, size_t size)
{
        const char *name = kinds[kind].name;

        if (kinds[kind].next == zipf_next)
                snprintf(origin, size, "zipf %" PRIu64 ".%06" PRIu64 " %" PRIu64 " seed %" PRIu64,
                         s->alpha_ppm / 1000000, s->alpha_ppm % 1000000, s->pages, s->seed);
        else if (kinds[kind].next == scan_next)
                snprintf(origin, size,
                         "scan %" PRIu64 " hot %" PRIu64 " %" PRIu64 "%% seed %" PRIu64, s->pages,
                         s->hot, s->hot_pct, s->seed);
        else if (kinds[kind].next == phases_next)
                snprintf(origin, size,
                         "phases %" PRIu64 " window %" PRIu64 " x%" PRIu64 " seed %" PRIu64,
                         s->pages, s->window, s->phases, s->seed);
        else
                snprintf(origin, size, "%s %" PRIu64 " seed %" PRIu64, name, s->pages, s->seed);
}

static int write_all(struct generator *g, unsigned kind, struct trace_file_writer *w, char *why)
{
        const struct generator_settings *s = g->settings;
        struct stream writes = {s->seed ^ 0x5bf03635f0935ad1u};

        for (; g->done < s->accesses; g->done++) {
                struct pg_trace_event e = {.kind = PG_TRACE_ACCESS, .count = 1};

                e.page = kinds[kind].next(g);
                e.dirty = below(&writes, 100) < s->writes_pct;
                trace_file_add(w, &e);
        }
        return trace_file_finish(w, true, why);
}

int generate(const struct generator_settings *s, const char *path, char why[TRACE_WHY])
{
        struct pg_trace_header header = {.page_size = KERNEL_PAGE_SIZE,
                                         .flags = PG_TRACE_EVERY_ACCESS};
        struct generator g = {.settings = s, .stream = {s->seed}};
        struct trace_file_writer *w;
        const char *wrong;
        unsigned kind = 0;
        int error;

        while (kind < KINDS && strcmp(kinds[kind].name, s->kind_name) != 0)
                kind++;
        wrong = kind < KINDS ? check(s, kind) : "there is no such kind: see `unpaged trace --help`";
        if (wrong) {
                snprintf(why, TRACE_WHY, "trace generate %s: %s", s->kind_name, wrong);
                return -EINVAL;
        }
        describe(s, kind, header.origin, sizeof(header.origin));
        error = kinds[kind].begin ? kinds[kind].begin(&g) : 0;
        if (error)
                snprintf(why, TRACE_WHY, "trace generate %s: %s", s->kind_name, strerror(-error));
        else if ((error = trace_file_create(path, &header, &w, why)) == 0)
                error = write_all(&g, kind, w, why);
        free(g.weights);
        free(g.page_of);
        return error;
}
