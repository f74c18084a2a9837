/* SPDX-License-Identifier: MIT */
/* generate.h - traces made up by rule and seed. See generate.c. */
#ifndef GENERATE_H
#define GENERATE_H

#include <stddef.h>
#include <stdint.h>
#include "trace_file.h"

struct generator_settings {
        uint64_t pages, accesses, seed;
        uint64_t alpha_ppm;    /* zipf: the exponent in millionths */
        uint64_t hot;          /* scan: pages of the hot set */
        uint64_t hot_pct;      /* scan: share of the accesses that go there */
        uint64_t window;       /* phases: pages in use in one */
        uint64_t phases;       /* how many of them */
        uint64_t writes_pct;   /* share of the accesses that write */
        const char *kind_name; /* one of generator_name() */
};

/* The kinds in order; NULL after the last. *help: what it does. */
const char *generator_name(unsigned index, const char **help);

/* Writes the trace. 0; or a negative errno, and why: -EINVAL: the settings. */
int generate(const struct generator_settings *settings, const char *path, char why[TRACE_WHY]);

#endif
