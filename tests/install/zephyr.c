/* SPDX-License-Identifier: MIT */
/* A user's test in Zephyr's style: twice the frames there are, under the library's own policy. */
#include <zephyr/ztest.h>
#include <zephyr/kernel/mm.h>
#include <mmu.h>

ZTEST(installed, test_more_than_frames)
{
        size_t size = 2 * k_mem_free_get();
        size_t *memory = k_mem_map(size, K_MEM_PERM_RW);

        zassert_not_null(memory);
        for (size_t i = 0; i < size / sizeof(*memory); i++)
                memory[i] = i;
        for (size_t i = 0; i < size / sizeof(*memory); i++)
                zassert_equal(memory[i], i, "%zu at %zu", memory[i], i);
        zassert_true(k_mem_num_pagefaults_get() > size / CONFIG_MMU_PAGE_SIZE);
}

ZTEST_SUITE(installed, NULL, NULL, NULL, NULL, NULL);
