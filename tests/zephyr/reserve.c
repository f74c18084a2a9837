/* SPDX-License-Identifier: MIT */
/*
 * CONFIG_DEMAND_PAGING_PAGE_FRAMES_RESERVE is a number that k_mem_free_get() subtracts, and nothing
 * else: all frames can be used.
 */
#include <zephyr/ztest.h>
#include <mmu.h>
#include "expect.h"
#include "trace.h"

#define RESERVE CONFIG_DEMAND_PAGING_PAGE_FRAMES_RESERVE

BUILD_ASSERT(RESERVE > 0);

ZTEST(reserve, test_only_the_number_is_lower)
{
        size_t frames = 0, before = free_frames();
        char *p;

        for (size_t i = 0; i < ARRAY_SIZE(k_mem_page_frames); i++)
                frames += k_mem_page_frame_is_free(&k_mem_page_frames[i]) ? 1 : 0;
        zassert_equal(before, frames - RESERVE);
        p = k_mem_map(frames * PAGE, K_MEM_PERM_RW);
        stamp(p, frames);
        zassert_equal(trace_count(TRACE_SELECT), 0, "no page had to go");
        zassert_equal(k_mem_free_get(), 0, "and not less");
        k_mem_unmap(p, frames * PAGE);
        zassert_equal(free_frames(), before);
}

ZTEST_SUITE(reserve, NULL, NULL, NULL, NULL, NULL);
