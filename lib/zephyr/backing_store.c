/* SPDX-License-Identifier: MIT */
/*
 * backing_store.c - one of the library's own stores (unpaged/store.h) as the backing store, chosen
 * by CONFIG_UNPAGED_STORE: "zram", or "file", a temporary file of its own.
 *
 * It behaves as a store of CONFIG_UNPAGED_STORE_PAGES places that Zephyr ships would: the last
 * place is for faults, and a place is given back when its page came in, so that no frame is ever
 * BACKED. An error of the store has no way back to the kernel: it is printed, and a k_panic().
 *
 * Locking: location calls come with interrupts locked; transfers one at a time.
 */
#include "machine.h"

#include <stdio.h>
#include <unistd.h>
#include <unpaged/stores.h>

static struct pg_store *store;
static size_t taken; /* places */

static FUNC_NORETURN void fail(const char *what, int error)
{
        printk("store %s: %s: %s\n", store->ops->name, what, strerror(-error));
        k_panic();
}

int k_mem_paging_backing_store_location_get(struct k_mem_page_frame *pf, uintptr_t *location,
                                            bool page_fault)
{
        size_t left = CONFIG_UNPAGED_STORE_PAGES - taken;
        uint64_t offset;

        ARG_UNUSED(pf);
        if (left == 0 || (left == 1 && !page_fault))
                return -ENOMEM;
        if (store->ops->location_get(store, &offset, page_fault) != 0)
                return -ENOMEM;
        if (offset >= ARCH_UNPAGED_ANON_UNINIT)
                fail("a place beyond what a page table entry can hold", -EOVERFLOW);
        taken++;
        *location = offset;
        return 0;
}

void k_mem_paging_backing_store_location_free(uintptr_t location)
{
        if (location >= ARCH_UNPAGED_ANON_UNINIT)
                return; /* the page was never touched and has no place */
        store->ops->location_free(store, location);
        taken--;
}

int k_mem_paging_backing_store_location_query(void *address, uintptr_t *location)
{
        ARG_UNUSED(address);
        ARG_UNUSED(location);
        return -ENOTSUP; /* no address has a content of its own */
}

void k_mem_paging_backing_store_page_out(uintptr_t location)
{
        int error = store->ops->page_out(store, location, 1, K_MEM_SCRATCH_PAGE);
        if (error)
                fail("page out", error);
}

void k_mem_paging_backing_store_page_in(uintptr_t location)
{
        int error = store->ops->page_in(store, location, 1, K_MEM_SCRATCH_PAGE);
        if (error)
                fail("page in", error);
}

void k_mem_paging_backing_store_page_finalize(struct k_mem_page_frame *pf, uintptr_t location)
{
        k_mem_page_frame_clear(pf, K_MEM_PAGE_FRAME_BACKED);
        k_mem_paging_backing_store_location_free(location);
}

static int make_file(void)
{
        struct pg_file_config config = {.size = sizeof(config)};
        FILE *file = tmpfile();
        int error;

        if (!file)
                return -errno;
        config.fd = fileno(file);
        if (ftruncate(config.fd, (off_t)(CONFIG_UNPAGED_STORE_PAGES * PAGE_SIZE)) != 0)
                error = -errno;
        else
                error = pg_store_file(&store, &config);
        fclose(file);
        return error;
}

void k_mem_paging_backing_store_init(void)
{
        int error;

        if (strcmp(CONFIG_UNPAGED_STORE, "zram") == 0)
                error = pg_store_zram(&store, NULL);
        else if (strcmp(CONFIG_UNPAGED_STORE, "file") == 0)
                error = make_file();
        else
                unpaged_start_refuse("there is no store called " CONFIG_UNPAGED_STORE
                                     ": CONFIG_UNPAGED_STORE must be zram or file");
        if (error)
                unpaged_start_refuse("store " CONFIG_UNPAGED_STORE ": %s", strerror(-error));
        store->page_size = PAGE_SIZE;
}

/* The pager is taken for good: threads that still run must not fault into a store that is
 * closed. */
__attribute__((destructor)) static void close_store(void)
{
        unpaged_mm_lock();
        pg_store_close(store);
}
