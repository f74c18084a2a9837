/* SPDX-License-Identifier: MIT */
/*
 * uninit.c - the store of pages whose content does not matter: page_in leaves the buffer as it is.
 *
 * The program promised to write before it reads, so filling the page would be lost work. What the
 * page shows is what the frame held before. Frames are never shared between processes, so nothing
 * can leak that the process did not know; it may well be bytes of another mapping of the pool.
 *
 * As in zero.c, PG_STORE_KEEPS is left out on purpose: such a page is about to be written, and
 * protecting it first would only cost a fault.
 */
#include "builtin.h"

static int uninit_page_in(struct pg_store *store, uint64_t offset, size_t npages, void *buf)
{
        (void)store;
        (void)offset;
        (void)npages;
        (void)buf;
        return 0;
}

const struct pg_store_ops pg_uninit_ops = {
        .size = sizeof(struct pg_store_ops),
        .name = "uninit",
        .flags = PG_STORE_READONLY | PG_STORE_PARALLEL,
        .page_in = uninit_page_in,
};
