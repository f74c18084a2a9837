/* SPDX-License-Identifier: MIT */
/* zram_open.c - the zram store is made, and closed. See zram.c. */
#include "zram.h"
#include "arena.h"
#include "kernel_page.h"
#include "last_error.h"
#include "sized.h"
#include "zram_slot.h"

#include <errno.h>
#include <unistd.h>

#define HEAP_MIN   ((size_t)64 << 30)
#define HEAP_MAX   ((size_t)4 << 40) /* what 39 bits of 8-byte units can name */
#define RAM_SHARES 8                 /* the heap's address space, in sizes of the memory */
#define SLOT_SHARE 64                /* slot table: 1/64 of the heap, 512 GiB of pages in 64 */

static void wipe_all(struct zram *zram)
{
        for (uint64_t number = 0; zram->heap.wipes && number < slot_count(zram); number++) {
                uint64_t word = atomic_load(slot_at(zram, number));

                if (slot_has_chunk(word))
                        zram_heap_free(&zram->heap, slot_chunk(word), slot_length(word));
        }
}

void zram_close(struct pg_store *store)
{
        struct zram *zram = zram_of(store);

        wipe_all(zram);
        zram_codec_close(&zram->codecs);
        zram_heap_close(&zram->heap);
        arena_release(zram->table.base, zram->table.bytes);
        arena_release(zram, sizeof(*zram));
}

static int zram_open(struct zram *zram, const struct pg_zram_config *config)
{
        size_t heap_bytes = RAM_SHARES * (size_t)sysconf(_SC_PHYS_PAGES) * KERNEL_PAGE_SIZE;
        int error;

        if (config->flags & ~PG_ZRAM_WIPE)
                return last_error(-EINVAL, "unknown flags of a zram store: %#x", config->flags);
        zram->heap.wipes = config->flags & PG_ZRAM_WIPE;
        if (heap_bytes < HEAP_MIN)
                heap_bytes = HEAP_MIN;
        if (heap_bytes > HEAP_MAX)
                heap_bytes = HEAP_MAX;
        zram->budget.system_page = KERNEL_PAGE_SIZE;
        zram->budget.limit = zram->limit_most = config->limit_bytes;
        zram->budget.used = budget_round(&zram->budget, sizeof(*zram));

        error = zram_codec_open(&zram->codecs, &zram->budget,
                                config->algorithm ? config->algorithm : "words", config->level);
        if (!error)
                error = zram_heap_open(&zram->heap, &zram->budget, heap_bytes);
        if (error)
                return error;
        zram->table.bytes = heap_bytes / SLOT_SHARE;
        zram->table.base = arena_reserve(zram->table.bytes, "unpaged-zram");
        if (!zram->table.base)
                return -ENOMEM;
        return pg_store_init(&zram->store, &zram_ops, 0);
}

int pg_store_zram(struct pg_store **store, const struct pg_zram_config *config)
{
        struct pg_zram_config settings = {.size = sizeof(settings)};
        int error = config ? sized_read(&settings, sizeof(settings), config, "pg_zram_config") : 0;
        struct zram *zram = error ? NULL : arena_reserve(sizeof(*zram), "unpaged-zram");

        if (!error)
                error = zram ? zram_open(zram, &settings) : -ENOMEM;
        if (error == -ENOMEM)
                last_error(error, "no address space for the tables of a zram store: raise "
                                  "RLIMIT_AS (ulimit -v), or set vm.overcommit_memory to 0");
        if (!error)
                *store = &zram->store;
        else if (zram)
                zram_close(&zram->store);
        return error;
}
