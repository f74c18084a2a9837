/* SPDX-License-Identifier: MIT */
/*
 * What callers must not do: an assertion of the kernel fails, or the kernel panics; and the next
 * case finds everything in order.
 */
#include <zephyr/ztest.h>
#include <zephyr/kernel/mm/demand_paging.h>
#include <mmu.h>

#define PAGE ((size_t)CONFIG_MMU_PAGE_SIZE)

static char *pages;

static void map_two(void *fixture)
{
        ARG_UNUSED(fixture);
        pages = k_mem_map(2 * PAGE, K_MEM_PERM_RW);
        memset(pages, 1, 2 * PAGE);
}

/* Nothing is locked any more: a fault, a mapping and a timer all go on. */
static void all_goes_on(void *fixture)
{
        ARG_UNUSED(fixture);
        k_mem_unpin(pages, 2 * PAGE);
        zassert_ok(k_mem_page_out(pages, 2 * PAGE));
        zassert_equal(pages[PAGE], 1);
        k_mem_unmap(pages, 2 * PAGE);
        k_msleep(1);
}

ZTEST(misuse, test_page_out_of_a_pinned_page)
{
        k_mem_pin(pages, PAGE);
        ztest_set_assert_valid(true);
        (void)k_mem_page_out(pages, 2 * PAGE);
        ztest_test_fail();
}

ZTEST(misuse, test_page_out_of_a_guard_page)
{
        ztest_set_assert_valid(true);
        (void)k_mem_page_out(pages - PAGE, PAGE);
        ztest_test_fail();
}

ZTEST(misuse, test_page_in_of_a_guard_page)
{
        ztest_set_fault_valid(true);
        k_mem_page_in(pages - PAGE, PAGE);
        ztest_test_fail();
}

ZTEST(misuse, test_part_of_a_page)
{
        ztest_set_assert_valid(true);
        k_mem_page_in(pages, PAGE / 2);
        ztest_test_fail();
}

ZTEST(misuse, test_address_within_a_page)
{
        ztest_set_assert_valid(true);
        k_mem_pin(pages + 1, PAGE);
        ztest_test_fail();
}

ZTEST(misuse, test_no_page)
{
        ztest_set_assert_valid(true);
        k_mem_unpin(pages, 0);
        ztest_test_fail();
}

ZTEST(misuse, test_beyond_the_virtual_memory)
{
        ztest_set_assert_valid(true);
        k_mem_page_in((char *)K_MEM_VIRT_RAM_END - PAGE, 2 * PAGE);
        ztest_test_fail();
}

ZTEST(misuse, test_cache_mode_of_anonymous_memory)
{
        ztest_set_assert_valid(true);
        (void)k_mem_map(PAGE, K_MEM_PERM_RW | K_MEM_CACHE_WT);
        ztest_test_fail();
}

ZTEST(misuse, test_unmapping_twice)
{
        char *p = k_mem_map(PAGE, K_MEM_PERM_RW);
        size_t before = k_mem_free_get();

        k_mem_unmap(p, PAGE);
        before = k_mem_free_get();
        k_mem_unmap(p, PAGE);
        zassert_equal(k_mem_free_get(), before, "the second one does nothing");
        zassert_equal(k_mem_map(PAGE, K_MEM_PERM_RW), p);
        k_mem_unmap(p, PAGE);
}

ZTEST_SUITE(misuse, NULL, NULL, map_two, all_goes_on, NULL);
