/* SPDX-License-Identifier: MIT */
/*
 * The word of a frame, the array of frames, and what the page tables say: the ground on which
 * eviction algorithms and stores are written.
 */
#include <zephyr/ztest.h>
#include <kernel_arch_interface.h>
#include <mmu.h>
#include "expect.h"

BUILD_ASSERT(sizeof(struct k_mem_page_frame) == sizeof(uintptr_t));
BUILD_ASSERT(K_MEM_PAGE_FRAME_FREE == BIT(0) && K_MEM_PAGE_FRAME_RESERVED == BIT(1));
BUILD_ASSERT(K_MEM_PAGE_FRAME_PINNED == BIT(2) && K_MEM_PAGE_FRAME_MAPPED == BIT(3));
BUILD_ASSERT(K_MEM_PAGE_FRAME_BUSY == BIT(4) && K_MEM_PAGE_FRAME_BACKED == BIT(5));
BUILD_ASSERT(ARRAY_SIZE(k_mem_page_frames) == K_MEM_NUM_PAGE_FRAMES);

/* Both must be constants for the compiler: an algorithm sizes its own arrays by them. */
struct index_of_a_frame {
        unsigned int index : LOG2CEIL(K_MEM_NUM_PAGE_FRAMES + 1);
};

ZTEST(frames, test_evictable_is_mapped_and_nothing_else)
{
        for (uintptr_t flags = 0; flags < BIT(6); flags++) {
                struct k_mem_page_frame pf = {.va_and_flags = flags};
                bool evictable =
                        (flags & ~(uintptr_t)K_MEM_PAGE_FRAME_BACKED) == K_MEM_PAGE_FRAME_MAPPED;

                zassert_equal(k_mem_page_frame_is_evictable(&pf), evictable, "flags 0x%lx",
                              (unsigned long)flags);
                zassert_equal(k_mem_page_frame_is_available(&pf), flags == 0);
        }
}

ZTEST(frames, test_flags_are_set_and_cleared)
{
        struct k_mem_page_frame pf = {.va_and_flags = 0xdeadb000};

        k_mem_page_frame_set(&pf, K_MEM_PAGE_FRAME_MAPPED | K_MEM_PAGE_FRAME_BACKED);
        zassert_true(k_mem_page_frame_is_mapped(&pf) && k_mem_page_frame_is_backed(&pf));
        zassert_equal((uintptr_t)k_mem_page_frame_to_virt(&pf), 0xdeadb000);
        k_mem_page_frame_clear(&pf, K_MEM_PAGE_FRAME_BACKED);
        zassert_false(k_mem_page_frame_is_backed(&pf));
        zassert_true(k_mem_page_frame_is_mapped(&pf));
        zassert_equal(pf.va_and_flags, 0xdeadb000 | K_MEM_PAGE_FRAME_MAPPED);
        k_mem_page_frame_set(&pf, K_MEM_PAGE_FRAME_PINNED | K_MEM_PAGE_FRAME_BUSY);
        zassert_true(k_mem_page_frame_is_pinned(&pf) && k_mem_page_frame_is_busy(&pf));
        zassert_false(k_mem_page_frame_is_free(&pf) || k_mem_page_frame_is_reserved(&pf));
}

ZTEST(frames, test_foreach_walks_all_in_order)
{
        struct k_mem_page_frame *pf;
        uintptr_t phys;
        size_t count = 0, free = 0;

        K_MEM_PAGE_FRAME_FOREACH(phys, pf)
        {
                zassert_equal(pf, &k_mem_page_frames[count]);
                zassert_equal(phys, K_MEM_PHYS_RAM_START + count * PAGE);
                zassert_equal(k_mem_page_frame_to_phys(pf), phys);
                zassert_equal(k_mem_phys_to_page_frame(phys), pf);
                zassert_true(k_mem_is_page_frame(phys));
                free += k_mem_page_frame_is_free(pf) ? 1 : 0;
                count++;
        }
        zassert_equal(count, K_MEM_NUM_PAGE_FRAMES);
        zassert_equal(free, free_frames() + CONFIG_DEMAND_PAGING_PAGE_FRAMES_RESERVE);
        zassert_false(k_mem_is_page_frame(K_MEM_PHYS_RAM_END));
        k_mem_page_frames_dump();
}

ZTEST(frames, test_word_names_the_page)
{
        char *p = k_mem_map(PAGE, K_MEM_PERM_RW);
        struct k_mem_page_frame *pf;
        uintptr_t phys, location;

        *p = 1;
        zassert_ok(arch_page_phys_get(p, &phys));
        pf = k_mem_phys_to_page_frame(phys);
        zassert_equal(k_mem_page_frame_to_virt(pf), p);
        zassert_equal(pf->va_and_flags, (uintptr_t)p | K_MEM_PAGE_FRAME_MAPPED);
        zassert_equal(arch_page_location_get(p, &location), ARCH_PAGE_LOCATION_PAGED_IN);
        zassert_equal(location, phys);
        k_mem_unmap(p, PAGE);
        zassert_true(k_mem_page_frame_is_free(pf));
        zassert_equal(arch_page_location_get(p, &location), ARCH_PAGE_LOCATION_BAD);
        zassert_equal(arch_page_phys_get(p, NULL), -EFAULT);
}

/* The page tables know what a program did, and a look at them may make the next access trap. */
ZTEST(frames, test_accessed_and_dirty)
{
        const uintptr_t all = ARCH_DATA_PAGE_LOADED | ARCH_DATA_PAGE_ACCESSED |
                              ARCH_DATA_PAGE_DIRTY | ARCH_DATA_PAGE_NOT_MAPPED;
        unsigned long faults;
        uintptr_t phys, location;
        char *p = k_mem_map(PAGE, K_MEM_PERM_RW);

        zassert_equal(arch_page_info_get(p - PAGE, NULL, false) & all, ARCH_DATA_PAGE_NOT_MAPPED);
        *(volatile char *)p = 1;
        faults = k_mem_num_pagefaults_get();
        zassert_equal(arch_page_info_get(p, &phys, true) & all,
                      ARCH_DATA_PAGE_LOADED | ARCH_DATA_PAGE_ACCESSED | ARCH_DATA_PAGE_DIRTY,
                      "before it was cleared");
        zassert_equal(phys, k_mem_phys_addr(p));
        zassert_equal(arch_page_info_get(p, NULL, false) & ARCH_DATA_PAGE_ACCESSED, 0);
        zassert_equal(*(volatile char *)p, 1);
        zassert_not_equal(arch_page_info_get(p, NULL, false) & ARCH_DATA_PAGE_ACCESSED, 0);

        zassert_ok(k_mem_page_out(p, PAGE));
        zassert_equal(arch_page_location_get(p, &location), ARCH_PAGE_LOCATION_PAGED_OUT);
        zassert_equal(arch_page_info_get(p, &phys, false) & ARCH_DATA_PAGE_LOADED, 0);
        zassert_equal(phys, location);
        k_mem_page_in(p, PAGE);
        (void)arch_page_info_get(p, NULL, true);
        zassert_equal(arch_page_info_get(p, NULL, false) & all, ARCH_DATA_PAGE_LOADED);
        *(volatile char *)p = 2;
        zassert_equal(arch_page_info_get(p, NULL, false) & all,
                      ARCH_DATA_PAGE_LOADED | ARCH_DATA_PAGE_ACCESSED | ARCH_DATA_PAGE_DIRTY,
                      "one write tells both");
        zassert_equal(k_mem_num_pagefaults_get(), faults + 1, "the traps are no page faults");
        k_mem_unmap(p, PAGE);
}

ZTEST(frames, test_scratch_page_shows_a_frame)
{
        char *p = k_mem_map(PAGE, K_MEM_PERM_RW | K_MEM_MAP_LOCK);
        unsigned int key = irq_lock();

        p[17] = 42;
        arch_mem_scratch(k_mem_phys_addr(p));
        zassert_equal(((volatile char *)K_MEM_SCRATCH_PAGE)[17], 42);
        ((volatile char *)K_MEM_SCRATCH_PAGE)[18] = 43;
        irq_unlock(key);
        zassert_equal(((volatile char *)p)[18], 43);
        k_mem_unmap(p, PAGE);
}

ZTEST(frames, test_tokens_are_no_locations)
{
        zassert_not_equal(ARCH_UNPAGED_ANON_ZERO, ARCH_UNPAGED_ANON_UNINIT);
        zassert_equal(ARCH_UNPAGED_ANON_ZERO % PAGE, 0);
        zassert_equal(ARCH_UNPAGED_ANON_UNINIT % PAGE, 0);
        zassert_true(ARCH_UNPAGED_ANON_UNINIT > (uintptr_t)CONFIG_KERNEL_VM_SIZE);
}

ZTEST_SUITE(frames, NULL, NULL, NULL, NULL, NULL);
