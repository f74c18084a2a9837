/* SPDX-License-Identifier: MIT */
/*
 * k_mem_map_unpaged: content that lies in the store from the beginning, here the file of
 * store_keep.c.
 */
#include <zephyr/ztest.h>
#include <zephyr/kernel/mm/demand_paging.h>
#include <kernel_arch_interface.h>
#include <mmu.h>
#include "expect.h"
#include "store_keep.h"
#include "trace.h"

#define PAGES 8U
#define FLAGS (K_MEM_PERM_RW | K_MEM_MAP_UNINIT)

static void write_file(void *fixture)
{
        ARG_UNUSED(fixture);
        for (size_t i = 0; i < STORE_KEEP_FILE_PAGES; i++)
                memset(store_keep_file_page(i), (int)i + 1, PAGE);
        trace_clear();
}

ZTEST(unpaged, test_pages_come_when_touched)
{
        unsigned long faults = k_mem_num_pagefaults_get();
        size_t frames = free_frames();
        char *p = k_mem_map_unpaged(store_keep_file_location(3), PAGES * PAGE, FLAGS);

        zassert_not_null(p);
        zassert_equal(k_mem_num_pagefaults_get(), faults);
        zassert_equal(free_frames(), frames);
        for (size_t i = 0; i < PAGES; i++) {
                uintptr_t location;

                zassert_equal(arch_page_location_get(p + i * PAGE, &location),
                              ARCH_PAGE_LOCATION_PAGED_OUT);
                zassert_equal(location, store_keep_file_location(3 + i), "page %zu", i);
        }
        for (size_t i = PAGES; i-- > 0;)
                for (size_t j = 0; j < PAGE; j++)
                        zassert_equal(p[i * PAGE + j], (char)(3 + i + 1));
        zassert_equal(k_mem_num_pagefaults_get(), faults + PAGES);
        zassert_equal(trace_count(TRACE_PAGE_IN), PAGES);
        zassert_equal(trace_nth(TRACE_PAGE_IN, 0)->location,
                      store_keep_file_location(3 + PAGES - 1));
        k_mem_unmap(p, PAGES * PAGE);
        zassert_equal(free_frames(), frames);
}

/* An accident of Zephyr's, to be relied upon all the same: all is loaded at once and wiped. */
ZTEST(unpaged, test_without_uninit_the_content_is_wiped)
{
        unsigned long faults = k_mem_num_pagefaults_get();
        char *p = k_mem_map_unpaged(store_keep_file_location(0), PAGES * PAGE, K_MEM_PERM_RW);

        zassert_equal(k_mem_num_pagefaults_get(), faults + PAGES);
        zassert_equal(trace_count(TRACE_PAGE_IN), PAGES);
        for (size_t i = 0; i < PAGES * PAGE; i++)
                zassert_equal(p[i], 0);
        zassert_equal(*(char *)store_keep_file_page(0), 1, "not yet");
        zassert_ok(k_mem_page_out(p, PAGE));
        zassert_equal(*(char *)store_keep_file_page(0), 0);
        k_mem_unmap(p, PAGES * PAGE);
}

ZTEST(unpaged, test_wiping_a_read_only_mapping_is_fatal)
{
        expect_fatal();
        (void)k_mem_map_unpaged(store_keep_file_location(0), PAGE, 0);
        ztest_test_fail();
}

ZTEST(unpaged, test_read_only_mapping_cannot_be_written_to)
{
        char *p = k_mem_map_unpaged(store_keep_file_location(0), PAGE, K_MEM_MAP_UNINIT);

        zassert_equal(*(volatile char *)p, 1);
        expect_fatal_write(p);
}

ZTEST(unpaged, test_clean_pages_go_without_a_write_and_dirty_ones_to_their_place)
{
        char *p = k_mem_map_unpaged(store_keep_file_location(5), 2 * PAGE, FLAGS);

        zassert_equal(*(volatile char *)p, 6);
        *(volatile char *)(p + PAGE) = 42;
        trace_clear();
        zassert_ok(k_mem_page_out(p, 2 * PAGE));
        zassert_equal(trace_count(TRACE_PAGE_OUT), 1);
        zassert_equal(trace_nth(TRACE_PAGE_OUT, 0)->location, store_keep_file_location(6));
        zassert_equal(*(char *)store_keep_file_page(6), 42);
        zassert_equal(*(volatile char *)(p + PAGE), 42);
        k_mem_unmap(p, 2 * PAGE);
}

ZTEST(unpaged, test_unmap_frees_the_locations_of_pages_that_are_out)
{
        char *p = k_mem_map_unpaged(store_keep_file_location(10), 3 * PAGE, FLAGS);

        (void)*(volatile char *)(p + PAGE);
        trace_clear();
        k_mem_unmap(p, 3 * PAGE);
        zassert_equal(trace_count(TRACE_LOCATION_FREE), 2);
        zassert_equal(trace_nth(TRACE_LOCATION_FREE, 0)->location, store_keep_file_location(10));
        zassert_equal(trace_nth(TRACE_LOCATION_FREE, 1)->location, store_keep_file_location(12));
}

ZTEST(unpaged, test_location_query)
{
        char *p = k_mem_map_unpaged(store_keep_file_location(20), 2 * PAGE, FLAGS);
        uintptr_t location;

        (void)*(volatile char *)(p + PAGE);
        zassert_ok(k_mem_paging_backing_store_location_query(p + PAGE, &location));
        zassert_equal(location, store_keep_file_location(21));
        zassert_not_equal(k_mem_paging_backing_store_location_query(p, &location), 0, "it is out");
        k_mem_unmap(p, 2 * PAGE);
}

ZTEST(unpaged, test_guards)
{
        char *p = k_mem_map_unpaged(store_keep_file_location(0), PAGE, FLAGS);

        (void)*(volatile char *)p;
        expect_fatal_read(p + PAGE);
}

ZTEST(unpaged, test_more_than_memory)
{
        char *p =
                k_mem_map_unpaged(store_keep_file_location(0), STORE_KEEP_FILE_PAGES * PAGE, FLAGS);

        zassert_true(STORE_KEEP_FILE_PAGES > free_frames());
        for (int round = 0; round < 3; round++)
                for (size_t i = 0; i < STORE_KEEP_FILE_PAGES; i++)
                        zassert_equal(*(volatile unsigned char *)(p + i * PAGE), i + 1);
        zassert_equal(trace_count(TRACE_PAGE_OUT), 0, "they were all clean");
        k_mem_unmap(p, STORE_KEEP_FILE_PAGES * PAGE);
}

ZTEST_SUITE(unpaged, NULL, NULL, write_file, NULL, NULL);
