/* SPDX-License-Identifier: MIT */
/*
 * paging.c - the verbs: a page comes in for a fault or on request, a page goes out.
 *
 * Strict, as Zephyr: what a call or a fault asks for is moved and nothing else. Nothing is read
 * ahead, no frame is kept free, no victim waits; every event is one that can be counted.
 *
 *      fault: frame from the free list, else from the page that the algorithm names (vacate),
 *             whose content is saved through the scratch page; the new content comes through the
 *             same scratch page; then the entry is made present and the algorithm told.
 *
 * A page is saved if it is modified or its frame is not BACKED, whatever the algorithm said; the
 * statistics count what the algorithm said. Flags other than MAPPED stay with a frame when it
 * gets its next page: BACKED is the store's to clear in page_finalize().
 */
#include "machine.h"

#ifdef CONFIG_DEMAND_PAGING

/*
 * Prepares a frame for its next content: unmaps the page it holds, if any, and says where that is
 * to be saved (*location) and whether it must be (*dirty, which the caller sets to what it knows).
 * The frame is then at the scratch page if that is needed. -ENOMEM: the store has no place, and
 * nothing was changed.
 */
static int vacate(struct k_mem_page_frame *pf, bool *dirty, bool page_fault, uintptr_t *location)
{
        bool mapped = k_mem_page_frame_is_mapped(pf);
        void *address = k_mem_page_frame_to_virt(pf);

        __ASSERT(!k_mem_page_frame_is_pinned(pf), "frame %zu is pinned",
                 (size_t)(pf - k_mem_page_frames));
        if (mapped)
                *dirty = *dirty || !k_mem_page_frame_is_backed(pf);
        if (*dirty || page_fault)
                arch_mem_scratch(k_mem_page_frame_to_phys(pf));
        if (mapped) {
                if (k_mem_paging_backing_store_location_get(pf, location, page_fault) != 0)
                        return -ENOMEM;
                arch_mem_page_out(address, *location);
                unpaged_trace_page(TRACED_OUT, address, *dirty);
                k_mem_paging_eviction_remove(pf);
        }
        if (IS_ENABLED(CONFIG_DEMAND_PAGING_ALLOW_IRQ))
                k_mem_page_frame_set(pf, K_MEM_PAGE_FRAME_BUSY);
        return 0;
}

/* From `location` to the scratch page. */
static void fill(uintptr_t location)
{
#ifdef CONFIG_DEMAND_MAPPING
        if (location == ARCH_UNPAGED_ANON_ZERO) {
                memset(K_MEM_SCRATCH_PAGE, 0, PAGE_SIZE);
                return;
        }
        if (location == ARCH_UNPAGED_ANON_UNINIT)
                return;
#endif
        unpaged_transfer_in(location);
}

static void pin(struct k_mem_page_frame *pf)
{
        if (k_mem_page_frame_is_pinned(pf))
                return;
        k_mem_paging_eviction_remove(pf);
        k_mem_page_frame_set(pf, K_MEM_PAGE_FRAME_PINNED);
}

/* The page of `address` is in `pf` now. */
static void take_in(struct k_mem_page_frame *pf, void *address, uintptr_t location, bool pinned)
{
        k_mem_page_frame_clear(pf, K_MEM_PAGE_FRAME_BUSY);
        k_mem_page_frame_clear(pf, K_MEM_PAGE_FRAME_MAPPED);
        unpaged_frame_set_page(pf, address);
        if (pinned)
                k_mem_page_frame_set(pf, K_MEM_PAGE_FRAME_PINNED);
        arch_mem_page_in(address, k_mem_page_frame_to_phys(pf));
        unpaged_trace_page(TRACED_IN, address, false);
        k_mem_paging_backing_store_page_finalize(pf, location);
        if (!pinned)
                k_mem_paging_eviction_add(pf);
}

/* A frame for a fault: *dirty as vacate() wants it. NULL: none is free and none can go. */
static struct k_mem_page_frame *frame_for_fault(bool *dirty)
{
        struct k_mem_page_frame *pf = unpaged_frame_take_free();
        uint64_t start;

        *dirty = false;
        if (pf)
                return pf;
        start = unpaged_statistics_clock();
        pf = k_mem_paging_eviction_select(dirty);
        unpaged_statistics_note(DURATION_SELECT, start);
        if (pf)
                unpaged_statistics_eviction(*dirty);
        return pf;
}

/* The page is out. False: there is no way to bring it in. */
static bool bring_in(void *address, uintptr_t from, bool pinned, unsigned int key)
{
        uintptr_t to = 0;
        bool dirty;
        struct k_mem_page_frame *pf;

        unpaged_statistics_fault(key != 0);
        pf = frame_for_fault(&dirty);
        if (!pf || vacate(pf, &dirty, true, &to) != 0)
                return false;
        unpaged_mm_relax(key);
        if (dirty)
                unpaged_transfer_out(to);
        fill(from);
        unpaged_mm_resume();
        take_in(pf, address, from, pinned);
        return true;
}

/* Any address. False: no page of it can be had. */
static bool page_in(void *address, bool pinned)
{
        void *page = (void *)ROUND_DOWN(address, PAGE_SIZE);
        unsigned int key = unpaged_mm_lock();
        uintptr_t place;
        bool there = false;

        switch (arch_page_location_get(page, &place)) {
        case ARCH_PAGE_LOCATION_BAD:
                break;
        case ARCH_PAGE_LOCATION_PAGED_IN: /* never out, or in again by now */
                if (pinned)
                        pin(k_mem_phys_to_page_frame(place));
                there = true;
                break;
        case ARCH_PAGE_LOCATION_PAGED_OUT:
                there = bring_in(page, place, pinned, key);
                break;
        }
        unpaged_mm_unlock(key);
        return there;
}

bool k_mem_page_fault(void *address)
{
        return page_in(address, false);
}

/* ---- on request ---------------------------------------------------------------------------- */

static void page_in_or_die(void *address, size_t size, bool pinned)
{
        k_mem_assert_virtual_region(address, size);
        for (size_t at = 0; at < size; at += PAGE_SIZE)
                if (!page_in((uint8_t *)address + at, pinned)) {
                        printk("page %p cannot be loaded: not mapped, or no frame can be freed for "
                               "it\n",
                               (void *)((uint8_t *)address + at));
                        k_panic();
                }
}

void k_mem_page_in(void *address, size_t size)
{
        page_in_or_die(address, size, false);
}

void k_mem_pin(void *address, size_t size)
{
        page_in_or_die(address, size, true);
}

/* The image's pages stay pinned: what serves faults lies among them. */
static void unpin_page(void *page)
{
        size_t image_first, image_frames = unpaged_memory_image_frames(&image_first);
        struct k_mem_page_frame *pf;
        uintptr_t phys;

        if (arch_page_phys_get(page, &phys) != 0)
                return;
        pf = k_mem_phys_to_page_frame(phys);
        if (!k_mem_page_frame_is_pinned(pf) ||
            (image_frames != 0 && (size_t)(pf - k_mem_page_frames) >= image_first))
                return;
        k_mem_page_frame_clear(pf, K_MEM_PAGE_FRAME_PINNED);
        k_mem_paging_eviction_add(pf);
}

void k_mem_unpin(void *address, size_t size)
{
        unsigned int key;

        k_mem_assert_virtual_region(address, size);
        for (size_t at = 0; at < size; at += PAGE_SIZE) {
                key = unpaged_mm_lock();
                unpin_page((uint8_t *)address + at);
                unpaged_mm_unlock(key);
        }
}

/* Saves what the frame holds, and frees it. 0, -ENOMEM. With the pager. */
static int evict(struct k_mem_page_frame *pf, bool dirty, unsigned int key)
{
        uintptr_t location = 0;

        if (vacate(pf, &dirty, false, &location) != 0)
                return -ENOMEM;
        unpaged_mm_relax(key);
        if (dirty)
                unpaged_transfer_out(location);
        unpaged_mm_resume();
        unpaged_frame_put_free(pf);
        return 0;
}

static int page_out(void *address)
{
        unsigned int key = unpaged_mm_lock();
        uintptr_t phys, info = arch_page_info_get(address, &phys, false);
        int error = 0;

        __ASSERT(!(info & ARCH_DATA_PAGE_NOT_MAPPED), "%p is not mapped", address);
        if (info & ARCH_DATA_PAGE_LOADED)
                error = evict(k_mem_phys_to_page_frame(phys), info & ARCH_DATA_PAGE_DIRTY, key);
        unpaged_mm_unlock(key);
        return error;
}

int k_mem_page_out(void *address, size_t size)
{
        int error = 0;

        k_mem_assert_virtual_region(address, size);
        for (size_t at = 0; at < size && !error; at += PAGE_SIZE)
                error = page_out((uint8_t *)address + at);
        return error;
}

int k_mem_page_frame_evict(uintptr_t phys)
{
        struct k_mem_page_frame *pf = k_mem_phys_to_page_frame(phys);
        unsigned int key = unpaged_mm_lock();
        uintptr_t info;
        int error = 0;

        if (!k_mem_page_frame_is_free(pf) && k_mem_page_frame_is_mapped(pf)) {
                info = arch_page_info_get(k_mem_page_frame_to_virt(pf), NULL, false);
                error = evict(pf, info & ARCH_DATA_PAGE_DIRTY, key);
        }
        unpaged_mm_unlock(key);
        return error;
}

int unpaged_paging_steal_frame(struct k_mem_page_frame **stolen)
{
        bool dirty;
        uintptr_t location = 0;
        struct k_mem_page_frame *pf = k_mem_paging_eviction_select(&dirty);

        if (!pf || vacate(pf, &dirty, false, &location) != 0)
                return -ENOMEM;
        if (dirty)
                unpaged_transfer_out(location);
        pf->va_and_flags = 0;
        *stolen = pf;
        return 0;
}

#endif
