/* SPDX-License-Identifier: MIT */
/*
 * A backing store that takes its time, CONFIG_STORE_SLOW_US for every page, as one on flash or a
 * card does. With CONFIG_DEMAND_PAGING_ALLOW_IRQ it sleeps meanwhile; without, interrupts are
 * locked, and it can only wait.
 *
 * It has a place for every virtual page and keeps no copies.
 *
 * Locking: none of its own; the kernel calls one function at a time, sleeps included.
 */
#include <string.h>
#include <mmu.h>
#include <kernel_arch_interface.h>
#include <zephyr/kernel/mm/demand_paging.h>
#include "store_slow.h"

static char places[CONFIG_KERNEL_VM_SIZE];
static struct k_mem_page_frame *last_victim;

atomic_bool store_slow_at_work;
bool store_slow_saw_busy;

static void copy_slowly(void *to, const void *from)
{
        store_slow_at_work = true;
        if (IS_ENABLED(CONFIG_DEMAND_PAGING_ALLOW_IRQ))
                k_sleep(K_USEC(CONFIG_STORE_SLOW_US));
        else
                k_busy_wait(CONFIG_STORE_SLOW_US);
        memcpy(to, from, CONFIG_MMU_PAGE_SIZE);
        store_slow_at_work = false;
}

int k_mem_paging_backing_store_location_get(struct k_mem_page_frame *pf, uintptr_t *location,
                                            bool page_fault)
{
        ARG_UNUSED(page_fault);
        last_victim = pf;
        *location = (uintptr_t)((uint8_t *)k_mem_page_frame_to_virt(pf) -
                                (uint8_t *)K_MEM_VIRT_RAM_START);
        return 0;
}

void k_mem_paging_backing_store_location_free(uintptr_t location)
{
        ARG_UNUSED(location);
}

void k_mem_paging_backing_store_page_out(uintptr_t location)
{
        store_slow_saw_busy = k_mem_page_frame_is_busy(last_victim);
        copy_slowly(places + location, K_MEM_SCRATCH_PAGE);
}

void k_mem_paging_backing_store_page_in(uintptr_t location)
{
        copy_slowly(K_MEM_SCRATCH_PAGE, places + location);
}

void k_mem_paging_backing_store_page_finalize(struct k_mem_page_frame *pf, uintptr_t location)
{
        ARG_UNUSED(pf);
        ARG_UNUSED(location);
}

void k_mem_paging_backing_store_init(void)
{
}
