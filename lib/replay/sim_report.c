/* SPDX-License-Identifier: MIT */
/*
 * sim_report.c - what `unpaged sim` tells.
 *
 * The figure that is compared is capacity misses: those that more memory would have saved. First
 * touches miss whatever the policy, and would only make all of them look alike. Beside it stands
 * its ratio to true LRU. Where LRU has none there is no ratio, and means leave such a cell out.
 */
#include "sim.h"
#include "json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define NAME 18 /* width of the first column */
#define MIB  ((double)(1 << 20))

/* ---- figures
 * ---------------------------------------------------------------------------------- */

static unsigned row_lru(const struct sim *sim)
{
        unsigned row = 0;

        while (sim->rows[row].open != model_lru_open)
                row++;
        return row;
}

/* Times the capacity misses of LRU; NAN: it has none. */
static double ratio_of(const struct sim *sim, const struct sim_result *r, unsigned row,
                       unsigned budget)
{
        uint64_t lru = sim_capacity_misses(r, row_lru(sim), budget);

        if (lru == 0 || !r->cells[row][budget].done)
                return NAN;
        return (double)sim_capacity_misses(r, row, budget) / (double)lru;
}

static double rescues_of(const struct sim_result *r, unsigned row, unsigned budget)
{
        const struct model_counts *c = &r->cells[row][budget].counts;

        return c->misses ? (double)c->rescues / (double)c->misses : 0;
}

static bool is_policy(const struct sim *sim, unsigned row)
{
        return row >= sim->nreferences;
}

/* ---- of a trace
 * ------------------------------------------------------------------------------- */

static void print_name(const struct sim *sim, unsigned row)
{
        char text[64];

        snprintf(text, sizeof(text), "%s%s", sim->rows[row].name,
                 sim->rows[row].policy && sim->rows[row].policy == pg_policy_at(0) ? " (default)"
                                                                                   : "");
        printf("%-*s", NAME, text);
}

static void print_head(const struct sim *sim, const struct sim_result *r, const char *title)
{
        printf("\n%s\n%-*s", title, NAME, "budget");
        for (unsigned b = 0; b < sim->options.nbudgets; b++) {
                const struct sim_budget *budget = &sim->options.budgets[b];
                char text[32];

                if (budget->percent)
                        snprintf(text, sizeof(text), "%g %%", budget->amount);
                else
                        snprintf(text, sizeof(text), "%.4g MiB", budget->amount / MIB);
                printf("  %16s", text);
        }
        printf("\n%-*s", NAME, "frames");
        for (unsigned b = 0; b < sim->options.nbudgets; b++)
                printf("  %16" PRIu32, r->frames[b]);
        printf("\n");
}

static void print_misses(const struct sim *sim, const struct sim_result *r)
{
        print_head(sim, r, "capacity misses, and times those of LRU");
        for (unsigned row = 0; row < sim->nrows; row++) {
                if (row == sim->nreferences)
                        printf("\n");
                print_name(sim, row);
                for (unsigned b = 0; b < sim->options.nbudgets; b++) {
                        double ratio = ratio_of(sim, r, row, b);

                        if (!r->cells[row][b].done)
                                printf("  %16s", "-");
                        else if (isnan(ratio))
                                printf("  %10" PRIu64 "     -", sim_capacity_misses(r, row, b));
                        else
                                printf("  %10" PRIu64 " %5.2f", sim_capacity_misses(r, row, b),
                                       ratio);
                }
                printf("\n");
        }
}

static void print_rescues(const struct sim *sim, const struct sim_result *r)
{
        print_head(sim, r, "rescues for each hard fault");
        for (unsigned row = sim->nreferences; row < sim->nrows; row++) {
                print_name(sim, row);
                for (unsigned b = 0; b < sim->options.nbudgets; b++)
                        printf("  %16.2f", rescues_of(r, row, b));
                printf("\n");
        }
}

static void print_writes(const struct sim *sim, const struct sim_result *r)
{
        print_head(sim, r, "pages written out");
        for (unsigned row = sim->nreferences; row < sim->nrows; row++) {
                print_name(sim, row);
                for (unsigned b = 0; b < sim->options.nbudgets; b++)
                        printf("  %16" PRIu64, r->cells[row][b].counts.left_dirty);
                printf("\n");
        }
}

/* What the trace can say, and what it cannot. */
static void print_nature(const struct steps_facts *f)
{
        if (f->header.flags & PG_TRACE_EVERY_ACCESS)
                printf("Every access is in it.\n");
        else
                printf("Recorded in a pool of %" PRIu32
                       " frames: touches of pages that were mapped "
                       "then are not in it.\nFar above so many frames the counts come near those "
                       "of all accesses; with fewer, misses are missing.\n",
                       f->header.frames);
        if (f->ahead)
                printf("%" PRIu64 " pages were read ahead; they count as touched (with "
                       "UNPAGED_MASK_FEATURES=readahead none would be).\n",
                       f->ahead);
        if (f->lost)
                printf("%" PRIu64 " events were lost in recording.\n", f->lost);
}

void sim_report_trace(const struct sim *sim, const struct sim_result *r)
{
        const struct steps_facts *f = &r->facts;
        unsigned models = 0;

        for (unsigned row = 0; row < sim->nrows; row++)
                models += r->cells[row][0].done;
        printf("%s%s: %" PRIu64 " accesses, %" PRIu64 " of them writes, %" PRIu64
               " first touches;\n%" PRIu32 " pages, at most %" PRIu32 " at once (%.1f MiB). ",
               r == sim->results ? "" : "\n", r->trace, f->touches, f->writes, f->first_touches,
               f->pages, f->most_alive, f->most_alive * (double)f->header.page_size / MIB);
        print_nature(f);
        print_misses(sim, r);
        if (!sim->options.strict)
                print_rescues(sim, r);
        if (f->writes)
                print_writes(sim, r);
        models *= sim->options.nbudgets;
        printf("\n%.1f s for %u models, %.0f million accesses a second in one\n", r->seconds,
               models, (double)f->touches * models / r->seconds / 1e6);
        fflush(stdout);
}

/* ---- of all of them
 * --------------------------------------------------------------------------- */

/* Where ratios were, all together. */
struct mean {
        double log_sum;
        unsigned n;
};

/* No miss at all counts as half of one: it has no logarithm. */
static void mean_add(struct mean *m, const struct sim *sim, const struct sim_result *r,
                     unsigned row, unsigned budget)
{
        double ratio = ratio_of(sim, r, row, budget);

        if (isnan(ratio))
                return;
        m->log_sum += log(fmax(ratio, 0.5 / (double)sim_capacity_misses(r, row_lru(sim), budget)));
        m->n++;
}

static double mean_of(const struct mean *m)
{
        return m->n ? exp(m->log_sum / m->n) : NAN;
}

/* A figure and where it is. */
struct extreme {
        double value;
        const struct sim_result *result;
        unsigned budget, other; /* a row that it is compared with */
};

static struct extreme worst_ratio(const struct sim *sim, unsigned row)
{
        struct extreme worst = {.value = -1};

        for (const struct sim_result *r = sim->results; r < sim->results + sim->nresults; r++)
                for (unsigned b = 0; b < sim->options.nbudgets; b++)
                        if (ratio_of(sim, r, row, b) > worst.value)
                                worst = (struct extreme){ratio_of(sim, r, row, b), r, b, row};
        return worst;
}

/* Where another policy does best beside this one. */
static struct extreme worst_loss(const struct sim *sim, unsigned row)
{
        struct extreme worst = {.value = 1};

        for (const struct sim_result *r = sim->results; r < sim->results + sim->nresults; r++)
                for (unsigned b = 0; b < sim->options.nbudgets; b++)
                        for (unsigned other = sim->nreferences; other < sim->nrows; other++) {
                                double loss = ((double)sim_capacity_misses(r, row, b) + 1) /
                                              ((double)sim_capacity_misses(r, other, b) + 1);

                                if (loss > worst.value)
                                        worst = (struct extreme){loss, r, b, other};
                        }
        return worst;
}

static struct mean mean_ratio(const struct sim *sim, unsigned row, unsigned first, unsigned end)
{
        struct mean mean = {0};

        for (const struct sim_result *r = sim->results; r < sim->results + sim->nresults; r++)
                for (unsigned b = first; b < end; b++)
                        mean_add(&mean, sim, r, row, b);
        return mean;
}

static void print_ratio(double ratio)
{
        if (isnan(ratio))
                printf("  %8s", "-");
        else
                printf("  %8.3f", ratio);
}

static void print_summary(const struct sim *sim)
{
        unsigned nbudgets = sim->options.nbudgets;

        printf("\nall %u traces: capacity misses, times those of LRU, geometric means\n%-*s",
               sim->nresults, NAME, "budget");
        for (unsigned b = 0; b < nbudgets; b++)
                printf("  %7.4g%s",
                       sim->options.budgets[b].amount / (sim->options.budgets[b].percent ? 1 : MIB),
                       sim->options.budgets[b].percent ? "%" : "M");
        printf("  %8s  %8s  %8s\n", "all", "worst", "rescues");
        for (unsigned row = 0; row < sim->nrows; row++) {
                struct mean mean = mean_ratio(sim, row, 0, nbudgets);
                struct extreme worst = worst_ratio(sim, row);
                double rescues = 0;

                print_name(sim, row);
                for (unsigned b = 0; b < nbudgets; b++) {
                        struct mean one = mean_ratio(sim, row, b, b + 1);

                        print_ratio(mean_of(&one));
                }
                print_ratio(mean_of(&mean));
                print_ratio(worst.value < 0 ? NAN : worst.value);
                for (const struct sim_result *r = sim->results;
                     r < sim->results + sim->nresults && is_policy(sim, row); r++)
                        for (unsigned b = 0; b < nbudgets; b++)
                                rescues = fmax(rescues, rescues_of(r, row, b));
                if (is_policy(sim, row))
                        printf("  %8.2f", rescues);
                printf("\n");
        }
        printf("rescues: for each hard fault, the most of all traces and budgets\n");
}

static void say_where(const struct sim *sim, const struct extreme *e)
{
        const struct sim_budget *b = &sim->options.budgets[e->budget];

        printf("%s at %g %s", e->result->trace, b->percent ? b->amount : b->amount / MIB,
               b->percent ? "%" : "MiB");
}

void sim_report_end(const struct sim *sim)
{
        unsigned row = sim->nreferences;
        struct mean mean = mean_ratio(sim, row, 0, sim->options.nbudgets);
        struct extreme worst = worst_ratio(sim, row), loss = worst_loss(sim, row);

        if (sim->nresults > 1)
                print_summary(sim);
        if (mean.n == 0) {
                printf("\nEverything fits: LRU has no capacity misses, so there is nothing to "
                       "choose.\n");
                return;
        }
        printf("\n%s: %.2f times the capacity misses of LRU in the geometric mean, at worst %.2f "
               "times (",
               sim->rows[row].name, mean_of(&mean), worst.value);
        say_where(sim, &worst);
        printf("). ");
        if (loss.value > 1) {
                printf("It loses most to %s (", sim->rows[loss.other].name);
                say_where(sim, &loss);
                printf("): %.2f times as many.\n", loss.value);
        } else {
                printf("No other policy here misses less anywhere.\n");
        }
}

/* ---- JSON
 * ------------------------------------------------------------------------------------- */

/* A document for each figure, on a line. */
static void json_figure(const struct sim *sim, const struct sim_result *r, unsigned row, unsigned b)
{
        const struct model_counts *c = &r->cells[row][b].counts;
        const struct steps_facts *f = &r->facts;
        struct json j = {.put = json_into_stream, .arg = stdout, .lines = true};

        json_document(&j, "unpaged.sim", 1);
        json_text(&j, "trace", r->trace);
        json_text(&j, "policy", sim->rows[row].name);
        json_bool(&j, "reference", !is_policy(sim, row));
        json_number(&j, "frames", r->frames[b]);
        json_number(&j, "budget_bytes", (uint64_t)r->frames[b] * f->header.page_size);
        json_number(&j, "accesses", f->touches);
        json_bool(&j, "every_access", f->header.flags & PG_TRACE_EVERY_ACCESS);
        json_number(&j, "pages", f->most_alive);
        json_number(&j, "first_touches", f->first_touches);
        json_number(&j, "capacity_misses", sim_capacity_misses(r, row, b));
        json_decimal(&j, "ratio_lru", ratio_of(sim, r, row, b), 4);
        if (is_policy(sim, row)) {
                json_number(&j, "rescues", c->rescues);
                json_number(&j, "left_clean", c->left_clean);
                json_number(&j, "left_dirty", c->left_dirty);
        } else {
                json_null(&j, "rescues");
                json_null(&j, "left_clean");
                json_null(&j, "left_dirty");
        }
        json_close(&j);
}

void sim_report_json(const struct sim *sim, const struct sim_result *r)
{
        for (unsigned row = 0; row < sim->nrows; row++)
                for (unsigned b = 0; b < sim->options.nbudgets; b++)
                        if (r->cells[row][b].done)
                                json_figure(sim, r, row, b);
        fflush(stdout);
}
