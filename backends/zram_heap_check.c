/* SPDX-License-Identifier: MIT */
/* zram_heap_check.c - a walk over slabs, classes and free chunks (lib/os/debug.h, tier 2). */
#include "zram_heap.h"

#define EVERY 1024u

static const struct zram_slab *slab_of(const struct zram_heap *heap, uint32_t number)
{
        return (const struct zram_slab *)(const void *)heap->slabs.base + number;
}

/* Slabs of the list; *count becomes their number. */
static const char *slab_list_check(const struct zram_heap *heap, uint32_t list, uint32_t *count)
{
        uint32_t prev = 0;

        *count = 0;
        for (uint32_t at = list; at; at = slab_of(heap, at)->next) {
                if (at >= heap->slab_count)
                        return "zram heap: a list names a slab that does not exist";
                if (slab_of(heap, at)->prev != prev)
                        return "zram heap: a list of slabs does not lead back";
                if (++*count > heap->slab_count)
                        return "zram heap: a list of slabs has a loop";
                prev = at;
        }
        return NULL;
}

static const char *empty_lists_check(const struct zram_heap *heap)
{
        uint32_t spare, bare;
        const char *broken = slab_list_check(heap, heap->spare, &spare);

        if (!broken)
                broken = slab_list_check(heap, heap->bare, &bare);
        if (!broken && spare != heap->spare_count)
                broken = "zram heap: it miscounts its spare slabs";
        for (uint32_t at = heap->spare; at && !broken; at = slab_of(heap, at)->next)
                if (slab_of(heap, at)->taken)
                        broken = "zram heap: a spare slab is in use";
        for (uint32_t at = heap->bare; at && !broken; at = slab_of(heap, at)->next)
                if (slab_of(heap, at)->taken || slab_of(heap, at)->touched)
                        broken = "zram heap: a slab without memory is in use";
        return broken;
}

static const char *partial_lists_check(const struct zram_heap *heap, unsigned number)
{
        const struct zram_class *class = &heap->classes[number];

        for (unsigned i = 0; i < ZRAM_FULLNESS; i++) {
                uint32_t count;
                const char *broken = slab_list_check(heap, class->partial[i], &count);

                for (uint32_t at = class->partial[i]; at && !broken; at = slab_of(heap, at)->next) {
                        const struct zram_slab *slab = slab_of(heap, at);
                        unsigned taken = slab->taken;

                        if (slab->class != number || taken == 0 || taken >= class->count ||
                            taken * ZRAM_FULLNESS / class->count != i)
                                broken = "zram heap: a slab is on another's list";
                }
                if (broken)
                        return broken;
        }
        return NULL;
}

/* Free chunks of a slab are those carved and not taken. */
static const char *free_chunks_check(const struct zram_heap *heap, uint32_t number)
{
        const struct zram_slab *slab = slab_of(heap, number);
        const struct zram_class *class = &heap->classes[slab->class];
        const char *base = heap->base + number * (uint64_t)heap->slab_bytes;
        unsigned count = 0;

        for (uint16_t at = slab->free; at != ZRAM_NO_FREE_CHUNK;) {
                if (at >= slab->carved || ++count > slab->carved)
                        return "zram heap: a list of free chunks leads astray";
                at = *(const uint16_t *)(const void *)(base + (uint64_t)at * class->chunk_bytes);
        }
        return count + slab->taken == slab->carved ? NULL : "zram heap: a slab miscounts chunks";
}

static const char *sums_check(const struct zram_heap *heap)
{
        uint64_t idle[ZRAM_MAX_CLASSES] = {0}, idle_bytes = 0;
        unsigned sparse = 0;

        for (uint32_t i = 1; i < heap->slab_count; i++) {
                const struct zram_slab *slab = slab_of(heap, i);
                const char *broken = slab->taken ? free_chunks_check(heap, i) : NULL;

                if (broken)
                        return broken;
                idle[slab->class] += slab->taken ? (uint64_t)slab->carved - slab->taken : 0;
        }
        for (unsigned i = 0; i < heap->class_count; i++) {
                if (idle[i] != heap->classes[i].idle)
                        return "zram heap: a class miscounts idle chunks";
                idle_bytes += idle[i] * heap->classes[i].chunk_bytes;
                sparse += heap->classes[i].sparse;
        }
        return idle_bytes == heap->idle_bytes && sparse == heap->sparse_classes
                       ? NULL
                       : "zram heap: it miscounts idle bytes or sparse classes";
}

const char *zram_heap_check(const struct zram_heap *heap)
{
        const char *broken = empty_lists_check(heap);

        for (unsigned i = 0; i < heap->class_count && !broken; i++)
                broken = partial_lists_check(heap, i);
        return broken ? broken : sums_check(heap);
}

void zram_heap_check_sometimes(const struct zram_heap *heap)
{
        static _Atomic uint32_t calls;
        const char *broken = NULL;

        if (atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed) % EVERY == 0)
                broken = zram_heap_check(heap);
        if (broken)
                debug_fail(broken);
}
