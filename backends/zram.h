/* SPDX-License-Identifier: MIT */
/* zram.h - the zram store, for its parts: zram.c, and zram_open.c, its constructor. */
#ifndef BACKENDS_ZRAM_H
#define BACKENDS_ZRAM_H

#include <unpaged/stores.h>

#include "zram_codec.h"
#include "zram_heap.h"

struct zram {
        struct pg_store store;
        struct budget budget;
        uint64_t limit_most; /* bytes, as configured; 0: none */
        struct zram_codecs codecs;
        struct zram_heap heap;

        struct budget_table table;   /* of _Atomic uint64_t slots */
        _Atomic uint64_t slot_count; /* written with `slots` held */
        uint64_t free_slot;          /* head of the free list: number + 1; guarded by slots */
        bool started;                /* guarded by slots */
        struct futex_lock slots;

        uint64_t hand; /* next slot the mover looks at; guarded by moving */
        struct futex_lock moving;

        _Atomic uint64_t stored_pages;
        _Atomic uint64_t payload_bytes;
        _Atomic uint64_t same_filled;
        _Atomic uint64_t incompressible;
        _Atomic uint64_t limit_hits;
};

static inline struct zram *zram_of(struct pg_store *store)
{
        return (struct zram *)(void *)store;
}

static inline _Atomic uint64_t *slot_at(struct zram *zram, uint64_t number)
{
        return (_Atomic uint64_t *)(void *)zram->table.base + number;
}

static inline uint64_t slot_count(struct zram *zram)
{
        return atomic_load_explicit(&zram->slot_count, memory_order_acquire);
}

/* zram.c */
extern const struct pg_store_ops zram_ops;

/* zram_open.c */
void zram_close(struct pg_store *store);

#endif
