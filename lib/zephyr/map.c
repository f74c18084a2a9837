/* SPDX-License-Identifier: MIT */
/*
 * map.c - mapping and unmapping.
 *
 * A mapping of k_mem_map() or k_mem_map_phys_guard() lies between two guard pages, which are
 * addresses that are taken but never mapped. Memory is wiped after the locks are given up, through
 * its own addresses, so that wiping faults like any other use.
 */
#include "machine.h"

#include <zephyr/logging/log.h>

#define GUARDS (2 * PAGE_SIZE)

/* With a frame from now on. 0, -ENOMEM. */
static int map_with_frame(void *address, uint32_t flags)
{
        struct k_mem_page_frame *pf = unpaged_frame_take_free();
        int error = pf ? 0 : -ENOMEM;

#ifdef CONFIG_DEMAND_PAGING
        if (!pf)
                error = unpaged_paging_steal_frame(&pf);
#endif
        if (!error)
                error = arch_mem_map(address, k_mem_page_frame_to_phys(pf), PAGE_SIZE, flags);
        if (error) {
                if (pf)
                        unpaged_frame_put_free(pf);
                return -ENOMEM;
        }
        if (flags & K_MEM_MAP_LOCK)
                k_mem_page_frame_set(pf, K_MEM_PAGE_FRAME_PINNED);
        unpaged_frame_set_page(pf, address);
        unpaged_trace_page(TRACED_IN, address, true);
        if (IS_ENABLED(CONFIG_DEMAND_PAGING) && !(flags & K_MEM_MAP_LOCK))
                k_mem_paging_eviction_add(pf);
        return 0;
}

/* Without a frame, to be filled as the location says when it is touched. */
static int map_unfilled(void *address, uint32_t flags)
{
        uintptr_t location =
                flags & K_MEM_MAP_UNINIT ? ARCH_UNPAGED_ANON_UNINIT : ARCH_UNPAGED_ANON_ZERO;

        return arch_mem_map(address, location, PAGE_SIZE, flags | K_MEM_MAP_UNPAGED);
}

static bool takes_frames_now(uint32_t flags)
{
        return !IS_ENABLED(CONFIG_DEMAND_MAPPING) || flags & K_MEM_MAP_LOCK;
}

/* Forgets one anonymous page. False: there is none. With the pager. */
static bool unmap_page(void *address)
{
        struct k_mem_page_frame *pf;
        uintptr_t place;

        switch (arch_page_location_get(address, &place)) {
        case ARCH_PAGE_LOCATION_PAGED_OUT:
                arch_mem_unmap(address, PAGE_SIZE);
                unpaged_trace_page(TRACED_UNMAPPED, address, false);
#ifdef CONFIG_DEMAND_PAGING
                /* Also for tokens of pages that were never touched, as in Zephyr. */
                k_mem_paging_backing_store_location_free(place);
#endif
                return true;
        case ARCH_PAGE_LOCATION_PAGED_IN:
                pf = k_mem_phys_to_page_frame(place);
                if (!k_mem_page_frame_is_mapped(pf))
                        return false;
                arch_mem_unmap(address, PAGE_SIZE);
                unpaged_trace_page(TRACED_UNMAPPED, address, false);
                if (IS_ENABLED(CONFIG_DEMAND_PAGING) && !k_mem_page_frame_is_pinned(pf))
                        k_mem_paging_eviction_remove(pf);
                unpaged_frame_put_free(pf);
                return true;
        default:
                return false;
        }
}

/* False: not for all of it, and none of it is left. With the pager. */
static bool map_anonymous(uint8_t *start, size_t size, uint32_t flags)
{
        for (size_t at = 0; at < size; at += PAGE_SIZE) {
                int error = takes_frames_now(flags) ? map_with_frame(start + at, flags)
                                                    : map_unfilled(start + at, flags);

                if (error) {
                        while (at != 0)
                                unmap_page(start + (at -= PAGE_SIZE));
                        return false;
                }
        }
        return true;
}

/* NULL: no addresses, or no memory. With the pager. */
static uint8_t *map_between_guards(uintptr_t phys, size_t size, uint32_t flags, bool is_anon)
{
        uint8_t *guard = unpaged_region_take(size + GUARDS), *start = guard + PAGE_SIZE;

        if (!guard)
                return NULL;
        arch_mem_unmap(guard, PAGE_SIZE);
        arch_mem_unmap(start + size, PAGE_SIZE);
        if (is_anon ? map_anonymous(start, size, flags)
                    : arch_mem_map(start, phys, size, flags) == 0)
                return start;
        unpaged_region_put(guard, size + GUARDS);
        return NULL;
}

void *k_mem_map_phys_guard(uintptr_t phys, size_t size, uint32_t flags, bool is_anon)
{
        uint8_t *start;
        unsigned int key;

        __ASSERT((flags & K_MEM_CACHE_MASK) == 0 || !is_anon,
                 "anonymous memory has no cache modes (%#x)", flags);
        if (flags & K_MEM_PERM_USER && flags & K_MEM_MAP_UNINIT) {
                LOG_ERR("user memory must not show what was in its frames before");
                return NULL;
        }
        if (size == 0 || size % PAGE_SIZE != 0 || size > SIZE_MAX - GUARDS) {
                LOG_ERR("cannot map %zu bytes: not a number of whole pages", size);
                return NULL;
        }
        key = unpaged_mm_lock();
        start = map_between_guards(phys, size, flags, is_anon);
        unpaged_mm_unlock(key);
        if (!start)
                LOG_ERR("no addresses or no memory for %zu bytes", size);
        else if (!(flags & K_MEM_MAP_UNINIT) && !(is_anon && !takes_frames_now(flags)))
                memset(start, 0, size);
        return start;
}

void k_mem_unmap_phys_guard(void *address, size_t size, bool is_anon)
{
        uint8_t *start = address;
        size_t done = 0;
        unsigned int key;

        k_mem_assert_virtual_region(start, size);
        key = unpaged_mm_lock();
        if (arch_page_phys_get(start - PAGE_SIZE, NULL) == 0 ||
            arch_page_phys_get(start + size, NULL) == 0)
                LOG_ERR("%p: not the whole mapping: it has no guard pages", address);
        else if (is_anon) {
                while (done < size && unmap_page(start + done))
                        done += PAGE_SIZE;
        } else if (arch_mem_unmap(start, size) == 0)
                done = size;
        if (done == size)
                unpaged_region_put(start - PAGE_SIZE, size + GUARDS);
        unpaged_mm_unlock(key);
}

size_t k_mem_region_align(uintptr_t *aligned_address, size_t *aligned_size, uintptr_t address,
                          size_t size, size_t align)
{
        size_t before = address - ROUND_DOWN(address, align);

        *aligned_address = address - before;
        *aligned_size = ROUND_UP(size + before, align);
        return before;
}

void k_mem_map_phys_bare(uint8_t **address, uintptr_t phys, size_t size, uint32_t flags)
{
        uintptr_t first;
        size_t bytes, before = k_mem_region_align(&first, &bytes, phys, size, PAGE_SIZE);
        unsigned int key = unpaged_mm_lock();
        uint8_t *start = flags & K_MEM_DIRECT_MAP ? NULL : unpaged_region_take(bytes);

        if (!start || size == 0 || arch_mem_map(start, first, bytes, flags) != 0) {
                printk("cannot map %zu bytes of physical memory at %#lx: %s\n", size, phys,
                       flags & K_MEM_DIRECT_MAP
                               ? "virtual addresses are the host's, none is a physical one"
                       : start ? "there is no such memory"
                               : "no virtual addresses are left (CONFIG_KERNEL_VM_SIZE)");
                k_panic();
        }
        *address = start + before;
        unpaged_mm_unlock(key);
}

void k_mem_unmap_phys_bare(uint8_t *address, size_t size)
{
        uintptr_t first;
        size_t bytes;
        unsigned int key;

        k_mem_region_align(&first, &bytes, (uintptr_t)address, size, PAGE_SIZE);
        k_mem_assert_virtual_region((uint8_t *)first, bytes);
        key = unpaged_mm_lock();
        arch_mem_unmap((void *)first, bytes);
        unpaged_region_put((void *)first, bytes);
        unpaged_mm_unlock(key);
}

int k_mem_update_flags(void *address, size_t size, uint32_t flags)
{
        uintptr_t phys;
        unsigned int key;
        int error;

        k_mem_assert_virtual_region(address, size);
        key = unpaged_mm_lock();
        error = arch_page_phys_get(address, &phys);
        if (!error)
                error = arch_mem_map(address, phys, size, flags);
        unpaged_mm_unlock(key);
        return error;
}
