/* SPDX-License-Identifier: MIT */
/*
 * A store that fails, which Zephyr's interface has no answer for: the kernel panics, and the page
 * is never taken for what it is not. CONFIG_UNPAGED_STORE_FAIL_AFTER is 4.
 */
#include <zephyr/ztest.h>
#include <zephyr/fatal.h>
#include <zephyr/kernel/mm/demand_paging.h>
#include <mmu.h>

#define PAGE ((size_t)CONFIG_MMU_PAGE_SIZE)

static bool expected;
static char *pages;

void k_sys_fatal_error_handler(unsigned int reason, const struct arch_esf *esf)
{
        ARG_UNUSED(esf);
        if (expected && reason == K_ERR_KERNEL_PANIC)
                ztest_test_pass();
        k_fatal_halt(reason);
}

ZTEST(failing, test_1_transfers_before_the_failure)
{
        pages = k_mem_map(3 * PAGE, K_MEM_PERM_RW);
        memset(pages, 7, 3 * PAGE);
        zassert_ok(k_mem_page_out(pages, 2 * PAGE));
        zassert_equal(pages[0], 7);
        zassert_equal(pages[PAGE], 7);
}

ZTEST(failing, test_2_page_out_that_fails)
{
        expected = true;
        (void)k_mem_page_out(pages, PAGE);
        zassert_unreachable("the page is nowhere now");
}

ZTEST(failing, test_3_other_pages_are_there)
{
        zassert_equal(pages[PAGE], 7);
        zassert_equal(pages[2 * PAGE], 7);
}

ZTEST_SUITE(failing, NULL, NULL, NULL, NULL, NULL);
