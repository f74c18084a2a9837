/* SPDX-License-Identifier: MIT */
/*
 * k_mem_page_in, k_mem_page_out, k_mem_pin, k_mem_unpin and k_mem_page_frame_evict: to the fault,
 * to the frame, and to the question that the store and the eviction algorithm are asked.
 */
#include <zephyr/ztest.h>
#include <zephyr/kernel/mm/demand_paging.h>
#include <kernel_arch_interface.h>
#include <mmu.h>
#include "expect.h"
#include "trace.h"

#define PAGES 8U

static char *pages;

static struct k_mem_page_frame *frame_of(const char *page)
{
        uintptr_t phys;

        zassert_ok(arch_page_phys_get((void *)(uintptr_t)page, &phys));
        return k_mem_phys_to_page_frame(phys);
}

static bool is_in(const char *page)
{
        uintptr_t location;

        return arch_page_location_get((void *)(uintptr_t)page, &location) ==
               ARCH_PAGE_LOCATION_PAGED_IN;
}

/* All pages are in, and say what they are. */
static void map_and_stamp(void *fixture)
{
        ARG_UNUSED(fixture);
        pages = k_mem_map(PAGES * PAGE, K_MEM_PERM_RW);
        stamp(pages, PAGES);
        trace_clear();
}

static void unmap(void *fixture)
{
        ARG_UNUSED(fixture);
        k_mem_unmap(pages, PAGES * PAGE);
}

ZTEST(paging, test_page_out_and_touch)
{
        struct k_mem_paging_stats_t before, now;
        size_t frames = free_frames();

        k_mem_paging_stats_get(&before);
        zassert_ok(k_mem_page_out(pages, PAGES * PAGE));
        zassert_equal(free_frames(), frames + PAGES);
        zassert_equal(trace_count(TRACE_SELECT), 0);
        zassert_equal(trace_count(TRACE_LOCATION_GET), PAGES);
        zassert_false(trace_nth(TRACE_LOCATION_GET, 0)->detail, "not for a fault");
        zassert_equal(trace_count(TRACE_PAGE_OUT), PAGES);
        for (size_t i = 0; i < PAGES; i++)
                zassert_equal(trace_nth(TRACE_PAGE_OUT, i)->page, pages + i * PAGE);
        k_mem_paging_stats_get(&now);
        zassert_equal(now.eviction.dirty, before.eviction.dirty, "not counted as evictions");
        zassert_equal(now.eviction.clean, before.eviction.clean);
        zassert_equal(now.pagefaults.cnt, before.pagefaults.cnt);

        zassert_equal(stamps_lost(pages, PAGES), 0);
        zassert_equal(k_mem_num_pagefaults_get() - before.pagefaults.cnt, PAGES);
        zassert_equal(trace_count(TRACE_PAGE_IN), PAGES);
        zassert_equal(trace_count(TRACE_FINALIZE), PAGES);
        zassert_equal(free_frames(), frames);
}

ZTEST(paging, test_page_out_of_what_is_out_does_nothing)
{
        zassert_ok(k_mem_page_out(pages, PAGES * PAGE));
        trace_clear();
        zassert_ok(k_mem_page_out(pages, PAGES * PAGE));
        zassert_equal(trace_length(), 0);
}

ZTEST(paging, test_page_in_counts_faults_of_pages_that_are_out)
{
        unsigned long faults = k_mem_num_pagefaults_get();

        k_mem_page_in(pages, PAGES * PAGE);
        zassert_equal(k_mem_num_pagefaults_get(), faults, "all are in");
        zassert_ok(k_mem_page_out(pages + PAGE, 3 * PAGE));
        k_mem_page_in(pages, PAGES * PAGE);
        zassert_equal(k_mem_num_pagefaults_get(), faults + 3);
        trace_clear();
        stamp(pages, PAGES);
        zassert_equal(k_mem_num_pagefaults_get(), faults + 3);
        zassert_equal(trace_count(TRACE_PAGE_IN), 0);
}

ZTEST(paging, test_page_in_leaves_a_page_clean)
{
        uintptr_t info;

        zassert_ok(k_mem_page_out(pages, PAGE));
        info = arch_page_info_get(pages, NULL, false);
        zassert_equal(info & ARCH_DATA_PAGE_LOADED, 0);
        k_mem_page_in(pages, PAGE);
        info = arch_page_info_get(pages, NULL, false);
        zassert_not_equal(info & ARCH_DATA_PAGE_LOADED, 0);
        zassert_equal(info & ARCH_DATA_PAGE_DIRTY, 0);
        (void)*(volatile char *)pages;
        zassert_equal(arch_page_info_get(pages, NULL, false) & ARCH_DATA_PAGE_DIRTY, 0);
        pages[0] = 1;
        zassert_not_equal(arch_page_info_get(pages, NULL, false) & ARCH_DATA_PAGE_DIRTY, 0);
}

ZTEST(paging, test_pin_keeps_pages_in)
{
        size_t more;
        char *rest;

        k_mem_pin(pages, PAGES * PAGE);
        rest = map_frames_and(4, &more);
        stamp(rest, more);
        zassert_not_equal(trace_count(TRACE_SELECT), 0);
        for (size_t i = 0; i < trace_count(TRACE_SELECT); i++) {
                const char *victim = trace_nth(TRACE_SELECT, i)->page;

                zassert_true(victim < pages || victim >= pages + PAGES * PAGE,
                             "victim %zu was pinned", i);
        }
        for (size_t i = 0; i < PAGES; i++)
                zassert_true(is_in(pages + i * PAGE));
        zassert_equal(stamps_lost(pages, PAGES), 0);
        zassert_equal(stamps_lost(rest, more), 0);
        k_mem_unmap(rest, more * PAGE);
        k_mem_unpin(pages, PAGES * PAGE);
}

ZTEST(paging, test_pin_of_a_page_that_is_in)
{
        unsigned long faults = k_mem_num_pagefaults_get();

        k_mem_pin(pages, PAGE);
        zassert_equal(k_mem_num_pagefaults_get(), faults);
        zassert_true(k_mem_page_frame_is_pinned(frame_of(pages)));
        zassert_false(k_mem_page_frame_is_evictable(frame_of(pages)));
        k_mem_unpin(pages, PAGE);
        zassert_true(k_mem_page_frame_is_evictable(frame_of(pages)));
        if (IS_ENABLED(CONFIG_EVICTION_TRACKING)) {
                zassert_equal(trace_count(TRACE_REMOVE), 1);
                zassert_equal(trace_count(TRACE_ADD), 1);
        }
}

/* It is pinned before the eviction algorithm has heard of it. */
ZTEST(paging, test_pin_of_a_page_that_is_out)
{
        unsigned long faults = k_mem_num_pagefaults_get();

        zassert_ok(k_mem_page_out(pages, PAGE));
        trace_clear();
        k_mem_pin(pages, PAGE);
        zassert_equal(k_mem_num_pagefaults_get(), faults + 1);
        zassert_true(k_mem_page_frame_is_pinned(frame_of(pages)));
        zassert_equal(trace_count(TRACE_FINALIZE), 1);
        zassert_equal(trace_count(TRACE_ADD), 0);
        k_mem_unpin(pages, PAGE);
        if (IS_ENABLED(CONFIG_EVICTION_TRACKING))
                zassert_equal(trace_count(TRACE_ADD), 1);
}

ZTEST(paging, test_one_unpin_undoes_all_pins)
{
        k_mem_pin(pages, PAGE);
        trace_clear();
        k_mem_pin(pages, PAGE);
        k_mem_pin(pages, PAGE);
        zassert_equal(trace_length(), 0);
        k_mem_unpin(pages, PAGE);
        zassert_false(k_mem_page_frame_is_pinned(frame_of(pages)));
        zassert_ok(k_mem_page_out(pages, PAGE));
        zassert_false(is_in(pages));
        trace_clear();
        k_mem_unpin(pages, PAGES * PAGE);
        zassert_equal(trace_length(), 0, "none of them was pinned");
}

ZTEST(paging, test_unpin_undoes_a_lock)
{
        char *locked = k_mem_map(2 * PAGE, K_MEM_PERM_RW | K_MEM_MAP_LOCK);

        stamp(locked, 2);
        k_mem_unpin(locked, 2 * PAGE);
        zassert_ok(k_mem_page_out(locked, 2 * PAGE));
        zassert_false(is_in(locked));
        zassert_equal(stamps_lost(locked, 2), 0);
        k_mem_unmap(locked, 2 * PAGE);
}

ZTEST(paging, test_evict_a_frame)
{
        struct k_mem_page_frame *pf = frame_of(pages);
        uintptr_t phys = k_mem_page_frame_to_phys(pf);
        size_t frames = free_frames();

        zassert_ok(k_mem_page_frame_evict(phys));
        zassert_false(is_in(pages));
        zassert_true(is_in(pages + PAGE));
        zassert_true(k_mem_page_frame_is_free(pf));
        zassert_equal(free_frames(), frames + 1);
        zassert_equal(trace_count(TRACE_PAGE_OUT), 1);
        trace_clear();
        zassert_ok(k_mem_page_frame_evict(phys));
        zassert_equal(trace_length(), 0, "a frame without a page");
        zassert_equal(stamps_lost(pages, PAGES), 0);
}

ZTEST(paging, test_fault_call)
{
        unsigned long faults = k_mem_num_pagefaults_get();

        zassert_true(k_mem_page_fault(pages), "in already: nothing to do");
        zassert_equal(k_mem_num_pagefaults_get(), faults);
        zassert_ok(k_mem_page_out(pages, PAGE));
        zassert_true(k_mem_page_fault(pages));
        zassert_true(is_in(pages));
        zassert_equal(k_mem_num_pagefaults_get(), faults + 1);
        zassert_false(k_mem_page_fault(pages - PAGE), "the guard");
        zassert_equal(k_mem_num_pagefaults_get(), faults + 1);
}

/* Frames go to the end of the list when they become free, and are taken from its beginning. */
ZTEST(paging, test_free_frames_are_first_in_first_out)
{
        struct k_mem_page_frame *gone[2] = {frame_of(pages), frame_of(pages + PAGE)};
        size_t others = free_frames();
        char *rest;

        zassert_ok(k_mem_page_out(pages, 2 * PAGE));
        rest = k_mem_map((others + 2) * PAGE, K_MEM_PERM_RW | K_MEM_MAP_UNINIT);
        for (size_t i = 0; i < others + 2; i++)
                (void)*(volatile char *)(rest + i * PAGE);
        zassert_equal(frame_of(rest + others * PAGE), gone[0]);
        zassert_equal(frame_of(rest + (others + 1) * PAGE), gone[1]);
        k_mem_unmap(rest, (others + 2) * PAGE);
}

ZTEST_SUITE(paging, NULL, NULL, map_and_stamp, unmap, NULL);
