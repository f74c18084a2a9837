/* SPDX-License-Identifier: MIT */
/*
 * A program with more anonymous memory than frames, as a user of Zephyr would test it: the suites
 * demand_paging, demand_paging_api and demand_paging_stat share one arena and its statistics, and
 * depend on running in the order of their names and those of their cases.
 *
 * The arena is as long as all free frames and half of what the store takes beside its reserve.
 */
#include <zephyr/ztest.h>
#include <zephyr/kernel/mm/demand_paging.h>
#include <mmu.h>
#include "expect.h"

#define STORE_PAGES (CONFIG_BACKING_STORE_RAM_PAGES - 1)
#define HALF        (STORE_PAGES / 2)

static uintptr_t *arena;
static size_t arena_pages;

#define WORDS (PAGE / sizeof(uintptr_t))

static struct k_mem_paging_stats_t stats(void)
{
        struct k_mem_paging_stats_t s;

        k_mem_paging_stats_get(&s);
        return s;
}

static struct k_mem_paging_stats_t stats_of_this_thread(void)
{
        struct k_mem_paging_stats_t s;

        k_mem_paging_thread_stats_get(k_current_get(), &s);
        return s;
}

static void write_pages(uintptr_t *words, size_t pages)
{
        for (size_t i = 0; i < pages * WORDS; i++)
                ((volatile uintptr_t *)words)[i] = i;
}

/* ---- demand_paging ------------------------------------------------------------------------- */

ZTEST(demand_paging, test_map_anon_pages)
{
        arena = (uintptr_t *)map_frames_and(HALF, &arena_pages);
        zassert_not_null(arena, "%zu pages", arena_pages);
        k_mem_page_frames_dump();
}

static size_t direction(size_t i, bool backwards)
{
        return backwards ? arena_pages * WORDS - 1 - i : i;
}

static void words_are_addresses(bool backwards)
{
        for (size_t i = 0; i < arena_pages * WORDS; i++) {
                uintptr_t *word = &arena[direction(i, backwards)];

                zassert_equal(*word, (uintptr_t)word, "%p holds 0x%lx", word, (unsigned long)*word);
        }
}

/* Zeros, then every word its own address, read in two ways, then zeros again. */
static void touch_all(bool read_backwards, bool write_backwards)
{
        unsigned long faults = k_mem_num_pagefaults_get();

        for (size_t i = 0; i < arena_pages * WORDS; i++)
                zassert_equal(arena[direction(i, read_backwards)], 0);
        for (size_t i = 0; i < arena_pages * WORDS; i++) {
                uintptr_t *word = &arena[direction(i, write_backwards)];

                *word = (uintptr_t)word;
        }
        words_are_addresses(read_backwards);
        zassert_not_equal(k_mem_num_pagefaults_get(), faults);
        zassert_not_equal(stats().eviction.dirty, 0);
#ifdef CONFIG_EVICTION_NRU
        k_msleep(2 * CONFIG_EVICTION_NRU_PERIOD);
#endif
        words_are_addresses(write_backwards);
        zassert_not_equal(stats().eviction.clean, 0);
        zassert_not_equal(stats_of_this_thread().pagefaults.cnt, 0);
        zassert_not_equal(stats_of_this_thread().eviction.clean, 0);
        zassert_not_equal(stats_of_this_thread().eviction.dirty, 0);
        memset(arena, 0, arena_pages * PAGE);
}

ZTEST(demand_paging, test_touch_anon_pages)
{
        touch_all(false, false);
}

ZTEST(demand_paging, test_touch_anon_pages_zigzag1)
{
        touch_all(true, false);
}

ZTEST(demand_paging, test_touch_anon_pages_zigzag2)
{
        touch_all(false, true);
}

ZTEST(demand_paging, test_unmap_anon_pages)
{
        k_mem_unmap(arena, arena_pages * PAGE);
        expect_fatal_write(arena);
}

ZTEST_SUITE(demand_paging, NULL, NULL, NULL, NULL, NULL);

/* ---- demand_paging_api --------------------------------------------------------------------- */

/* What is out comes back with one fault a page; and all of the arena is more than the store takes. */
static void page_out_and_write(void)
{
        unsigned int key = irq_lock();
        unsigned long faults = k_mem_num_pagefaults_get();

        zassert_equal(k_mem_page_out(arena, HALF * PAGE), 0);
        write_pages(arena, HALF);
        faults = k_mem_num_pagefaults_get() - faults;
        irq_unlock(key);
        zassert_equal(faults, HALF, "%lu faults", faults);
        zassert_true(arena_pages > STORE_PAGES);
        zassert_equal(k_mem_page_out(arena, arena_pages * PAGE), -ENOMEM);
}

/* Writes the pages and counts. */
static unsigned long faults_of_writing(uintptr_t *words, size_t pages)
{
        unsigned int key = irq_lock();
        unsigned long faults = k_mem_num_pagefaults_get();

        write_pages(words, pages);
        faults = k_mem_num_pagefaults_get() - faults;
        irq_unlock(key);
        return faults;
}

ZTEST(demand_paging_api, test_k_mem_page_in)
{
        zassert_equal(k_mem_page_out(arena, HALF * PAGE), 0);
        k_mem_page_in(arena, HALF * PAGE);
        zassert_equal(faults_of_writing(arena, HALF), 0);
}

ZTEST(demand_paging_api, test_k_mem_pin)
{
        k_mem_pin(arena, HALF * PAGE);
        write_pages(arena + HALF * WORDS, arena_pages - HALF);
        zassert_equal(faults_of_writing(arena, HALF), 0);
        k_mem_unpin(arena, HALF * PAGE);
}

ZTEST(demand_paging_api, test_k_mem_unpin)
{
        k_mem_pin(arena, HALF * PAGE);
        k_mem_unpin(arena, HALF * PAGE);
        page_out_and_write();
}

static void *api_setup(void)
{
        arena = k_mem_map(arena_pages * PAGE, K_MEM_PERM_RW);
        zassert_not_null(arena);
        if (IS_ENABLED(CONFIG_DEMAND_MAPPING))
                k_mem_page_in(arena, arena_pages * PAGE);
        page_out_and_write();
        return NULL;
}

ZTEST_SUITE(demand_paging_api, NULL, api_setup, NULL, NULL, NULL);

/* ---- demand_paging_stat -------------------------------------------------------------------- */

/* With all of memory and store spoken for, faults are served still. */
ZTEST(demand_paging_stat, test_backing_store_capacity)
{
        size_t rest = STORE_PAGES - HALF;
        uintptr_t *words = k_mem_map(rest * PAGE, K_MEM_PERM_RW);
        void *more = k_mem_map(PAGE, K_MEM_PERM_RW);

        zassert_not_null(words);
        if (IS_ENABLED(CONFIG_DEMAND_MAPPING))
                zassert_not_null(more, "it is not touched");
        else
                zassert_is_null(more);
        zassert_not_equal(faults_of_writing(arena, HALF) + faults_of_writing(words, rest), 0);
}

static bool has_samples(const struct k_mem_paging_histogram_t *histogram)
{
        for (size_t bin = 0; bin < ARRAY_SIZE(histogram->counts); bin++)
                if (histogram->counts[bin] != 0) {
                        printk("up to %llu ns: %lu\n",
                               (unsigned long long)k_cyc_to_ns_ceil64(histogram->bounds[bin]),
                               histogram->counts[bin]);
                        return true;
                }
        return false;
}

ZTEST_USER(demand_paging_stat, test_user_get_hist)
{
        struct k_mem_paging_histogram_t histogram;

        k_mem_paging_histogram_eviction_get(&histogram);
        zassert_true(has_samples(&histogram));
        k_mem_paging_histogram_backing_store_page_in_get(&histogram);
        zassert_true(has_samples(&histogram));
        k_mem_paging_histogram_backing_store_page_out_get(&histogram);
        zassert_true(has_samples(&histogram));
}

ZTEST_USER(demand_paging_stat, test_user_get_stats)
{
        struct k_mem_paging_stats_t all = stats(), mine = stats_of_this_thread();

        zassert_true(all.pagefaults.cnt != 0 && all.eviction.clean != 0 && all.eviction.dirty != 0);
        zassert_true(mine.pagefaults.cnt != 0 && mine.eviction.clean != 0 &&
                             mine.eviction.dirty != 0,
                     "the cases of all suites are of one thread object");
}

ZTEST_SUITE(demand_paging_stat, NULL, NULL, NULL, NULL, NULL);
