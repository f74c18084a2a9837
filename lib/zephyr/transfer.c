/* SPDX-License-Identifier: MIT */
/*
 * transfer.c - the calls that move a page between the scratch page and the backing store, timed;
 * and what can be put in their way, whatever the store:
 *
 *   CONFIG_UNPAGED_STORE_DELAY_US      every transfer sleeps so long, as one over a bus would
 *   CONFIG_UNPAGED_STORE_FAIL_AFTER    every transfer after so many fails; 0: none
 *
 * Zephyr's interface lets no store say that it failed: a store must stop the system then, and so
 * does this: an error is a k_panic() of the thread that needed the page.
 */
#include "machine.h"

#ifdef CONFIG_DEMAND_PAGING

#include <time.h>

static void hinder(const char *what)
{
        static long transfers;
        const struct timespec delay = {
                .tv_sec = CONFIG_UNPAGED_STORE_DELAY_US / USEC_PER_SEC,
                .tv_nsec = (long)(CONFIG_UNPAGED_STORE_DELAY_US % USEC_PER_SEC) * NSEC_PER_USEC};

        if (CONFIG_UNPAGED_STORE_DELAY_US != 0)
                clock_nanosleep(CLOCK_MONOTONIC, 0, &delay, NULL);
        if (CONFIG_UNPAGED_STORE_FAIL_AFTER == 0 || transfers++ < CONFIG_UNPAGED_STORE_FAIL_AFTER)
                return;
        printk("%s fails, as CONFIG_UNPAGED_STORE_FAIL_AFTER=%d wants it\n", what,
               CONFIG_UNPAGED_STORE_FAIL_AFTER);
        k_panic();
}

void unpaged_transfer_in(uintptr_t location)
{
        uint64_t start = unpaged_statistics_clock();

        hinder("page in");
        k_mem_paging_backing_store_page_in(location);
        unpaged_statistics_note(DURATION_PAGE_IN, start);
}

void unpaged_transfer_out(uintptr_t location)
{
        uint64_t start = unpaged_statistics_clock();

        hinder("page out");
        k_mem_paging_backing_store_page_out(location);
        unpaged_statistics_note(DURATION_PAGE_OUT, start);
}

#endif
