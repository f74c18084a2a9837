/* SPDX-License-Identifier: MIT */
/*
 * region.c - who has which virtual addresses: a map of pages, counted from the top, below what is
 * reserved for the scratch page. The first run that is long enough is taken, so the highest
 * addresses go first, and what was given back is the next to be taken, as Zephyr's programs may
 * expect.
 *
 * Locking: with the pager.
 */
#include "machine.h"

#define NPAGES ((K_MEM_VIRT_RAM_SIZE - K_MEM_VM_RESERVED) / PAGE_SIZE)

static bool taken[NPAGES]; /* [0] is the highest page */

static uint8_t *top(void)
{
        return K_MEM_VIRT_RAM_END - K_MEM_VM_RESERVED;
}

static void mark(size_t first, size_t n, bool as)
{
        for (size_t i = first; i < first + n; i++)
                taken[i] = as;
}

void *unpaged_region_take(size_t size)
{
        size_t n = size / PAGE_SIZE, run = 0;

        for (size_t i = 0; i < NPAGES && n != 0; i++) {
                run = taken[i] ? 0 : run + 1;
                if (run < n)
                        continue;
                mark(i + 1 - n, n, true);
                return top() - (i + 1) * PAGE_SIZE;
        }
        return NULL;
}

void unpaged_region_put(void *address, size_t size)
{
        size_t end = (size_t)(top() - (uint8_t *)address) / PAGE_SIZE, n = size / PAGE_SIZE;

        if (end <= NPAGES && n <= end)
                mark(end - n, n, false);
}
