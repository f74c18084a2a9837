/* SPDX-License-Identifier: MIT */
/*
 * How often each policy, and each reference, misses on traces of the generators: golden numbers.
 *
 * Traces and policies are deterministic to the bit, so the numbers are exact: misses, first touches
 * included, and rescues, at a half and an eighth of the pages, in a pool with a victim queue and a
 * near store. When a policy is changed on purpose, or a new one has come, copy the lines that the
 * test prints, and judge whether they are better.
 */
#include "generate.h"
#include "model.h"
#include "steps.h"

#include "../run_tests.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAGES = 1000, ACCESSES = 50000, BUDGETS = 2 };

static const uint32_t frames[BUDGETS] = {PAGES / 2, PAGES / 8};

struct golden {
        const char *kind, *name;
        uint64_t misses[BUDGETS], rescues[BUDGETS];
};

static const struct golden golden[] = {
#include "sim_misses.h"
};

typedef int open_reference(struct model **model, uint32_t pages, uint32_t frames);

static const struct {
        const char *name;
        open_reference *open;
} references[] = {{"MIN", model_min_open}, {"LRU", model_lru_open}, {"ARC", model_arc_open}};

static struct model_counts replay(const char *path, open_reference *open,
                                  const struct pg_policy_ops *policy, uint32_t nframes)
{
        char note[TRACE_WHY], why[TRACE_WHY];
        const uint32_t *piece, *next;
        struct model_counts counts;
        struct model *model;
        struct steps *s;
        long n;

        ck_assert_msg(steps_open(&s, path, true, NULL, NULL, note, why) == 0, "%s", why);
        if (policy) {
                struct pool_model c = {.policy = policy,
                                       .keys = steps_keys(s),
                                       .pages = steps_facts(s)->pages,
                                       .frames = nframes,
                                       .check = true};

                ck_assert_int_eq(model_pool_open(&model, &c), 0);
        } else {
                ck_assert_int_eq(open(&model, steps_facts(s)->pages, nframes), 0);
        }
        while ((n = steps_next(s, &piece, &next, why)) > 0)
                model->ops->replay(model, piece, next, (size_t)n);
        ck_assert_str_eq(model->wrong, "");
        counts = model->counts;
        model->ops->close(model);
        steps_close(s);
        return counts;
}

/* Prints the line that should be there; true: it is. */
static bool check_line(const char *path, const char *kind, const char *name, open_reference *open,
                       const struct pg_policy_ops *policy)
{
        struct golden now = {.kind = kind, .name = name};
        bool same = false;

        for (unsigned b = 0; b < BUDGETS; b++) {
                struct model_counts counts = replay(path, open, policy, frames[b]);

                now.misses[b] = counts.misses;
                now.rescues[b] = counts.rescues;
        }
        for (size_t i = 0; i < sizeof(golden) / sizeof(golden[0]); i++) {
                const struct golden *g = &golden[i];

                if (strcmp(g->kind, kind) == 0 && strcmp(g->name, name) == 0)
                        same = memcmp(g->misses, now.misses, sizeof(now.misses)) == 0 &&
                               memcmp(g->rescues, now.rescues, sizeof(now.rescues)) == 0;
        }
        printf("{\"%s\", \"%s\", {%lu, %lu}, {%lu, %lu}},%s\n", kind, name,
               (unsigned long)now.misses[0], (unsigned long)now.misses[1],
               (unsigned long)now.rescues[0], (unsigned long)now.rescues[1],
               same ? "" : " /* not so */");
        fflush(stdout);
        return same;
}

START_TEST(misses_are_the_golden_ones)
{
        const char *help, *kind = generator_name((unsigned)_i, &help);
        struct generator_settings g = {.kind_name = kind,
                                       .pages = PAGES,
                                       .accesses = ACCESSES,
                                       .seed = 1,
                                       .alpha_ppm = 990000,
                                       .hot = PAGES / 10,
                                       .hot_pct = 50,
                                       .window = PAGES / 4,
                                       .phases = 8,
                                       .writes_pct = 20};
        char path[] = "/tmp/unpaged-misses-XXXXXX", why[TRACE_WHY];
        const struct pg_policy_ops *policy;
        bool same = true;
        int fd = mkstemp(path);

        ck_assert_int_ge(fd, 0);
        close(fd);
        ck_assert_msg(generate(&g, path, why) == 0, "%s", why);
        for (size_t i = 0; i < sizeof(references) / sizeof(references[0]); i++)
                same &= check_line(path, kind, references[i].name, references[i].open, NULL);
        for (unsigned i = 0; (policy = pg_policy_at(i)); i++)
                same &= check_line(path, kind, policy->name, NULL, policy);
        unlink(path);
        ck_assert_msg(same, "%s: not the golden numbers; see the lines above", kind);
}
END_TEST

TESTS("sim_misses")
{
        const char *help;
        int kinds = 0;

        while (generator_name((unsigned)kinds, &help))
                kinds++;
        tcase_add_loop_test(tc, misses_are_the_golden_ones, 0, kinds);
}
