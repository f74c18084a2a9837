/* SPDX-License-Identifier: MIT */
/* report.c - rows: medians, spreads, and ratios pair by pair. */
#include "report.h"
#include "bench_util.h"
#include "targets.h"

#include <stdlib.h>
#include <string.h>

#define MAX_PAIRS 1000u

struct spread {
        double median, least, most;
        unsigned n;
};

static struct spread spread_of(double *values, unsigned n)
{
        struct spread s = {.n = n};

        if (n == 0)
                return s;
        s.median = median(values, n);
        s.least = values[0];
        s.most = values[n - 1];
        return s;
}

static double ns_per_fault(const struct result *r)
{
        return r->faults ? r->ns * (double)r->accesses / (double)r->faults : 0;
}

enum figure {
        FIGURE_NS,
        FIGURE_FAULTS,
        FIGURE_P50,
        FIGURE_P99,
        FIGURE_P999,
};

static double figure_of(const struct result *r, enum figure which)
{
        switch (which) {
        case FIGURE_FAULTS:
                return (double)r->faults;
        case FIGURE_P50:
                return r->p50;
        case FIGURE_P99:
                return r->p99;
        case FIGURE_P999:
                return r->p999;
        default:
                return r->ns;
        }
}

static struct spread spread_of_figure(const struct row *row, enum figure which)
{
        static double values[MAX_PAIRS];
        unsigned n = 0;

        for (unsigned i = 0; i < row->pairs; i++)
                if (row->results[i].outcome == OUTCOME_DONE)
                        values[n++] = figure_of(&row->results[i], which);
        return spread_of(values, n);
}

/* 0: there is none. */
static double ratio_of_pair(const struct row *row, unsigned rival, unsigned pair)
{
        const struct result *theirs = row->rivals[rival].results;

        if (!theirs || theirs[pair].outcome != OUTCOME_DONE ||
            row->results[pair].outcome != OUTCOME_DONE)
                return 0;
        return theirs[pair].ns / row->results[pair].ns;
}

static struct spread spread_of_ratio(const struct row *row, unsigned rival)
{
        static double values[MAX_PAIRS];
        unsigned n = 0;

        for (unsigned i = 0; i < row->pairs; i++) {
                double ratio = ratio_of_pair(row, rival, i);

                if (ratio > 0)
                        values[n++] = ratio;
        }
        return spread_of(values, n);
}

/* The first run that has no figures; NULL: all have. */
static const struct result *first_without(const struct result *results, unsigned pairs)
{
        for (unsigned i = 0; i < pairs; i++)
                if (results[i].outcome != OUTCOME_DONE)
                        return &results[i];
        return NULL;
}

/* Runs that were to give figures and gave none. */
static unsigned count_lost(const struct row *row)
{
        unsigned lost = 0;

        for (unsigned i = 0; i < row->pairs; i++)
                lost += row->results[i].outcome != OUTCOME_DONE &&
                        row->results[i].outcome != OUTCOME_SKIPPED;
        return lost;
}

static bool is_fault_of_ours(const struct row *row)
{
        for (unsigned i = 0; i < row->pairs; i++)
                if (row->results[i].outcome == OUTCOME_WRONG ||
                    row->results[i].outcome == OUTCOME_FAILED)
                        return true;
        return false;
}

/* ---- JSON -------------------------------------------------------------------------------- */

static void json_text(FILE *json, const char *key, const char *text)
{
        fprintf(json, text ? ",\"%s\":\"%s\"" : ",\"%s\":null", key, text);
}

static void json_number(FILE *json, const char *key, double value, bool present)
{
        if (present)
                fprintf(json, ",\"%s\":%.*f", key, strncmp(key, "ratio", 5) == 0 ? 3 : 1, value);
        else
                fprintf(json, ",\"%s\":null", key);
}

/* pair: below 0, the medians. */
static void json_line(FILE *json, const struct row *row, int pair, const struct result *r,
                      const double ratios[2])
{
        const struct run *run = row->run;
        bool timed = r->ns > 0, percentiles = timed && !run->subject->floor;

        fprintf(json, "{\"bench\":\"rivals\"");
        json_text(json, "series", row->series);
        json_text(json, "subject", run->subject->name);
        json_text(json, "workload", run->workload->name);
        json_text(json, "data", data_names[run->data]);
        fprintf(json, ",\"overcommit\":%g,\"threads\":%u,\"budget\":%zu,\"pages\":%u",
                run->overcommit, run->threads, run->budget, run->pages);
        if (pair >= 0)
                fprintf(json, ",\"pair\":%d", pair);
        else
                fprintf(json, ",\"pair\":null,\"lost\":%u", count_lost(row));
        json_number(json, "ns_per_access", r->ns, timed);
        fprintf(json, ",\"faults\":%lu,\"accesses\":%lu", (unsigned long)r->faults,
                (unsigned long)r->accesses);
        json_number(json, "ns_per_fault", ns_per_fault(r), r->faults > 0);
        json_number(json, "p50", r->p50, percentiles);
        json_number(json, "p99", r->p99, percentiles);
        json_number(json, "p999", r->p999, percentiles);
        json_number(json, "ratio", ratios[0], ratios[0] > 0);
        json_text(json, "rival", ratios[0] > 0 ? row->rivals[0].name : NULL);
        json_number(json, "ratio2", ratios[1], ratios[1] > 0);
        json_text(json, "rival2", ratios[1] > 0 ? row->rivals[1].name : NULL);
        fprintf(json, "}\n");
}

static struct result medians_of(const struct row *row)
{
        struct result r = {.ns = spread_of_figure(row, FIGURE_NS).median,
                           .accesses = row->run->accesses,
                           .faults = (uint64_t)spread_of_figure(row, FIGURE_FAULTS).median,
                           .p50 = spread_of_figure(row, FIGURE_P50).median,
                           .p99 = spread_of_figure(row, FIGURE_P99).median,
                           .p999 = spread_of_figure(row, FIGURE_P999).median};

        return r;
}

static void json_lines(FILE *json, const struct row *row)
{
        struct result r = medians_of(row);
        double ratios[2];

        for (unsigned i = 0; i < row->pairs; i++) {
                if (row->results[i].outcome != OUTCOME_DONE)
                        continue;
                ratios[0] = ratio_of_pair(row, 0, i);
                ratios[1] = ratio_of_pair(row, 1, i);
                json_line(json, row, (int)i, &row->results[i], ratios);
        }
        ratios[0] = spread_of_ratio(row, 0).median;
        ratios[1] = spread_of_ratio(row, 1).median;
        json_line(json, row, -1, &r, ratios);
        fflush(json);
}

/* ---- the table --------------------------------------------------------------------------- */

void report_head(void)
{
        printf("\n%-16s %-14s %5s %7s %3s %-12s %9s %17s %7s %9s %9s %9s %9s  %s\n", "workload",
               "data", "over", "pages", "thr", "subject", "ns/access", "least..most", "faults",
               "ns/fault", "p50/us", "p99/us", "p99.9/us", "ratio");
}

void report_floor_head(void)
{
        printf("\n%-14s %-14s %-8s %9s %17s   (floors: a part of the work alone)\n", "floor",
               "data", "for", "ns/page", "least..most");
}

static void print_ratio(const struct row *row, unsigned rival)
{
        struct spread s = spread_of_ratio(row, rival);
        const struct result *theirs = row->rivals[rival].results;
        const char *name = row->rivals[rival].name;

        if (!name)
                return;
        if (s.n > 0)
                printf("  %.2f (%.2f..%.2f) %s", s.median, s.least, s.most, name);
        else if (!theirs)
                printf("  no ratio: %s did not run", name);
        else
                printf("  no ratio: see %s", name);
}

bool report_row(FILE *json, const struct row *row)
{
        const struct run *run = row->run;
        const struct result *without = first_without(row->results, row->pairs);
        struct spread ns = spread_of_figure(row, FIGURE_NS);
        struct result r = medians_of(row);
        char range[40];

        printf("%-16s %-14s %5.4g %7u %3u %-12s ", run->workload->name, data_names[run->data],
               run->overcommit, run->pages, run->threads, run->subject->name);
        if (ns.n > 0) {
                snprintf(range, sizeof(range), "%.0f..%.0f", ns.least, ns.most);
                printf("%9.0f %17s %7.3f ", ns.median, range,
                       (double)r.faults / (double)r.accesses);
                if (r.faults > 0)
                        printf("%9.0f", ns_per_fault(&r));
                else
                        printf("%9s", "-");
                printf(" %9.1f %9.1f %9.1f", r.p50 / 1000, r.p99 / 1000, r.p999 / 1000);
                print_ratio(row, 0);
                print_ratio(row, 1);
                if (row->rivals[0].name)
                        targets_note(run, spread_of_ratio(row, 0).median);
        }
        if (without)
                printf("%s%s: %s", ns.n > 0 ? "  " : "",
                       without->outcome == OUTCOME_SKIPPED ? "skipped"
                       : without->outcome == OUTCOME_WRONG ? "WRONG"
                                                           : "FAILED",
                       without->text);
        printf("\n");
        fflush(stdout);
        if (json && (ns.n > 0 || count_lost(row) > 0))
                json_lines(json, row);
        return !is_fault_of_ours(row);
}

bool report_floor(FILE *json, const struct row *row)
{
        const struct result *without = first_without(row->results, row->pairs);
        struct spread ns = spread_of_figure(row, FIGURE_NS);
        char range[40];

        printf("%-14s %-14s %-8s ", row->run->subject->name, data_names[row->run->data],
               row->run->workload->touch >= TOUCH_WRITE ? "writes" : "reads");
        if (ns.n > 0) {
                snprintf(range, sizeof(range), "%.0f..%.0f", ns.least, ns.most);
                printf("%9.0f %17s\n", ns.median, range);
                if (json)
                        json_lines(json, row);
        } else {
                printf("skipped: %s\n", without->text);
        }
        fflush(stdout);
        return !is_fault_of_ours(row);
}
