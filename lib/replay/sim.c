/* SPDX-License-Identifier: MIT */
/*
 * sim.c - `unpaged sim`: how often would each policy have missed?
 *
 * A trace is replayed in all models at once, piece by piece: it is read once however many there
 * are, and each model goes through a piece with its own tables in the cache.
 */
#include "sim.h"
#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <unpaged/unpaged.h>

/* ---- progress -------------------------------------------------------------------------------- */

struct progress {
        const char *trace;
        bool shows;
        uint64_t all; /* touches; 0: not known yet */
        double shown; /* when */
};

static double seconds_now(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void progress(void *arg, uint64_t touches)
{
        struct progress *p = arg;
        double now = seconds_now();

        if (!p->shows || now - p->shown < 0.2)
                return;
        p->shown = now;
        if (p->all)
                fprintf(stderr, "\r%s: %3.0f %%\033[K", p->trace,
                        100 * (double)touches / (double)p->all);
        else
                fprintf(stderr, "\r%s: reading, %llu accesses\033[K", p->trace,
                        (unsigned long long)touches);
}

static void progress_end(const struct progress *p)
{
        if (p->shows && p->shown > 0)
                fprintf(stderr, "\r\033[K");
}

/* ---- a trace --------------------------------------------------------------------------------- */

static uint32_t frames_of(const struct sim_budget *b, const struct steps_facts *f)
{
        double frames =
                b->percent ? b->amount * f->most_alive / 100 : b->amount / f->header.page_size;

        return frames < PG_FRAMES_MIN ? PG_FRAMES_MIN
               : frames > PAGES_MOST  ? PAGES_MOST
                                      : (uint32_t)frames;
}

static int model_open(const struct sim *sim, const struct sim_row *row, const struct steps *steps,
                      uint32_t frames, struct model **model)
{
        const struct sim_options *o = &sim->options;
        struct pool_model pool = {
                .policy = row->policy,
                .keys = steps_keys(steps),
                .pages = steps_facts(steps)->pages,
                .frames = frames,
                .queue_pct = o->queue_pct,
                .strict = o->strict,
                .far = o->far,
                .check = o->check,
        };

        return row->policy ? model_pool_open(model, &pool) : row->open(model, pool.pages, frames);
}

typedef struct model *models[SIM_ROWS_MOST][SIM_BUDGETS_MOST];

static int open_models(const struct sim *sim, const struct steps *steps, struct sim_result *r,
                       models all)
{
        for (unsigned i = 0; i < sim->nrows; i++)
                for (unsigned b = 0; b < sim->options.nbudgets; b++) {
                        const struct sim_row *row = &sim->rows[i];
                        int error;

                        if (row->open == model_min_open && !steps_know_next(steps))
                                continue;
                        error = model_open(sim, row, steps, r->frames[b], &all[i][b]);
                        if (error == -EINVAL)
                                return say(STATUS_FAILED,
                                           "sim: %s: its footprint for %u frames is more than a "
                                           "policy may have: 32 bytes a frame and 4096",
                                           row->name, r->frames[b]);
                        if (error)
                                return say(STATUS_FAILED, "sim: %s: %s: %s", r->trace, row->name,
                                           strerror(-error));
                }
        return 0;
}

static int replay(const struct sim *sim, struct steps *steps, struct progress *p, models all)
{
        const uint32_t *piece, *next;
        uint64_t touches = 0;
        char why[TRACE_WHY];
        long n;

        p->all = steps_facts(steps)->touches;
        while ((n = steps_next(steps, &piece, &next, why)) > 0) {
                for (unsigned i = 0; i < sim->nrows; i++)
                        for (unsigned b = 0; b < sim->options.nbudgets; b++) {
                                struct model *m = all[i][b];

                                if (m)
                                        m->ops->replay(m, piece, next, (size_t)n);
                                if (m && m->wrong[0])
                                        return say(STATUS_FAILED, "sim: %s: %s: %s", p->trace,
                                                   sim->rows[i].name, m->wrong);
                        }
                progress(p, touches += (uint64_t)n);
        }
        return n < 0 ? say(STATUS_FAILED, "%s", why) : 0;
}

static int simulate(const struct sim *sim, struct steps *steps, struct progress *p,
                    struct sim_result *r)
{
        models all = {{NULL}};
        double began = seconds_now();
        int status = open_models(sim, steps, r, all);

        if (status == 0)
                status = replay(sim, steps, p, all);
        r->seconds = seconds_now() - began;
        for (unsigned i = 0; i < sim->nrows; i++)
                for (unsigned b = 0; b < sim->options.nbudgets; b++) {
                        if (!all[i][b])
                                continue;
                        r->cells[i][b].done = true;
                        r->cells[i][b].counts = all[i][b]->counts;
                        all[i][b]->ops->close(all[i][b]);
                }
        return status;
}

static int sim_trace(const struct sim *sim, const char *path, struct sim_result *r)
{
        struct progress p = {.trace = path, .shows = isatty(STDERR_FILENO)};
        char note[TRACE_WHY], why[TRACE_WHY];
        struct steps *steps;
        int status;

        *r = (struct sim_result){.trace = strcmp(path, "-") == 0 ? "standard input" : path};
        if (steps_open(&steps, path, true, progress, &p, note, why) != 0) {
                progress_end(&p);
                return say(STATUS_FAILED, "%s", why);
        }
        r->facts = *steps_facts(steps);
        if (!steps_know_next(steps))
                say(0, "%s: no room to look ahead in it, so MIN is left out", r->trace);
        for (unsigned b = 0; b < sim->options.nbudgets; b++)
                r->frames[b] = frames_of(&sim->options.budgets[b], &r->facts);
        status = r->facts.touches ? simulate(sim, steps, &p, r)
                                  : say(STATUS_FAILED, "%s: it has no accesses", r->trace);
        progress_end(&p);
        if (note[0])
                say(0, "%s", note);
        steps_close(steps);
        return status;
}

/* ---- the command
 * ------------------------------------------------------------------------------ */

static void list_rows(struct sim *sim)
{
        const struct sim_row references[] = {
                {"MIN", NULL, model_min_open},
                {"LRU", NULL, model_lru_open},
                {"ARC", NULL, model_arc_open},
        };

        sim->nreferences = sizeof(references) / sizeof(references[0]);
        for (unsigned i = 0; i < sim->nreferences; i++)
                sim->rows[sim->nrows++] = references[i];
        for (unsigned i = 0; i < sim->options.npolicies; i++)
                sim->rows[sim->nrows++] = (struct sim_row){sim->options.policies[i]->name,
                                                           sim->options.policies[i], NULL};
}

int sim_main(int argc, char **argv)
{
        static struct sim sim;
        int status = sim_options_read(argc, argv, &sim.options);

        if (status >= 0)
                return status;
        list_rows(&sim);
        sim.results = calloc(sim.options.ntraces, sizeof(*sim.results));
        if (!sim.results)
                return say(STATUS_FAILED, "sim: %s", strerror(ENOMEM));
        status = 0;
        for (unsigned i = 0; i < sim.options.ntraces; i++) {
                struct sim_result *r = &sim.results[sim.nresults];

                if (sim_trace(&sim, sim.options.traces[i], r) != 0) {
                        status = STATUS_FAILED;
                        continue;
                }
                sim.nresults++;
                if (sim.options.json)
                        sim_report_json(&sim, r);
                else
                        sim_report_trace(&sim, r);
        }
        if (!sim.options.json && sim.nresults > 0)
                sim_report_end(&sim);
        free(sim.results);
        return output_status(status, STATUS_FAILED);
}
