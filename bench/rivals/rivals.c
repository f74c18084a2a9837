/* SPDX-License-Identifier: MIT */
/*
 * rivals.c - unpaged beside the kernel's own paging, and beside doing without: the plan.
 *
 * At each place of the plan (workload, data, overcommit, threads) the subjects take turns, A B C A
 * B C, each run in a new process, and are compared pair by pair. bench/README.md says what is
 * compared and what is fair about it.
 */
#include "machine.h"
#include "options.h"
#include "report.h"
#include "source.h"
#include "targets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_SUBJECTS   16u
#define SCALE_ACCESSES (1u << 17)

static struct {
        struct options options;
        const char *no_cgroup, *no_swap;      /* why; NULL: there are */
        struct result *results[MAX_SUBJECTS]; /* by pair */
        bool failed;
} bench;

static void stop_if_interrupted(void)
{
        if (!interrupted)
                return;
        fprintf(stderr, "\nrivals: interrupted\n");
        exit(128 + interrupted);
}

/* ---- one run ----------------------------------------------------------------------------- */

static void skip(struct result *result, const char *why)
{
        *result = (struct result){.outcome = OUTCOME_SKIPPED};
        snprintf(result->text, sizeof(result->text), "%s", why);
}

static void progress(const struct run *run, unsigned pair)
{
        if (isatty(STDERR_FILENO))
                fprintf(stderr, "\r%s %s %g x%u: %s %u/%u\033[K\r", run->workload->name,
                        data_names[run->data], run->overcommit, run->threads, run->subject->name,
                        pair + 1, bench.options.pairs);
}

/* What a run needs around it. NULL, or why it cannot be had. */
static const char *surround(struct run *run)
{
        const struct subject *s = run->subject;
        const char *why = NULL;

        run->group = NULL;
        run->fd = -1;
        if (s->limited && bench.no_cgroup)
                return bench.no_cgroup;
        if (s->limited && s->family == FAMILY_MEMORY && bench.no_swap)
                return bench.no_swap;
        if (s->family == FAMILY_FILE) {
                why = source_open(run);
                if (!why)
                        why = s->cold ? source_cool(run) : source_warm(run);
        }
        if (!why && s->limited) {
                run->limit = run->budget + run->pages * PAGE_BYTES / 512 + bench.options.room;
                why = cgroup_open(run->limit, &run->group);
        }
        return why;
}

static void one_run(struct run *run, unsigned pair, struct result *result)
{
        const char *why = surround(run);

        progress(run, pair);
        if (why)
                skip(result, why);
        else
                run_in_child(run, result);
        cgroup_close();
        stop_if_interrupted();
}

/* ---- one place of the plan --------------------------------------------------------------- */

static unsigned choose(enum family family, struct run *runs, const struct run *common)
{
        unsigned n = 0;

        for (unsigned i = 0; subjects[i].name && n < MAX_SUBJECTS; i++) {
                if (!(bench.options.subjects >> i & 1) || subjects[i].family != family)
                        continue;
                runs[n] = *common;
                runs[n++].subject = &subjects[i];
        }
        return n;
}

/* A subject that was skipped once is not asked again. */
static void take_turns(struct run *runs, unsigned n)
{
        for (unsigned pair = 0; pair < bench.options.pairs; pair++) {
                for (unsigned i = 0; i < n; i++) {
                        struct result *result = &bench.results[i][pair];

                        if (pair > 0 && bench.results[i][0].outcome == OUTCOME_SKIPPED)
                                *result = bench.results[i][0];
                        else
                                one_run(&runs[i], pair, result);
                }
        }
        if (isatty(STDERR_FILENO))
                fprintf(stderr, "\r\033[K");
}

static void compare(const struct run *common, const char *series, enum family family)
{
        struct run runs[MAX_SUBJECTS];
        unsigned n = choose(family, runs, common);

        take_turns(runs, n);
        for (unsigned i = 0; i < n; i++) {
                struct row row = {.run = &runs[i],
                                  .series = series,
                                  .results = bench.results[i],
                                  .pairs = bench.options.pairs};

                for (unsigned k = 0; k < 2; k++) {
                        row.rivals[k].name = runs[i].subject->rivals[k];
                        for (unsigned j = 0; j < n && row.rivals[k].name; j++)
                                if (strcmp(runs[j].subject->name, row.rivals[k].name) == 0)
                                        row.rivals[k].results = bench.results[j];
                }
                if (!(family == FAMILY_FLOOR ? report_floor : report_row)(bench.options.json, &row))
                        bench.failed = true;
        }
}

static void at(const struct workload *workload, enum data_kind data, double overcommit,
               unsigned threads, size_t budget, const char *series)
{
        const struct options *o = &bench.options;
        struct run common = {.workload = workload,
                             .data = data,
                             .overcommit =
                                     workload->overcommit > 0 ? workload->overcommit : overcommit,
                             .threads = threads,
                             .budget = budget,
                             .fd = -1,
                             .seed = 1,
                             .cpus = o->pinned ? &o->cpus : NULL,
                             .timeout = o->timeout};

        common.pages = (uint32_t)ceil(common.overcommit * (double)budget / PAGE_BYTES);
        common.accesses = o->accesses ? o->accesses : (uint64_t)common.pages * workload->passes;
        compare(&common, series, workload->file ? FAMILY_FILE : FAMILY_MEMORY);
}

/* ---- plans ------------------------------------------------------------------------------- */

static const struct workload *workload_named(const char *name)
{
        const struct workload *w = workloads;

        while (w->name && strcmp(w->name, name) != 0)
                w++;
        return w;
}

static void plan_floors(void)
{
        const char *const names[] = {"random-read", "random-rmw"};
        struct run runs[MAX_SUBJECTS], common = {.overcommit = 1,
                                                 .threads = 1,
                                                 .budget = bench.options.budget,
                                                 .fd = -1,
                                                 .seed = 1,
                                                 .timeout = bench.options.timeout};
        uint32_t all = bench.options.subjects, codec = 1u << (subject_find("codec") - subjects);

        if (choose(FAMILY_FLOOR, runs, &common) == 0)
                return;
        report_floor_head();
        for (unsigned data = 0; data < DATA_KINDS; data++) {
                if (!(bench.options.data >> data & 1))
                        continue;
                common.data = (enum data_kind)data;
                for (unsigned write = 0; write < 2; write++) {
                        common.workload = workload_named(names[write]);
                        compare(&common, "floors", FAMILY_FLOOR);
                        bench.options.subjects = all & codec; /* only it differs from here on */
                }
        }
        bench.options.subjects = all;
}

/* What stands in a file makes no difference to those who read it: one kind is enough. */
static bool is_repetition(const struct workload *w, bool first_data, unsigned overcommit)
{
        return (w->file && !first_data) || (w->overcommit > 0 && overcommit > 0);
}

static void plan_matrix(void)
{
        const struct options *o = &bench.options;

        report_head();
        for (unsigned w = 0; workloads[w].name; w++) {
                bool first_data = true;

                for (unsigned data = 0; data < DATA_KINDS; data++) {
                        if (!(o->workloads >> w & 1) || !(o->data >> data & 1))
                                continue;
                        for (unsigned i = 0; i < o->overcommits * o->thread_counts; i++) {
                                unsigned over = i / o->thread_counts;

                                if (!is_repetition(&workloads[w], first_data, over))
                                        at(&workloads[w], (enum data_kind)data, o->overcommit[over],
                                           o->threads[i % o->thread_counts], o->budget, "matrix");
                        }
                        first_data = false;
                }
        }
}

static void plan_scale(void)
{
        const struct workload *w = workload_named("random-read");
        const size_t budget = 64 << 20;
        uint64_t most = bench.options.scale_max_pages;
        enum data_kind data = DATA_HEAP;

        if (!bench.options.accesses)
                bench.options.accesses = SCALE_ACCESSES;
        report_head();
        /* Data that takes little room compressed: millions of pages must fit into the machine. */
        for (uint64_t pages = 1 << 14; pages <= most && pages <= 1 << 22; pages *= 2)
                at(w, DATA_ZEROISH, (double)(pages * PAGE_BYTES) / (double)budget, 1, budget,
                   "pages");
        for (size_t b = 1 << 20; b <= (size_t)4 << 30 && 2 * b / PAGE_BYTES <= most; b *= 4)
                at(w, data, 2, 1, b, "budget");
        for (unsigned threads = 1; threads <= 8; threads *= 2)
                at(w, data, 4, threads, budget, "threads");
}

static void find_what_is_needed(void)
{
        bool limited = false, swapped = false;

        for (unsigned i = 0; subjects[i].name; i++) {
                bool chosen = bench.options.subjects >> i & 1;

                limited |= chosen && subjects[i].limited;
                swapped |= chosen && subjects[i].limited && subjects[i].family == FAMILY_MEMORY;
        }
        if (!limited)
                return;
        bench.no_cgroup = geteuid() == 0 ? cgroup_find() : "only root can make cgroups and swap";
        if (swapped && !bench.no_cgroup)
                bench.no_swap = swap_begin();
}

static void print_terms(void)
{
        const struct options *o = &bench.options;

        if (!o->scale)
                printf("budget %zu KiB; ", o->budget >> 10);
        printf("the kernel's limit is the budget, a 512th of the data for page tables, and %zu "
               "KiB\npages of 4 KiB, which LZ4 makes so many times smaller:",
               o->room >> 10);
        for (unsigned i = 0; i < DATA_KINDS; i++)
                printf(" %s %.2f", data_names[i], data_lz4_ratio((enum data_kind)i));
        printf("\n");
}

int main(int argc, char **argv)
{
        struct options *o = &bench.options;

        options_read(o, argc, argv);
        data_prepare();
        for (unsigned i = 0; i < MAX_SUBJECTS; i++) {
                bench.results[i] = calloc(o->pairs, sizeof(*bench.results[i]));
                if (!bench.results[i]) {
                        fprintf(stderr, "rivals: no memory for %u pairs\n", o->pairs);
                        return EXIT_FAILURE;
                }
        }
        machine_begin();
        find_what_is_needed();
        stop_if_interrupted();
        machine_print(o->json);
        print_terms();
        if (o->scale) {
                plan_scale();
        } else {
                plan_floors();
                plan_matrix();
        }
        if (o->targets)
                targets_print();
        if (o->json)
                fclose(o->json);
        return bench.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
