/* SPDX-License-Identifier: MIT */
/*
 * A store that takes its time: what may happen meanwhile, and that threads which fault at once
 * wait for each other and find their pages.
 */
#include <zephyr/ztest.h>
#include <zephyr/kernel/mm/demand_paging.h>
#include <mmu.h>
#include "expect.h"
#include "store_slow.h"
#include "trace.h"

#define PAGES 6U

static atomic_uint expiries, expiries_at_work;

static void expired(struct k_timer *timer)
{
        ARG_UNUSED(timer);
        expiries++;
        if (store_slow_at_work)
                expiries_at_work++;
}

K_TIMER_DEFINE(ticker, expired, NULL);

ZTEST(slow, test_content_survives)
{
        char *p = k_mem_map(PAGES * PAGE, K_MEM_PERM_RW);

        stamp(p, PAGES);
        zassert_ok(k_mem_page_out(p, PAGES * PAGE));
        zassert_equal(stamps_lost(p, PAGES), 0);
        k_mem_unmap(p, PAGES * PAGE);
}

/* With interrupts allowed the timer expires while the store is at work; without, behind it. */
ZTEST(slow, test_interrupts_while_the_store_works)
{
        atomic_uint *seen =
                IS_ENABLED(CONFIG_DEMAND_PAGING_ALLOW_IRQ) ? &expiries_at_work : &expiries;
        char *p = k_mem_map(PAGES * PAGE, K_MEM_PERM_RW);

        stamp(p, PAGES);
        k_timer_start(&ticker, K_NO_WAIT, K_MSEC(1));
        /* On a busy machine the timer may be late: then once more. */
        for (unsigned tries = 0; tries < 200 && (tries == 0 || *seen == 0); tries++) {
                zassert_ok(k_mem_page_out(p, PAGES * PAGE));
                zassert_equal(stamps_lost(p, PAGES), 0);
                k_msleep(5);
        }
        k_timer_stop(&ticker);
        zassert_not_equal(expiries, 0);
        if (IS_ENABLED(CONFIG_DEMAND_PAGING_ALLOW_IRQ))
                zassert_not_equal(expiries_at_work, 0);
        else
                zassert_equal(expiries_at_work, 0);
        k_mem_unmap(p, PAGES * PAGE);
}

/* BUSY exists for the time in which others might look at the frame. */
ZTEST(slow, test_frame_is_busy_while_its_page_is_written)
{
        char *p = k_mem_map(PAGE, K_MEM_PERM_RW);

        *p = 1;
        zassert_ok(k_mem_page_out(p, PAGE));
        zassert_equal(store_slow_saw_busy, IS_ENABLED(CONFIG_DEMAND_PAGING_ALLOW_IRQ));
        for (size_t i = 0; i < ARRAY_SIZE(k_mem_page_frames); i++)
                zassert_true(k_mem_page_frame_is_free(&k_mem_page_frames[i]) ||
                             !k_mem_page_frame_is_busy(&k_mem_page_frames[i]));
        k_mem_unmap(p, PAGE);
}

/* ---- threads ------------------------------------------------------------------------------- */

#define THREADS 3
#define ROUNDS  3

static K_THREAD_STACK_ARRAY_DEFINE(stacks, THREADS, 16384);
static struct k_thread threads[THREADS];
static unsigned long faults[THREADS];
static size_t lost[THREADS];

static unsigned long faults_of(k_tid_t thread)
{
        struct k_mem_paging_stats_t s;

        k_mem_paging_thread_stats_get(thread, &s);
        return s.pagefaults.cnt;
}

/* Each of them stamps and reads more pages than there are frames. */
static void page(void *pages, void *count, void *index)
{
        size_t i = (size_t)POINTER_TO_UINT(index);

        stamp(pages, POINTER_TO_UINT(count));
        lost[i] = stamps_lost(pages, POINTER_TO_UINT(count));
        faults[i] = faults_of(k_current_get());
}

ZTEST(slow, test_threads_fault_at_once)
{
        unsigned long before = k_mem_num_pagefaults_get(), sum = 0;
        size_t each = free_frames() + 2;
        char *pages[THREADS];

        trace_clear();
        for (size_t i = 0; i < THREADS; i++)
                pages[i] = k_mem_map(each * PAGE, K_MEM_PERM_RW | K_MEM_MAP_UNINIT);
        for (size_t i = 0; i < THREADS; i++)
                k_thread_create(&threads[i], stacks[i], K_THREAD_STACK_SIZEOF(stacks[i]), page,
                                pages[i], UINT_TO_POINTER(each), UINT_TO_POINTER(i),
                                K_PRIO_PREEMPT(1), 0, K_NO_WAIT);
        for (size_t i = 0; i < THREADS; i++)
                zassert_ok(k_thread_join(&threads[i], K_FOREVER));
        for (size_t i = 0; i < THREADS; i++) {
                zassert_equal(lost[i], 0, "thread %zu", i);
                sum += faults[i];
                k_mem_unmap(pages[i], each * PAGE);
        }
        zassert_equal(k_mem_num_pagefaults_get() - before, sum);
        zassert_not_equal(trace_count(TRACE_PAGE_IN), 0);
}

/* Whoever comes second finds the page there. */
static void touch(void *page_, void *p2, void *p3)
{
        ARG_UNUSED(p2);
        ARG_UNUSED(p3);
        (void)*(volatile char *)page_;
}

ZTEST(slow, test_threads_fault_on_one_page)
{
        char *p = k_mem_map(PAGE, K_MEM_PERM_RW);
        unsigned long before;

        stamp(p, 1);
        zassert_ok(k_mem_page_out(p, PAGE));
        before = k_mem_num_pagefaults_get();
        for (size_t i = 0; i < THREADS; i++)
                k_thread_create(&threads[i], stacks[i], K_THREAD_STACK_SIZEOF(stacks[i]), touch, p,
                                NULL, NULL, K_PRIO_PREEMPT(1), 0, K_NO_WAIT);
        for (size_t i = 0; i < THREADS; i++)
                zassert_ok(k_thread_join(&threads[i], K_FOREVER));
        zassert_equal(k_mem_num_pagefaults_get() - before, 1);
        zassert_equal(stamps_lost(p, 1), 0);
        k_mem_unmap(p, PAGE);
}

ZTEST_SUITE(slow, NULL, NULL, NULL, NULL, NULL);
