/* SPDX-License-Identifier: MIT */
/*
 * A store that keeps copies (store_keep.c): clean pages go without a write. And the trap in it,
 * which CONFIG_STORE_KEEP_LEAKS is for.
 */
#include <zephyr/ztest.h>
#include <kernel_arch_interface.h>
#include <mmu.h>
#include "expect.h"
#include "trace.h"

#define PAGES 8U

static bool is_backed(char *page)
{
        uintptr_t phys;

        zassert_ok(arch_page_phys_get(page, &phys));
        return k_mem_page_frame_is_backed(k_mem_phys_to_page_frame(phys));
}

ZTEST(keep, test_clean_page_goes_without_a_write)
{
        char *p = k_mem_map(PAGES * PAGE, K_MEM_PERM_RW);

        stamp(p, PAGES);
        zassert_false(is_backed(p));
        zassert_ok(k_mem_page_out(p, PAGES * PAGE));
        zassert_equal(stamps_lost(p, PAGES), 0);
        zassert_true(is_backed(p));
        trace_clear();
        zassert_ok(k_mem_page_out(p, PAGES * PAGE));
        zassert_equal(trace_count(TRACE_LOCATION_GET), PAGES, "it is asked for the kept one");
        zassert_equal(trace_count(TRACE_PAGE_OUT), 0);
        zassert_equal(stamps_lost(p, PAGES), 0);
        k_mem_unmap(p, PAGES * PAGE);
}

ZTEST(keep, test_dirty_page_is_written_over_its_copy)
{
        char *p = k_mem_map(PAGE, K_MEM_PERM_RW);

        stamp(p, 1);
        zassert_ok(k_mem_page_out(p, PAGE));
        k_mem_page_in(p, PAGE);
        p[100] = 42;
        trace_clear();
        zassert_ok(k_mem_page_out(p, PAGE));
        zassert_equal(trace_count(TRACE_PAGE_OUT), 1);
        zassert_equal(p[100], 42);
        zassert_equal(stamps_lost(p, 1), 0);
        k_mem_unmap(p, PAGE);
}

/* The copy of a page that is in is nobody's then: the kernel does not give it back. */
ZTEST(keep, test_unmap_says_nothing_of_kept_copies)
{
        char *p = k_mem_map(2 * PAGE, K_MEM_PERM_RW);

        stamp(p, 2);
        zassert_ok(k_mem_page_out(p, 2 * PAGE));
        k_mem_page_in(p, PAGE);
        trace_clear();
        k_mem_unmap(p, 2 * PAGE);
        zassert_equal(trace_count(TRACE_LOCATION_FREE), 1, "of the page that is out alone");
}

#ifdef CONFIG_DEMAND_MAPPING
/*
 * Every frame holds a clean page with a copy, and then a page of zeros that is only read. Its page
 * tables call it clean; that it has no copy says one bit of the frame alone, and if that is wrong
 * nothing is written, and the location is that of the other page.
 */
ZTEST(keep, test_zeros_in_the_frame_of_a_page_with_a_copy)
{
        size_t count, lost = 0;
        char *old = map_frames_and(0, &count);
        char *zeros = k_mem_map(count * PAGE, K_MEM_PERM_RW);

        memset(old, 0xa5, count * PAGE);
        zassert_ok(k_mem_page_out(old, count * PAGE));
        k_mem_page_in(old, count * PAGE);
        for (size_t i = 0; i < count; i++)
                zassert_equal(*(volatile char *)(zeros + i * PAGE), 0);
        k_mem_page_in(old, count * PAGE);
        for (size_t i = 0; i < count; i++)
                lost += *(volatile char *)(zeros + i * PAGE) != 0;
        if (IS_ENABLED(CONFIG_STORE_KEEP_LEAKS))
                zassert_equal(lost, count, "BACKED was left on the frames: %zu lost", lost);
        else
                zassert_equal(lost, 0, "%zu lost", lost);
        k_mem_unmap(zeros, count * PAGE);
        k_mem_unmap(old, count * PAGE);
}
#endif

ZTEST_SUITE(keep, NULL, NULL, NULL, NULL, NULL);
