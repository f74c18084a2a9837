/* SPDX-License-Identifier: MIT */
/*
 * test_page_state.c - each transition of a page, without any fault: what policy, victim queue,
 * frames, swap store, page word and observers say before and after.
 */
#include "../run_tests.h"
#include "page_state_support.h"

START_TEST(a_page_that_came_in_stands_with_the_policy)
{
        uint32_t frame = make_mapped(3, true);
        const struct frame *f = frame_at(&pool.frames, frame);

        ck_assert(page_word_read(&words[3]) == page_resident(frame, 0));
        ck_assert_ptr_eq(f->mapping, &map);
        ck_assert_uint_eq(f->page, 3);
        ck_assert(f->owned && f->location > swap_base);
        ck_assert_uint_eq(heard[frame].added, 1);
        ck_assert_uint_eq(heard[frame].accessed, 0);
        expect_frames(1, 0, 0, 1);
        expect_events("fault");
}
END_TEST

START_TEST(a_modified_page_that_came_in_has_no_copy)
{
        uint32_t frame = make_mapped(3, false);

        ck_assert(page_word_read(&words[3]) == page_resident(frame, PAGE_DIRTY));
        ck_assert_uint_eq(frame_at(&pool.frames, frame)->location, PG_LOCATION_NONE);
        ck_assert(!frame_at(&pool.frames, frame)->owned);
        expect_events("fault*");
}
END_TEST

START_TEST(a_page_that_came_in_ahead_is_known_as_such)
{
        struct page_op *op = bring(5, true, PG_ADD_AHEAD);

        publish(op);
        ck_assert(frame_at(&pool.frames, op->frame)->ahead);
        ck_assert_uint_eq(heard[op->frame].ahead, 1);
        expect_events("ahead");
}
END_TEST

START_TEST(what_is_known_of_writes_survives_coming_in_and_going_out)
{
        struct page_op *op;

        words[2] = PAGE_WAS_WRITTEN;
        make_mapped(2, false);
        ck_assert(page_word_read(&words[2]) & PAGE_WAS_WRITTEN);
        op = take(2);
        op->location = PG_LOCATION_ANON_ZERO;
        LOCKED(page_went_out(&pool, op));
        publish(op);
        ck_assert(page_word_read(&words[2]) == PAGE_WAS_WRITTEN);
}
END_TEST

START_TEST(a_page_whose_ghost_is_there_counts_as_used)
{
        struct page_op *op;
        uint32_t frame;

        make_mapped(2, true);
        op = take(2);
        op->location = frame_at(&pool.frames, op->frame)->location;
        LOCKED(page_went_out(&pool, op));
        publish(op);
        frame = make_mapped(2, false);
        ck_assert_uint_eq(heard[frame].accessed, 1);
}
END_TEST

START_TEST(a_page_that_comes_in_pinned_stands_with_no_policy)
{
        struct page_op *op;

        ck_assert(frames_promise_pins(&pool.frames, 1));
        ctx->pins = 1;
        op = bring(1, false, PG_ADD_DEMAND);
        publish(op);
        ck_assert_uint_eq(ctx->pins, 0);
        ck_assert(page_word_read(&words[1]) & PAGE_PINNED);
        ck_assert_uint_eq(heard[op->frame].added, 0);
        expect_frames(0, 0, 1, 1);
}
END_TEST

START_TEST(a_page_that_stayed_out_gives_its_frame_back)
{
        struct page_op *op = claim(4);
        uint32_t freed = pool.frames.freed;

        LOCKED(op->frame = frame_take(&pool.frames));
        page_stayed_out(&pool, op);
        page_release(&map, 4, op->word);
        ck_assert(page_word_read(&words[4]) == 0);
        ck_assert_uint_eq(pool.frames.freed, freed + 1);
        expect_frames(0, 0, 0, 0);
        expect_events("");
}
END_TEST

START_TEST(a_taken_page_is_in_no_queue_and_cannot_be_selected)
{
        uint32_t frame = make_mapped(6, false);
        struct page_op *op = take(6);

        ck_assert(op->taken);
        ck_assert_ptr_eq(op->data, frame_slot(&pool.frames, frame));
        ck_assert_uint_eq(heard[frame].queued, 1);
        expect_frames(0, 0, 0, 1);
        expect_events("fault*");
}
END_TEST

START_TEST(a_parked_page_waits_in_the_queue)
{
        uint32_t frame = make_queued(6, false);

        ck_assert(page_word_read(&words[6]) == page_resident(frame, PAGE_DIRTY | PAGE_QUEUED));
        expect_frames(0, 1, 0, 1);
        expect_events("fault* queued*");
}
END_TEST

START_TEST(a_page_that_is_parked_again_is_reported_once)
{
        struct page_op *op;

        make_queued(6, false);
        op = take(6);
        expect_frames(0, 0, 0, 1);
        LOCKED(page_parked(&pool, op));
        publish(op);
        ck_assert(page_word_read(&words[6]) & PAGE_QUEUED);
        expect_frames(0, 1, 0, 1);
        expect_events("fault* queued*");
}
END_TEST

START_TEST(a_rescued_page_counts_as_used)
{
        uint32_t frame = make_queued(7, true);
        struct page_op *op = take(7);

        op->clean = true;
        LOCKED(page_rescued(&pool, ctx, op));
        publish(op);
        ck_assert(page_word_read(&words[7]) == page_resident(frame, 0));
        ck_assert_uint_eq(heard[frame].accessed, 1);
        ck_assert_int_eq(places, 1);
        expect_frames(1, 0, 0, 1);
        expect_events("fault queued rescued");
}
END_TEST

START_TEST(a_page_that_is_rescued_to_be_pinned_leaves_the_policy)
{
        uint32_t frame = make_queued(7, false);
        struct page_op *op = take(7);

        ck_assert(frames_promise_pins(&pool.frames, 1));
        ctx->pins = 1;
        LOCKED(page_rescued(&pool, ctx, op));
        publish(op);
        ck_assert(page_word_read(&words[7]) == page_resident(frame, PAGE_DIRTY | PAGE_PINNED));
        ck_assert_uint_eq(heard[frame].removed, 1);
        expect_frames(0, 0, 1, 1);
        expect_events("fault* queued* rescued*");
}
END_TEST

START_TEST(a_returned_page_is_reported_and_one_that_stayed_is_not)
{
        uint32_t returned = make_queued(8, false), stayed = make_mapped(9, false);
        struct page_op *op = take(8);

        LOCKED(page_returned(&pool, op));
        publish(op);
        op = take(9);
        LOCKED(page_stayed(&pool, op));
        publish(op);
        ck_assert(page_word_read(&words[8]) == page_resident(returned, PAGE_DIRTY));
        ck_assert(page_word_read(&words[9]) == page_resident(stayed, PAGE_DIRTY));
        ck_assert_uint_eq(heard[returned].accessed, 1);
        ck_assert_uint_eq(heard[stayed].accessed, 1);
        expect_frames(2, 0, 0, 2);
        expect_events("fault* queued* fault* returned*");
}
END_TEST

START_TEST(a_page_that_went_out_leaves_its_frame_and_says_where_it_is)
{
        uint32_t frame = make_mapped(10, false);
        struct page_op *op = take(10);

        op->location = swap_base + 7 * PAGE;
        LOCKED(page_went_out(&pool, op));
        publish(op);
        ck_assert(page_word_read(&words[10]) == (op->location | PAGE_PLACED));
        ck_assert_uint_eq(heard[frame].removed, 1);
        expect_frames(0, 0, 0, 0);
        expect_events("fault* left*");
}
END_TEST

START_TEST(a_page_that_went_back_to_its_own_location_is_as_it_was_born)
{
        struct page_op *op;

        make_mapped(10, false);
        op = take(10);
        op->location = PG_LOCATION_ANON_ZERO;
        LOCKED(page_went_out(&pool, op));
        publish(op);
        ck_assert(page_word_read(&words[10]) == 0);
}
END_TEST

START_TEST(a_page_that_was_only_read_is_remembered_so_unless_nobody_touched_it)
{
        struct page_op *op;

        make_mapped(1, true);
        op = take(1);
        op->location = PG_LOCATION_ANON_ZERO;
        LOCKED(page_went_out(&pool, op));
        publish(op);
        ck_assert(page_word_read(&words[1]) == PAGE_WAS_READ);

        publish(bring(2, true, PG_ADD_AHEAD));
        op = take(2);
        op->location = PG_LOCATION_ANON_ZERO;
        LOCKED(page_went_out(&pool, op));
        publish(op);
        ck_assert(page_word_read(&words[2]) == 0);
}
END_TEST

/* From each of the states: mapped, queued, on its way out, pinned, out. */
START_TEST(a_page_that_is_gone_leaves_nothing_behind)
{
        struct page_op *op = NULL;

        switch (_i) {
        case 0:
                make_mapped(11, true);
                break;
        case 1:
                make_queued(11, true);
                break;
        case 2:
                make_mapped(11, true);
                op = take(11);
                break;
        case 3:
                make_pinned(11);
                break;
        default:
                ck_assert_int_eq(place_get(&swap, &(uint64_t){0}, false), 0);
                words[11] = (swap_base + PAGE) | PAGE_PLACED | PAGE_WAS_READ;
        }
        op = op ? op : claim(11);
        page_gone(&pool, op);
        publish(op);
        ck_assert(page_word_read(&words[11]) == 0);
        ck_assert_int_eq(places, 0);
        expect_frames(0, 0, 0, 0);
        expect_events((const char *[]){"fault forgotten", "fault queued forgotten",
                                       "fault forgotten", "fault* forgotten", "forgotten"}[_i]);
}
END_TEST

START_TEST(a_poisoned_page_that_is_gone_is_left_for_its_owner_to_heal)
{
        struct page_op *op;

        words[12] = PAGE_POISONED;
        op = claim(12);
        page_gone(&pool, op);
        ck_assert(op->word == PAGE_POISONED);
        page_release(&map, 12, 0);
}
END_TEST

START_TEST(a_pinned_page_that_is_gone_relieves_the_pool)
{
        ck_assert(!pool.frames.low_on_frames);
        for (uint64_t page = 0; page < PAGES; page++)
                make_pinned(page);
        ck_assert(frames_promise_pins(&pool.frames, FRAMES - PAGES - 32 + 1));
        ck_assert(pool.frames.low_on_frames);
        page_gone(&pool, claim(0));
        ck_assert(!pool.frames.low_on_frames);
}
END_TEST

START_TEST(a_pinned_page_stands_with_no_policy_until_it_is_unpinned)
{
        uint32_t frame = make_pinned(13);
        struct page_op *op;

        ck_assert(page_word_read(&words[13]) == page_resident(frame, PAGE_DIRTY | PAGE_PINNED));
        ck_assert_uint_eq(heard[frame].removed, 1);
        expect_frames(0, 0, 1, 1);
        op = claim(13);
        LOCKED(page_unpinned(&pool, op));
        publish(op);
        ck_assert(page_word_read(&words[13]) == page_resident(frame, PAGE_DIRTY));
        ck_assert_uint_eq(heard[frame].returned, 1);
        expect_frames(1, 0, 0, 1);
        expect_events("fault*");
}
END_TEST

START_TEST(a_modified_page_gives_its_copy_up_and_remembers_a_write_it_knows_of)
{
        uint32_t frame = make_mapped(14, true);
        struct page_op *op = claim(14);

        page_modified(&pool, op, _i);
        publish(op);
        ck_assert_int_eq(places, 0);
        ck_assert_uint_eq(frame_at(&pool.frames, frame)->location, PG_LOCATION_NONE);
        ck_assert(page_word_read(&words[14]) ==
                  page_resident(frame, PAGE_DIRTY | (_i ? PAGE_WAS_WRITTEN : 0)));
        expect_frames(1, 0, 0, 1);
}
END_TEST

START_TEST(a_saved_page_is_clean_when_its_store_has_confirmed)
{
        uint32_t frame = make_mapped(14, false);
        struct page_op *op = take(14);

        op->location = swap_base + 3 * PAGE;
        page_saved(&pool, op);
        LOCKED(page_returned(&pool, op));
        publish(op);
        ck_assert(page_word_read(&words[14]) == page_resident(frame, PAGE_DIRTY));
        op = claim(14);
        ck_assert(page_is_saved(&pool, op));
        page_cleaned(op);
        publish(op);
        ck_assert(page_word_read(&words[14]) == page_resident(frame, 0));
        ck_assert_uint_eq(frame_at(&pool.frames, frame)->location, swap_base + 3 * PAGE);
        expect_frames(1, 0, 0, 1);
        expect_events("fault* returned");
}
END_TEST

START_TEST(a_saved_page_that_is_written_to_or_leaves_is_only_modified)
{
        struct page_op *op;

        make_mapped(14, false);
        op = take(14);
        op->location = swap_base + 3 * PAGE;
        page_saved(&pool, op);
        LOCKED(page_returned(&pool, op));
        if (_i)
                page_modified(&pool, op, true);
        else
                page_unsaved(&pool, op);
        ck_assert(!page_is_saved(&pool, op));
        ck_assert(op->word & PAGE_DIRTY);
        publish(op);
}
END_TEST

START_TEST(a_moved_page_keeps_its_frame)
{
        uint32_t frame = make_mapped(1, false);

        page_moved(&pool, &map, 1, page_word_read(&words[1]), &map, 9);
        ck_assert_uint_eq(frame_at(&pool.frames, frame)->page, 9);
        expect_frames(1, 0, 0, 1);
        expect_events("fault* moved");
}
END_TEST

TESTS("page_state")
{
        tcase_add_checked_fixture(tc, begin, end);
        tcase_add_test(tc, a_page_that_came_in_stands_with_the_policy);
        tcase_add_test(tc, a_modified_page_that_came_in_has_no_copy);
        tcase_add_test(tc, a_page_that_came_in_ahead_is_known_as_such);
        tcase_add_test(tc, what_is_known_of_writes_survives_coming_in_and_going_out);
        tcase_add_test(tc, a_page_whose_ghost_is_there_counts_as_used);
        tcase_add_test(tc, a_page_that_comes_in_pinned_stands_with_no_policy);
        tcase_add_test(tc, a_page_that_stayed_out_gives_its_frame_back);
        tcase_add_test(tc, a_taken_page_is_in_no_queue_and_cannot_be_selected);
        tcase_add_test(tc, a_parked_page_waits_in_the_queue);
        tcase_add_test(tc, a_page_that_is_parked_again_is_reported_once);
        tcase_add_test(tc, a_rescued_page_counts_as_used);
        tcase_add_test(tc, a_page_that_is_rescued_to_be_pinned_leaves_the_policy);
        tcase_add_test(tc, a_returned_page_is_reported_and_one_that_stayed_is_not);
        tcase_add_test(tc, a_page_that_went_out_leaves_its_frame_and_says_where_it_is);
        tcase_add_test(tc, a_page_that_went_back_to_its_own_location_is_as_it_was_born);
        tcase_add_test(tc, a_page_that_was_only_read_is_remembered_so_unless_nobody_touched_it);
        tcase_add_loop_test(tc, a_page_that_is_gone_leaves_nothing_behind, 0, 5);
        tcase_add_test(tc, a_poisoned_page_that_is_gone_is_left_for_its_owner_to_heal);
        tcase_add_test(tc, a_pinned_page_that_is_gone_relieves_the_pool);
        tcase_add_test(tc, a_pinned_page_stands_with_no_policy_until_it_is_unpinned);
        tcase_add_loop_test(tc, a_modified_page_gives_its_copy_up_and_remembers_a_write_it_knows_of,
                            0, 2);
        tcase_add_test(tc, a_saved_page_is_clean_when_its_store_has_confirmed);
        tcase_add_loop_test(tc, a_saved_page_that_is_written_to_or_leaves_is_only_modified, 0, 2);
        tcase_add_test(tc, a_moved_page_keeps_its_frame);
}
