/* SPDX-License-Identifier: MIT */
/*
 * demand_paging.h - paging: what programs ask for, what an eviction algorithm implements, what a
 * backing store implements.
 *
 * A frame is a page of physical memory, a data page is content at a virtual address, a location is
 * a page-aligned token below ARCH_UNPAGED_ANON_UNINIT that names a place in the backing store; it
 * may be 0. The calls that an algorithm and a store implement are made with interrupts locked, on
 * the thread that faults or asks, for a fault inside its signal handler. They may not touch memory
 * that is paged.
 */
#ifndef ZEPHYR_KERNEL_MM_DEMAND_PAGING_H
#define ZEPHYR_KERNEL_MM_DEMAND_PAGING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zephyr/toolchain.h>

struct k_mem_page_frame;
struct k_thread;

/* ---- statistics ---------------------------------------------------------------------------- */

struct k_mem_paging_stats_t {
#ifdef CONFIG_DEMAND_PAGING_STATS
        struct {
                unsigned long cnt; /* faults on pages that were out, also by page_in and pin */
                unsigned long irq_locked;   /* of cnt: the faulting thread had locked interrupts */
                unsigned long irq_unlocked; /* of cnt: it had not */
#ifndef CONFIG_DEMAND_PAGING_ALLOW_IRQ
                unsigned long in_isr; /* of cnt: in a timer's callback */
#endif
        } pagefaults;
        struct {
                unsigned long clean; /* evictions by faults: the page was not modified */
                unsigned long dirty;
        } eviction;
#else
        char none; /* C++ and C agree on the size of a structure that is not empty */
#endif
};

struct k_mem_paging_histogram_t {
#ifdef CONFIG_DEMAND_PAGING_TIMING_HISTOGRAM
        /* counts[i]: durations of at most bounds[i] cycles that fit no bin before; the last
         * bound is ULONG_MAX */
        unsigned long counts[CONFIG_DEMAND_PAGING_TIMING_HISTOGRAM_NUM_BINS];
        unsigned long bounds[CONFIG_DEMAND_PAGING_TIMING_HISTOGRAM_NUM_BINS];
#else
        char none;
#endif
};

#ifdef CONFIG_DEMAND_PAGING_STATS
/* Copies out; NULL does nothing. Any thread. */
void k_mem_paging_stats_get(struct k_mem_paging_stats_t *stats);
#ifdef CONFIG_DEMAND_PAGING_THREAD_STATS
void k_mem_paging_thread_stats_get(struct k_thread *thread, struct k_mem_paging_stats_t *stats);
#endif
#ifdef CONFIG_DEMAND_PAGING_TIMING_HISTOGRAM
/* Durations of select() in faults, and of what the backing store was asked to bring and take. */
void k_mem_paging_histogram_eviction_get(struct k_mem_paging_histogram_t *histogram);
void k_mem_paging_histogram_backing_store_page_in_get(struct k_mem_paging_histogram_t *histogram);
void k_mem_paging_histogram_backing_store_page_out_get(struct k_mem_paging_histogram_t *histogram);
#endif
#endif

/* ---- for programs -------------------------------------------------------------------------- */

/* Writes out what is loaded and frees the frames. 0; -ENOMEM: no place for a page, those before it
 * are out. Pages that are out already are left alone. Not counted as evictions. */
int k_mem_page_out(void *address, size_t size);

/* Loads what is out, counted as faults. No frame or no place for a victim: k_panic(). */
void k_mem_page_in(void *address, size_t size);

/* As page_in, and no longer evicted. Not counted: one unpin undoes any number of pins. */
void k_mem_pin(void *address, size_t size);
void k_mem_unpin(void *address, size_t size);

/* ---- for eviction algorithms to implement -------------------------------------------------- */

#ifdef CONFIG_EVICTION_TRACKING
/* The frame's page may be evicted from now on. */
void k_mem_paging_eviction_add(struct k_mem_page_frame *pf);
/* It may not: pinned, unmapped, or being evicted. */
void k_mem_paging_eviction_remove(struct k_mem_page_frame *pf);
/* It was touched while inaccessible, or written to while clean. */
void k_mem_paging_eviction_accessed(uintptr_t phys);
#else
static inline void k_mem_paging_eviction_add(struct k_mem_page_frame *pf)
{
        ARG_UNUSED(pf);
}

static inline void k_mem_paging_eviction_remove(struct k_mem_page_frame *pf)
{
        ARG_UNUSED(pf);
}

static inline void k_mem_paging_eviction_accessed(uintptr_t phys)
{
        ARG_UNUSED(phys);
}
#endif

/* Names a victim and stores whether its page is modified; does not unlink it. NULL: none. */
struct k_mem_page_frame *k_mem_paging_eviction_select(bool *dirty);
void k_mem_paging_eviction_init(void);

/* ---- for backing stores to implement ------------------------------------------------------- */

/* A place for the frame's page; for a frame that is BACKED the one where its copy is. 0; -ENOMEM:
 * there is none, or the last one is kept for faults and this is not one. */
int k_mem_paging_backing_store_location_get(struct k_mem_page_frame *pf, uintptr_t *location,
                                            bool page_fault);
/* Of a page that was unmapped while out; also called with the ARCH_UNPAGED_ANON_* tokens. */
void k_mem_paging_backing_store_location_free(uintptr_t location);
/* Where the content of an address lies by its nature. 0 or a negative error. */
int k_mem_paging_backing_store_location_query(void *address, uintptr_t *location);
/* From K_MEM_SCRATCH_PAGE to the location, and back. One at a time, interrupts perhaps unlocked
 * (CONFIG_DEMAND_PAGING_ALLOW_IRQ); cannot fail: k_panic(). */
void k_mem_paging_backing_store_page_out(uintptr_t location);
void k_mem_paging_backing_store_page_in(uintptr_t location);
/* After page_in, and also for ARCH_UNPAGED_ANON_*: free the location, or set the frame BACKED. The
 * flag may be left over from the frame's page before. */
void k_mem_paging_backing_store_page_finalize(struct k_mem_page_frame *pf, uintptr_t location);
void k_mem_paging_backing_store_init(void);

#endif
