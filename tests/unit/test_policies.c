/* SPDX-License-Identifier: MIT */
/*
 * test_policies.c - the shipped policies: the conformance body, hand-computed sequences, and golden
 * miss counts.
 *
 * Theory of operation. A sequence is written as one line of calls and compared with the victims it
 * must give (see play()). The golden counts come from a small simulator: a pool of FRAMES frames,
 * QUEUE of which may wait in the victim queue, replays a trace, and the misses are counted. Traces
 * and policies are deterministic to the bit, so the numbers are exact: when a policy is changed on
 * purpose, copy the new ones from the table the test prints, and judge whether they are better.
 */
#include "policy_conformance.h"

#include <stdio.h>

static const struct pg_policy_ops *policy(const char *name)
{
        const struct pg_policy_ops *ops = pg_policy_find(name);

        ck_assert_msg(ops != NULL, "no policy is named %s", name);
        return ops;
}

/*
 * Plays calls on frames 0 ... 9 and expects what the selections name, in order. Calls:
 *      +f add   <f returned   -f remove   !f accessed   ~f queued (must be wanted)
 *      s select, and nothing else   x select, and remove the frame   q select, and queue it
 * In `victims` a dot stands for PG_NO_FRAME.
 */
static void play(const char *name, const char *calls, const char *victims)
{
        const struct pg_policy_ops *ops = policy(name);
        struct rig rig = rig_open(ops, 10, 0);
        char named[64] = "";
        size_t length = 0;

        for (const char *call = calls; *call != '\0'; call++) {
                uint32_t frame = (uint32_t)(call[1] - '0');

                if (*call == '+')
                        ops->add(rig.self, frame, frame, PG_ADD_DEMAND);
                if (*call == '<')
                        ops->add(rig.self, frame, frame, PG_ADD_RETURNED);
                if (*call == '-')
                        ops->remove(rig.self, frame);
                if (*call == '!')
                        ops->accessed(rig.self, frame);
                if (*call == '~')
                        ops->queued(rig.self, frame);
                if (strchr("sxq", *call) != NULL) {
                        frame = ops->select(rig.self);
                        named[length++] = "0123456789."[frame == PG_NO_FRAME ? 10 : frame];
                        if (*call == 'x' && frame != PG_NO_FRAME)
                                ops->remove(rig.self, frame);
                        if (*call == 'q' && frame != PG_NO_FRAME)
                                ops->queued(rig.self, frame);
                }
                rig_verify(&rig);
        }
        ck_assert_str_eq(named, victims);
        rig_close(&rig);
}

START_TEST(every_policy_conforms)
{
        conform(pg_policy_at((unsigned)_i));
}
END_TEST

START_TEST(every_policy_ignores_frames_it_does_not_have)
{
        const struct pg_policy_ops *ops = pg_policy_at((unsigned)_i);

        play(ops->name, "!3-3s+1!3-3s+2-1-1!1xs", ".12.");
}
END_TEST

START_TEST(policies_are_found_by_name)
{
        static const char *const names[] = {"fifo", "random", "nru", "lru", "sieve"};

        for (unsigned i = 0; i < 5; i++) {
                const struct pg_policy_ops *ops = pg_policy_at(i);

                ck_assert_str_eq(policy(names[i])->name, names[i]);
                ck_assert_ptr_eq(policy(ops->name), ops);
        }
        ck_assert_ptr_null(pg_policy_find("no such policy"));
        ck_assert_ptr_null(pg_policy_at(5));
}
END_TEST

START_TEST(fifo_names_frames_in_order_of_arrival)
{
        play("fifo", "+3+1+4+5xxxxx", "3145.");
}
END_TEST

START_TEST(fifo_ignores_use)
{
        play("fifo", "+1+2+3!1!1xxx", "123");
}
END_TEST

START_TEST(fifo_puts_returned_frame_last)
{
        play("fifo", "+1+2+3-1<1xxx", "231");
}
END_TEST

START_TEST(fifo_names_the_same_frame_until_it_leaves)
{
        play("fifo", "+1+2ssxs", "1112");
}
END_TEST

START_TEST(lru_moves_used_frame_to_tail)
{
        play("lru", "+1+2+3!1xxx", "231");
        play("lru", "+1+2+3!2!1xxx", "321");
        play("lru", "+1+2+3!3xxx", "123");
}
END_TEST

START_TEST(lru_puts_rescued_frame_last)
{
        play("lru", "+1+2+3x<1!1xxx", "1231");
}
END_TEST

START_TEST(random_names_every_frame_in_time)
{
        const struct pg_policy_ops *ops = policy("random");
        struct rig rig = rig_open(ops, 10, 0);
        unsigned named[10] = {0};

        for (uint32_t frame = 0; frame < 10; frame++)
                ops->add(rig.self, frame, frame, PG_ADD_DEMAND);
        for (unsigned i = 0; i < 10000; i++)
                named[ops->select(rig.self)]++;
        for (uint32_t frame = 0; frame < 10; frame++) {
                ck_assert_uint_ge(named[frame], 900);
                ck_assert_uint_le(named[frame], 1100);
        }
        rig_close(&rig);
}
END_TEST

START_TEST(nru_prefers_unused_frames)
{
        play("nru", "+0+1+2+3!0!1xxxx", "2301");
        play("nru", "+0+1+2+3!0!2xx", "13");
}
END_TEST

START_TEST(nru_goes_on_behind_the_last_victim)
{
        play("nru", "+0+1+2+3x+0xxxx.", "01230");
        play("nru", "+0+1+2+3ssxs", "0123");
}
END_TEST

START_TEST(nru_takes_a_used_frame_when_all_are_used)
{
        play("nru", "+0+1+2!0!1!2xx", "01");
}
END_TEST

START_TEST(nru_forgets_use_after_a_period)
{
        /* Three frames: a period is twelve selections, and the next finds use forgotten. */
        play("nru", "+0+1+2!0!1ssssssssssssss", "22222222222201");
        play("nru", "+0+1+2!0!1ssssssssssss!0s!1s", "22222222222202");
}
END_TEST

START_TEST(sieve_names_unused_frames_in_order_of_arrival)
{
        play("sieve", "+3+1+4xxxx", "314.");
}
END_TEST

START_TEST(sieve_lets_used_frames_pass_once)
{
        play("sieve", "+1+2+3!1!2xxx", "312");
}
END_TEST

START_TEST(sieve_keeps_position_of_rescued_frame)
{
        /* 1 and 2 wait; 1 is rescued. The hand passes 3, starts over, clears 1, skips 2. */
        play("sieve", "+1+2+3qq!1qq", "1231");
        /* Rescued 1 stays older than 4: once forgiven, it is the first to be named again. */
        play("sieve", "+1+2+3q!1xx+4xs", "12341");
        play("lru", "+1+2+3x<1!1xx+4xx", "12314");
}
END_TEST

START_TEST(sieve_does_not_name_waiting_frames)
{
        play("sieve", "+1+2+3qqqq", "123.");
        play("sieve", "+1+2+3qqq!2qs", "1232.");
        play("sieve", "+1+2+3~1xxx", "23.");
}
END_TEST

START_TEST(sieve_goes_on_behind_the_last_victim)
{
        play("sieve", "+1+2+3ssss", "1231");
}
END_TEST

START_TEST(sieve_hand_moves_on_when_its_frame_leaves)
{
        play("sieve", "+1+2+3s-2ss", "131");
        play("sieve", "+1+2s+3-2sx", "131");
        play("sieve", "+1+2s-2+3sx", "113");
}
END_TEST

START_TEST(sieve_tries_new_frame_before_proven_ones)
{
        /* 1 and 2 were rescued in the first lap; 4 comes after it, and nobody comes back for it. */
        play("sieve", "+1+2+3q!1q!2x+4x", "1234");
        play("lru", "+1+2+3x<1!1x<2!2x+4x", "1231");
}
END_TEST

/* The simulator. */

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
                uint64_t lot = next_random(&random) * total >> 32;
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

/* Round and round over one fifth more pages than there are frames. */
static void trace_loop(void)
{
        for (uint32_t i = 0; i < TOUCHES; i++)
                trace[i] = i % (FRAMES + FRAMES / 5);
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
                rig_add(&pool->rig, frame);
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

/* True LRU, which sees every touch: what no policy here can know. */
static uint64_t misses_of_true_lru(void)
{
        static uint32_t last_touch[2 * PAGES]; /* + 1; 0: not resident */
        uint64_t misses = 0;
        uint32_t resident = 0;

        memset(last_touch, 0, sizeof(last_touch));
        for (uint32_t i = 0; i < TOUCHES; i++) {
                if (last_touch[trace[i]] == 0) {
                        misses++;
                        resident++;
                }
                last_touch[trace[i]] = i + 1;
                if (resident <= FRAMES)
                        continue;

                uint32_t victim = trace[i];

                for (uint32_t page = 0; page < 2 * PAGES; page++) {
                        if (last_touch[page] != 0 && last_touch[page] < last_touch[victim])
                                victim = page;
                }
                last_touch[victim] = 0;
                resident--;
        }
        return misses;
}

static const struct {
        const char *name;
        void (*make)(void);
        uint64_t true_lru;
        struct {
                const char *policy;
                uint64_t misses;
        } golden[5];
} traces[] = {
        {"zipf",
         trace_zipf,
         53893,
         {{"fifo", 57517}, {"random", 57453}, {"nru", 53904}, {"lru", 57517}, {"sieve", 49876}}},
        {"scan",
         trace_scan,
         71364,
         {{"fifo", 74178}, {"random", 75014}, {"nru", 71664}, {"lru", 74178}, {"sieve", 67375}}},
        {"loop",
         trace_loop,
         200000,
         {{"fifo", 200000},
          {"random", 89413},
          {"nru", 200000},
          {"lru", 200000},
          {"sieve", 200000}}},
};

START_TEST(misses_are_the_golden_ones)
{
        uint64_t true_lru;
        bool same;

        traces[_i].make();
        true_lru = misses_of_true_lru();
        same = true_lru == traces[_i].true_lru;
        printf("%s: %d touches, %d frames: true lru misses %llu\n", traces[_i].name, TOUCHES,
               FRAMES, (unsigned long long)true_lru);
        for (unsigned i = 0; i < 5; i++) {
                const char *name = traces[_i].golden[i].policy;
                uint64_t rescues;
                uint64_t misses = misses_of(name, &rescues);

                printf("        %-8s misses %6llu (%.2f of true lru), rescues %6llu\n", name,
                       (unsigned long long)misses, (double)misses / (double)true_lru,
                       (unsigned long long)rescues);
                same = same && misses == traces[_i].golden[i].misses;
        }
        fflush(stdout);
        ck_assert_msg(same, "%s: not the golden numbers; see the table", traces[_i].name);
}
END_TEST

START_TEST(sieve_with_victim_queue_comes_near_true_lru)
{
        uint64_t rescues;
        uint64_t sieve;

        trace_zipf();
        sieve = misses_of("sieve", &rescues);
        ck_assert_uint_le(10 * sieve, 11 * misses_of_true_lru());
        ck_assert_uint_gt(misses_of("fifo", &rescues), sieve);
}
END_TEST

static TCase *sequences(void)
{
        TCase *sequences = tcase_create("sequences");

        tcase_add_test(sequences, fifo_names_frames_in_order_of_arrival);
        tcase_add_test(sequences, fifo_ignores_use);
        tcase_add_test(sequences, fifo_puts_returned_frame_last);
        tcase_add_test(sequences, fifo_names_the_same_frame_until_it_leaves);
        tcase_add_test(sequences, lru_moves_used_frame_to_tail);
        tcase_add_test(sequences, lru_puts_rescued_frame_last);
        tcase_add_test(sequences, random_names_every_frame_in_time);
        tcase_add_test(sequences, nru_prefers_unused_frames);
        tcase_add_test(sequences, nru_goes_on_behind_the_last_victim);
        tcase_add_test(sequences, nru_takes_a_used_frame_when_all_are_used);
        tcase_add_test(sequences, nru_forgets_use_after_a_period);
        tcase_add_test(sequences, sieve_names_unused_frames_in_order_of_arrival);
        tcase_add_test(sequences, sieve_lets_used_frames_pass_once);
        tcase_add_test(sequences, sieve_keeps_position_of_rescued_frame);
        tcase_add_test(sequences, sieve_does_not_name_waiting_frames);
        tcase_add_test(sequences, sieve_goes_on_behind_the_last_victim);
        tcase_add_test(sequences, sieve_hand_moves_on_when_its_frame_leaves);
        tcase_add_test(sequences, sieve_tries_new_frame_before_proven_ones);
        return sequences;
}

int main(void)
{
        Suite *suite = suite_create("policies");
        TCase *all = tcase_create("every policy");
        TCase *misses = tcase_create("misses");
        SRunner *runner = srunner_create(suite);
        int failed;

        tcase_add_loop_test(all, every_policy_conforms, 0, 5);
        tcase_add_loop_test(all, every_policy_ignores_frames_it_does_not_have, 0, 5);
        tcase_add_test(all, policies_are_found_by_name);
        tcase_add_loop_test(misses, misses_are_the_golden_ones, 0, 3);
        tcase_add_test(misses, sieve_with_victim_queue_comes_near_true_lru);
        suite_add_tcase(suite, all);
        suite_add_tcase(suite, sequences());
        suite_add_tcase(suite, misses);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
