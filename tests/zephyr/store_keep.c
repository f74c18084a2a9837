/* SPDX-License-Identifier: MIT */
/*
 * A backing store with a place for every virtual page, which keeps its copy of a page that is in,
 * in Zephyr's form. It also has a file: pages with content of their own, to be mapped unpaged.
 *
 * The location of an anonymous page is the offset of its address in the virtual memory; those of
 * the file follow behind. A page that comes in makes its frame BACKED: clean, it can be evicted
 * without a write, and location_get names the copy that was kept.
 *
 * The trap: the kernel leaves the bit BACKED on a frame when the frame gets its next page. For a
 * page without a copy, one that has just become zeros, finalize must take the bit away, or the
 * eviction of that page looks like that of a page with a copy: nothing is written, and zeros or
 * worse come back. CONFIG_STORE_KEEP_LEAKS is the store that does not know this.
 *
 * Locking: none of its own; the kernel calls one function at a time.
 */
#include <string.h>
#include <mmu.h>
#include <kernel_arch_interface.h>
#include <zephyr/kernel/mm/demand_paging.h>
#include "store_keep.h"

#define FILE_SIZE (STORE_KEEP_FILE_PAGES * CONFIG_MMU_PAGE_SIZE)

static char copies[CONFIG_KERNEL_VM_SIZE + FILE_SIZE] __aligned(CONFIG_MMU_PAGE_SIZE);

/* Of a BACKED frame: where its copy is. */
static uintptr_t kept[K_MEM_NUM_PAGE_FRAMES];

static bool is_anonymous(uintptr_t location)
{
#ifdef CONFIG_DEMAND_MAPPING
        return location == ARCH_UNPAGED_ANON_ZERO || location == ARCH_UNPAGED_ANON_UNINIT;
#else
        ARG_UNUSED(location);
        return false;
#endif
}

uintptr_t store_keep_file_location(size_t page)
{
        return CONFIG_KERNEL_VM_SIZE + page * CONFIG_MMU_PAGE_SIZE;
}

void *store_keep_file_page(size_t page)
{
        return copies + store_keep_file_location(page);
}

int k_mem_paging_backing_store_location_get(struct k_mem_page_frame *pf, uintptr_t *location,
                                            bool page_fault)
{
        ARG_UNUSED(page_fault); /* it cannot run full */
        if (k_mem_page_frame_is_backed(pf))
                *location = kept[pf - k_mem_page_frames];
        else
                *location = (uintptr_t)((uint8_t *)k_mem_page_frame_to_virt(pf) -
                                        (uint8_t *)K_MEM_VIRT_RAM_START);
        return 0;
}

/* Of a page that is in: where its copy is. */
int k_mem_paging_backing_store_location_query(void *addr, uintptr_t *location)
{
        uintptr_t phys;
        struct k_mem_page_frame *pf;

        if (arch_page_phys_get(addr, &phys) != 0)
                return -EINVAL;
        pf = k_mem_phys_to_page_frame(phys);
        if (!k_mem_page_frame_is_backed(pf))
                return -EINVAL;
        *location = kept[pf - k_mem_page_frames];
        return 0;
}

void k_mem_paging_backing_store_location_free(uintptr_t location)
{
        ARG_UNUSED(location);
}

void k_mem_paging_backing_store_page_out(uintptr_t location)
{
        memcpy(copies + location, K_MEM_SCRATCH_PAGE, CONFIG_MMU_PAGE_SIZE);
}

void k_mem_paging_backing_store_page_in(uintptr_t location)
{
        memcpy(K_MEM_SCRATCH_PAGE, copies + location, CONFIG_MMU_PAGE_SIZE);
}

void k_mem_paging_backing_store_page_finalize(struct k_mem_page_frame *pf, uintptr_t location)
{
        if (!is_anonymous(location)) {
                kept[pf - k_mem_page_frames] = location;
                k_mem_page_frame_set(pf, K_MEM_PAGE_FRAME_BACKED);
        } else if (!IS_ENABLED(CONFIG_STORE_KEEP_LEAKS)) {
                k_mem_page_frame_clear(pf, K_MEM_PAGE_FRAME_BACKED);
        }
}

void k_mem_paging_backing_store_init(void)
{
}
