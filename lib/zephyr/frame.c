/* SPDX-License-Identifier: MIT */
/*
 * frame.c - the frames, and the list of those that are free.
 *
 * Invariant: a frame is on the list if and only if its word has the flag FREE; the rest of the word
 * is then the link. The list is first in, first out: frames are used again as late as can be.
 */
#include "machine.h"

struct k_mem_page_frame k_mem_page_frames[K_MEM_NUM_PAGE_FRAMES];

static struct k_mem_page_frame *first_free, *last_free;
static size_t nfree;

static uintptr_t link_to(struct k_mem_page_frame *next)
{
        return (uintptr_t)next | K_MEM_PAGE_FRAME_FREE;
}

void unpaged_frame_put_free(struct k_mem_page_frame *pf)
{
        pf->node.next_and_flags = link_to(NULL);
        if (last_free)
                last_free->node.next_and_flags = link_to(pf);
        else
                first_free = pf;
        last_free = pf;
        nfree++;
}

struct k_mem_page_frame *unpaged_frame_take_free(void)
{
        struct k_mem_page_frame *pf = first_free;

        if (!pf)
                return NULL;
        first_free = (struct k_mem_page_frame *)(pf->node.next_and_flags &
                                                 ~(uintptr_t)K_MEM_PAGE_FRAME_FREE);
        if (!first_free)
                last_free = NULL;
        nfree--;
        pf->va_and_flags = 0;
        return pf;
}

void unpaged_frame_set_page(struct k_mem_page_frame *pf, void *address)
{
        __ASSERT(!k_mem_page_frame_is_free(pf) && !k_mem_page_frame_is_reserved(pf),
                 "frame %zu cannot hold a page", (size_t)(pf - k_mem_page_frames));
        __ASSERT(!k_mem_page_frame_is_mapped(pf) || k_mem_page_frame_is_pinned(pf),
                 "frame %zu holds a page already", (size_t)(pf - k_mem_page_frames));
        pf->va_and_flags =
                (pf->va_and_flags & (PAGE_SIZE - 1)) | (uintptr_t)address | K_MEM_PAGE_FRAME_MAPPED;
}

size_t k_mem_free_get(void)
{
        unsigned int key = irq_lock();
        size_t frames = nfree;

        irq_unlock(key);
#ifdef CONFIG_DEMAND_PAGING
        if (frames <= CONFIG_DEMAND_PAGING_PAGE_FRAMES_RESERVE)
                return 0;
        frames -= CONFIG_DEMAND_PAGING_PAGE_FRAMES_RESERVE;
#endif
        return frames * PAGE_SIZE;
}

/* ---- for people ---------------------------------------------------------------------------- */

static char letter_of(struct k_mem_page_frame *pf)
{
        if (k_mem_page_frame_is_free(pf))
                return '-';
        if (k_mem_page_frame_is_reserved(pf))
                return 'R';
        if (k_mem_page_frame_is_busy(pf))
                return 'B';
        if (k_mem_page_frame_is_pinned(pf))
                return 'P';
        if (k_mem_page_frame_is_mapped(pf))
                return 'M';
        return k_mem_page_frame_is_available(pf) ? '.' : '?';
}

/* Lines of 64; those in which every frame is reserved are left out. */
void k_mem_page_frames_dump(void)
{
        char line[65] = "";

        printk("frames: - free, M mapped, P pinned, B busy, R reserved\n");
        for (size_t i = 0; i < K_MEM_NUM_PAGE_FRAMES; i++) {
                bool ends = i % 64 == 63 || i == K_MEM_NUM_PAGE_FRAMES - 1;

                line[i % 64] = letter_of(&k_mem_page_frames[i]);
                line[i % 64 + 1] = 0;
                if (ends && strspn(line, "R") < i % 64 + 1)
                        printk("%5zu  %s\n", i / 64 * 64, line);
        }
}

/* ---- at start-up --------------------------------------------------------------------------- */

__weak void arch_reserved_pages_update(void)
{
}

void unpaged_frame_start(size_t frames)
{
        size_t image_first, image_frames = unpaged_memory_image_frames(&image_first);

        for (size_t i = 0; i < K_MEM_NUM_PAGE_FRAMES; i++) {
                struct k_mem_page_frame *pf = &k_mem_page_frames[i];

                if (image_frames != 0 && i >= image_first)
                        pf->va_and_flags = ((uintptr_t)K_MEM_KERNEL_VIRT_START +
                                            (i - image_first) * PAGE_SIZE) |
                                           K_MEM_PAGE_FRAME_MAPPED | K_MEM_PAGE_FRAME_PINNED;
                else if (i >= frames)
                        pf->va_and_flags = K_MEM_PAGE_FRAME_RESERVED;
        }
        arch_reserved_pages_update();
        for (size_t i = 0; i < frames; i++)
                if (k_mem_page_frame_is_available(&k_mem_page_frames[i]))
                        unpaged_frame_put_free(&k_mem_page_frames[i]);
}
