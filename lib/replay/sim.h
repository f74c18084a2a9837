/* SPDX-License-Identifier: MIT */
/*
 * sim.h - `unpaged sim`: what its files share.
 *
 *      sim.c           replays each trace in all models at once, piece by piece
 *      sim_options.c   what was asked for
 *      sim_policy.c    policies by name, or in a shared object (policy_object.c, shared with `run`)
 *      sim_report.c    tables, sentences, JSON
 */
#ifndef SIM_H
#define SIM_H

#include "model.h"
#include "steps.h"

#define SIM_BUDGETS_MOST  16u
#define SIM_POLICIES_MOST 64u
#define SIM_ROWS_MOST     (SIM_POLICIES_MOST + 3)

struct sim_budget {
        double amount;
        bool percent; /* of the footprint; or else bytes */
};

struct sim_options {
        struct sim_budget budgets[SIM_BUDGETS_MOST];
        unsigned nbudgets;
        const struct pg_policy_ops *policies[SIM_POLICIES_MOST];
        unsigned npolicies;
        unsigned queue_pct;
        bool far, strict, json, check;
        char **traces;
        unsigned ntraces;
};

/* A line of the tables: a policy, or a reference. */
struct sim_row {
        const char *name;
        const struct pg_policy_ops *policy; /* or NULL, and */
        int (*open)(struct model **, uint32_t pages, uint32_t frames);
};

/* What came of a trace. */
struct sim_result {
        const char *trace;
        struct steps_facts facts;
        uint32_t frames[SIM_BUDGETS_MOST];
        struct {
                bool done;
                struct model_counts counts;
        } cells[SIM_ROWS_MOST][SIM_BUDGETS_MOST];
        double seconds; /* of the replay, all models together */
};

struct sim {
        struct sim_options options;
        struct sim_row rows[SIM_ROWS_MOST]; /* references first */
        unsigned nrows, nreferences;
        struct sim_result *results;
        unsigned nresults;
};

/* -1: go on; else the status to end with. */
int sim_options_read(int argc, char **argv, struct sim_options *o);

/* The policies of a name, "all" among them, or of a shared object's path (one with a slash, or that
 * ends in .so), are added. False: it has said why. */
bool sim_policy_add(struct sim_options *o, const char *word);

/* What sim_report.c tells: of a trace, after it was replayed; of all of them, at the end. */
void sim_report_trace(const struct sim *sim, const struct sim_result *r);
void sim_report_end(const struct sim *sim);
void sim_report_json(const struct sim *sim, const struct sim_result *r);

/* Misses that are not first touches. */
static inline uint64_t sim_capacity_misses(const struct sim_result *r, unsigned row,
                                           unsigned budget)
{
        return r->cells[row][budget].counts.misses - r->facts.first_touches;
}

#endif
