/* SPDX-License-Identifier: MIT */
/* report.h - results as a table for people, as lines of JSON, and beside the goals. */
#ifndef RIVALS_REPORT_H
#define RIVALS_REPORT_H

#include "run.h"

#include <stdio.h>

/* All runs of one subject at one place of the plan, and those of its rivals. */
struct row {
        const struct run *run;        /* what they had in common, and the subject */
        const char *series;           /* of the JSON lines */
        const struct result *results; /* by pair */
        unsigned pairs;
        struct {
                const char *name;             /* NULL: none */
                const struct result *results; /* NULL: it did not run */
        } rivals[2];
};

void report_head(void);
void report_floor_head(void);

/* Prints the row and its JSON lines. false: a run was wrong or failed. */
bool report_row(FILE *json, const struct row *row);
bool report_floor(FILE *json, const struct row *row);

#endif
