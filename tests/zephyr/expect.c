/* SPDX-License-Identifier: MIT */
/*
 * The handler of fatal faults that the suites share, and their way to mark pages.
 */
#include <zephyr/ztest.h>
#include <zephyr/fatal.h>
#include "expect.h"

static volatile bool expected;

void k_sys_fatal_error_handler(unsigned int reason, const struct arch_esf *esf)
{
        ARG_UNUSED(esf);
        if (expected && reason == K_ERR_CPU_EXCEPTION) {
                expected = false;
                ztest_test_pass();
        }
        printk("A fatal error that nobody expected, reason %u\n", reason);
        TC_END_REPORT(TC_FAIL);
        k_fatal_halt(reason);
}

void expect_fatal(void)
{
        expected = true;
        compiler_barrier();
}

static void fail(const void *address)
{
        expected = false;
        printk("%p could be accessed\n", address);
        ztest_test_fail();
}

void expect_fatal_read(const void *address)
{
        expect_fatal();
        (void)*(const volatile char *)address;
        fail(address);
}

void expect_fatal_write(void *address)
{
        expect_fatal();
        *(volatile char *)address = 1;
        fail(address);
}

void stamp(char *pages, size_t count)
{
        for (size_t i = 0; i < count; i++)
                *(volatile uintptr_t *)(pages + i * PAGE) = (uintptr_t)pages ^ ~(uintptr_t)i;
}

size_t stamps_lost(const char *pages, size_t count)
{
        size_t lost = 0;

        for (size_t i = 0; i < count; i++)
                if (*(const volatile uintptr_t *)(pages + i * PAGE) !=
                    ((uintptr_t)pages ^ ~(uintptr_t)i))
                        lost++;
        return lost;
}
