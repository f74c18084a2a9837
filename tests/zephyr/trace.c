/* SPDX-License-Identifier: MIT */
/*
 * The calls of the eviction algorithm and of the backing store, each with a note of it. The linker
 * sends every call of f() to __wrap_f() here, and knows f() itself as __real_f().
 *
 * Locking: events are noted with interrupts locked, as traps come while a store works; a test reads
 * between its own accesses, when no other thread pages.
 */
#include <zephyr/kernel.h>
#include <zephyr/kernel/mm/demand_paging.h>
#include <mmu.h>
#include "trace.h"

/* More than any test makes between two clears; what is behind is counted and not kept. */
#define KEPT_EVENTS 65536

static struct trace_event events[KEPT_EVENTS];
static size_t length;
static size_t counts[TRACE_KINDS];

static void note(enum trace_kind kind, void *page, uintptr_t location, bool detail)
{
        unsigned int key = irq_lock();

        counts[kind]++;
        if (length < KEPT_EVENTS)
                events[length] = (struct trace_event){
                        .kind = kind, .detail = detail, .page = page, .location = location};
        length++;
        irq_unlock(key);
}

void trace_clear(void)
{
        length = 0;
        for (size_t kind = 0; kind < TRACE_KINDS; kind++)
                counts[kind] = 0;
}

size_t trace_length(void)
{
        return length;
}

size_t trace_count(enum trace_kind kind)
{
        return counts[kind];
}

const struct trace_event *trace_event(size_t index)
{
        return index < length && index < KEPT_EVENTS ? &events[index] : NULL;
}

const struct trace_event *trace_nth(enum trace_kind kind, size_t index)
{
        const struct trace_event *event;

        for (size_t i = 0; (event = trace_event(i)); i++)
                if (event->kind == kind && index-- == 0)
                        break;
        return event;
}

/* The page for which the store gave this location last. */
static void *page_of_location(uintptr_t location)
{
        for (size_t i = MIN(length, KEPT_EVENTS); i > 0; i--)
                if (events[i - 1].kind == TRACE_LOCATION_GET && events[i - 1].location == location)
                        return events[i - 1].page;
        return NULL;
}

/* ---- the eviction algorithm ---------------------------------------------------------------- */

struct k_mem_page_frame *__real_k_mem_paging_eviction_select(bool *dirty);
struct k_mem_page_frame *__wrap_k_mem_paging_eviction_select(bool *dirty);

struct k_mem_page_frame *__wrap_k_mem_paging_eviction_select(bool *dirty)
{
        struct k_mem_page_frame *pf = __real_k_mem_paging_eviction_select(dirty);

        note(TRACE_SELECT, pf ? k_mem_page_frame_to_virt(pf) : NULL, 0, pf && *dirty);
        return pf;
}

#ifdef CONFIG_EVICTION_TRACKING
void __real_k_mem_paging_eviction_add(struct k_mem_page_frame *pf);
void __wrap_k_mem_paging_eviction_add(struct k_mem_page_frame *pf);
void __real_k_mem_paging_eviction_remove(struct k_mem_page_frame *pf);
void __wrap_k_mem_paging_eviction_remove(struct k_mem_page_frame *pf);
void __real_k_mem_paging_eviction_accessed(uintptr_t phys);
void __wrap_k_mem_paging_eviction_accessed(uintptr_t phys);

void __wrap_k_mem_paging_eviction_add(struct k_mem_page_frame *pf)
{
        note(TRACE_ADD, k_mem_page_frame_to_virt(pf), 0, false);
        __real_k_mem_paging_eviction_add(pf);
}

void __wrap_k_mem_paging_eviction_remove(struct k_mem_page_frame *pf)
{
        note(TRACE_REMOVE, k_mem_page_frame_to_virt(pf), 0, false);
        __real_k_mem_paging_eviction_remove(pf);
}

void __wrap_k_mem_paging_eviction_accessed(uintptr_t phys)
{
        struct k_mem_page_frame *pf = k_mem_phys_to_page_frame(phys);

        note(TRACE_ACCESSED, k_mem_page_frame_to_virt(pf), 0, false);
        __real_k_mem_paging_eviction_accessed(phys);
}
#endif

/* ---- the backing store --------------------------------------------------------------------- */

int __real_k_mem_paging_backing_store_location_get(struct k_mem_page_frame *pf, uintptr_t *location,
                                                   bool page_fault);
int __wrap_k_mem_paging_backing_store_location_get(struct k_mem_page_frame *pf, uintptr_t *location,
                                                   bool page_fault);
void __real_k_mem_paging_backing_store_location_free(uintptr_t location);
void __wrap_k_mem_paging_backing_store_location_free(uintptr_t location);
void __real_k_mem_paging_backing_store_page_out(uintptr_t location);
void __wrap_k_mem_paging_backing_store_page_out(uintptr_t location);
void __real_k_mem_paging_backing_store_page_in(uintptr_t location);
void __wrap_k_mem_paging_backing_store_page_in(uintptr_t location);
void __real_k_mem_paging_backing_store_page_finalize(struct k_mem_page_frame *pf,
                                                     uintptr_t location);
void __wrap_k_mem_paging_backing_store_page_finalize(struct k_mem_page_frame *pf,
                                                     uintptr_t location);

int __wrap_k_mem_paging_backing_store_location_get(struct k_mem_page_frame *pf, uintptr_t *location,
                                                   bool page_fault)
{
        int err = __real_k_mem_paging_backing_store_location_get(pf, location, page_fault);

        if (err == 0)
                note(TRACE_LOCATION_GET, k_mem_page_frame_to_virt(pf), *location, page_fault);
        else
                note(TRACE_REFUSED, k_mem_page_frame_to_virt(pf), 0, page_fault);
        return err;
}

void __wrap_k_mem_paging_backing_store_location_free(uintptr_t location)
{
        note(TRACE_LOCATION_FREE, NULL, location, false);
        __real_k_mem_paging_backing_store_location_free(location);
}

void __wrap_k_mem_paging_backing_store_page_out(uintptr_t location)
{
        unsigned int key = irq_lock();

        note(TRACE_PAGE_OUT, page_of_location(location), location, false);
        irq_unlock(key);
        __real_k_mem_paging_backing_store_page_out(location);
}

void __wrap_k_mem_paging_backing_store_page_in(uintptr_t location)
{
        note(TRACE_PAGE_IN, NULL, location, false);
        __real_k_mem_paging_backing_store_page_in(location);
}

void __wrap_k_mem_paging_backing_store_page_finalize(struct k_mem_page_frame *pf,
                                                     uintptr_t location)
{
        note(TRACE_FINALIZE, k_mem_page_frame_to_virt(pf), location, false);
        __real_k_mem_paging_backing_store_page_finalize(pf, location);
}
