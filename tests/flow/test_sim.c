/* SPDX-License-Identifier: MIT */
/*
 * The simulator counts what a pool counts: the same touches, once as real faults and once in a
 * model, give the same misses, rescues and evictions, to the last one.
 *
 * One thread, no readahead, and memory that is written to at first: all that a model leaves out
 * does not happen. What is left to chance in a pool is which of its workers serves a fault (each
 * counts its own turns to find out habits), so thread delivery, where more than one may,
 * is compared on a strict pool; where a handler is still at work when the program goes on, the next
 * fault waits for it.
 */
#include "model.h"
#include "probe.h"
#include "steps.h"

#include <unpaged/statistics.h>

#define PAGES   400u
#define TOUCHES 2000u
#define PIECE   997u /* no power of two */

enum where { NEAR, FAR };

struct script {
        uint32_t steps[PAGES + TOUCHES];
        size_t count;
};

/* Small numbers come often: the product of two random ones. A scan now and then, some writes, and
 * some pages that are discarded and then written to again. */
static void write_script(struct script *s, uint64_t seed)
{
        bool gone[PAGES] = {false};

        s->count = 0;
        for (uint32_t page = 0; page < PAGES; page++)
                s->steps[s->count++] = step_make(page, STEP_WRITE);
        for (uint32_t i = 0; i < TOUCHES; i++) {
                uint32_t page = (uint32_t)random_below(&seed, random_below(&seed, PAGES) + 1);
                enum step what = random_below(&seed, 8) == 0 ? STEP_WRITE : STEP_READ;

                if (i % 2000 < 250)
                        page = PAGES - 1 - i % 2000;
                if (random_below(&seed, 200) == 0)
                        what = STEP_FORGET;
                else if (gone[page])
                        what = STEP_WRITE;
                gone[page] = what == STEP_FORGET;
                s->steps[s->count++] = step_make(page, what);
        }
}

static void perform(struct pg_pool *pool, char *addr, const struct script *s)
{
        for (size_t i = 0; i < s->count; i++) {
                volatile char *at = addr + step_page(s->steps[i]) * PAGE;

                switch (step_what(s->steps[i])) {
                case STEP_READ:
                        touch(at);
                        break;
                case STEP_WRITE: /* never all zeros, or it would come back as a first touch */
                        *at = (char)(i % 100 + 1);
                        break;
                case STEP_FORGET:
                        ck_assert_int_eq(pg_advise(pool, (char *)at, PAGE, PG_ADVICE_DISCARD), 0);
                        break;
                }
        }
        expect_idle(pool);
}

static void check_counts(const struct pg_stats *real, const struct model_counts *model,
                         const char *policy)
{
        printf("%-8s misses %lu rescues %lu clean %lu dirty %lu first writes %lu\n", policy,
               (unsigned long)model->misses, (unsigned long)model->rescues,
               (unsigned long)model->left_clean, (unsigned long)model->left_dirty,
               (unsigned long)model->first_writes);
        fflush(stdout);
        ck_assert_uint_eq(real->faults - real->rescues, model->misses);
        ck_assert_uint_eq(real->rescues, model->rescues);
        ck_assert_uint_eq(real->evictions_clean, model->left_clean);
        ck_assert_uint_eq(real->evictions_dirty, model->left_dirty);
        ck_assert_uint_eq(real->protect_faults, model->first_writes);
}

static void compare(struct pg_config config, enum where where, const struct pg_policy_ops *policy)
{
        static struct script script;
        static uint64_t keys[PAGES];
        struct pool_model c = {.policy = policy,
                               .keys = keys,
                               .pages = PAGES,
                               .frames = config.frames,
                               .queue_pct = config.queue_pct,
                               .strict = config.flags & PG_POOL_STRICT,
                               .far = where == FAR,
                               .check = true};
        struct pg_pool *pool;
        struct pg_stats real;
        struct model *model;
        char *addr;

        config.policy = policy->name;
        pool = open_config(&config);
        addr = map_pages(pool, PAGES, 0);
        ck_assert_int_eq(pg_advise(pool, addr, PAGES * PAGE, PG_ADVICE_RANDOM), 0);
        write_script(&script, config.frames);
        perform(pool, addr, &script);
        real = stats_of(pool);

        for (uint32_t page = 0; page < PAGES; page++)
                keys[page] = (uintptr_t)addr / PAGE + page;
        ck_assert_int_eq(model_pool_open(&model, &c), 0);
        for (size_t at = 0; at < script.count; at += PIECE)
                model->ops->replay(model, script.steps + at, NULL,
                                   script.count - at < PIECE ? script.count - at : PIECE);
        ck_assert_str_eq(model->wrong, "");
        check_counts(&real, &model->counts, policy->name);
        model->ops->close(model);
        close_pool(pool);
}

static void compare_all(struct pg_config config, enum where where)
{
        const struct pg_policy_ops *policy;

        for (unsigned i = 0; (policy = pg_policy_at(i)); i++)
                compare(config, where, policy);
}

START_TEST(strict_pools_are_counted_exactly)
{
        compare_all(config_frames(_i, 100, PG_POOL_STRICT), NEAR);
        compare_all(config_frames(_i, 5, PG_POOL_STRICT), NEAR);
}
END_TEST

START_TEST(pools_with_a_victim_queue_and_a_near_store_are_counted_exactly)
{
        struct pg_config config = config_frames(PG_DELIVERY_SIGNAL, 100, 0);

        if (is_masked("near")) {
                printf("skipped: near is masked\n");
                return;
        }
        compare_all(config, NEAR);
        config.frames = 37;
        config.queue_pct = 45;
        compare_all(config, NEAR);
        config.frames = 4; /* no queue: 20 percent are less than one */
        config.queue_pct = 0;
        compare_all(config, NEAR);
}
END_TEST

START_TEST(pools_with_a_victim_queue_and_a_far_store_are_counted_exactly)
{
        struct pg_config config = config_frames(PG_DELIVERY_SIGNAL, 100, 0);

        const char *masked = getenv("UNPAGED_MASK_FEATURES");
        char mask[128];

        snprintf(mask, sizeof(mask), "near,%s", masked ? masked : "");
        ck_assert_int_eq(setenv("UNPAGED_MASK_FEATURES", mask, 1), 0);
        compare_all(config, FAR);
        config.frames = 300;
        compare_all(config, FAR);
}
END_TEST

/* A trace of a strict pool has all touches that its own policy and budget let fault. */
START_TEST(the_trace_of_a_strict_pool_replays_to_its_own_misses)
{
        char path[] = "/tmp/unpaged-sim-XXXXXX", note[TRACE_WHY], why[TRACE_WHY];
        struct pg_config config = config_frames(_i, 100, PG_POOL_STRICT);
        struct pool_model c = {
                .policy = pg_policy_at(0), .frames = 100, .strict = true, .check = true};
        static struct script script;
        const uint32_t *piece, *next;
        struct pg_pool *pool;
        struct pg_stats real;
        struct model *model;
        struct steps *steps;
        long n;

        close(mkstemp(path));
        config.trace = path;
        config.policy = c.policy->name;
        pool = open_config(&config);
        write_script(&script, 1);
        perform(pool, map_pages(pool, PAGES, 0), &script);
        real = stats_of(pool);
        close_pool(pool);

        ck_assert_msg(steps_open(&steps, path, false, NULL, NULL, note, why) == 0, "%s", why);
        ck_assert_str_eq(note, "");
        ck_assert_uint_eq(steps_facts(steps)->header.frames, 100);
        c.keys = steps_keys(steps);
        c.pages = steps_facts(steps)->pages;
        ck_assert_int_eq(model_pool_open(&model, &c), 0);
        while ((n = steps_next(steps, &piece, &next, why)) > 0)
                model->ops->replay(model, piece, next, (size_t)n);
        ck_assert_uint_eq(model->counts.misses, real.faults);
        ck_assert_uint_eq(model->counts.left_clean + model->counts.left_dirty,
                          real.evictions_clean + real.evictions_dirty);
        model->ops->close(model);
        steps_close(steps);
        unlink(path);
}
END_TEST

TESTS("sim")
{
        add_for_both(tc, strict_pools_are_counted_exactly);
        add_for_both(tc, the_trace_of_a_strict_pool_replays_to_its_own_misses);
        tcase_add_test(tc, pools_with_a_victim_queue_and_a_near_store_are_counted_exactly);
        tcase_add_test(tc, pools_with_a_victim_queue_and_a_far_store_are_counted_exactly);
}
