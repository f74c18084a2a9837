/* SPDX-License-Identifier: MIT */
/*
 * kernel_arch_interface.h - what the processor's memory management does for the kernel. Here it is
 * lib/zephyr/page_table.c: see there for how protection stands in for accessed and dirty bits.
 * All with interrupts locked; addresses are page-aligned unless a call says otherwise.
 */
#ifndef KERNEL_ARCH_INTERFACE_H
#define KERNEL_ARCH_INTERFACE_H

#include <zephyr/kernel.h>

/* What arch_page_info_get() says of a page; further bits are to be ignored. */
enum {
        ARCH_DATA_PAGE_ACCESSED = BIT(0),
        ARCH_DATA_PAGE_DIRTY = BIT(1),
        ARCH_DATA_PAGE_LOADED = BIT(2),
        ARCH_DATA_PAGE_NOT_MAPPED = BIT(3),
};

enum arch_page_location {
        ARCH_PAGE_LOCATION_BAD,
        ARCH_PAGE_LOCATION_PAGED_OUT,
        ARCH_PAGE_LOCATION_PAGED_IN,
};

/* Locations of pages that were never written: to be filled with zeros, or with anything. */
#define ARCH_UNPAGED_ANON_ZERO   ((uintptr_t)0x0000fffffffff000)
#define ARCH_UNPAGED_ANON_UNINIT ((uintptr_t)0x0000ffffffffe000)

/* Maps size bytes; whatever was there is forgotten. 0; -ENOMEM: the host refused;
 * -EINVAL: no such physical or virtual memory. */
int arch_mem_map(void *virt, uintptr_t phys, size_t size, uint32_t flags);
int arch_mem_unmap(void *virt, size_t size);

/* Where the page of any address is loaded, unless phys is NULL. 0; -EFAULT: it is not loaded. */
int arch_page_phys_get(void *virt, uintptr_t *phys);

void arch_mem_page_out(void *address, uintptr_t location);
/* Leaves the page clean, and accessed: it was queued by the fault that brought it. */
void arch_mem_page_in(void *address, uintptr_t phys);

/* Maps a frame at K_MEM_SCRATCH_PAGE. */
void arch_mem_scratch(uintptr_t phys);

enum arch_page_location arch_page_location_get(void *address, uintptr_t *location);

/* ARCH_DATA_PAGE_*, as they were before `clear_accessed` made the page inaccessible, so that its
 * next use is noticed. *location, unless NULL: physical address if loaded, else the token. */
uintptr_t arch_page_info_get(void *address, uintptr_t *location, bool clear_accessed);

/* May be replaced by the program, to set K_MEM_PAGE_FRAME_RESERVED at start-up. */
void arch_reserved_pages_update(void);

#endif
