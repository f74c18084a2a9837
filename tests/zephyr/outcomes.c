/* SPDX-License-Identifier: MIT */
/*
 * One case for every way in which a case can end: what check-outcomes compares with the program's
 * report. Here cases fail on purpose.
 */
#include <zephyr/ztest.h>
#include <zephyr/kernel/mm.h>

ZTEST(outcomes, test_assume)
{
        zassume_true(false, "nothing is assumed of %s", "this");
        ztest_test_fail();
}

ZTEST(outcomes, test_expect)
{
        zexpect_true(false);
        printk("and on\n");
}

ZTEST(outcomes, test_fail)
{
        zassert_equal(1, 2, "one is %d", 1);
        printk("not reached\n");
}

ZTEST(outcomes, test_fault)
{
        char *p = k_mem_map(CONFIG_MMU_PAGE_SIZE, K_MEM_PERM_RW);

        k_mem_unmap(p, CONFIG_MMU_PAGE_SIZE);
        ztest_set_fault_valid(true);
        *(volatile char *)p = 1;
        printk("not reached\n");
}

ZTEST(outcomes, test_kernel_assertion)
{
        ztest_set_assert_valid(true);
        __ASSERT(false, "this is what the case is after");
        printk("not reached\n");
}

ZTEST(outcomes, test_pass)
{
        zassert_true(true);
}

ZTEST(outcomes, test_pass_early)
{
        ztest_test_pass();
        printk("not reached\n");
}

ZTEST(outcomes, test_skip)
{
        ztest_test_skip();
        printk("not reached\n");
}

ZTEST_SUITE(outcomes, NULL, NULL, NULL, NULL, NULL);

/* A suite of cases that pass, behind the other by its name. */
static int steps;

static void *sequence_setup(void)
{
        return &steps;
}

static void sequence_before(void *fixture)
{
        zassert_equal_ptr(fixture, &steps);
        steps++;
}

static void sequence_after(void *fixture)
{
        ARG_UNUSED(fixture);
        steps++;
}

ZTEST(sequence, test_b)
{
        zassert_equal(steps, 3, "a and what is around it came first");
}

ZTEST(sequence, test_a)
{
        zassert_equal(steps, 1);
}

ZTEST_SUITE(sequence, NULL, sequence_setup, sequence_before, sequence_after, NULL);

/* Never run: its predicate says so. */
static bool never(const void *state)
{
        ARG_UNUSED(state);
        return false;
}

ZTEST(unwanted, test_unwanted)
{
        ztest_test_fail();
}

ZTEST_SUITE(unwanted, never, NULL, NULL, NULL, NULL);

/* What no case is after ends the program. */
ZTEST(wild, test_wild_fault)
{
        *(volatile char *)UINT_TO_POINTER(CONFIG_MMU_PAGE_SIZE) = 1;
}

ZTEST_SUITE(wild, NULL, NULL, NULL, NULL, NULL);
