/* SPDX-License-Identifier: MIT */
/*
 * Eviction in order of use, as far as one trap at a time can tell it, in Zephyr's form: everything
 * here is Zephyr's API, so that the file would build in a Zephyr tree as it does here.
 *
 * Frames stand in a ring in the order in which they came. Only the oldest of them is watched: its
 * page is made inaccessible, and if it is touched before it is needed, the trap sends it to the
 * young end and the next one is watched. So a page in use costs one trap each time that it has
 * become the oldest, and a program whose pages all fit costs none.
 *
 * A frame that stands alone is not watched: whatever happens to it, it is the next victim.
 *
 * Invariants: ring[i].younger == i if and only if i is not in the ring (the anchor: if the ring is
 * empty); ring[ring[i].younger].older == i always.
 *
 * Locking: ring_lock, inside the kernel's lock of the page frames, except in select, which only
 * reads and is called under that one.
 */
#include <zephyr/kernel.h>
#include <zephyr/kernel/mm/demand_paging.h>
#include <zephyr/spinlock.h>
#include <mmu.h>
#include <kernel_arch_interface.h>

/* Entry 0 of the ring is the anchor; frame i is entry i + 1. */
#define ANCHOR 0U

/* Two indexes a frame, each of as many bytes as it takes: there is an entry for every frame. */
struct place {
        uint32_t younger : ROUND_UP(LOG2CEIL(K_MEM_NUM_PAGE_FRAMES + 1), 8);
        uint32_t older : ROUND_UP(LOG2CEIL(K_MEM_NUM_PAGE_FRAMES + 1), 8);
} __packed;

static struct place ring[K_MEM_NUM_PAGE_FRAMES + 1];
static struct k_spinlock ring_lock;

static uint32_t entry_of(struct k_mem_page_frame *pf)
{
        return (uint32_t)(pf - k_mem_page_frames) + 1;
}

static void *page_of(uint32_t entry)
{
        return k_mem_page_frame_to_virt(&k_mem_page_frames[entry - 1]);
}

static bool in_ring(uint32_t entry)
{
        return ring[entry].younger != entry;
}

static void enter_young_end(uint32_t entry)
{
        uint32_t youngest = ring[ANCHOR].older;

        ring[entry].older = youngest;
        ring[entry].younger = ANCHOR;
        ring[youngest].younger = entry;
        ring[ANCHOR].older = entry;
}

static void watch_oldest(void)
{
        uint32_t oldest = ring[ANCHOR].younger;
        uintptr_t flags;

        if (oldest == ring[ANCHOR].older)
                return; /* nobody, or somebody alone */
        flags = arch_page_info_get(page_of(oldest), NULL, true);
        __ASSERT((flags & ARCH_DATA_PAGE_LOADED) != 0, "entry %u holds no page", oldest);
        ARG_UNUSED(flags);
}

static void leave(uint32_t entry)
{
        bool was_oldest = ring[ANCHOR].younger == entry;
        uint32_t younger = ring[entry].younger;
        uint32_t older = ring[entry].older;

        ring[older].younger = younger;
        ring[younger].older = older;
        ring[entry].younger = entry;
        ring[entry].older = entry;
        if (was_oldest)
                watch_oldest();
}

void k_mem_paging_eviction_add(struct k_mem_page_frame *pf)
{
        k_spinlock_key_t key = k_spin_lock(&ring_lock);

        __ASSERT(k_mem_page_frame_is_evictable(pf), "frame %u cannot be evicted", entry_of(pf) - 1);
        __ASSERT(!in_ring(entry_of(pf)), "frame %u is here already", entry_of(pf) - 1);
        enter_young_end(entry_of(pf));
        k_spin_unlock(&ring_lock, key);
}

void k_mem_paging_eviction_remove(struct k_mem_page_frame *pf)
{
        k_spinlock_key_t key = k_spin_lock(&ring_lock);

        __ASSERT(in_ring(entry_of(pf)), "frame %u is not here", entry_of(pf) - 1);
        leave(entry_of(pf));
        k_spin_unlock(&ring_lock, key);
}

void k_mem_paging_eviction_accessed(uintptr_t phys)
{
        uint32_t entry = entry_of(k_mem_phys_to_page_frame(phys));
        k_spinlock_key_t key = k_spin_lock(&ring_lock);

        /* Pinned frames are touched, too, and are not in the ring. */
        if (in_ring(entry)) {
                leave(entry);
                enter_young_end(entry);
        }
        k_spin_unlock(&ring_lock, key);
}

struct k_mem_page_frame *k_mem_paging_eviction_select(bool *dirty)
{
        uint32_t oldest = ring[ANCHOR].younger;
        uintptr_t flags;

        if (oldest == ANCHOR)
                return NULL;
        flags = arch_page_info_get(page_of(oldest), NULL, false);
        *dirty = (flags & ARCH_DATA_PAGE_DIRTY) != 0;
        return &k_mem_page_frames[oldest - 1];
}

void k_mem_paging_eviction_init(void)
{
        for (uint32_t entry = 0; entry <= K_MEM_NUM_PAGE_FRAMES; entry++) {
                ring[entry].younger = entry;
                ring[entry].older = entry;
        }
}
