/* SPDX-License-Identifier: MIT */
/*
 * statistics.c - counts of faults and evictions, for the program and for the thread that faults;
 * histograms of how long the algorithm and the store took.
 *
 * Locking: changed with the pager, read without, as in Zephyr: a reader may see a count between two
 * others.
 */
#include "machine.h"

#include <zephyr/timing/timing.h>

#ifdef CONFIG_DEMAND_PAGING

#ifdef CONFIG_DEMAND_PAGING_STATS

static struct k_mem_paging_stats_t program;

static void count_fault(struct k_mem_paging_stats_t *stats, bool interrupts_locked)
{
        stats->pagefaults.cnt++;
        if (interrupts_locked)
                stats->pagefaults.irq_locked++;
        else
                stats->pagefaults.irq_unlocked++;
#ifndef CONFIG_DEMAND_PAGING_ALLOW_IRQ
        if (k_is_in_isr())
                stats->pagefaults.in_isr++;
#endif
}

static void count_eviction(struct k_mem_paging_stats_t *stats, bool dirty)
{
        if (dirty)
                stats->eviction.dirty++;
        else
                stats->eviction.clean++;
}

void unpaged_statistics_fault(bool interrupts_locked)
{
        count_fault(&program, interrupts_locked);
#ifdef CONFIG_DEMAND_PAGING_THREAD_STATS
        count_fault(&unpaged_thread_current()->paging_stats, interrupts_locked);
#endif
}

void unpaged_statistics_eviction(bool dirty)
{
        count_eviction(&program, dirty);
#ifdef CONFIG_DEMAND_PAGING_THREAD_STATS
        count_eviction(&unpaged_thread_current()->paging_stats, dirty);
#endif
}

unsigned long k_mem_num_pagefaults_get(void)
{
        return program.pagefaults.cnt;
}

void k_mem_paging_stats_get(struct k_mem_paging_stats_t *stats)
{
        if (stats)
                *stats = program;
}

#ifdef CONFIG_DEMAND_PAGING_THREAD_STATS
void k_mem_paging_thread_stats_get(struct k_thread *thread, struct k_mem_paging_stats_t *stats)
{
        if (thread && stats)
                *stats = thread->paging_stats;
}
#endif

#else

void unpaged_statistics_fault(bool interrupts_locked)
{
        ARG_UNUSED(interrupts_locked);
}

void unpaged_statistics_eviction(bool dirty)
{
        ARG_UNUSED(dirty);
}

#endif

/* ---- durations ----------------------------------------------------------------------------- */

#ifdef CONFIG_DEMAND_PAGING_TIMING_HISTOGRAM

#define NUM_BINS CONFIG_DEMAND_PAGING_TIMING_HISTOGRAM_NUM_BINS

#if defined(CONFIG_DEMAND_PAGING_STATS_USING_TIMING_FUNCTIONS) || NUM_BINS != 10
/* The program must say where the bins end. */
extern unsigned long k_mem_paging_eviction_histogram_bounds[NUM_BINS];
extern unsigned long k_mem_paging_backing_store_histogram_bounds[NUM_BINS];
#else
/* Microseconds, in cycles. */
#define US(n) (CONFIG_SYS_CLOCK_HW_CYCLES_PER_SEC / 1000000UL * (n))

__weak unsigned long k_mem_paging_eviction_histogram_bounds[NUM_BINS] = {
        US(1), US(5), US(10), US(50), US(100), US(200), US(500), US(1000), US(2000), ULONG_MAX,
};
__weak unsigned long k_mem_paging_backing_store_histogram_bounds[NUM_BINS] = {
        US(10),   US(100),  US(125),  US(250),   US(500),
        US(1000), US(2000), US(5000), US(10000), ULONG_MAX,
};
#endif

static struct k_mem_paging_histogram_t histograms[DURATIONS];

uint64_t unpaged_statistics_clock(void)
{
        return IS_ENABLED(CONFIG_DEMAND_PAGING_STATS_USING_TIMING_FUNCTIONS) ? timing_counter_get()
                                                                             : k_cycle_get_64();
}

void unpaged_statistics_note(enum duration of, uint64_t start)
{
        struct k_mem_paging_histogram_t *histogram = &histograms[of];
        uint64_t cycles = unpaged_statistics_clock() - start;

        for (int i = 0; i < NUM_BINS; i++)
                if (cycles <= histogram->bounds[i]) {
                        histogram->counts[i]++;
                        return;
                }
}

static void copy_bounds(enum duration of, const unsigned long *bounds)
{
        memcpy(histograms[of].bounds, bounds, sizeof(histograms[of].bounds));
}

void unpaged_statistics_start(void)
{
        copy_bounds(DURATION_SELECT, k_mem_paging_eviction_histogram_bounds);
        copy_bounds(DURATION_PAGE_IN, k_mem_paging_backing_store_histogram_bounds);
        copy_bounds(DURATION_PAGE_OUT, k_mem_paging_backing_store_histogram_bounds);
        timing_init();
        timing_start();
}

static void copy_out(struct k_mem_paging_histogram_t *to, enum duration of)
{
        if (to)
                *to = histograms[of];
}

void k_mem_paging_histogram_eviction_get(struct k_mem_paging_histogram_t *histogram)
{
        copy_out(histogram, DURATION_SELECT);
}

void k_mem_paging_histogram_backing_store_page_in_get(struct k_mem_paging_histogram_t *histogram)
{
        copy_out(histogram, DURATION_PAGE_IN);
}

void k_mem_paging_histogram_backing_store_page_out_get(struct k_mem_paging_histogram_t *histogram)
{
        copy_out(histogram, DURATION_PAGE_OUT);
}

#else

void unpaged_statistics_start(void)
{
}

uint64_t unpaged_statistics_clock(void)
{
        return 0;
}

void unpaged_statistics_note(enum duration of, uint64_t start)
{
        ARG_UNUSED(of);
        ARG_UNUSED(start);
}

#endif

#endif
