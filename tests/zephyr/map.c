/* SPDX-License-Identifier: MIT */
/*
 * k_mem_map and k_mem_unmap: which address, which content, which frames, and what is refused.
 */
#include <zephyr/ztest.h>
#include <zephyr/kernel/mm/demand_paging.h>
#include <kernel_arch_interface.h>
#include <mmu.h>
#include "expect.h"
#include "trace.h"

BUILD_ASSERT(K_MEM_CACHE_WB == 0 && K_MEM_CACHE_WT == 1 && K_MEM_CACHE_NONE == 2);
BUILD_ASSERT(K_MEM_CACHE_MASK == BIT(3) - 1);
BUILD_ASSERT(K_MEM_PERM_RW == BIT(3) && K_MEM_PERM_EXEC == BIT(4) && K_MEM_PERM_USER == BIT(5));
BUILD_ASSERT(K_MEM_DIRECT_MAP == BIT(6));
BUILD_ASSERT(K_MEM_MAP_UNINIT == BIT(16) && K_MEM_MAP_LOCK == BIT(17));
BUILD_ASSERT(K_MEM_MAP_UNPAGED == BIT(18));

/* The first mapping of this process, made before any case. */
static char *first;

static void *map_setup(void)
{
        first = k_mem_map(2 * PAGE, K_MEM_PERM_RW);
        return NULL;
}

ZTEST(map, test_first_address_is_the_highest)
{
        char *end = (char *)K_MEM_VIRT_RAM_END - K_MEM_VM_RESERVED;

        zassert_equal(first, end - 3 * PAGE, "a guard page above, got %p, the end is %p", first,
                      end);
}

ZTEST(map, test_address_is_the_highest_that_fits)
{
        char *a = k_mem_map(PAGE, K_MEM_PERM_RW);
        char *b = k_mem_map(3 * PAGE, K_MEM_PERM_RW);
        char *c = k_mem_map(PAGE, K_MEM_PERM_RW);
        char *d;

        zassert_equal(b, a - 5 * PAGE, "below the guard page of a, and one of its own above");
        zassert_equal(c, b - 3 * PAGE);
        k_mem_unmap(b, 3 * PAGE);
        d = k_mem_map(2 * PAGE, K_MEM_PERM_RW);
        zassert_equal(d, b + PAGE, "the upper end of the hole that b has left");
        k_mem_unmap(d, 2 * PAGE);
        b = k_mem_map(4 * PAGE, K_MEM_PERM_RW);
        zassert_equal(b, c - 6 * PAGE, "too long for the hole");
        k_mem_unmap(a, PAGE);
        k_mem_unmap(b, 4 * PAGE);
        k_mem_unmap(c, PAGE);
}

ZTEST(map, test_address_is_used_again)
{
        char *address = NULL;
        size_t before = free_frames();

        for (int i = 0; i < 10; i++) {
                char *p = k_mem_map(PAGE, K_MEM_PERM_RW);

                zassert_true(i == 0 || p == address, "time %d", i);
                address = p;
                for (size_t j = 0; j < PAGE; j++)
                        zassert_equal(p[j], 0, "time %d, byte %zu", i, j);
                zassert_equal(free_frames(), before - 1, "it was read");
                memset(p, 0xff, PAGE);
                k_mem_unmap(p, PAGE);
                zassert_equal(free_frames(), before);
        }
}

ZTEST(map, test_guard_above_is_fatal)
{
        expect_fatal_write(first + 2 * PAGE + 8);
}

ZTEST(map, test_guard_below_is_fatal)
{
        expect_fatal_write(first - 8);
}

ZTEST(map, test_unmapped_is_fatal_to_read)
{
        char *p = k_mem_map(PAGE, K_MEM_PERM_RW);

        p[0] = 1;
        k_mem_unmap(p, PAGE);
        expect_fatal_read(p);
}

ZTEST(map, test_unmapped_is_fatal_to_write)
{
        char *p = k_mem_map(PAGE, K_MEM_PERM_RW);

        p[0] = 1;
        k_mem_unmap(p, PAGE);
        expect_fatal_write(p);
}

ZTEST(map, test_outside_of_everything_is_fatal)
{
        expect_fatal_read((char *)K_MEM_VIRT_RAM_END - K_MEM_VM_RESERVED - PAGE);
}

ZTEST(map, test_part_of_a_mapping_is_not_unmapped)
{
        size_t before = free_frames();
        char *p = k_mem_map(3 * PAGE, K_MEM_PERM_RW);

        stamp(p, 3);
        k_mem_unmap(p, PAGE);
        k_mem_unmap(p + PAGE, 2 * PAGE);
        zassert_equal(stamps_lost(p, 3), 0);
        zassert_equal(free_frames(), before - 3);
        k_mem_unmap(p, 3 * PAGE);
        zassert_equal(free_frames(), before);
}

ZTEST(map, test_refused)
{
        size_t before = free_frames();

        zassert_is_null(k_mem_map(PAGE, K_MEM_PERM_USER | K_MEM_MAP_UNINIT),
                        "a user must not see what was there");
        zassert_is_null(k_mem_map(0, K_MEM_PERM_RW), "no page");
        zassert_is_null(k_mem_map(PAGE / 2, K_MEM_PERM_RW), "half a page");
        zassert_is_null(k_mem_map(SIZE_MAX - PAGE + 1, K_MEM_PERM_RW), "overflow with the guards");
        zassert_is_null(k_mem_map(CONFIG_KERNEL_VM_SIZE, K_MEM_PERM_RW), "more than all addresses");
        zassert_equal(free_frames(), before);
}

ZTEST(map, test_read_only)
{
        char *p = k_mem_map(PAGE, K_MEM_MAP_UNINIT);

        (void)*(volatile char *)p;
        expect_fatal_write(p);
}

ZTEST(map, test_locked_takes_its_frames_now)
{
        size_t before = free_frames();
        char *p = k_mem_map(4 * PAGE, K_MEM_PERM_RW | K_MEM_MAP_LOCK);
        unsigned long faults = k_mem_num_pagefaults_get();

        zassert_equal(free_frames(), before - 4);
        for (size_t i = 0; i < 4 * PAGE; i++)
                zassert_equal(p[i], 0);
        stamp(p, 4);
        zassert_equal(k_mem_num_pagefaults_get(), faults);
        for (size_t i = 0; i < 4; i++) {
                uintptr_t phys;

                zassert_ok(arch_page_phys_get(p + i * PAGE, &phys));
                zassert_true(k_mem_page_frame_is_pinned(k_mem_phys_to_page_frame(phys)));
        }
        k_mem_unmap(p, 4 * PAGE);
        zassert_equal(free_frames(), before);
}

/* What is promised for UNINIT is nothing; what Zephyr gives is what was in the frame. */
ZTEST(map, test_uninit_shows_what_was_there)
{
        size_t pages;
        char *p = map_frames_and(0, &pages);

        memset(p, 0xa5, pages * PAGE);
        k_mem_unmap(p, pages * PAGE);
        trace_clear();
        p = k_mem_map(pages * PAGE, K_MEM_PERM_RW | K_MEM_MAP_UNINIT);
        for (size_t i = 0; i < pages * PAGE; i++)
                zassert_equal((unsigned char)p[i], 0xa5, "byte %zu of page %zu", i % PAGE,
                              i / PAGE);
        zassert_equal(trace_count(TRACE_PAGE_IN), 0, "no store is asked");
        k_mem_unmap(p, pages * PAGE);
        p = k_mem_map(pages * PAGE, K_MEM_PERM_RW);
        for (size_t i = 0; i < pages * PAGE; i++)
                zassert_equal(p[i], 0, "byte %zu of page %zu", i % PAGE, i / PAGE);
        k_mem_unmap(p, pages * PAGE);
}

#ifdef CONFIG_DEMAND_MAPPING
ZTEST(map, test_frames_are_taken_when_touched)
{
        size_t before = free_frames();
        unsigned long faults = k_mem_num_pagefaults_get();
        char *p = k_mem_map(3 * PAGE, K_MEM_PERM_RW);
        uintptr_t location;

        zassert_equal(free_frames(), before);
        zassert_equal(k_mem_num_pagefaults_get(), faults);
        zassert_equal(arch_page_location_get(p, &location), ARCH_PAGE_LOCATION_PAGED_OUT);
        zassert_equal(location, ARCH_UNPAGED_ANON_ZERO);
        (void)*(volatile char *)(p + PAGE);
        zassert_equal(free_frames(), before - 1);
        zassert_equal(k_mem_num_pagefaults_get(), faults + 1);
        k_mem_unmap(p, 3 * PAGE);
        zassert_equal(free_frames(), before);
}

/* Only addresses limit it: 40 times as many pages as frames, of which none is touched. */
ZTEST(map, test_more_than_memory_and_store)
{
        size_t size = 1024 * PAGE;
        char *p = k_mem_map(size, K_MEM_PERM_RW);

        zassert_not_null(p);
        k_mem_unmap(p, size);
}

/* Zephyr's kernel also gives back the tokens of pages that no store has ever seen. */
ZTEST(map, test_unmap_frees_the_tokens_of_untouched_pages)
{
        char *p = k_mem_map(3 * PAGE, K_MEM_PERM_RW);
        char *uninit = k_mem_map(PAGE, K_MEM_PERM_RW | K_MEM_MAP_UNINIT);

        p[PAGE] = 1;
        trace_clear();
        k_mem_unmap(p, 3 * PAGE);
        zassert_equal(trace_count(TRACE_LOCATION_FREE), 2);
        zassert_equal(trace_nth(TRACE_LOCATION_FREE, 1)->location, ARCH_UNPAGED_ANON_ZERO);
        k_mem_unmap(uninit, PAGE);
        zassert_equal(trace_nth(TRACE_LOCATION_FREE, 2)->location, ARCH_UNPAGED_ANON_UNINIT);
}
#else
ZTEST(map, test_frames_are_taken_at_once)
{
        size_t before = free_frames();
        unsigned long faults = k_mem_num_pagefaults_get();
        char *p = k_mem_map(3 * PAGE, K_MEM_PERM_RW);

        zassert_equal(free_frames(), before - 3);
        stamp(p, 3);
        zassert_equal(k_mem_num_pagefaults_get(), faults);
        k_mem_unmap(p, 3 * PAGE);
        zassert_equal(free_frames(), before);
}

#ifdef CONFIG_EVICTION_LRU
/* The wiping begins with the first page, which the mapping of the last ones has evicted. */
ZTEST(map, test_wiping_more_than_memory_faults_once_a_page)
{
        unsigned long faults = k_mem_num_pagefaults_get();
        size_t pages;
        char *p = map_frames_and(11, &pages);

        zassert_not_null(p);
        zassert_equal(k_mem_num_pagefaults_get() - faults, pages);
        k_mem_unmap(p, pages * PAGE);
}
#endif

/* Zephyr wipes through the mapping itself. */
ZTEST(map, test_wiping_a_read_only_mapping_is_fatal)
{
        expect_fatal();
        (void)k_mem_map(PAGE, 0);
        ztest_test_fail();
}
#endif

ZTEST(map, test_unmap_frees_the_location_of_a_page_that_is_out)
{
        char *p = k_mem_map(2 * PAGE, K_MEM_PERM_RW);

        stamp(p, 2);
        trace_clear();
        zassert_ok(k_mem_page_out(p, PAGE));
        k_mem_unmap(p, 2 * PAGE);
        zassert_equal(trace_count(TRACE_LOCATION_FREE), 1, "the other one was in");
        zassert_equal(trace_nth(TRACE_LOCATION_FREE, 0)->location,
                      trace_nth(TRACE_LOCATION_GET, 0)->location);
}

ZTEST(map, test_region_align)
{
        uintptr_t address;
        size_t size;

        zassert_equal(k_mem_region_align(&address, &size, 0x12345, 0x1000, 0x1000), 0x345);
        zassert_equal(address, 0x12000);
        zassert_equal(size, 0x2000);
        zassert_equal(k_mem_region_align(&address, &size, 0x12000, 0x1000, 0x1000), 0);
        zassert_equal(address, 0x12000);
        zassert_equal(size, 0x1000);
        zassert_equal(k_mem_region_align(&address, &size, 0x1ffff, 2, 0x10000), 0xffff);
        zassert_equal(address, 0x10000);
        zassert_equal(size, 0x20000);
}

ZTEST(map, test_update_flags_to_read_only)
{
        char *p = k_mem_map(PAGE, K_MEM_PERM_RW);

        p[0] = 1;
        zassert_ok(k_mem_update_flags(p, PAGE, K_MEM_CACHE_WB));
        zassert_equal(*(volatile char *)p, 1);
        expect_fatal_write(p);
}

ZTEST_SUITE(map, NULL, map_setup, NULL, NULL, NULL);
