/* SPDX-License-Identifier: MIT */
/*
 * Eviction of pages not used recently, in Zephyr's form: everything here is Zephyr's API, so that
 * the file would build in a Zephyr tree as it does here.
 *
 * A page has two bits, accessed and dirty, and the accessed ones are all cleared every
 * CONFIG_EVICTION_NRU_PERIOD milliseconds. The victim is a page with the lowest of: neither, dirty,
 * accessed, both. The search goes round, from behind the last victim, so that equal pages take
 * turns. A period of 0 leaves the clearing to whoever needs it at known moments.
 *
 * Locking: irq_lock, which is the lock of the page tables, in the timer; select is called under it.
 */
#include <zephyr/kernel.h>
#include <mmu.h>
#include <kernel_arch_interface.h>
#include <zephyr/init.h>
#include <zephyr/kernel/mm/demand_paging.h>

enum {
        RANK_DIRTY = 1,
        RANK_ACCESSED = 2,
        RANK_NONE = 4 /* worse than any */
};

static size_t last_victim;

struct k_mem_page_frame *k_mem_paging_eviction_select(bool *dirty)
{
        struct k_mem_page_frame *victim = NULL;
        unsigned int lowest = RANK_NONE;

        for (size_t step = 1; step <= ARRAY_SIZE(k_mem_page_frames) && lowest != 0; step++) {
                size_t index = (last_victim + step) % ARRAY_SIZE(k_mem_page_frames);
                struct k_mem_page_frame *pf = &k_mem_page_frames[index];
                unsigned int rank = 0;
                uintptr_t flags;

                if (!k_mem_page_frame_is_evictable(pf))
                        continue;
                flags = arch_page_info_get(k_mem_page_frame_to_virt(pf), NULL, false);
                __ASSERT((flags & ARCH_DATA_PAGE_LOADED) != 0, "frame %zu: its page is %s", index,
                         (flags & ARCH_DATA_PAGE_NOT_MAPPED) != 0 ? "unmapped" : "out");
                if ((flags & ARCH_DATA_PAGE_DIRTY) != 0)
                        rank += RANK_DIRTY;
                if ((flags & ARCH_DATA_PAGE_ACCESSED) != 0)
                        rank += RANK_ACCESSED;
                if (rank < lowest) {
                        lowest = rank;
                        victim = pf;
                }
        }
        if (victim != NULL) {
                last_victim = (size_t)(victim - k_mem_page_frames);
                *dirty = (lowest & RANK_DIRTY) != 0;
        }
        return victim;
}

#if CONFIG_EVICTION_NRU_PERIOD > 0
static void forget_accesses(struct k_timer *timer)
{
        unsigned int key = irq_lock();
        struct k_mem_page_frame *pf;
        uintptr_t phys;

        ARG_UNUSED(timer);
        K_MEM_PAGE_FRAME_FOREACH(phys, pf)
        {
                if (k_mem_page_frame_is_evictable(pf))
                        (void)arch_page_info_get(k_mem_page_frame_to_virt(pf), NULL, true);
        }
        irq_unlock(key);
}

static K_TIMER_DEFINE(period, forget_accesses, NULL);
#endif

void k_mem_paging_eviction_init(void)
{
#if CONFIG_EVICTION_NRU_PERIOD > 0
        k_timer_start(&period, K_NO_WAIT, K_MSEC(CONFIG_EVICTION_NRU_PERIOD));
#endif
}

#ifdef CONFIG_EVICTION_TRACKING
/* The page tables say all that this needs; where traps are reported all the same, nobody listens. */

void k_mem_paging_eviction_add(struct k_mem_page_frame *pf)
{
        ARG_UNUSED(pf);
}

void k_mem_paging_eviction_remove(struct k_mem_page_frame *pf)
{
        ARG_UNUSED(pf);
}

void k_mem_paging_eviction_accessed(uintptr_t phys)
{
        ARG_UNUSED(phys);
}
#endif
