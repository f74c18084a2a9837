/* SPDX-License-Identifier: MIT */
/* mm.h - mapping physical memory, for the kernel and its tests. Physical memory is the frames, and
 * behind them the program's own image (mmu.h). */
#ifndef ZEPHYR_KERNEL_INTERNAL_MM_H
#define ZEPHYR_KERNEL_INTERNAL_MM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where an address of the image, or of a page that is loaded now, lies in physical memory. */
uintptr_t k_mem_phys_addr(void *address);
/* The address of the image at a physical address. */
void *k_mem_virt_addr(uintptr_t phys);

/* Maps [phys, phys + size), any alignment, without guard pages, at *address. No virtual addresses
 * left, or no such memory: k_panic(). */
void k_mem_map_phys_bare(uint8_t **address, uintptr_t phys, size_t size, uint32_t flags);
void k_mem_unmap_phys_bare(uint8_t *address, size_t size);

/* As k_mem_map() with is_anon, where `phys` is ignored; else maps `phys`, and wipes it unless
 * K_MEM_MAP_UNINIT. NULL: as k_mem_map(). */
void *k_mem_map_phys_guard(uintptr_t phys, size_t size, uint32_t flags, bool is_anon);
/* Without is_anon frames and locations are not freed. */
void k_mem_unmap_phys_guard(void *address, size_t size, bool is_anon);

/* Maps the region anew with other flags, at the physical address of its first page and upwards:
 * right only for memory that is loaded and contiguous. 0, or -EFAULT: that page is not loaded. */
int k_mem_update_flags(void *address, size_t size, uint32_t flags);

#endif
