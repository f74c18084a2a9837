/* SPDX-License-Identifier: MIT */
/*
 * test_policies.c - the shipped policies: the conformance body, and hand-computed sequences.
 *
 * A sequence is written as one line of calls and compared with the victims it must give: see
 * play().
 */
#include "../run_tests.h"
#include "policy_conformance.h"

static uint64_t key_is_frame(uint32_t frame)
{
        return frame;
}

/* sieve deals keys into camps by the upper six bits of a product: this is one of the followers, in
 * a pool of any size. */
static uint64_t key_of_follower(uint32_t frame)
{
        return ((UINT64_C(32) << 58) + frame) * 0xf1de83e19937733du - 1;
}

/*
 * Plays calls on frames 0 ... 9 and expects what the selections name, in order. Calls:
 *      +f add   <f returned   -f remove   !f accessed   ~f queued (must be wanted)
 *      s select, and nothing else   x select, and remove the frame   q select, and queue it
 * In `victims` a dot stands for PG_NO_FRAME.
 */
static void play_keys(const char *name, uint64_t (*key)(uint32_t frame), const char *calls,
                      const char *victims)
{
        const struct pg_policy_ops *ops = policy(name);
        struct rig rig = rig_open(ops, 10, 0);
        char named[64] = "";
        size_t length = 0;

        for (const char *call = calls; *call != '\0'; call++) {
                uint32_t frame = (uint32_t)(call[1] - '0');

                if (*call == '+')
                        ops->add(rig.self, frame, key(frame), PG_ADD_DEMAND);
                if (*call == '<')
                        ops->add(rig.self, frame, key(frame), PG_ADD_RETURNED);
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

static void play(const char *name, const char *calls, const char *victims)
{
        play_keys(name, key_is_frame, calls, victims);
}

static void play_sieve(const char *calls, const char *victims)
{
        play_keys("sieve", key_of_follower, calls, victims);
}

static unsigned count_policies(void)
{
        unsigned count = 0;

        while (pg_policy_at(count) != NULL)
                count++;
        return count;
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
        static const char *const names[] = {"bimodal", "clock",  "fifo",  "lru",  "nru",
                                            "random",  "s3fifo", "sfifo", "sieve"};

        for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                ck_assert_str_eq(policy(names[i])->name, names[i]);
        for (unsigned i = 0; i < count_policies(); i++)
                ck_assert_ptr_eq(policy(pg_policy_at(i)->name), pg_policy_at(i));
        ck_assert_uint_eq(count_policies(), sizeof(names) / sizeof(names[0]));
        ck_assert_ptr_null(pg_policy_find("no such policy"));
        ck_assert_ptr_null(pg_policy_at(count_policies()));
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
        play_sieve("+3+1+4xxxx", "314.");
}
END_TEST

START_TEST(sieve_lets_used_frames_pass_once)
{
        play_sieve("+1+2+3!1!2xxx", "312");
}
END_TEST

START_TEST(sieve_keeps_position_of_rescued_frame)
{
        /* 1 and 2 wait; 1 is rescued. The hand passes 3, starts over, clears 1, skips 2. */
        play_sieve("+1+2+3qq!1qq", "1231");
        /* Rescued 1 stays older than 4: once forgiven, it is the first to be named again. */
        play_sieve("+1+2+3q!1xx+4xs", "12341");
        play("lru", "+1+2+3x<1!1xx+4xx", "12314");
}
END_TEST

START_TEST(sieve_does_not_name_waiting_frames)
{
        play_sieve("+1+2+3qqqq", "123.");
        play_sieve("+1+2+3qqq!2qs", "1232.");
        play_sieve("+1+2+3~1xxx", "23.");
}
END_TEST

START_TEST(sieve_goes_on_behind_the_last_victim)
{
        play_sieve("+1+2+3ssss", "1231");
}
END_TEST

START_TEST(sieve_hand_moves_on_when_its_frame_leaves)
{
        play_sieve("+1+2+3s-2ss", "131");
        play_sieve("+1+2s+3-2sx", "131");
        play_sieve("+1+2s-2+3sx", "113");
}
END_TEST

START_TEST(sieve_tries_new_frame_before_proven_ones)
{
        /* 1 and 2 were rescued in the first lap; 4 comes after it, and nobody comes back for it. */
        play_sieve("+1+2+3q!1q!2x+4x", "1234");
        play("lru", "+1+2+3x<1!1x<2!2x+4x", "1231");
}
END_TEST

START_TEST(sieve_asks_less_often_who_was_rescued_more)
{
        /* 1 and 2 are rescued twice, and let two newcomers go before them; once, and let one. */
        play_sieve("+1+2+3q!1q!2q!3q!1q!2x+4x+5x+6s", "123123451");
        play_sieve("+1+2+3q!1q!2x+4x+5s", "12341");
}
END_TEST

START_TEST(sieve_gives_credit_to_a_page_that_came_back_soon)
{
        /* Evidence right after add: a ghost. */
        play_sieve("+1!1+2+3xxx", "231");
}
END_TEST

START_TEST(bimodal_names_those_on_trial_first)
{
        /* The first is on trial, and while it is there is room for the others. */
        play("bimodal", "+1+2+3+4xx+5xx", "1253");
}
END_TEST

START_TEST(bimodal_keeps_who_was_rescued)
{
        play("bimodal", "+1+2q!1xx", "121");
        play("bimodal", "+1+2q!1x+3xx", "1231");
}
END_TEST

START_TEST(bimodal_keeps_one_newcomer_in_many)
{
        const struct pg_policy_ops *ops = policy("bimodal");
        struct rig rig = rig_open(ops, 1000, 0);
        bool newcomer[1000] = {false};
        uint32_t stayed = 900;

        for (uint32_t frame = 0; frame < 900; frame++)
                ops->add(rig.self, frame, frame, PG_ADD_DEMAND);
        for (uint32_t i = 0; i < 3200; i++) {
                uint32_t frame = ops->select(rig.self);

                stayed -= !newcomer[frame];
                newcomer[frame] = true;
                ops->remove(rig.self, frame);
                ops->add(rig.self, frame, 1000 + i, PG_ADD_DEMAND);
        }
        /* An eighth of the first began on trial. A newcomer that was kept took a seat of the trial
         * while that was long, and then of those kept. */
        ck_assert_uint_ge(stayed, 900 - 900 / 8 - 3200 / 32);
        ck_assert_uint_lt(stayed, 900 - 900 / 8);
        rig_close(&rig);
}
END_TEST

START_TEST(clock_lets_used_frames_off_once)
{
        play("clock", "+1+2+3!1xxx", "231");
        play("clock", "+1+2+3!1!2!3xxx", "123");
}
END_TEST

START_TEST(clock_puts_new_frames_behind_its_hand)
{
        play("clock", "+1+2+3!1x+4xxx", "2314");
}
END_TEST

START_TEST(clock_finds_rescued_frame_where_it_was)
{
        play("clock", "+1+2+3q!1+4xxxx", "12341");
        play("clock", "+1+2+3qqqq", "123.");
}
END_TEST

START_TEST(sfifo_puts_rescued_frame_last)
{
        play("sfifo", "+1+2+3q!1+4xxxx", "12314");
}
END_TEST

START_TEST(sfifo_sees_use_in_the_second_segment_only)
{
        play("sfifo", "+1+2+3!1xxx", "123");
        play("sfifo", "+1+2qq!2!2q", "122");
        play("sfifo", "+1+2qq-1!1!2s", "122");
}
END_TEST

START_TEST(s3fifo_names_small_before_main)
{
        play("s3fifo", "+1+2+3xxx", "123");
        play("s3fifo", "+1+2q!1+3xxx", "1231");
}
END_TEST

START_TEST(s3fifo_lets_in_who_comes_back_soon)
{
        play("s3fifo", "+1q-1+1+2xx", "121");
        /* Not if it never left the small fifo by eviction. */
        play("s3fifo", "+1-1+1+2xx", "12");
}
END_TEST

START_TEST(s3fifo_lets_used_frames_pass)
{
        play("s3fifo", "+1q!1!1+2q!2xx", "1221");
}
END_TEST

static TCase *more_sequences(void)
{
        TCase *sequences = tcase_create("more sequences");

        tcase_add_test(sequences, bimodal_names_those_on_trial_first);
        tcase_add_test(sequences, bimodal_keeps_who_was_rescued);
        tcase_add_test(sequences, bimodal_keeps_one_newcomer_in_many);
        tcase_add_test(sequences, clock_lets_used_frames_off_once);
        tcase_add_test(sequences, clock_puts_new_frames_behind_its_hand);
        tcase_add_test(sequences, clock_finds_rescued_frame_where_it_was);
        tcase_add_test(sequences, sfifo_puts_rescued_frame_last);
        tcase_add_test(sequences, sfifo_sees_use_in_the_second_segment_only);
        tcase_add_test(sequences, s3fifo_names_small_before_main);
        tcase_add_test(sequences, s3fifo_lets_in_who_comes_back_soon);
        tcase_add_test(sequences, s3fifo_lets_used_frames_pass);
        return sequences;
}

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
        tcase_add_test(sequences, sieve_asks_less_often_who_was_rescued_more);
        tcase_add_test(sequences, sieve_gives_credit_to_a_page_that_came_back_soon);
        return sequences;
}

int main(void)
{
        Suite *suite = suite_create("policies");
        TCase *all = tcase_create("every policy");

        tcase_set_timeout(all, 60); /* of which a busy machine may need a few */
        tcase_add_loop_test(all, every_policy_conforms, 0, (int)count_policies());
        tcase_add_loop_test(all, every_policy_ignores_frames_it_does_not_have, 0,
                            (int)count_policies());
        tcase_add_test(all, policies_are_found_by_name);
        suite_add_tcase(suite, all);
        suite_add_tcase(suite, sequences());
        suite_add_tcase(suite, more_sequences());
        return run_suite(suite);
}
