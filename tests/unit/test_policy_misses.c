/* SPDX-License-Identifier: MIT */
/*
 * test_policy_misses.c - the shipped policies: how often they miss.
 *
 * A small simulator, a pool of FRAMES frames, QUEUE of which may wait in the victim queue, replays a
 * trace, and the misses are counted. Traces and policies are deterministic to the bit, so the golden
 * numbers are exact: when a policy is changed on purpose, copy the new ones from the table the test
 * prints, and judge whether they are better.
 */
#include "../run_tests.h"
#include "policy_conformance.h"

#include <stdio.h>

enum {
        FRAMES = 500,
        QUEUE = FRAMES / 5,
        PAGES = 2500,
        TOUCHES = 200000,
};

static uint32_t trace[TOUCHES];

/* Page i is touched in proportion to 1 / (i + 1). Integers only, so that all machines agree. */
static void trace_zipf(void)
{
        static uint64_t weight_up_to[PAGES];
        uint64_t random = 1;
        uint64_t total = 0;

        for (uint32_t page = 0; page < PAGES; page++) {
                total += (UINT64_C(1) << 24) / (page + 1);
                weight_up_to[page] = total;
        }
        for (uint32_t i = 0; i < TOUCHES; i++) {
                uint64_t lot = lcg_next(&random) * total >> 32;
                uint32_t low = 0;
                uint32_t high = PAGES - 1;

                while (low < high) {
                        uint32_t middle = (low + high) / 2;

                        if (weight_up_to[middle] > lot)
                                high = middle;
                        else
                                low = middle + 1;
                }
                trace[i] = low;
        }
}

/* The same, and every 10 000 touches a pass over 1000 pages that are not touched otherwise. */
static void trace_scan(void)
{
        trace_zipf();
        for (uint32_t i = 0; i < TOUCHES; i++) {
                if (i % 10000 < 1000)
                        trace[i] = PAGES + i % 10000;
        }
}

/* Round and round over more pages than there are frames. */
static void trace_loop(uint32_t pages)
{
        for (uint32_t i = 0; i < TOUCHES; i++)
                trace[i] = i % pages;
}

static void trace_short_loop(void)
{
        trace_loop(FRAMES + FRAMES / 5);
}

static void trace_long_loop(void)
{
        trace_loop(2 * FRAMES);
}

/* Two phases: 200 pages that are used all the time, beside many that are used once; then, for ever,
 * round and round over 400 others, which would have room if the 200 left. */
static void trace_phases(void)
{
        uint64_t random = 1;

        for (uint32_t i = 0; i < TOUCHES; i++) {
                if (i >= TOUCHES / 10)
                        trace[i] = 3000 + i % 400;
                else
                        trace[i] = i % 4 ? lcg_below(&random, 200) : 200 + i / 4 % 2000;
        }
}

struct pool {
        const struct pg_policy_ops *ops;
        struct rig rig;
        uint32_t frame_of[2 * PAGES]; /* + 1; 0: not resident */
        uint32_t page_of[FRAMES];
        uint32_t queue[FRAMES]; /* frames that wait, the oldest first */
        uint32_t queued;
        uint32_t used; /* frames that were ever given out */
        uint64_t misses;
        uint64_t rescues;
};

static void pool_rescue(struct pool *pool, uint32_t place)
{
        rig_rescue(&pool->rig, pool->queue[place]);
        pool->queued--;
        memmove(&pool->queue[place], &pool->queue[place + 1],
                (pool->queued - place) * sizeof(pool->queue[0]));
        pool->rescues++;
}

/* Fills the victim queue; the page that has waited longest goes out and leaves its frame. */
static uint32_t pool_evict(struct pool *pool)
{
        uint32_t frame;

        while (pool->queued < QUEUE) {
                frame = rig_select(&pool->rig);
                rig_queue(&pool->rig, frame);
                pool->queue[pool->queued++] = frame;
        }
        frame = pool->queue[0];
        pool->queued--;
        memmove(&pool->queue[0], &pool->queue[1], pool->queued * sizeof(pool->queue[0]));
        rig_remove(&pool->rig, frame);
        pool->frame_of[pool->page_of[frame]] = 0;
        return frame;
}

static void pool_touch(struct pool *pool, uint32_t page)
{
        uint32_t frame = pool->frame_of[page] - 1;

        if (frame == PG_NO_FRAME) {
                pool->misses++;
                frame = pool->used < FRAMES ? pool->used++ : pool_evict(pool);
                pool->frame_of[page] = frame + 1;
                pool->page_of[frame] = page;
                pool->rig.ops->add(pool->rig.self, frame, page, PG_ADD_DEMAND);
                rig_seat(&pool->rig, frame, PRESENT);
        } else if (pool->rig.seat[frame] == WAITING) {
                for (uint32_t place = 0; place < pool->queued; place++) {
                        if (pool->queue[place] == frame)
                                pool_rescue(pool, place);
                }
        }
}

static uint64_t misses_of(const char *name, uint64_t *rescues)
{
        static struct pool pool;
        uint64_t misses;

        memset(&pool, 0, sizeof(pool));
        pool.rig = rig_open(policy(name), FRAMES, 1);
        for (uint32_t i = 0; i < TOUCHES; i++)
                pool_touch(&pool, trace[i]);
        misses = pool.misses;
        *rescues = pool.rescues;
        rig_close(&pool.rig);
        return misses;
}

/* True LRU, which sees every touch: what no policy here can know. A page's last touch is looked for
 * among all touches in their order; earlier ones of it are skipped. */
static uint64_t misses_of_true_lru(void)
{
        static uint32_t last_touch[2 * PAGES]; /* + 1; 0: not resident */
        uint64_t misses = 0;
        uint32_t resident = 0;
        uint32_t oldest = 0;

        memset(last_touch, 0, sizeof(last_touch));
        for (uint32_t i = 0; i < TOUCHES; i++) {
                if (last_touch[trace[i]] == 0) {
                        misses++;
                        resident++;
                }
                last_touch[trace[i]] = i + 1;
                if (resident <= FRAMES)
                        continue;
                while (last_touch[trace[oldest]] != oldest + 1)
                        oldest++;
                last_touch[trace[oldest]] = 0;
                resident--;
        }
        return misses;
}

#define POLICIES 9

static const char *const policies[POLICIES] = {"fifo",   "sfifo",  "clock",   "lru",  "nru",
                                               "random", "s3fifo", "bimodal", "sieve"};

/* By trace: of true LRU, and of each policy. */
static const struct {
        const char *name;
        void (*make)(void);
        uint64_t true_lru;
        uint64_t misses[POLICIES];
} golden[] = {
        {"zipf",
         trace_zipf,
         53893,
         {57517, 57517, 56123, 57517, 53904, 57453, 51537, 46696, 49572}},
        {"zipf and scans",
         trace_scan,
         71364,
         {74178, 74178, 73160, 74178, 71664, 75014, 66390, 63502, 67502}},
        {"loop of 1.2",
         trace_short_loop,
         200000,
         {200000, 200000, 200000, 200000, 200000, 89413, 100560, 71687, 72980}},
        {"loop of 2",
         trace_long_loop,
         200000,
         {200000, 200000, 200000, 200000, 200000, 172443, 200000, 124896, 126816}},
        {"phases", trace_phases, 5737, {6657, 6657, 6302, 6657, 6348, 6801, 6071, 18620, 7651}},
};

START_TEST(misses_are_the_golden_ones)
{
        uint64_t true_lru;
        bool same;

        golden[_i].make();
        true_lru = misses_of_true_lru();
        same = true_lru == golden[_i].true_lru;
        printf("%s: %d touches, %d frames: true lru misses %llu\n", golden[_i].name, TOUCHES,
               FRAMES, (unsigned long long)true_lru);
        for (unsigned i = 0; i < POLICIES; i++) {
                uint64_t rescues;
                uint64_t misses = misses_of(policies[i], &rescues);

                printf("        %-8s misses %6llu (%.2f of true lru), rescues %6llu\n", policies[i],
                       (unsigned long long)misses, (double)misses / (double)true_lru,
                       (unsigned long long)rescues);
                same = same && misses == golden[_i].misses[i];
        }
        fflush(stdout);
        ck_assert_msg(same, "%s: not the golden numbers; see the table", golden[_i].name);
}
END_TEST

START_TEST(every_shipped_policy_has_golden_numbers)
{
        const struct pg_policy_ops *ops;
        bool found = true;

        for (unsigned i = 0; (ops = pg_policy_at(i)) != NULL && found; i++) {
                found = false;
                for (unsigned at = 0; at < POLICIES; at++)
                        found = found || strcmp(policies[at], ops->name) == 0;
                ck_assert_msg(found, "%s has none", ops->name);
        }
}
END_TEST

START_TEST(sieve_misses_no_more_than_true_lru_where_popularity_lasts)
{
        uint64_t rescues;
        uint64_t misses;

        trace_zipf();
        misses = misses_of("sieve", &rescues);
        ck_assert_uint_le(100 * misses, 105 * misses_of_true_lru());
        ck_assert_uint_le(rescues, misses);
        ck_assert_uint_gt(misses_of("fifo", &rescues), misses);
}
END_TEST

START_TEST(sieve_survives_loops_larger_than_memory)
{
        uint64_t rescues;

        trace_short_loop();
        ck_assert_uint_le(100 * misses_of("sieve", &rescues), 85 * misses_of_true_lru());
        trace_long_loop();
        ck_assert_uint_le(100 * misses_of("sieve", &rescues), 85 * misses_of_true_lru());
}
END_TEST

START_TEST(sieve_forgets_what_an_earlier_phase_used)
{
        uint64_t rescues, fifo, sieve;

        trace_phases();
        fifo = misses_of("fifo", &rescues);
        sieve = misses_of("sieve", &rescues);
        printf("phases: fifo misses %llu, sieve %llu\n", (unsigned long long)fifo,
               (unsigned long long)sieve);
        fflush(stdout);
        ck_assert_uint_le(sieve, 2 * fifo);
}
END_TEST

TESTS("policy_misses")
{
        tcase_set_timeout(tc, 60); /* of which a busy machine may need a few */
        tcase_add_loop_test(tc, misses_are_the_golden_ones, 0, sizeof(golden) / sizeof(golden[0]));
        tcase_add_test(tc, every_shipped_policy_has_golden_numbers);
        tcase_add_test(tc, sieve_misses_no_more_than_true_lru_where_popularity_lasts);
        tcase_add_test(tc, sieve_survives_loops_larger_than_memory);
        tcase_add_test(tc, sieve_forgets_what_an_earlier_phase_used);
}
