/* SPDX-License-Identifier: MIT */
/*
 * A backing store of CONFIG_BACKING_STORE_RAM_PAGES pages of static memory, in Zephyr's form:
 * everything here is Zephyr's API, so that the file would build in a Zephyr tree as it does here.
 *
 * A location is the offset of a block of a slab. It is given back as soon as its page is in, so no
 * copy outlives the page-in, no frame is ever BACKED, and every eviction writes.
 *
 * The last free block is kept for page faults: what a fault takes for its victim it gives back when
 * its own page is in, so faults on pages that are out can always go on. First touches of anonymous
 * pages give nothing back, and can take that block for good.
 *
 * Locking: none of its own; the kernel calls one function at a time.
 */
#include <mmu.h>
#include <string.h>
#include <kernel_arch_interface.h>
#include <zephyr/kernel/mm/demand_paging.h>

static char memory[CONFIG_BACKING_STORE_RAM_PAGES * CONFIG_MMU_PAGE_SIZE] __aligned(sizeof(void *));
static struct k_mem_slab blocks;
static unsigned int num_free;

static void *block_at(uintptr_t location)
{
        __ASSERT(location % CONFIG_MMU_PAGE_SIZE == 0 && location < ARRAY_SIZE(memory),
                 "0x%lx is no location of this store", (unsigned long)location);
        return memory + location;
}

static bool is_anonymous(uintptr_t location)
{
#ifdef CONFIG_DEMAND_MAPPING
        return location == ARCH_UNPAGED_ANON_ZERO || location == ARCH_UNPAGED_ANON_UNINIT;
#else
        ARG_UNUSED(location);
        return false;
#endif
}

int k_mem_paging_backing_store_location_get(struct k_mem_page_frame *pf, uintptr_t *location,
                                            bool page_fault)
{
        unsigned int kept = page_fault ? 0 : 1;
        void *block;

        ARG_UNUSED(pf);
        if (num_free <= kept || k_mem_slab_alloc(&blocks, &block, K_NO_WAIT) != 0)
                return -ENOMEM;
        num_free--;
        *location = (uintptr_t)((char *)block - memory);
        return 0;
}

/* Also called for a page that was never touched, whose location is none of this store. */
void k_mem_paging_backing_store_location_free(uintptr_t location)
{
        if (is_anonymous(location))
                return;
        k_mem_slab_free(&blocks, block_at(location));
        num_free++;
}

void k_mem_paging_backing_store_page_out(uintptr_t location)
{
        memcpy(block_at(location), K_MEM_SCRATCH_PAGE, CONFIG_MMU_PAGE_SIZE);
}

void k_mem_paging_backing_store_page_in(uintptr_t location)
{
        memcpy(K_MEM_SCRATCH_PAGE, block_at(location), CONFIG_MMU_PAGE_SIZE);
}

void k_mem_paging_backing_store_page_finalize(struct k_mem_page_frame *pf, uintptr_t location)
{
        ARG_UNUSED(pf);
        k_mem_paging_backing_store_location_free(location);
}

void k_mem_paging_backing_store_init(void)
{
        k_mem_slab_init(&blocks, memory, CONFIG_MMU_PAGE_SIZE, CONFIG_BACKING_STORE_RAM_PAGES);
        num_free = CONFIG_BACKING_STORE_RAM_PAGES;
}
