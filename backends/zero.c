/* SPDX-License-Identifier: MIT */
/*
 * zero.c - the store of pages that nobody has written yet: every page of it reads as zeros.
 *
 * It keeps nothing, so every offset is valid and all threads may read at once. page_at shows a
 * private mapping that is never written: each page of it is the system's shared zero page, so it
 * costs address space and no memory.
 *
 * It does not say PG_STORE_KEEPS, although its zeros are always there. That flag makes the pager
 * install a page write-protected, to learn whether it was modified. A page born as zeros is nearly
 * always about to be written, and the flag would add a protection fault to each of them; the few
 * that stay zero cost a swap store eight bytes.
 *
 * Locking: none. The mapping is made on first use by the first caller; a loser unmaps its own.
 */
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "builtin.h"

#define ZERO_BYTES ((size_t)2 << 20) /* the largest page size of a pool */

static const void *_Atomic zero_mapping;

static int zero_page_in(struct pg_store *store, uint64_t offset, size_t npages, void *buf)
{
        (void)offset;
        memset(buf, 0, npages * store->page_size);
        return 0;
}

static const void *zero_page_at(struct pg_store *store, uint64_t offset, size_t npages)
{
        const void *zeros = atomic_load_explicit(&zero_mapping, memory_order_acquire);
        const void *first = NULL;
        void *made;

        (void)offset;
        if (npages > ZERO_BYTES / store->page_size)
                return NULL;
        if (zeros)
                return zeros;

        made = mmap(NULL, ZERO_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (made == MAP_FAILED)
                return NULL;
        if (atomic_compare_exchange_strong(&zero_mapping, &first, made))
                return made;
        munmap(made, ZERO_BYTES);
        return first;
}

const struct pg_store_ops pg_zero_ops = {
        .size = sizeof(struct pg_store_ops),
        .name = "zero",
        .flags = PG_STORE_READONLY | PG_STORE_PARALLEL,
        .page_in = zero_page_in,
        .page_at = zero_page_at,
};
