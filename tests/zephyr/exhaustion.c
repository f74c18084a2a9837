/* SPDX-License-Identifier: MIT */
/*
 * Mapping without paging at all (CONFIG_DEMAND_PAGING=n): as many pages as there are frames.
 */
#include <zephyr/ztest.h>
#include <mmu.h>
#include "expect.h"

BUILD_ASSERT(K_MEM_VM_RESERVED == 0, "no scratch page");

ZTEST(exhaustion, test_one_page_at_a_time)
{
        size_t frames = free_frames(), count = 0;
        uintptr_t *last = NULL, *p;

        while ((p = k_mem_map(PAGE, K_MEM_PERM_RW))) {
                *p = (uintptr_t)last;
                last = p;
                count++;
        }
        zassert_equal(count, frames);
        zassert_equal(k_mem_free_get(), 0);
        while ((p = last)) {
                last = (uintptr_t *)*p;
                k_mem_unmap(p, PAGE);
                count--;
        }
        zassert_equal(count, 0);
        zassert_equal(free_frames(), frames);
}

ZTEST(exhaustion, test_all_pages_at_once)
{
        size_t frames = free_frames();
        char *p;

        zassert_is_null(k_mem_map((frames + 1) * PAGE, K_MEM_PERM_RW));
        zassert_equal(free_frames(), frames);
        p = k_mem_map(frames * PAGE, K_MEM_PERM_RW);
        zassert_not_null(p);
        stamp(p, frames);
        zassert_equal(stamps_lost(p, frames), 0);
        k_mem_unmap(p, frames * PAGE);
        zassert_equal(free_frames(), frames);
}

ZTEST(exhaustion, test_unmapped_is_fatal)
{
        char *p = k_mem_map(PAGE, K_MEM_PERM_RW);

        k_mem_unmap(p, PAGE);
        expect_fatal_write(p);
}

ZTEST_SUITE(exhaustion, NULL, NULL, NULL, NULL, NULL);
