/* SPDX-License-Identifier: MIT */
/*
 * Which page goes next by accessed and dirty bits: evict_nru.c on real traps. The suite needs a
 * CONFIG_EVICTION_NRU_PERIOD of 0: it ends the periods itself.
 */
#include <zephyr/ztest.h>
#include <zephyr/kernel/mm/demand_paging.h>
#include <kernel_arch_interface.h>
#include <mmu.h>
#include "expect.h"
#include "trace.h"

BUILD_ASSERT(CONFIG_EVICTION_NRU_PERIOD == 0);

#define OUT 4U /* pages behind those that fill all frames */

static char *pages;
static size_t count;

static void end_period(void)
{
        unsigned int key = irq_lock();

        for (size_t i = 0; i < ARRAY_SIZE(k_mem_page_frames); i++) {
                struct k_mem_page_frame *pf = &k_mem_page_frames[i];

                if (k_mem_page_frame_is_evictable(pf))
                        (void)arch_page_info_get(k_mem_page_frame_to_virt(pf), NULL, true);
        }
        irq_unlock(key);
}

/* All frames hold a page that is clean and not accessed. */
static void fill_memory(void *fixture)
{
        ARG_UNUSED(fixture);
        pages = map_frames_and(OUT, &count);
        count -= OUT;
        zassert_ok(k_mem_page_out(pages, (count + OUT) * PAGE));
        k_mem_page_in(pages, count * PAGE);
        zassert_equal(free_frames(), 0);
        end_period();
        trace_clear();
}

static void unmap(void *fixture)
{
        ARG_UNUSED(fixture);
        k_mem_unmap(pages, (count + OUT) * PAGE);
}

/* Touches a page that is out, and says which page had to go. */
static char *victim_of_fault(size_t index)
{
        size_t selects = trace_count(TRACE_SELECT);

        (void)*(volatile char *)(pages + (count + index) * PAGE);
        zassert_equal(trace_count(TRACE_SELECT), selects + 1);
        return trace_nth(TRACE_SELECT, selects)->page;
}

static char *page_of_frame(size_t frame)
{
        return k_mem_page_frame_to_virt(&k_mem_page_frames[frame % K_MEM_NUM_PAGE_FRAMES]);
}

static size_t frame_of(const char *page)
{
        uintptr_t phys;

        zassert_ok(arch_page_phys_get((void *)(uintptr_t)page, &phys));
        return (size_t)(k_mem_phys_to_page_frame(phys) - k_mem_page_frames);
}

/* The next frame that holds one of the pages, going round. */
static size_t next_frame(size_t frame)
{
        do
                frame = (frame + 1) % K_MEM_NUM_PAGE_FRAMES;
        while (!k_mem_page_frame_is_evictable(&k_mem_page_frames[frame]));
        return frame;
}

ZTEST(nru, test_the_search_goes_on_behind_the_last_victim)
{
        size_t frame;
        char *expected;

        (void)victim_of_fault(0);
        frame = frame_of(pages + count * PAGE);
        for (size_t i = 1; i < OUT; i++) {
                frame = next_frame(frame);
                expected = page_of_frame(frame);
                zassert_equal(victim_of_fault(i), expected, "victim %zu", i);
        }
}

ZTEST(nru, test_a_page_that_was_read_stays_longer)
{
        size_t frame;
        char *next;

        (void)victim_of_fault(0);
        frame = next_frame(frame_of(pages + count * PAGE));
        (void)*(volatile char *)page_of_frame(frame);
        next = page_of_frame(next_frame(frame));
        zassert_equal(victim_of_fault(1), next);
}

ZTEST(nru, test_a_period_forgets_the_reads_and_not_the_writes)
{
        size_t frame;
        char *next;

        (void)victim_of_fault(0);
        frame = next_frame(frame_of(pages + count * PAGE));
        next = page_of_frame(next_frame(frame));
        *(volatile char *)page_of_frame(frame) = 1;
        (void)*(volatile char *)next;
        end_period();
        zassert_equal(victim_of_fault(1), next);
}

/* Dirty before accessed, whatever the order of the frames. */
ZTEST(nru, test_ranks)
{
        size_t frame;
        char *dirty;

        (void)victim_of_fault(0);
        frame = next_frame(next_frame(frame_of(pages + count * PAGE)));
        dirty = page_of_frame(frame);
        *(volatile char *)dirty = 1;
        end_period();
        for (size_t i = 0; i < ARRAY_SIZE(k_mem_page_frames); i++)
                if (i != frame && k_mem_page_frame_is_evictable(&k_mem_page_frames[i]))
                        (void)*(volatile char *)page_of_frame(i);
        zassert_equal(victim_of_fault(1), dirty);
        zassert_true(trace_nth(TRACE_SELECT, 1)->detail, "told dirty");
        zassert_not_equal(victim_of_fault(2), dirty);
        zassert_false(trace_nth(TRACE_SELECT, 2)->detail, "the dirty bit is the victim's own");
}

ZTEST_SUITE(nru, NULL, NULL, fill_memory, unmap, NULL);
