/* SPDX-License-Identifier: MIT */
/*
 * mm.h - mapping memory. Addresses and sizes are bytes; where nothing else is said they must be
 * multiples of the page size and inside the virtual memory (else an assertion fails). No call may
 * be made from a timer's callback. The semantics, accidental ones included, are Zephyr's; where
 * they surprise, the call says so.
 */
#ifndef ZEPHYR_KERNEL_MM_H
#define ZEPHYR_KERNEL_MM_H

#include <zephyr/sys/util.h>

/* Cache modes: accepted, without effect. */
#define K_MEM_CACHE_NONE 2
#define K_MEM_CACHE_WT   1
#define K_MEM_CACHE_WB   0
#define K_MEM_CACHE_MASK (BIT(3) - 1)

#define K_MEM_PERM_RW    BIT(3) /* default: read only */
#define K_MEM_PERM_EXEC  BIT(4)
#define K_MEM_PERM_USER  BIT(5) /* there is one mode: without effect but for the rule of UNINIT */
#define K_MEM_DIRECT_MAP BIT(6) /* refused: virtual addresses are the host's */

#define K_MEM_MAP_UNINIT  BIT(16) /* content may be anything; not with K_MEM_PERM_USER */
#define K_MEM_MAP_LOCK    BIT(17) /* frames taken now, and pinned */
#define K_MEM_MAP_UNPAGED BIT(18) /* arch_mem_map(): the address is a location, nothing is loaded */

#include <zephyr/kernel/internal/mm.h>

/* Bytes of frames that are free, less CONFIG_DEMAND_PAGING_PAGE_FRAMES_RESERVE of them. */
size_t k_mem_free_get(void);

/*
 * Anonymous memory between two guard pages. NULL: a size of 0 or not of whole pages,
 * K_MEM_PERM_USER with K_MEM_MAP_UNINIT, no virtual addresses left, or (K_MEM_MAP_LOCK, or without
 * CONFIG_DEMAND_MAPPING) no frames and no place in the backing store. With CONFIG_DEMAND_MAPPING no
 * frame is taken before a page is touched, unless K_MEM_MAP_LOCK; without, all pages are written to
 * at once, whose faults count, unless K_MEM_MAP_UNINIT.
 */
static inline void *k_mem_map(size_t size, uint32_t flags)
{
        return k_mem_map_phys_guard(0, size, flags, true);
}

/* Removes what k_mem_map() or k_mem_map_unpaged() made, whole. Does nothing where the page before
 * or behind is mapped, and stops, addresses kept, at the first page that is not mapped. */
static inline void k_mem_unmap(void *address, size_t size)
{
        k_mem_unmap_phys_guard(address, size, true);
}

#ifdef CONFIG_DEMAND_MAPPING
/* Page i lives in the backing store at location + i * page size and is loaded when touched. Without
 * K_MEM_MAP_UNINIT all of it is loaded and wiped at once, and if it is read-only that is fatal. */
static inline void *k_mem_map_unpaged(uintptr_t location, size_t size, uint32_t flags)
{
        return k_mem_map_phys_guard(location, size, flags | K_MEM_MAP_UNPAGED, false);
}
#endif

/* The pages that hold any of [address, address + size): their start, their length. Returns how far
 * behind that start `address` is. No alignment is expected; `align` is in bytes. */
size_t k_mem_region_align(uintptr_t *aligned_address, size_t *aligned_size, uintptr_t address,
                          size_t size, size_t align);

#endif
