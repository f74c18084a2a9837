/* SPDX-License-Identifier: MIT */
/*
 * zram.c - compressed RAM: the default swap store of a pool.
 *
 * Theory of operation. A location is a slot: one word in a table (zram_slot.h), and the only thing
 * kept for a page besides its bytes, which lie in a chunk of the heap (zram_heap.c).
 *
 * page_out looks for one repeated word first, then compresses into scratch with a bound: a page
 * that does not shrink below 16/18 of its size is not worth a decompression and is kept RAW, where
 * page_at can show it. Only when the new content is safe in its chunk does the slot change, in one
 * store; so the old copy survives every failure.
 *
 * Memory follows content. Where random frees have left the heap full of holes, page_out and
 * location_free each walk on a little through the table of slots and move some chunks together, so
 * nobody ever pays for a long compaction and no chunk needs a pointer back to its slot.
 *
 * Cost: 8 bytes a page; 100 to 300 ns above the bare codec to store a page, nothing to load one;
 * 1 to 3 % of the payload for size classes. Tables are reserved address space, charged when
 * touched.
 *
 * Invariants:
 *    a chunk belongs to exactly one slot
 *    slot number < slot_count  <=>  location_get has handed it out at least once
 *    stored_pages == slots that are SAME, WORD, PACKED or RAW
 *    same_filled == SAME + WORD;  payload == sum of chunk lengths
 *
 * Locking. The library never lets two operations meet in one page, so a slot's lock bit is there
 * only against the mover. An operation that finds it set waits for the mover by taking its lock,
 * `moving`, once. `slots` guards the free list and the growth of the table. Order: moving, slot
 * bit, slots; the heap's lock and a codec's context come last, the heap after the context.
 */
#include "zram.h"
#include "kernel_page.h"
#include "zram_slot.h"

#include <string.h>

#define SCAN_SLOTS    64 /* looked at by one operation that compacts */
#define MOVE_CHUNKS   2  /* moved by it, at most */
#define PAGE_SIZE_MAX ((size_t)2 << 20)

/* --- slots --- */

/* The slot of page i after offset; NULL when location_get never handed it out. */
static _Atomic uint64_t *slot_find(struct zram *zram, uint64_t offset, size_t i)
{
        uint64_t count = slot_count(zram);
        uint64_t number = count ? offset / zram->store.page_size + i : 0;

        return number < count ? slot_at(zram, number) : NULL;
}

static uint64_t slot_lock(struct zram *zram, _Atomic uint64_t *slot)
{
        for (;;) {
                uint64_t word = atomic_load_explicit(slot, memory_order_relaxed) & ~SLOT_LOCKED;

                if (slot_try_lock(slot, word))
                        return word;
                futex_lock_take(&zram->moving);
                futex_lock_drop(&zram->moving);
        }
}

/* Adds (sign 1) or takes away (-1) what a slot contributes to the statistics. */
static void slot_account(struct zram *zram, uint64_t word, int sign)
{
        enum slot_kind kind = slot_kind(word);
        uint64_t one = (uint64_t)(int64_t)sign;

        if (kind < SLOT_SAME)
                return;
        atomic_fetch_add_explicit(&zram->stored_pages, one, memory_order_relaxed);
        if (slot_has_chunk(word))
                atomic_fetch_add_explicit(&zram->payload_bytes, one * slot_length(word),
                                          memory_order_relaxed);
        if (kind == SLOT_RAW)
                atomic_fetch_add_explicit(&zram->incompressible, one, memory_order_relaxed);
        if (kind == SLOT_SAME || kind == SLOT_WORD)
                atomic_fetch_add_explicit(&zram->same_filled, one, memory_order_relaxed);
}

/* --- compaction --- */

/* The slot is locked as the very word that was looked at: one that has become free meanwhile may be
 * on its way to a new owner, which does not expect a lock. */
static bool move_chunk(struct zram *zram, _Atomic uint64_t *slot)
{
        uint64_t word = atomic_load_explicit(slot, memory_order_relaxed);
        uint64_t to;

        if (word & SLOT_LOCKED || !slot_has_chunk(word) ||
            !zram_heap_movable(&zram->heap, slot_chunk(word)) || !slot_try_lock(slot, word))
                return false;
        to = zram_heap_alloc_denser(&zram->heap, slot_chunk(word));
        if (to == ZRAM_NO_CHUNK) {
                slot_unlock(slot, word);
                return false;
        }
        memcpy(zram_heap_at(&zram->heap, to), zram_heap_at(&zram->heap, slot_chunk(word)),
               slot_length(word));
        slot_unlock(slot, slot_chunk_word(slot_kind(word), to, slot_length(word)));
        zram_heap_free(&zram->heap, slot_chunk(word), slot_length(word));
        return true;
}

/* One operation's share of the work, unless somebody is at it already. */
static void compact_a_little(struct zram *zram)
{
        uint64_t count = slot_count(zram);
        unsigned moved = 0;

        if (!zram_heap_wasteful(&zram->heap) || !futex_lock_try(&zram->moving))
                return;
        for (unsigned i = 0; i < SCAN_SLOTS && moved < MOVE_CHUNKS; i++) {
                zram->hand = zram->hand + 1 < count ? zram->hand + 1 : 0;
                moved += move_chunk(zram, slot_at(zram, zram->hand));
        }
        futex_lock_drop(&zram->moving);
}

/* --- locations --- */

/* The first operation of all tells the page size. Caller holds slots. */
static int zram_start(struct zram *zram)
{
        size_t page_size = zram->store.page_size;
        int error;

        if (page_size < KERNEL_PAGE_SIZE || page_size > PAGE_SIZE_MAX ||
            (page_size & (page_size - 1)))
                return -EINVAL;
        error = zram_codec_start(&zram->codecs, page_size);
        if (error)
                return error;
        zram_heap_start(&zram->heap, page_size);
        zram->started = true;
        return 0;
}

/* A slot that has none; caller holds slots. */
static int slot_reserve(struct zram *zram, uint64_t *number)
{
        uint64_t count = slot_count(zram);
        int error = zram->started ? 0 : zram_start(zram);

        if (error)
                return error;
        if (zram->free_slot) {
                *number = zram->free_slot - 1;
                zram->free_slot =
                        atomic_load_explicit(slot_at(zram, *number), memory_order_relaxed) >>
                        SLOT_VALUE_SHIFT;
                slot_unlock(slot_at(zram, *number), slot_word(SLOT_EMPTY, 0));
                return 0;
        }
        if (!budget_grow(&zram->budget, &zram->table, (count + 1) * sizeof(uint64_t)))
                return -ENOSPC;
        *number = count;
        atomic_store_explicit(&zram->slot_count, count + 1, memory_order_release);
        return 0;
}

static int zram_location_get(struct pg_store *store, uint64_t *offset, bool for_fault)
{
        struct zram *zram = zram_of(store);
        uint64_t number = 0;
        int error;

        /* The last of it is for a thread that waits for a frame. */
        if (!for_fault && !budget_has(&zram->budget, store->page_size))
                return -ENOSPC;
        futex_lock_take(&zram->slots);
        error = slot_reserve(zram, &number);
        futex_lock_drop(&zram->slots);
        if (error == -ENOSPC && budget_limit(&zram->budget))
                atomic_fetch_add_explicit(&zram->limit_hits, 1, memory_order_relaxed);
        if (!error)
                *offset = number * store->page_size;
        return error;
}

static void zram_location_free(struct pg_store *store, uint64_t offset)
{
        struct zram *zram = zram_of(store);
        _Atomic uint64_t *slot = slot_find(zram, offset, 0);
        bool in_use =
                slot && slot_kind(atomic_load_explicit(slot, memory_order_relaxed)) != SLOT_FREE;
        uint64_t word;

        PG_ASSERT(in_use, "zram: a location is freed twice");
        if (!in_use)
                return;
        word = slot_lock(zram, slot);
        slot_account(zram, word, -1);
        futex_lock_take(&zram->slots);
        slot_unlock(slot, slot_word(SLOT_FREE, zram->free_slot));
        zram->free_slot = offset / store->page_size + 1;
        futex_lock_drop(&zram->slots);
        if (slot_has_chunk(word))
                zram_heap_free(&zram->heap, slot_chunk(word), slot_length(word));
        compact_a_little(zram);
}

/* --- pages in --- */

/* The page that a locked slot holds. */
static int load_page(struct zram *zram, uint64_t word, void *page)
{
        size_t page_size = zram->store.page_size;
        void *chunk = slot_has_chunk(word) ? zram_heap_at(&zram->heap, slot_chunk(word)) : NULL;

        switch (slot_kind(word)) {
        case SLOT_SAME:
                fill_page(page, page_size, slot_same_value(word));
                return 0;
        case SLOT_WORD:
                fill_page(page, page_size, *(const any_word *)chunk);
                return 0;
        case SLOT_PACKED:
                return zram_codec_unpack(&zram->codecs, chunk, slot_length(word), page) ? 0 : -EIO;
        case SLOT_RAW:
                memcpy(page, chunk, page_size);
                return 0;
        case SLOT_EMPTY:
        case SLOT_FREE:
                break; /* never written */
        }
        return -EIO;
}

static int zram_page_in(struct pg_store *store, uint64_t offset, size_t npages, void *buf)
{
        struct zram *zram = zram_of(store);

        for (size_t i = 0; i < npages; i++) {
                _Atomic uint64_t *slot = slot_find(zram, offset, i);
                uint64_t word;
                int error;

                if (!slot)
                        return -EIO;
                word = slot_lock(zram, slot);
                error = load_page(zram, word, (char *)buf + i * store->page_size);
                slot_unlock(slot, word);
                if (error)
                        return error;
        }
        return 0;
}

static const void *zram_page_at(struct pg_store *store, uint64_t offset, size_t npages)
{
        struct zram *zram = zram_of(store);
        const char *first = NULL;

        for (size_t i = 0; i < npages; i++) {
                _Atomic uint64_t *slot = slot_find(zram, offset, i);
                uint64_t word = slot ? atomic_load_explicit(slot, memory_order_acquire) : 0;
                const char *page;

                if (slot_kind(word) != SLOT_RAW)
                        return NULL;
                page = zram_heap_at(&zram->heap, slot_chunk(word));
                if (i == 0)
                        first = page;
                else if (page != first + i * store->page_size)
                        return NULL;
        }
        return first;
}

/* --- pages out --- */

/* A slot's word for content that now lies in a chunk of its own; 0 when there is no memory. */
static uint64_t store_chunk(struct zram *zram, enum slot_kind kind, const void *content,
                            size_t length)
{
        uint64_t chunk = zram_heap_alloc(&zram->heap, length);

        if (chunk == ZRAM_NO_CHUNK)
                return 0;
        memcpy(zram_heap_at(&zram->heap, chunk), content, length);
        return slot_chunk_word(kind, chunk, length);
}

/* The same for a whole page, in its smallest form. */
static uint64_t store_page(struct zram *zram, const void *page)
{
        size_t page_size = zram->store.page_size;
        const void *packed;
        unsigned context;
        uint64_t value, word;
        size_t length;

        if (same_filled(page, page_size, &value)) {
                word = slot_word(SLOT_SAME, value);
                if (slot_same_value(word) == value)
                        return word;
                return store_chunk(zram, SLOT_WORD, &value, sizeof(value));
        }
        context = zram_codec_take(&zram->codecs);
        length = zram_codec_pack(&zram->codecs, context, page, zram_heap_packed_most(&zram->heap),
                                 &packed);
        word = length ? store_chunk(zram, SLOT_PACKED, packed, length) : 0;
        zram_codec_put(&zram->codecs, context);
        return length ? word : store_chunk(zram, SLOT_RAW, page, page_size);
}

/* Stores one page; the slot changes only when that cannot fail any more. */
static int replace_page(struct zram *zram, _Atomic uint64_t *slot, const void *page)
{
        uint64_t word = store_page(zram, page);
        uint64_t old;

        if (!word) {
                if (budget_limit(&zram->budget))
                        atomic_fetch_add_explicit(&zram->limit_hits, 1, memory_order_relaxed);
                return -ENOSPC;
        }
        old = slot_lock(zram, slot);
        slot_unlock(slot, word);
        slot_account(zram, word, 1);
        slot_account(zram, old, -1);
        if (slot_has_chunk(old))
                zram_heap_free(&zram->heap, slot_chunk(old), slot_length(old));
        return 0;
}

static int zram_page_out(struct pg_store *store, uint64_t offset, size_t npages, const void *buf)
{
        struct zram *zram = zram_of(store);

        for (size_t i = 0; i < npages; i++) {
                _Atomic uint64_t *slot = slot_find(zram, offset, i);
                int error;

                if (!slot || slot_kind(atomic_load(slot)) == SLOT_FREE)
                        return -EIO;
                error = replace_page(zram, slot, (const char *)buf + i * store->page_size);
                compact_a_little(zram);
                if (error)
                        return error;
        }
        return 0;
}

/* --- the store --- */

static uint64_t counter(_Atomic uint64_t *value)
{
        return atomic_load_explicit(value, memory_order_relaxed);
}

static void zram_stats(struct pg_store *store, struct pg_store_stats *stats)
{
        struct zram *zram = zram_of(store);

        stats->stored_pages = counter(&zram->stored_pages);
        stats->stored_bytes = stats->stored_pages * store->page_size;
        stats->payload_bytes = counter(&zram->payload_bytes);
        stats->memory_bytes = budget_used(&zram->budget);
        stats->same_filled_pages = counter(&zram->same_filled);
        stats->incompressible_pages = counter(&zram->incompressible);
        stats->limit_bytes = budget_limit(&zram->budget);
        stats->limit_hits = counter(&zram->limit_hits);
}

static int zram_memory_limit(struct pg_store *store, uint64_t bytes)
{
        struct zram *zram = zram_of(store);

        uint64_t limit = bytes == UINT64_MAX ? 0 : bytes ? bytes : 1;

        if (zram->limit_most && bytes > zram->limit_most)
                limit = bytes = zram->limit_most;
        atomic_store_explicit(&zram->budget.limit, limit, memory_order_relaxed);
        while (budget_used(&zram->budget) > bytes)
                if (slot_count(zram) == 0 || !zram_heap_reclaim(&zram->heap))
                        return -ENOSPC;
        return 0;
}

/* All of the store is private memory. But threads of the parent may have been reading pages, which
 * are not here to unlock them. */
static int zram_fork_child(struct pg_store *store)
{
        struct zram *zram = zram_of(store);

        zram->slots = zram->moving = (struct futex_lock){0};
        zram_heap_restart(&zram->heap);
        zram_codec_restart(&zram->codecs);
        for (uint64_t number = 0; number < slot_count(zram); number++) {
                uint64_t word = atomic_load_explicit(slot_at(zram, number), memory_order_relaxed);

                if (word & SLOT_LOCKED)
                        slot_unlock(slot_at(zram, number), word & ~SLOT_LOCKED);
        }
        return 0;
}

const struct pg_store_ops zram_ops = {
        .size = sizeof(struct pg_store_ops),
        .name = "zram",
        .flags = PG_STORE_PARALLEL | PG_STORE_KEEPS | PG_STORE_NEAR,
        .location_get = zram_location_get,
        .location_free = zram_location_free,
        .page_in = zram_page_in,
        .page_out = zram_page_out,
        .close = zram_close,
        .page_at = zram_page_at,
        .stats = zram_stats,
        .fork_child = zram_fork_child,
        .memory_limit = zram_memory_limit,
};
