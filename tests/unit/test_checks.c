/* SPDX-License-Identifier: MIT */
/*
 * test_checks.c - the walks over whole structures (lib/os/debug.h): what is sound passes, and
 * whatever is broken on purpose is named.
 */
#include "../run_tests.h"
#include "backends/budget.h"
#include "backends/zram_heap.h"
#include "frame.h"
#include "mapping.h"
#include "miss_curve.h"
#include "page.h"
#include "policy_gate.h"
#include "pool.h"
#include "pool_check.h"
#include "victim_queue.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES 16u
#define PAGES  8u

#define SOUND(result) ck_assert_msg(!(result), "%s", (result))

static void is_broken(const char *result, const char *words)
{
        ck_assert_msg(result && strstr(result, words), "%s, not: %s", result ? result : "sound",
                      words);
}

/* ---- frames and their lists ------------------------------------------------------------------ */

static struct frames frames;
static struct victim_queue queue;
static struct mapping mapping;

/* Four free frames, one retired, and five that wait in the queue. */
static void frames_begin(void)
{
        uint32_t taken[10];

        ck_assert_int_eq(frames_init(&frames, FRAMES, FRAMES, 4096), 0);
        queue = (struct victim_queue){.pct = 50};
        for (unsigned i = 0; i < 10; i++)
                taken[i] = frame_take(&frames);
        for (unsigned i = 0; i < 5; i++)
                frame_put(&frames, taken[i]);
        frames.limit = 9;
        frames_trim(&frames);
        for (unsigned i = 5; i < 10; i++) {
                frames.table[taken[i]].mapping = &mapping;
                queue.named++;
                victim_queue_push(&queue, &frames, taken[i]);
        }
}

static void frames_end(void)
{
        frames_destroy(&frames);
}

START_TEST(sound_frames_pass)
{
        ck_assert_uint_eq(frames.free_list.count, 4);
        ck_assert_uint_eq(frames.retired.count, 1);
        SOUND(frames_check(&frames));
        SOUND(victim_queue_check(&queue, &frames));
}
END_TEST

START_TEST(a_list_that_miscounts_is_found)
{
        frames.free_list.count--;
        is_broken(frames_check(&frames), "miscounts");
}
END_TEST

START_TEST(a_list_with_a_loop_is_found)
{
        uint32_t first = frames.free_list.head - 1;

        frames.table[frames.free_list.tail - 1].link.next = first + 1;
        frames.table[first].link.prev = frames.free_list.tail;
        ck_assert_ptr_nonnull(frames_check(&frames));
}
END_TEST

START_TEST(a_link_back_to_another_frame_is_found)
{
        frames.table[frames.free_list.tail - 1].link.prev = frames.free_list.head + 1;
        is_broken(frames_check(&frames), "does not lead back");
}
END_TEST

START_TEST(a_frame_that_was_never_given_out_is_found)
{
        frames.table[frames.free_list.head - 1].link.next = FRAMES;
        is_broken(frames_check(&frames), "never given out");
}
END_TEST

START_TEST(a_tail_that_is_none_is_found)
{
        frames.free_list.tail = frames.free_list.head;
        is_broken(frames_check(&frames), "tail");
}
END_TEST

START_TEST(frames_that_got_lost_are_found)
{
        frames.live--;
        is_broken(frames_check(&frames), "live and retired");
}
END_TEST

START_TEST(a_free_frame_that_holds_a_page_is_found)
{
        frames.table[frames.retired.head - 1].mapping = &mapping;
        is_broken(frames_check(&frames), "a free one holds a page");
}
END_TEST

START_TEST(more_promises_than_pins_are_found)
{
        frames.promised = 1;
        is_broken(frames_check(&frames), "promised");
}
END_TEST

START_TEST(a_queue_out_of_order_is_found)
{
        frames.table[queue.list.tail - 1].queued = 1;
        is_broken(victim_queue_check(&queue, &frames), "out of order");
}
END_TEST

START_TEST(an_empty_frame_in_the_queue_is_found)
{
        frames.table[queue.list.tail - 1].mapping = NULL;
        is_broken(victim_queue_check(&queue, &frames), "holds no page");
}
END_TEST

/* ---- a pool ---------------------------------------------------------------------------------- */

static struct pg_pool *pool;
static page_word words[PAGES];
static _Atomic uint64_t touched[1];
static const void *page;

/* Of eight pages the first four are mapped, in frames 0 to 3, and the next two are queued. */
static void pool_begin(void)
{
        pool = calloc(1, sizeof(*pool));
        mapping = (struct mapping){.pool = pool,
                                   .start = (char *)((uintptr_t)1 << 30),
                                   .npages = PAGES,
                                   .page_shift = 12,
                                   .pages = words,
                                   .touched = touched};
        memset((void *)words, 0, sizeof(words));
        mapping_touch(&mapping, 0);
        ck_assert_int_eq(frames_init(&pool->frames, FRAMES, FRAMES, 4096), 0);
        ck_assert_int_eq(policy_open(&pool->policy, pg_policy_find("fifo"), FRAMES), 0);
        ck_assert_int_eq(stats_init(&pool->stats, 1, &(struct pg_live){0}), 0);
        for (uint32_t i = 0; i < 6; i++) {
                uint32_t frame = frame_take(&pool->frames);

                pool->frames.table[frame].mapping = &mapping;
                pool->frames.table[frame].page = i;
                words[i] = page_resident(frame, i < 4 ? PAGE_DIRTY : PAGE_QUEUED);
                policy_add(&pool->policy, frame, i, PG_ADD_DEMAND);
                if (i < 4)
                        continue;
                policy_queued(&pool->policy, frame);
                victim_queue_push(&pool->victim_queue, &pool->frames, frame);
        }
}

static void pool_end(void)
{
        stats_destroy(&pool->stats, false);
        policy_close(&pool->policy);
        frames_destroy(&pool->frames);
        free(pool);
}

START_TEST(a_sound_pool_passes)
{
        SOUND(pool_check(pool, &page));
        SOUND(pool_mapping_check(pool, &mapping, &page));
        words[1] |= PAGE_BUSY; /* and its owner may be anywhere */
        pool->frames.table[1].mapping = NULL;
        SOUND(pool_check(pool, &page));
        SOUND(pool_mapping_check(pool, &mapping, &page));
}
END_TEST

START_TEST(a_page_that_knows_nothing_of_its_frame_is_found)
{
        words[2] = 0;
        is_broken(pool_check(pool, &page), "a frame and its page disagree");
        ck_assert_ptr_eq(page, mapping_addr(&mapping, 2));
}
END_TEST

START_TEST(a_page_in_the_frame_of_another_is_found)
{
        words[7] = page_resident(3, 0);
        SOUND(pool_check(pool, &page));
        is_broken(pool_mapping_check(pool, &mapping, &page), "not its own");
        ck_assert_ptr_eq(page, mapping_addr(&mapping, 7));
}
END_TEST

START_TEST(a_page_in_a_frame_beyond_all_is_found)
{
        words[7] = page_resident(UINT32_MAX, 0);
        is_broken(pool_mapping_check(pool, &mapping, &page), "not its own");
}
END_TEST

START_TEST(a_page_in_the_queue_that_is_not_queued_is_found)
{
        words[4] &= ~PAGE_QUEUED;
        is_broken(pool_check(pool, &page), "is not QUEUED");
        ck_assert_ptr_eq(page, mapping_addr(&mapping, 4));
}
END_TEST

START_TEST(a_queued_page_that_is_not_in_the_queue_is_found)
{
        victim_queue_remove(&pool->victim_queue, &pool->frames, 5);
        is_broken(pool_check(pool, &page), "is not in it");
}
END_TEST

START_TEST(more_frames_in_use_than_live_are_found)
{
        pool->policy.count = 5;
        is_broken(pool_check(pool, &page), "than are live");
}
END_TEST

static bool never_sound(const void *self)
{
        (void)self;
        return false;
}

START_TEST(a_policy_that_finds_itself_broken_is_named)
{
        pool->policy.ops.check = never_sound;
        is_broken(pool_check(pool, &page), "policy");
}
END_TEST

/* ---- the index of mappings ------------------------------------------------------------------- */

static struct mapping three[3];
static struct mapping_slot slots[3];

static void index_begin(void)
{
        for (uintptr_t i = 0; i < 3; i++) {
                three[i].start = (char *)((i + 1) << 20);
                three[i].npages = 256;
                three[i].page_shift = 12;
                slots[i].start = (i + 1) << 20;
                slots[i].end = (i + 2) << 20;
                slots[i].mapping = &three[i];
        }
}

START_TEST(an_index_is_sorted_and_disjoint)
{
        SOUND(mapping_slots_check(slots, 3));
        slots[1].start -= 4096;
        is_broken(mapping_slots_check(slots, 3), "not sorted");
        slots[1].start += 8192;
        is_broken(mapping_slots_check(slots, 3), "disagree");
        slots[1].start = (uintptr_t)slots[1].end;
        is_broken(mapping_slots_check(slots, 3), "no length");
}
END_TEST

/* ---- the miss curve -------------------------------------------------------------------------- */

START_TEST(a_curve_that_miscounts_is_found)
{
        struct miss_curve c = {0};

        SOUND(miss_curve_check(&c));
        ck_assert_int_eq(miss_curve_init(&c, 64), 0);
        for (uint64_t i = 0; i < 200; i++) {
                miss_curve_fault(&c, i % 40, true);
                if (i % 2)
                        miss_curve_demoted(&c, (i - 1) % 40);
        }
        SOUND(miss_curve_check(&c));
        c.pages++;
        is_broken(miss_curve_check(&c), "pages");
        c.pages--;
        c.slots++;
        is_broken(miss_curve_check(&c), "slots or holes");
        c.slots--;
        SOUND(miss_curve_check(&c));
        miss_curve_destroy(&c);
}
END_TEST

/* ---- the heap of zram ------------------------------------------------------------------------ */

#define CHUNKS 2000u

static struct zram_heap heap;
static struct budget budget;
static uint64_t chunks[CHUNKS];

/* Chunks of many sizes, of which two in three were freed again. */
static void heap_begin(void)
{
        budget = (struct budget){.system_page = 4096};
        memset(&heap, 0, sizeof(heap));
        ck_assert_int_eq(zram_heap_open(&heap, &budget, (size_t)1 << 30), 0);
        zram_heap_start(&heap, 4096);
        for (unsigned i = 0; i < CHUNKS; i++)
                chunks[i] = zram_heap_alloc(&heap, 40 + i % 7 * 300);
        for (unsigned i = 0; i < CHUNKS; i++)
                if (i % 3)
                        zram_heap_free(&heap, chunks[i], 40 + i % 7 * 300);
}

static void heap_end(void)
{
        zram_heap_close(&heap);
}

static struct zram_slab *partial_slab(void)
{
        for (unsigned i = 0; i < heap.class_count; i++)
                for (unsigned k = 0; k < ZRAM_FULLNESS; k++)
                        if (heap.classes[i].partial[k])
                                return (struct zram_slab *)(void *)heap.slabs.base +
                                       heap.classes[i].partial[k];
        ck_abort_msg("no slab is partly used");
}

START_TEST(a_sound_heap_passes)
{
        SOUND(zram_heap_check(&heap));
}
END_TEST

START_TEST(a_slab_with_a_chunk_too_many_is_found)
{
        partial_slab()->carved++;
        is_broken(zram_heap_check(&heap), "miscounts chunks");
}
END_TEST

START_TEST(a_slab_on_the_list_of_another_class_is_found)
{
        partial_slab()->class ++;
        is_broken(zram_heap_check(&heap), "another's list");
}
END_TEST

START_TEST(a_list_of_slabs_that_leads_astray_is_found)
{
        partial_slab()->next = heap.slab_count;
        is_broken(zram_heap_check(&heap), "does not exist");
}
END_TEST

START_TEST(idle_bytes_that_are_not_there_are_found)
{
        heap.idle_bytes += 8;
        is_broken(zram_heap_check(&heap), "idle bytes");
}
END_TEST

START_TEST(spare_slabs_that_are_not_there_are_found)
{
        heap.spare_count++;
        is_broken(zram_heap_check(&heap), "spare");
}
END_TEST

/* ---------------------------------------------------------------------------------------------- */

static TCase *group(Suite *suite, const char *name, void (*begin)(void), void (*end)(void))
{
        TCase *tc = tcase_create(name);

        tcase_add_checked_fixture(tc, begin, end);
        suite_add_tcase(suite, tc);
        return tc;
}

static void add_frames(Suite *suite)
{
        TCase *tc = group(suite, "frames", frames_begin, frames_end);

        tcase_add_test(tc, sound_frames_pass);
        tcase_add_test(tc, a_list_that_miscounts_is_found);
        tcase_add_test(tc, a_list_with_a_loop_is_found);
        tcase_add_test(tc, a_link_back_to_another_frame_is_found);
        tcase_add_test(tc, a_frame_that_was_never_given_out_is_found);
        tcase_add_test(tc, a_tail_that_is_none_is_found);
        tcase_add_test(tc, frames_that_got_lost_are_found);
        tcase_add_test(tc, a_free_frame_that_holds_a_page_is_found);
        tcase_add_test(tc, more_promises_than_pins_are_found);
        tcase_add_test(tc, a_queue_out_of_order_is_found);
        tcase_add_test(tc, an_empty_frame_in_the_queue_is_found);
}

static void add_pool(Suite *suite)
{
        TCase *tc = group(suite, "pool", pool_begin, pool_end);

        tcase_add_test(tc, a_sound_pool_passes);
        tcase_add_test(tc, a_page_that_knows_nothing_of_its_frame_is_found);
        tcase_add_test(tc, a_page_in_the_frame_of_another_is_found);
        tcase_add_test(tc, a_page_in_a_frame_beyond_all_is_found);
        tcase_add_test(tc, a_page_in_the_queue_that_is_not_queued_is_found);
        tcase_add_test(tc, a_queued_page_that_is_not_in_the_queue_is_found);
        tcase_add_test(tc, more_frames_in_use_than_live_are_found);
        tcase_add_test(tc, a_policy_that_finds_itself_broken_is_named);
}

static void add_heap(Suite *suite)
{
        TCase *tc = group(suite, "heap", heap_begin, heap_end);

        tcase_add_test(tc, a_sound_heap_passes);
        tcase_add_test(tc, a_slab_with_a_chunk_too_many_is_found);
        tcase_add_test(tc, a_slab_on_the_list_of_another_class_is_found);
        tcase_add_test(tc, a_list_of_slabs_that_leads_astray_is_found);
        tcase_add_test(tc, idle_bytes_that_are_not_there_are_found);
        tcase_add_test(tc, spare_slabs_that_are_not_there_are_found);
}

int main(void)
{
        Suite *suite = suite_create("checks");
        TCase *tc;

        add_frames(suite);
        add_pool(suite);
        add_heap(suite);
        tc = group(suite, "index", index_begin, NULL);
        tcase_add_test(tc, an_index_is_sorted_and_disjoint);
        tcase_add_test(tc, a_curve_that_miscounts_is_found);
        return run_suite(suite);
}
