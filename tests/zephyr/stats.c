/* SPDX-License-Identifier: MIT */
/*
 * Statistics and histograms, to the unit: what is counted, for whom, and in which bin.
 */
#include <limits.h>
#include <stdatomic.h>
#include <zephyr/ztest.h>
#include <zephyr/kernel/mm/demand_paging.h>
#include <mmu.h>
#include "expect.h"
#include "trace.h"

#define BINS CONFIG_DEMAND_PAGING_TIMING_HISTOGRAM_NUM_BINS

static struct k_mem_paging_stats_t stats(void)
{
        struct k_mem_paging_stats_t s;

        k_mem_paging_stats_get(&s);
        return s;
}

static struct k_mem_paging_stats_t stats_of(k_tid_t thread)
{
        struct k_mem_paging_stats_t s;

        k_mem_paging_thread_stats_get(thread, &s);
        return s;
}

static unsigned long samples(const struct k_mem_paging_histogram_t *histogram)
{
        unsigned long sum = 0;

        for (size_t bin = 0; bin < BINS; bin++)
                sum += histogram->counts[bin];
        return sum;
}

/* A mapping that is out, and whose content a store has. */
static char *map_out(size_t pages)
{
        char *p = k_mem_map(pages * PAGE, K_MEM_PERM_RW);

        stamp(p, pages);
        zassert_ok(k_mem_page_out(p, pages * PAGE));
        return p;
}

ZTEST(stats, test_faults_with_interrupts_locked_and_unlocked)
{
        char *p = map_out(5);
        struct k_mem_paging_stats_t before = stats();
        unsigned int key;

        zassert_equal(stamps_lost(p, 2), 0);
        key = irq_lock();
        zassert_equal(stamps_lost(p, 5), 0);
        irq_unlock(key);
        zassert_equal(stats().pagefaults.cnt - before.pagefaults.cnt, 5);
        zassert_equal(stats().pagefaults.irq_unlocked - before.pagefaults.irq_unlocked, 2);
        zassert_equal(stats().pagefaults.irq_locked - before.pagefaults.irq_locked, 3);
        zassert_equal(k_mem_num_pagefaults_get(), stats().pagefaults.cnt);
        k_mem_unmap(p, 5 * PAGE);
}

#ifndef CONFIG_DEMAND_PAGING_ALLOW_IRQ
static char *touched_by_timer;
static atomic_bool touched;

static void touch_in_timer(struct k_timer *timer)
{
        ARG_UNUSED(timer);
        *(volatile char *)touched_by_timer = 1;
        touched = true;
}

K_TIMER_DEFINE(toucher, touch_in_timer, NULL);

ZTEST(stats, test_fault_in_an_interrupt)
{
        struct k_mem_paging_stats_t before;

        touched_by_timer = map_out(1);
        before = stats();
        k_timer_start(&toucher, K_NO_WAIT, K_NO_WAIT);
        for (int i = 0; i < 1000 && !touched; i++)
                k_msleep(1);
        zassert_equal(stats().pagefaults.in_isr - before.pagefaults.in_isr, 1);
        zassert_equal(stats().pagefaults.cnt - before.pagefaults.cnt, 1);
        k_timer_stop(&toucher);
        k_mem_unmap(touched_by_timer, PAGE);
}
#endif

/* What counts is the dirty bit of the page tables, whether or not the store has a copy. */
ZTEST(stats, test_evictions_by_faults_are_clean_or_dirty)
{
        char *out = map_out(2);
        size_t pages = free_frames();
        char *in = k_mem_map(pages * PAGE, K_MEM_PERM_RW);
        struct k_mem_paging_stats_t before;

        stamp(in, pages);
        before = stats();
        (void)*(volatile char *)out;
        zassert_equal(stats().eviction.dirty - before.eviction.dirty, 1);
        zassert_equal(stats().eviction.clean - before.eviction.clean, 0);

        for (size_t i = 0; i < pages; i++) {
                zassert_ok(k_mem_page_out(in + i * PAGE, PAGE));
                k_mem_page_in(in + i * PAGE, PAGE);
        }
        before = stats();
        trace_clear();
        (void)*(volatile char *)(out + PAGE);
        zassert_equal(stats().eviction.dirty - before.eviction.dirty, 0);
        zassert_equal(stats().eviction.clean - before.eviction.clean, 1);
        if (IS_ENABLED(CONFIG_BACKING_STORE_RAM))
                zassert_equal(trace_count(TRACE_PAGE_OUT), 1,
                              "this store keeps no copy: a clean page is written, too");
        k_mem_unmap(out, 2 * PAGE);
        k_mem_unmap(in, pages * PAGE);
}

/* ---- threads ------------------------------------------------------------------------------- */

#define OTHER_PAGES 7U

static K_THREAD_STACK_DEFINE(other_stack, 16384);
static struct k_thread other_thread;
static struct k_mem_paging_stats_t other_stats;

static void fault_in_other_thread(void *pages, void *p2, void *p3)
{
        ARG_UNUSED(p2);
        ARG_UNUSED(p3);
        (void)stamps_lost(pages, OTHER_PAGES);
        other_stats = stats_of(k_current_get());
}

ZTEST(stats, test_faults_are_those_of_the_thread_that_faults)
{
        char *p = map_out(OTHER_PAGES + 2);
        struct k_mem_paging_stats_t mine = stats_of(k_current_get());
        struct k_mem_paging_stats_t all = stats();
        k_tid_t other = k_thread_create(&other_thread, other_stack,
                                        K_THREAD_STACK_SIZEOF(other_stack), fault_in_other_thread,
                                        p, NULL, NULL, K_PRIO_PREEMPT(0), 0, K_NO_WAIT);

        zassert_ok(k_thread_join(other, K_FOREVER));
        zassert_equal(other_stats.pagefaults.cnt, OTHER_PAGES);
        zassert_equal(stats_of(k_current_get()).pagefaults.cnt, mine.pagefaults.cnt);
        (void)stamps_lost(p, OTHER_PAGES + 2);
        zassert_equal(stats_of(k_current_get()).pagefaults.cnt - mine.pagefaults.cnt, 2);
        zassert_equal(stats().pagefaults.cnt - all.pagefaults.cnt, OTHER_PAGES + 2);
        k_mem_unmap(p, (OTHER_PAGES + 2) * PAGE);
}

/* ---- histograms ---------------------------------------------------------------------------- */

static struct k_mem_paging_histogram_t page_ins(void)
{
        struct k_mem_paging_histogram_t h;

        k_mem_paging_histogram_backing_store_page_in_get(&h);
        return h;
}

static struct k_mem_paging_histogram_t page_outs(void)
{
        struct k_mem_paging_histogram_t h;

        k_mem_paging_histogram_backing_store_page_out_get(&h);
        return h;
}

static struct k_mem_paging_histogram_t evictions(void)
{
        struct k_mem_paging_histogram_t h;

        k_mem_paging_histogram_eviction_get(&h);
        return h;
}

ZTEST(stats, test_histograms_have_a_sample_of_every_event)
{
        struct k_mem_paging_histogram_t in, out, victims, now;
        size_t pages = free_frames() + 5;
        char *p = k_mem_map(pages * PAGE, K_MEM_PERM_RW);

        in = page_ins();
        out = page_outs();
        victims = evictions();
        trace_clear();
        stamp(p, pages);
        zassert_ok(k_mem_page_out(p + (pages - 1) * PAGE, PAGE));
        zassert_equal(stamps_lost(p, pages), 0);
        now = page_ins();
        zassert_equal(samples(&now) - samples(&in), trace_count(TRACE_PAGE_IN));
        now = page_outs();
        zassert_equal(samples(&now) - samples(&out), trace_count(TRACE_PAGE_OUT));
        now = evictions();
        zassert_equal(samples(&now) - samples(&victims), trace_count(TRACE_SELECT));
        k_mem_unmap(p, pages * PAGE);
}

/* Where frames run out while a mapping is made, what is written is timed, and nothing else. */
ZTEST(stats, test_mapping_counts_no_evictions)
{
        struct k_mem_paging_histogram_t out = page_outs(), victims = evictions(), now;
        struct k_mem_paging_stats_t before = stats();
        size_t pages = free_frames() + 5;
        char *p;

        trace_clear();
        p = k_mem_map(pages * PAGE, K_MEM_PERM_RW | K_MEM_MAP_UNINIT);
        zassert_equal(trace_count(TRACE_SELECT), IS_ENABLED(CONFIG_DEMAND_MAPPING) ? 0 : 5);
        zassert_equal(trace_count(TRACE_PAGE_OUT), trace_count(TRACE_SELECT));
        now = page_outs();
        zassert_equal(samples(&now) - samples(&out), trace_count(TRACE_PAGE_OUT));
        now = evictions();
        zassert_equal(samples(&now), samples(&victims));
        zassert_equal(stats().eviction.dirty, before.eviction.dirty);
        zassert_equal(stats().eviction.clean, before.eviction.clean);
        zassert_equal(stats().pagefaults.cnt, before.pagefaults.cnt);
        k_mem_unmap(p, pages * PAGE);
}

#ifdef CONFIG_TEST_OWN_BOUNDS
/* Bounds of the application take the place of the weak ones. */
unsigned long k_mem_paging_eviction_histogram_bounds[BINS] = {1, 1000000000UL, ULONG_MAX};
unsigned long k_mem_paging_backing_store_histogram_bounds[BINS] = {7, 8, ULONG_MAX};

ZTEST(stats, test_bounds_are_the_applications_own)
{
        zassert_equal(evictions().bounds[0], 1);
        zassert_equal(evictions().bounds[1], 1000000000UL);
        zassert_equal(evictions().bounds[2], ULONG_MAX);
        zassert_equal(page_ins().bounds[0], 7);
        zassert_equal(page_outs().bounds[1], 8);
}
#else
/* In microseconds of cycles. */
ZTEST(stats, test_default_bounds)
{
        static const unsigned long eviction[] = {1, 5, 10, 50, 100, 200, 500, 1000, 2000};
        static const unsigned long store[] = {10, 100, 125, 250, 500, 1000, 2000, 5000, 10000};
        unsigned long cycles = CONFIG_SYS_CLOCK_HW_CYCLES_PER_SEC / 1000000UL;

        zassert_equal(BINS, ARRAY_SIZE(store) + 1);
        for (size_t bin = 0; bin < ARRAY_SIZE(store); bin++) {
                zassert_equal(evictions().bounds[bin], eviction[bin] * cycles);
                zassert_equal(page_ins().bounds[bin], store[bin] * cycles);
                zassert_equal(page_outs().bounds[bin], store[bin] * cycles);
        }
        zassert_equal(evictions().bounds[BINS - 1], ULONG_MAX);
        zassert_equal(page_ins().bounds[BINS - 1], ULONG_MAX);
        zassert_equal(page_outs().bounds[BINS - 1], ULONG_MAX);
}
#endif

ZTEST(stats, test_null_is_no_error)
{
        k_mem_paging_stats_get(NULL);
        k_mem_paging_thread_stats_get(k_current_get(), NULL);
        k_mem_paging_thread_stats_get(NULL, NULL);
        k_mem_paging_histogram_eviction_get(NULL);
        k_mem_paging_histogram_backing_store_page_in_get(NULL);
        k_mem_paging_histogram_backing_store_page_out_get(NULL);
}

ZTEST_SUITE(stats, NULL, NULL, NULL, NULL, NULL);
