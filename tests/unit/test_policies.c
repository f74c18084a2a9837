/* SPDX-License-Identifier: MIT */
/*
 * test_policies.c - the shipped policies: the conformance body, and hand-computed sequences.
 *
 * A sequence is written as one line of calls and compared with the victims it must give: see
 * play().
 */
#include "policy_conformance.h"

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
        SRunner *runner = srunner_create(suite);
        int failed;

        tcase_add_loop_test(all, every_policy_conforms, 0, 5);
        tcase_add_loop_test(all, every_policy_ignores_frames_it_does_not_have, 0, 5);
        tcase_add_test(all, policies_are_found_by_name);
        suite_add_tcase(suite, all);
        suite_add_tcase(suite, sequences());
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
