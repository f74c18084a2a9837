/* SPDX-License-Identifier: MIT */
/*
 * page_table.c - the memory management unit: one entry a page, carried out by mmap and mprotect.
 *
 * An entry is a word: an address (of the frame if the page is loaded, else its location) and the
 * bits below. What a processor would note by itself is found out by protection:
 *
 *      dirty      a loaded page that is clean is not writable; the write traps and makes it dirty
 *      accessed   a page whose ACCESSED was cleared is not accessible; its next use traps, sets it
 *
 * So the host's protection is a function of the entry (protection_of), and the traps are those of
 * Zephyr's newer ports for arm64 and, with the LRU algorithm, x86: a page is left accessible when
 * it came in, as its fault has queued it. Traps are no page faults: they tell the eviction
 * algorithm and nobody else.
 *
 * The program's image has no entries: it counts as loaded, accessed and dirty for ever.
 *
 * Locking: entries change with interrupts locked; a trap locks them, too, so that it cannot run
 * into a page that is going out.
 */
#include "machine.h"

#include <sys/mman.h>

#define NPAGES (K_MEM_VIRT_RAM_SIZE / PAGE_SIZE)

enum {
        ENTRY_MAPPED = BIT(0),
        ENTRY_LOADED = BIT(1),
        ENTRY_ACCESSED = BIT(2),
        ENTRY_DIRTY = BIT(3),
        ENTRY_WRITE = BIT(4),
        ENTRY_EXECUTE = BIT(5),
        ENTRY_BITS = PAGE_SIZE - 1,
};
#define ENTRY_PERMISSIONS (ENTRY_WRITE | ENTRY_EXECUTE)

static uintptr_t entries[NPAGES];

#ifndef CONFIG_KERNEL_VM_BASE
uint8_t *unpaged_virt_start;
#endif

/* NULL: no address of the virtual memory. */
static uintptr_t *entry_of(const void *address)
{
        uintptr_t offset = (uintptr_t)address - (uintptr_t)K_MEM_VIRT_RAM_START;

        return offset < K_MEM_VIRT_RAM_SIZE ? &entries[offset / PAGE_SIZE] : NULL;
}

static bool in_image(const void *address)
{
        size_t first;

        return unpaged_memory_image_frames(&first) != 0 &&
               (const uint8_t *)address >= K_MEM_KERNEL_VIRT_START &&
               (const uint8_t *)address < K_MEM_KERNEL_VIRT_END;
}

static uintptr_t image_phys(const void *address)
{
        size_t first;

        unpaged_memory_image_frames(&first);
        return K_MEM_PHYS_RAM_START + first * PAGE_SIZE +
               (uintptr_t)((const uint8_t *)address - K_MEM_KERNEL_VIRT_START);
}

static int protection_of(uintptr_t entry)
{
        if (!(entry & ENTRY_LOADED) || !(entry & ENTRY_ACCESSED))
                return PROT_NONE;
        return PROT_READ | (entry & ENTRY_WRITE && entry & ENTRY_DIRTY ? PROT_WRITE : 0) |
               (entry & ENTRY_EXECUTE ? PROT_EXEC : 0);
}

/* The host ran out of something in the middle of a call that cannot fail. */
static void refused(void)
{
        printk("the host refuses to map a page: %s. Its limit may be vm.max_map_count, which "
               "should be twice the pages of CONFIG_KERNEL_VM_SIZE\n",
               strerror(errno));
        k_panic();
}

static int hide(void *virt, size_t size)
{
        const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;

        return mmap(virt, size, PROT_NONE, flags, -1, 0) == MAP_FAILED ? -ENOMEM : 0;
}

/* The page itself stays where it is. */
static void protect(void *address, uintptr_t entry)
{
        void *page = (void *)ROUND_DOWN(address, PAGE_SIZE);

        if (mprotect(page, PAGE_SIZE, protection_of(entry)) != 0)
                refused();
}

int arch_mem_map(void *virt, uintptr_t phys, size_t size, uint32_t flags)
{
        uintptr_t bits = ENTRY_MAPPED | (flags & K_MEM_PERM_RW ? ENTRY_WRITE : 0) |
                         (flags & K_MEM_PERM_EXEC ? ENTRY_EXECUTE : 0);
        int error;

        if (!entry_of(virt) || !entry_of((uint8_t *)virt + size - 1))
                return -EINVAL;
        if (!(flags & K_MEM_MAP_UNPAGED))
                bits |= ENTRY_LOADED | ENTRY_ACCESSED | ENTRY_DIRTY;
        error = bits & ENTRY_LOADED ? unpaged_memory_map(virt, phys, size, protection_of(bits))
                                    : hide(virt, size);
        if (error)
                return error;
        for (size_t at = 0; at < size; at += PAGE_SIZE)
                *entry_of((uint8_t *)virt + at) = (phys + at) | bits;
        return 0;
}

int arch_mem_unmap(void *virt, size_t size)
{
        if (hide(virt, size) != 0)
                return -ENOMEM;
        for (size_t at = 0; at < size; at += PAGE_SIZE)
                *entry_of((uint8_t *)virt + at) = 0;
        return 0;
}

void arch_mem_page_out(void *address, uintptr_t location)
{
        uintptr_t *entry = entry_of(address);

        *entry = location | ENTRY_MAPPED | (*entry & ENTRY_PERMISSIONS);
        if (hide(address, PAGE_SIZE) != 0)
                refused();
}

void arch_mem_page_in(void *address, uintptr_t phys)
{
        uintptr_t *entry = entry_of(address);

        *entry = phys | ENTRY_MAPPED | ENTRY_LOADED | ENTRY_ACCESSED | (*entry & ENTRY_PERMISSIONS);
        if (unpaged_memory_map(address, phys, PAGE_SIZE, protection_of(*entry)) != 0)
                refused();
}

#ifdef CONFIG_DEMAND_PAGING
void arch_mem_scratch(uintptr_t phys)
{
        if (arch_mem_map(K_MEM_SCRATCH_PAGE, phys, PAGE_SIZE, K_MEM_PERM_RW) != 0)
                refused();
}
#endif

/* ---- what the entries say ------------------------------------------------------------------ */

enum arch_page_location arch_page_location_get(void *address, uintptr_t *location)
{
        uintptr_t *entry = entry_of(address);

        if (in_image(address)) {
                *location = image_phys((void *)ROUND_DOWN(address, PAGE_SIZE));
                return ARCH_PAGE_LOCATION_PAGED_IN;
        }
        if (!entry || !(*entry & ENTRY_MAPPED))
                return ARCH_PAGE_LOCATION_BAD;
        *location = *entry & ~(uintptr_t)ENTRY_BITS;
        return *entry & ENTRY_LOADED ? ARCH_PAGE_LOCATION_PAGED_IN : ARCH_PAGE_LOCATION_PAGED_OUT;
}

int arch_page_phys_get(void *virt, uintptr_t *phys)
{
        uintptr_t location;

        if (arch_page_location_get(virt, &location) != ARCH_PAGE_LOCATION_PAGED_IN)
                return -EFAULT;
        if (phys)
                *phys = location;
        return 0;
}

uintptr_t arch_page_info_get(void *address, uintptr_t *location, bool clear_accessed)
{
        uintptr_t *entry = entry_of(address);
        uintptr_t place, before;

        switch (arch_page_location_get(address, &place)) {
        case ARCH_PAGE_LOCATION_BAD:
                return ARCH_DATA_PAGE_NOT_MAPPED;
        case ARCH_PAGE_LOCATION_PAGED_OUT:
                if (location)
                        *location = place;
                return 0;
        case ARCH_PAGE_LOCATION_PAGED_IN:
                break;
        }
        if (location)
                *location = place;
        if (!entry)
                return ARCH_DATA_PAGE_LOADED | ARCH_DATA_PAGE_ACCESSED | ARCH_DATA_PAGE_DIRTY;
        before = *entry;
        if (clear_accessed && before & ENTRY_ACCESSED) {
                *entry &= ~(uintptr_t)ENTRY_ACCESSED;
                protect(address, *entry);
                unpaged_trace_page(TRACED_HIDDEN, address, before & ENTRY_DIRTY);
        }
        return ARCH_DATA_PAGE_LOADED | (before & ENTRY_ACCESSED ? ARCH_DATA_PAGE_ACCESSED : 0) |
               (before & ENTRY_DIRTY ? ARCH_DATA_PAGE_DIRTY : 0);
}

uintptr_t k_mem_phys_addr(void *address)
{
        uintptr_t phys = 0;

        if (arch_page_phys_get(address, &phys) != 0) {
                printk("%p has no physical address: it is neither loaded nor in the image, or the "
                       "image found no room (CONFIG_UNPAGED_FRAMES_MAX)\n",
                       address);
                k_panic();
        }
        return phys + (uintptr_t)address % PAGE_SIZE;
}

void *k_mem_virt_addr(uintptr_t phys)
{
        size_t first, frame = (phys - K_MEM_PHYS_RAM_START) / PAGE_SIZE;

        unpaged_memory_image_frames(&first);
        __ASSERT(frame >= first && frame < K_MEM_NUM_PAGE_FRAMES, "%#lx is not in the image", phys);
        return K_MEM_KERNEL_VIRT_START + (phys - K_MEM_PHYS_RAM_START) - first * PAGE_SIZE;
}

void k_mem_assert_virtual_region(uint8_t *address, size_t size)
{
        __ASSERT((uintptr_t)address % PAGE_SIZE == 0, "%p is not the address of a page", address);
        __ASSERT(size % PAGE_SIZE == 0, "%zu bytes are not whole pages", size);
        __ASSERT(!Z_DETECT_POINTER_OVERFLOW(address, size),
                 "%zu bytes from %p: nothing, or too far", size, address);
        __ASSERT((entry_of(address) && entry_of(address + size - 1)) ||
                         (in_image(address) && in_image(address + size - 1)),
                 "%zu bytes from %p are not virtual memory", size, address);
}

/* ---- traps --------------------------------------------------------------------------------- */

/* The page is loaded. False: the mapping does not allow it. */
static bool trap(void *address, uintptr_t *entry, enum access access)
{
        uintptr_t noted = ENTRY_ACCESSED | (access == ACCESS_WRITE ? ENTRY_DIRTY : 0);

        if ((access == ACCESS_WRITE && !(*entry & ENTRY_WRITE)) ||
            (access == ACCESS_EXECUTE && !(*entry & ENTRY_EXECUTE)))
                return false;
        if ((*entry & noted) == noted)
                return true; /* another thread's trap was first */
        if (!(*entry & ENTRY_ACCESSED))
                unpaged_trace_page(TRACED_TOUCHED, address, (*entry | noted) & ENTRY_DIRTY);
        else
                unpaged_trace_page(TRACED_WRITTEN, address, true);
        *entry |= noted;
        protect(address, *entry);
        if (IS_ENABLED(CONFIG_DEMAND_PAGING))
                k_mem_paging_eviction_accessed(*entry & ~(uintptr_t)ENTRY_BITS);
        return true;
}

bool unpaged_page_table_fault(void *address, enum access access)
{
        uintptr_t *entry = entry_of(address);
        bool out, again = false;
        unsigned int key;

        if (!entry)
                return false;
        key = irq_lock();
        out = *entry & ENTRY_MAPPED && !(*entry & ENTRY_LOADED);
        if (*entry & ENTRY_LOADED)
                again = trap(address, entry, access);
        irq_unlock(key);
#ifdef CONFIG_DEMAND_PAGING
        if (out)
                again = k_mem_page_fault(address);
#else
        ARG_UNUSED(out);
#endif
        return again;
}

void unpaged_page_table_start(void)
{
        const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
#ifdef CONFIG_KERNEL_VM_BASE
        if (mmap(K_MEM_VIRT_RAM_START, K_MEM_VIRT_RAM_SIZE, PROT_NONE, flags | MAP_FIXED_NOREPLACE,
                 -1, 0) != K_MEM_VIRT_RAM_START)
                unpaged_start_refuse(
                        "the %zu bytes from CONFIG_KERNEL_VM_BASE are in use: choose others, "
                        "or leave the choice to the host",
                        K_MEM_VIRT_RAM_SIZE);
#else
        unpaged_virt_start = mmap(NULL, K_MEM_VIRT_RAM_SIZE, PROT_NONE, flags, -1, 0);
        if (unpaged_virt_start == MAP_FAILED)
                unpaged_start_refuse("no room for %zu bytes of virtual memory: %s",
                                     K_MEM_VIRT_RAM_SIZE, strerror(errno));
#endif
}
