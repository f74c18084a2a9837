/* SPDX-License-Identifier: MIT */
/*
 * Which page goes next when the oldest of them is watched: evict_lru.c on real traps.
 */
#include <zephyr/ztest.h>
#include <zephyr/kernel/mm/demand_paging.h>
#include <kernel_arch_interface.h>
#include <mmu.h>
#include "expect.h"
#include "trace.h"

#define OUT 4U /* pages behind those that fill all frames */

static char *pages;
static size_t count; /* pages that are in: one a frame */

/* Queued in the order of their addresses, none of them watched, all clean. */
static void fill_memory(void *fixture)
{
        ARG_UNUSED(fixture);
        pages = map_frames_and(OUT, &count);
        count -= OUT;
        zassert_ok(k_mem_page_out(pages, (count + OUT) * PAGE));
        k_mem_page_in(pages, count * PAGE);
        zassert_equal(free_frames(), 0);
        trace_clear();
}

static void unmap(void *fixture)
{
        ARG_UNUSED(fixture);
        k_mem_unmap(pages, (count + OUT) * PAGE);
}

static const char *victim(size_t index)
{
        const struct trace_event *event = trace_nth(TRACE_SELECT, index);

        return event ? event->page : NULL;
}

/* Touches one of the pages that are out: needs a victim. */
static void fault(size_t index)
{
        (void)*(volatile char *)(pages + (count + index) * PAGE);
}

static void touch(size_t page)
{
        (void)*(volatile char *)(pages + page * PAGE);
}

ZTEST(lru, test_untouched_pages_go_in_the_order_in_which_they_came)
{
        for (size_t i = 0; i < OUT; i++)
                fault(i);
        for (size_t i = 0; i < OUT; i++)
                zassert_equal(victim(i), pages + i * PAGE);
        zassert_equal(trace_count(TRACE_ACCESSED), 0);
}

ZTEST(lru, test_only_the_oldest_is_watched)
{
        fault(0);
        for (size_t i = 1; i < count; i++) {
                bool accessed = (arch_page_info_get(pages + i * PAGE, NULL, false) &
                                 ARCH_DATA_PAGE_ACCESSED) != 0;

                zassert_equal(accessed, i != 1, "page %zu", i);
        }
}

ZTEST(lru, test_the_oldest_goes_to_the_end_when_touched)
{
        fault(0);
        touch(1);
        zassert_equal(trace_count(TRACE_ACCESSED), 1);
        zassert_equal(trace_nth(TRACE_ACCESSED, 0)->page, pages + PAGE);
        fault(1);
        zassert_equal(victim(1), pages + 2 * PAGE);
        touch(4);
        touch(3);
        fault(2);
        zassert_equal(victim(2), pages + 4 * PAGE,
                      "3 was watched and is in use; 4 was not watched when it was touched");
}

/* Every touched page was watched in its turn; then the untouched one is, and it is quiet. */
ZTEST(lru, test_no_traps_while_pages_in_use_stay_the_same)
{
        fault(0);
        for (size_t i = 1; i < count; i++)
                touch(i);
        zassert_equal(trace_count(TRACE_ACCESSED), count - 1);
        trace_clear();
        for (size_t round = 0; round < 3; round++)
                for (size_t i = 1; i < count; i++)
                        touch(i);
        zassert_equal(trace_length(), 0);
}

/* The first write to a clean page traps, too, and tells that the page is in use. */
ZTEST(lru, test_first_write_sends_a_page_to_the_end)
{
        *(volatile char *)pages = 1;
        zassert_equal(trace_count(TRACE_ACCESSED), 1);
        fault(0);
        zassert_equal(victim(0), pages + PAGE);
        zassert_false(trace_nth(TRACE_SELECT, 0)->detail, "clean");
}

/* One alone is not watched: or two frames and two pages in use could starve each other. */
ZTEST(lru, test_a_page_alone_is_not_watched)
{
        k_mem_pin(pages, (count - 1) * PAGE);
        trace_clear();
        fault(0);
        zassert_equal(victim(0), pages + (count - 1) * PAGE);
        for (size_t i = 0; i < 3; i++)
                touch(count);
        zassert_equal(trace_count(TRACE_ACCESSED), 0);
        fault(1);
        zassert_equal(victim(1), pages + count * PAGE);
        k_mem_unpin(pages, (count - 1) * PAGE);
}

/* With two evictable frames, what needs two pages at a time ends. */
ZTEST(lru, test_copy_between_two_pages_in_two_frames)
{
        char *from, *to;

        k_mem_pin(pages, (count - 2) * PAGE);
        from = pages + count * PAGE;
        to = pages + (count + 1) * PAGE;
        memset(from, 7, PAGE);
        fault(2);
        fault(3);
        memcpy(to, from, PAGE);
        zassert_equal(memcmp(to, from, PAGE), 0);
        k_mem_unpin(pages, (count - 2) * PAGE);
}

ZTEST(lru, test_pinned_pages_are_not_in_the_order)
{
        k_mem_pin(pages, 2 * PAGE);
        trace_clear();
        touch(0);
        touch(1);
        fault(0);
        zassert_equal(victim(0), pages + 2 * PAGE);
        k_mem_unpin(pages, 2 * PAGE);
        fault(1);
        zassert_equal(victim(1), pages + 3 * PAGE, "unpinned pages are the youngest");
}

ZTEST_SUITE(lru, NULL, NULL, fill_memory, unmap, NULL);
