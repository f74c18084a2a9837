/* SPDX-License-Identifier: MIT */
/*
 * mmu.h - frames, and where memory is.
 *
 * Physical memory: frames 0 .. n-1 are the pool, of the size that was chosen at start-up; the last
 * frames of the array are the program's own image, pinned; those between are reserved. Virtual
 * memory is one reservation, which the host places, or CONFIG_KERNEL_VM_BASE. The image lies
 * outside of it, but has physical addresses and can be mapped again by them.
 *
 * A frame is one word: the address of its page and flags below it; while it is free, the link of
 * the free list. Changed with interrupts locked.
 */
#ifndef MMU_H
#define MMU_H

#include <zephyr/kernel/mm.h>
#include <zephyr/kernel/mm/demand_paging.h>
#include <zephyr/linker/linker-defs.h>
#include <zephyr/sys/__assert.h>
#include <zephyr/sys/util.h>
#include <zephyr/kernel.h>

#define K_MEM_PHYS_RAM_START ((uintptr_t)CONFIG_SRAM_BASE_ADDRESS)
#define K_MEM_PHYS_RAM_SIZE  (K_MEM_NUM_PAGE_FRAMES * (size_t)CONFIG_MMU_PAGE_SIZE)
#define K_MEM_PHYS_RAM_END   (K_MEM_PHYS_RAM_START + K_MEM_PHYS_RAM_SIZE)

/* Frames that the array has room for; how many the pool has is known at start-up only. */
#define K_MEM_NUM_PAGE_FRAMES ((size_t)CONFIG_UNPAGED_FRAMES_MAX)

#ifdef CONFIG_KERNEL_VM_BASE
#define K_MEM_VIRT_RAM_START ((uint8_t *)CONFIG_KERNEL_VM_BASE)
#else
extern uint8_t *unpaged_virt_start;
#define K_MEM_VIRT_RAM_START unpaged_virt_start
#endif
#define K_MEM_VIRT_RAM_SIZE ((size_t)CONFIG_KERNEL_VM_SIZE)
#define K_MEM_VIRT_RAM_END  (K_MEM_VIRT_RAM_START + K_MEM_VIRT_RAM_SIZE)

/* The image takes no virtual addresses of the reservation. */
#define K_MEM_VM_FREE_START K_MEM_VIRT_RAM_START

#define K_MEM_KERNEL_VIRT_START ((uint8_t *)ROUND_DOWN(__executable_start, CONFIG_MMU_PAGE_SIZE))
#define K_MEM_KERNEL_VIRT_END   ((uint8_t *)ROUND_UP(_end, CONFIG_MMU_PAGE_SIZE))
#define K_MEM_KERNEL_VIRT_SIZE  ((size_t)(K_MEM_KERNEL_VIRT_END - K_MEM_KERNEL_VIRT_START))

#ifdef CONFIG_DEMAND_PAGING
#define K_MEM_VM_RESERVED  CONFIG_MMU_PAGE_SIZE
#define K_MEM_SCRATCH_PAGE ((void *)(K_MEM_VIRT_RAM_END - CONFIG_MMU_PAGE_SIZE))
#else
#define K_MEM_VM_RESERVED 0
#endif

#define K_MEM_PAGE_FRAME_FREE     BIT(0) /* on the free list; no other flag is valid */
#define K_MEM_PAGE_FRAME_RESERVED BIT(1) /* never used */
#define K_MEM_PAGE_FRAME_PINNED   BIT(2) /* never evicted */
#define K_MEM_PAGE_FRAME_MAPPED   BIT(3) /* holds the page of the address */
#define K_MEM_PAGE_FRAME_BUSY     BIT(4) /* its page moves (CONFIG_DEMAND_PAGING_ALLOW_IRQ) */
#define K_MEM_PAGE_FRAME_BACKED   BIT(5) /* the store has a copy; set and cleared by the store */

/* The link is the address of the next frame's word, with the flag that makes it a free one. */
typedef struct {
        uintptr_t next_and_flags;
} sys_sfnode_t;

struct k_mem_page_frame {
        union {
                uintptr_t va_and_flags;
                sys_sfnode_t node;
        };
};

extern struct k_mem_page_frame k_mem_page_frames[K_MEM_NUM_PAGE_FRAMES];

#define K_MEM_PAGE_FRAME_FOREACH(phys, pf)                                                         \
        for ((phys) = K_MEM_PHYS_RAM_START, (pf) = k_mem_page_frames; (phys) < K_MEM_PHYS_RAM_END; \
             (phys) += CONFIG_MMU_PAGE_SIZE, (pf)++)

static inline bool k_mem_page_frame_is_free(struct k_mem_page_frame *pf)
{
        return (pf->va_and_flags & K_MEM_PAGE_FRAME_FREE) != 0;
}

static inline bool k_mem_page_frame_is_reserved(struct k_mem_page_frame *pf)
{
        return (pf->va_and_flags & K_MEM_PAGE_FRAME_RESERVED) != 0;
}

static inline bool k_mem_page_frame_is_pinned(struct k_mem_page_frame *pf)
{
        return (pf->va_and_flags & K_MEM_PAGE_FRAME_PINNED) != 0;
}

static inline bool k_mem_page_frame_is_mapped(struct k_mem_page_frame *pf)
{
        return (pf->va_and_flags & K_MEM_PAGE_FRAME_MAPPED) != 0;
}

static inline bool k_mem_page_frame_is_busy(struct k_mem_page_frame *pf)
{
        return (pf->va_and_flags & K_MEM_PAGE_FRAME_BUSY) != 0;
}

static inline bool k_mem_page_frame_is_backed(struct k_mem_page_frame *pf)
{
        return (pf->va_and_flags & K_MEM_PAGE_FRAME_BACKED) != 0;
}

static inline bool k_mem_page_frame_is_evictable(struct k_mem_page_frame *pf)
{
        const uintptr_t decides = K_MEM_PAGE_FRAME_FREE | K_MEM_PAGE_FRAME_RESERVED |
                                  K_MEM_PAGE_FRAME_PINNED | K_MEM_PAGE_FRAME_MAPPED |
                                  K_MEM_PAGE_FRAME_BUSY;

        return (pf->va_and_flags & decides) == K_MEM_PAGE_FRAME_MAPPED;
}

/* Neither in use nor listed as free: for a moment, in the hands of the kernel. */
static inline bool k_mem_page_frame_is_available(struct k_mem_page_frame *pf)
{
        return pf->va_and_flags == 0;
}

static inline void k_mem_page_frame_set(struct k_mem_page_frame *pf, uint8_t flags)
{
        pf->va_and_flags |= flags;
}

static inline void k_mem_page_frame_clear(struct k_mem_page_frame *pf, uint8_t flags)
{
        pf->va_and_flags &= ~(uintptr_t)flags;
}

static inline void k_mem_assert_phys_aligned(uintptr_t phys)
{
        __ASSERT(phys % CONFIG_MMU_PAGE_SIZE == 0, "physical address %#lx is not that of a page",
                 phys);
        ARG_UNUSED(phys);
}

static inline uintptr_t k_mem_page_frame_to_phys(struct k_mem_page_frame *pf)
{
        return K_MEM_PHYS_RAM_START + (uintptr_t)(pf - k_mem_page_frames) * CONFIG_MMU_PAGE_SIZE;
}

/* The address of the page that the frame holds. */
static inline void *k_mem_page_frame_to_virt(struct k_mem_page_frame *pf)
{
        return (void *)(pf->va_and_flags & ~(uintptr_t)(CONFIG_MMU_PAGE_SIZE - 1));
}

static inline bool k_mem_is_page_frame(uintptr_t phys)
{
        k_mem_assert_phys_aligned(phys);
        return phys >= K_MEM_PHYS_RAM_START && phys < K_MEM_PHYS_RAM_END;
}

static inline struct k_mem_page_frame *k_mem_phys_to_page_frame(uintptr_t phys)
{
        __ASSERT(k_mem_is_page_frame(phys), "%#lx is no address of a frame", phys);
        return &k_mem_page_frames[(phys - K_MEM_PHYS_RAM_START) / CONFIG_MMU_PAGE_SIZE];
}

/* Asserts that these are whole pages of the virtual memory, or of the image. */
void k_mem_assert_virtual_region(uint8_t *address, size_t size);

/* Prints the state of every frame, a letter each. */
void k_mem_page_frames_dump(void);

#ifdef CONFIG_DEMAND_PAGING
#ifdef CONFIG_DEMAND_PAGING_STATS
/* Faults of the whole program. */
unsigned long k_mem_num_pagefaults_get(void);
#endif

/* Evicts what a frame holds, and frees it. 0, also for a frame that holds nothing; -ENOMEM. */
int k_mem_page_frame_evict(uintptr_t phys);

/* Serves a fault of the calling thread. True: try again; false: no such page, or no way to load
 * it. */
bool k_mem_page_fault(void *address);
#endif

#endif
