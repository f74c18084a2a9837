/* SPDX-License-Identifier: MIT */
/*
 * A store that runs full (store_ram.c): who gets the last location, what fails, and what a failure
 * leaves behind. The cases build on each other, in the order of their names.
 */
#include <zephyr/ztest.h>
#include <zephyr/kernel/mm/demand_paging.h>
#include <kernel_arch_interface.h>
#include <mmu.h>
#include "expect.h"
#include "trace.h"

#define STORE ((size_t)CONFIG_BACKING_STORE_RAM_PAGES)

static size_t frames; /* free ones, when nothing is mapped */

static void *full_setup(void)
{
        frames = free_frames();
        zassert_true(frames > STORE, "%zu frames", frames);
        return NULL;
}

static bool is_in(char *page)
{
        uintptr_t location;

        return arch_page_location_get(page, &location) == ARCH_PAGE_LOCATION_PAGED_IN;
}

/* The last location is for faults. */
ZTEST(full, test_1_page_out_leaves_one_location)
{
        char *p = k_mem_map(frames * PAGE, K_MEM_PERM_RW);

        stamp(p, frames);
        trace_clear();
        zassert_equal(k_mem_page_out(p, frames * PAGE), -ENOMEM);
        zassert_equal(trace_count(TRACE_PAGE_OUT), STORE - 1);
        zassert_equal(trace_count(TRACE_REFUSED), 1);
        zassert_equal(free_frames(), STORE - 1);
        zassert_false(is_in(p + (STORE - 2) * PAGE), "what is out stays out");
        zassert_true(is_in(p + (STORE - 1) * PAGE));
        zassert_equal(k_mem_page_out(p + (STORE - 1) * PAGE, PAGE), -ENOMEM);
        zassert_equal(k_mem_page_frame_evict(k_mem_phys_addr(p + (STORE - 1) * PAGE)), -ENOMEM);
        zassert_true(is_in(p + (STORE - 1) * PAGE));
        zassert_equal(stamps_lost(p, frames), 0);
        k_mem_unmap(p, frames * PAGE);
        zassert_equal(free_frames(), frames);
}

/* With one location, each fault takes it for its victim and gives back that of its own page. */
ZTEST(full, test_2_faults_go_on_with_the_last_location)
{
        size_t pages = frames + STORE - 1;
        char *p = k_mem_map(pages * PAGE, K_MEM_PERM_RW);

        zassert_not_null(p);
        stamp(p, pages);
        for (int round = 0; round < 3; round++) {
                unsigned long faults = k_mem_num_pagefaults_get();

                zassert_equal(stamps_lost(p, pages), 0);
                zassert_not_equal(k_mem_num_pagefaults_get(), faults);
        }
        k_mem_unmap(p, pages * PAGE);
        zassert_equal(free_frames(), frames);
}

#ifdef CONFIG_DEMAND_MAPPING
static char *full;
static struct k_mem_paging_stats_t before;

/* First touches take locations and give none back, the last one included. */
ZTEST(full, test_3_first_touches_take_the_last_location)
{
        size_t pages = frames + STORE;

        full = k_mem_map((pages + 1) * PAGE, K_MEM_PERM_RW);
        stamp(full, pages);
        zassert_false(is_in(full));
        k_mem_paging_stats_get(&before);
        trace_clear();
        expect_fatal_read(full);
}

/* The fault and the eviction that did not happen were counted; the victim stayed where it was. */
ZTEST(full, test_4_what_the_fatal_fault_has_left)
{
        struct k_mem_paging_stats_t now;

        k_mem_paging_stats_get(&now);
        zassert_equal(now.pagefaults.cnt - before.pagefaults.cnt, 1);
        zassert_equal(now.eviction.clean + now.eviction.dirty,
                      before.eviction.clean + before.eviction.dirty + 1);
        zassert_equal(trace_count(TRACE_REFUSED), 1);
        zassert_true(trace_nth(TRACE_REFUSED, 0)->detail, "for a fault");
        zassert_true(is_in(trace_nth(TRACE_SELECT, 0)->page));
        zassert_equal(trace_count(TRACE_REMOVE) + trace_count(TRACE_PAGE_OUT), 0);
        zassert_false(k_mem_page_fault(full), "nor does a new page find a frame");
        k_mem_unmap(full, (frames + STORE + 1) * PAGE);
        zassert_equal(free_frames(), frames);
}
#else
/* A mapping that does not fit leaves nothing: neither frames nor locations nor addresses. */
ZTEST(full, test_3_mapping_that_fails_leaves_nothing)
{
        char *fits = k_mem_map((frames + STORE - 1) * PAGE, K_MEM_PERM_RW);
        char *again;

        zassert_not_null(fits);
        k_mem_unmap(fits, (frames + STORE - 1) * PAGE);
        zassert_is_null(k_mem_map((frames + STORE) * PAGE, K_MEM_PERM_RW));
        zassert_equal(free_frames(), frames);
        again = k_mem_map((frames + STORE - 1) * PAGE, K_MEM_PERM_RW);
        zassert_equal(again, fits);
        k_mem_unmap(again, (frames + STORE - 1) * PAGE);
        zassert_equal(free_frames(), frames);
}
#endif

/* Locked pages cannot make room for each other. */
ZTEST(full, test_5_locked_mapping_that_fails_leaves_nothing)
{
        const uint32_t flags = K_MEM_PERM_RW | K_MEM_MAP_LOCK | K_MEM_MAP_UNINIT;
        char *rest = k_mem_map((STORE - 1) * PAGE, K_MEM_PERM_RW);
        char *locked;

        stamp(rest, STORE - 1);
        zassert_is_null(k_mem_map((frames + 1) * PAGE, flags));
        zassert_equal(stamps_lost(rest, STORE - 1), 0);
        zassert_equal(free_frames(), frames - (STORE - 1));
        locked = k_mem_map((frames - 4) * PAGE, flags);
        zassert_not_null(locked);
        zassert_equal(stamps_lost(rest, STORE - 1), 0, "through the four frames that are left");
        k_mem_unmap(locked, (frames - 4) * PAGE);
        k_mem_unmap(rest, (STORE - 1) * PAGE);
        zassert_equal(free_frames(), frames);
}

ZTEST_SUITE(full, NULL, full_setup, NULL, NULL, NULL);
