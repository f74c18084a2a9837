/* SPDX-License-Identifier: MIT */
/*
 * A mapping that fits memory and store to the page, and one a page longer, without demand mapping:
 * what the latter took before it failed is there for the former.
 */
#include <zephyr/ztest.h>
#include "expect.h"

ZTEST(rollback, test_mapping_that_failed_leaves_all_to_the_next)
{
        size_t frames = free_frames();
        size_t fits = frames + CONFIG_BACKING_STORE_RAM_PAGES - 1;
        void *p;

        zassert_not_equal(frames, 0);
        for (int round = 0; round < 3; round++) {
                zassert_is_null(k_mem_map((fits + 1) * PAGE, K_MEM_PERM_RW));
                zassert_equal(free_frames(), frames);
                p = k_mem_map(fits * PAGE, K_MEM_PERM_RW);
                zassert_not_null(p, "round %d", round);
                k_mem_unmap(p, fits * PAGE);
                zassert_equal(free_frames(), frames);
        }
}

ZTEST_SUITE(rollback, NULL, NULL, NULL, NULL, NULL);
