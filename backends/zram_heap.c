/* SPDX-License-Identifier: MIT */
/*
 * zram_heap.c - size classes over slabs, with chunks moved together and empty slabs given back.
 *
 * Theory of operation:
 *  - A slab is 16 pages of the pool (at most 256 KiB) and cut into chunks of one class. A class is
 *    defined by how many chunks a slab holds, not by a size: 18, 19, 20, …, so that slabs have no
 *    waste at the tail. Counts step by one up to 64 and by 1/32 above; a chunk wastes at most 1/19
 *    of itself, 1 to 2 % on average for common ratios.
 *  - Chunks are carved from the low end of a slab when no freed one is left, so a slab that is
 *    not full yet touches only the memory that it uses.
 *  - New chunks go to the fullest partial slabs. Sparse slabs drain, and an empty slab goes back
 *    to the system in one madvise (a few are kept to avoid a see-saw).
 *  - Random frees leave all slabs half full, and other sizes cannot use the holes. Instead of a
 *    back pointer for each chunk, zram walks its slots and asks for each chunk whether to
 *    move it (zram_heap_alloc_denser). A move goes from a slab to one at least as full, so the sum
 *    of the squares of `taken` grows with every move, and the walk comes to an end.
 *  - Chunks of a whole page, and those of 16 KiB and more, are zram_pages.c's: the first must stay
 *    where they are, and of the others a store has too few for size classes to fill up.
 *
 * Cost: alloc and free are O(1). 32 bytes of metadata a slab. What remains idle after any churn is
 * about half a slab for each class in use, or 1/32 of the memory if that is more.
 *
 * Invariants, for a slab in use:
 *    0 < taken <= carved <= count;  chunks on its free list == carved - taken
 *    it is on list partial[4 * taken / count] of its class  iff  taken < count
 *    class.idle == sum of carved - taken over its slabs; idle_bytes == sum of idle * chunk_bytes
 *
 * Locking: heap->lock guards everything, for tens of nanoseconds; memory is given back without it,
 * from slabs that are on no list.
 */
#include "zram_heap.h"
#include "arena.h"
#include "kernel_page.h"

#include <string.h>

#define SLAB_PAGES  16u
#define FIRST_COUNT 18u                 /* above 16/18 of a page, a whole page is hardly dearer */
#define LARGE_CHUNK ((size_t)16 << 10)  /* from here on in whole pages of the system */
#define SLAB_SHARE  4                   /* of the address space; the rest is for whole pages */
#define SPARE_BYTES ((size_t)256 << 10) /* of empty slabs that stay touched */
#define CLASS_STEPS 32u                 /* per doubling of the count, and more below 64 */
#define WASTE_SHARE 32                  /* chunks are moved while 1/32 of the memory is idle */

static struct zram_slab *slab_at(const struct zram_heap *heap, uint32_t number)
{
        return (struct zram_slab *)(void *)heap->slabs.base + number;
}

static uint32_t slab_number(const struct zram_heap *heap, uint64_t chunk)
{
        return (uint32_t)(chunk / heap->slab_bytes);
}

static unsigned slab_taken(struct zram_slab *slab)
{
        return atomic_load_explicit(&slab->taken, memory_order_relaxed);
}

static struct zram_class *slab_class(struct zram_heap *heap, struct zram_slab *slab)
{
        return &heap->classes[atomic_load_explicit(&slab->class, memory_order_relaxed)];
}

static bool in_slab(const struct zram_heap *heap, uint64_t chunk)
{
        return chunk < heap->bytes;
}

/* Chunks of zram_pages are named by what follows the slabs. */
static uint32_t heap_place_of(const struct zram_heap *heap, uint64_t chunk)
{
        return (uint32_t)((chunk - heap->bytes) / heap->pages.page_size);
}

void *zram_heap_at(const struct zram_heap *heap, uint64_t chunk)
{
        return in_slab(heap, chunk) ? heap->base + chunk
                                    : zram_pages_at(&heap->pages, heap_place_of(heap, chunk));
}

/* --- lists of slabs; all with the lock held --- */

static void list_push(struct zram_heap *heap, uint32_t *list, uint32_t number)
{
        struct zram_slab *slab = slab_at(heap, number);

        slab->prev = 0;
        slab->next = *list;
        if (*list)
                slab_at(heap, *list)->prev = number;
        *list = number;
}

static void list_remove(struct zram_heap *heap, uint32_t *list, uint32_t number)
{
        struct zram_slab *slab = slab_at(heap, number);

        if (slab->next)
                slab_at(heap, slab->next)->prev = slab->prev;
        if (slab->prev)
                slab_at(heap, slab->prev)->next = slab->next;
        else
                *list = slab->next;
}

/* The list a slab with so many taken chunks belongs on; NULL: on none. */
static uint32_t *list_of(struct zram_class *class, unsigned taken)
{
        if (taken == 0 || taken == class->count)
                return NULL;
        return &class->partial[taken * ZRAM_FULLNESS / class->count];
}

/* The one place where `taken` of a slab changes. */
static void slab_set_taken(struct zram_heap *heap, uint32_t number, unsigned taken)
{
        struct zram_slab *slab = slab_at(heap, number);
        struct zram_class *class = slab_class(heap, slab);
        uint32_t *from = list_of(class, slab_taken(slab));
        uint32_t *to = list_of(class, taken);

        atomic_store_explicit(&slab->taken, (uint16_t)taken, memory_order_relaxed);
        if (from == to)
                return;
        if (from)
                list_remove(heap, from, number);
        if (to)
                list_push(heap, to, number);
}

/* --- memory --- */

static bool charge(struct zram_heap *heap, size_t bytes)
{
        if (!budget_charge(heap->budget, bytes))
                return false;
        heap->touched += bytes;
        return true;
}

/* Gives memory back to the system; the lock is not held. */
static void heap_give_back(struct zram_heap *heap, uint64_t offset, size_t bytes)
{
        arena_forget(heap->base + offset, bytes);
        budget_credit(heap->budget, bytes);
}

/* Counts chunks of a class that became idle, or (negative) are idle no more: would they fill a slab
 * by now? */
static void count_idle(struct zram_heap *heap, struct zram_class *class, int chunks)
{
        bool sparse;

        class->idle += (uint64_t)(int64_t)chunks;
        heap->idle_bytes += (uint64_t)((int64_t)chunks * (int64_t) class->chunk_bytes);
        sparse = class->idle >= class->count;
        heap->sparse_classes = heap->sparse_classes + sparse - class->sparse;
        atomic_store_explicit(&class->sparse, sparse, memory_order_relaxed);
        atomic_store_explicit(&heap->wasteful,
                              heap->sparse_classes &&
                                      heap->idle_bytes > heap->touched / WASTE_SHARE,
                              memory_order_relaxed);
}

/* --- empty slabs --- */

/* An empty slab for a class, on no list; 0 if there is none. */
static uint32_t slab_open(struct zram_heap *heap, struct zram_class *class)
{
        uint32_t *list = heap->spare ? &heap->spare : &heap->bare;
        uint32_t number = *list;
        struct zram_slab *slab;

        if (number) {
                list_remove(heap, list, number);
                heap->spare_count -= list == &heap->spare;
        } else {
                size_t table = (heap->slab_count + 1) * sizeof(struct zram_slab);

                if (heap->slab_count == heap->bytes / heap->slab_bytes ||
                    !budget_grow(heap->budget, &heap->slabs, table))
                        return 0;
                number = heap->slab_count++;
        }
        slab = slab_at(heap, number);
        atomic_store_explicit(&slab->class, (uint16_t)(class - heap->classes),
                              memory_order_relaxed);
        slab->carved = 0;
        slab->free = ZRAM_NO_FREE_CHUNK;
        return number;
}

/* Gives the memory of a slab back that is empty and on no list. Drops the lock meanwhile. */
static void slab_strip(struct zram_heap *heap, uint32_t number)
{
        struct zram_slab *slab = slab_at(heap, number);

        if (slab->touched) {
                uint64_t bytes = slab->touched;

                heap->touched -= bytes;
                futex_lock_drop(&heap->lock);
                heap_give_back(heap, number * (uint64_t)heap->slab_bytes, bytes);
                futex_lock_take(&heap->lock);
                slab->touched = 0;
        }
        list_push(heap, &heap->bare, number);
}

/* Puts away a slab that is empty and on no list. */
static void slab_close(struct zram_heap *heap, uint32_t number)
{
        if (slab_at(heap, number)->touched == 0 ||
            (heap->spare_count + 1) * heap->slab_bytes > SPARE_BYTES) {
                slab_strip(heap, number);
                return;
        }
        heap->spare_count++;
        list_push(heap, &heap->spare, number);
}

/* --- chunks --- */

static uint16_t *chunk_link(struct zram_heap *heap, const struct zram_class *class, uint32_t number,
                            unsigned index)
{
        return (uint16_t *)(void *)(heap->base + number * (uint64_t)heap->slab_bytes +
                                    (uint64_t)index * class->chunk_bytes);
}

/* A chunk of this slab, which has one; ZRAM_NO_CHUNK when the budget refuses its memory. */
static uint64_t slab_take(struct zram_heap *heap, struct zram_class *class, uint32_t number)
{
        struct zram_slab *slab = slab_at(heap, number);
        unsigned index = slab->free;

        if (index != ZRAM_NO_FREE_CHUNK) {
                slab->free = *chunk_link(heap, class, number, index);
                count_idle(heap, class, -1);
        } else {
                size_t upto;

                index = slab->carved;
                upto = budget_round(heap->budget, (index + 1) * (size_t) class->chunk_bytes);
                if (upto > slab->touched) {
                        if (!charge(heap, upto - slab->touched))
                                return ZRAM_NO_CHUNK;
                        slab->touched = upto;
                }
                slab->carved++;
        }
        slab_set_taken(heap, number, slab_taken(slab) + 1);
        return number * (uint64_t)heap->slab_bytes + index * (uint64_t) class->chunk_bytes;
}

static uint64_t class_take(struct zram_heap *heap, struct zram_class *class)
{
        uint64_t chunk = ZRAM_NO_CHUNK;
        uint32_t number;

        for (int i = ZRAM_FULLNESS - 1; i >= 0 && chunk == ZRAM_NO_CHUNK; i--) {
                if (class->partial[i])
                        chunk = slab_take(heap, class, class->partial[i]);
        }
        if (chunk != ZRAM_NO_CHUNK)
                return chunk;
        number = slab_open(heap, class);
        if (!number)
                return ZRAM_NO_CHUNK;
        chunk = slab_take(heap, class, number);
        if (chunk == ZRAM_NO_CHUNK)
                slab_close(heap, number);
        return chunk;
}

/* Gives back an empty slab that is kept for later; false: there is none. */
static bool reclaim(struct zram_heap *heap)
{
        uint32_t number = heap->spare;

        if (!number)
                return false;
        list_remove(heap, &heap->spare, number);
        heap->spare_count--;
        slab_strip(heap, number);
        return true;
}

static uint64_t alloc_once(struct zram_heap *heap, size_t bytes)
{
        size_t count = heap->slab_bytes / ((bytes + ZRAM_ALIGN - 1) & ~(size_t)(ZRAM_ALIGN - 1));
        unsigned number = heap->class_of[count < ZRAM_MOST_COUNT ? count : ZRAM_MOST_COUNT];
        uint64_t chunk;
        uint32_t place;

        if (bytes < LARGE_CHUNK && bytes <= heap->packed_most) {
                futex_lock_take(&heap->lock);
                chunk = class_take(heap, &heap->classes[number]);
                futex_lock_drop(&heap->lock);
                return chunk;
        }
        place = zram_pages_alloc(&heap->pages, bytes);
        return place == ZRAM_NO_PLACE ? ZRAM_NO_CHUNK
                                      : heap->bytes + place * (uint64_t)heap->pages.page_size;
}

bool zram_heap_reclaim(struct zram_heap *heap)
{
        bool more;

        futex_lock_take(&heap->lock);
        more = reclaim(heap);
        futex_lock_drop(&heap->lock);
        return more || zram_pages_reclaim(&heap->pages);
}

uint64_t zram_heap_alloc(struct zram_heap *heap, size_t bytes)
{
        uint64_t chunk;

        do
                chunk = alloc_once(heap, bytes);
        while (chunk == ZRAM_NO_CHUNK && zram_heap_reclaim(heap));
        return chunk;
}

void zram_heap_free(struct zram_heap *heap, uint64_t chunk, size_t bytes)
{
        uint32_t number = slab_number(heap, chunk);
        struct zram_class *class;
        struct zram_slab *slab;
        unsigned index;

        if (heap->wipes)
                explicit_bzero(zram_heap_at(heap, chunk), bytes);
        if (!in_slab(heap, chunk)) {
                zram_pages_free(&heap->pages, heap_place_of(heap, chunk), bytes);
                return;
        }
        futex_lock_take(&heap->lock);
        slab = slab_at(heap, number);
        class = slab_class(heap, slab);
        index = (unsigned)(chunk % heap->slab_bytes / class->chunk_bytes);
        *chunk_link(heap, class, number, index) = slab->free;
        slab->free = (uint16_t)index;
        slab_set_taken(heap, number, slab_taken(slab) - 1);
        count_idle(heap, class, 1);
        if (slab_taken(slab) == 0) {
                count_idle(heap, class, -(int)slab->carved);
                slab_close(heap, number);
        }
        zram_heap_assert(heap);
        futex_lock_drop(&heap->lock);
}

bool zram_heap_wasteful(struct zram_heap *heap)
{
        return atomic_load_explicit(&heap->wasteful, memory_order_relaxed);
}

bool zram_heap_movable(struct zram_heap *heap, uint64_t chunk)
{
        struct zram_class *class;
        struct zram_slab *slab;

        if (!in_slab(heap, chunk))
                return false;
        slab = slab_at(heap, slab_number(heap, chunk));
        class = slab_class(heap, slab);
        return atomic_load_explicit(&class->sparse, memory_order_relaxed) &&
               slab_taken(slab) < class->count;
}

uint64_t zram_heap_alloc_denser(struct zram_heap *heap, uint64_t chunk)
{
        uint32_t from = slab_number(heap, chunk);
        uint64_t to = ZRAM_NO_CHUNK;
        struct zram_class *class;

        futex_lock_take(&heap->lock);
        class = slab_class(heap, slab_at(heap, from));
        for (int i = ZRAM_FULLNESS - 1; class->sparse && i >= 0; i--) {
                uint32_t number = class->partial[i];

                if (number == from)
                        number = slab_at(heap, number)->next;
                if (!number)
                        continue;
                if (slab_taken(slab_at(heap, number)) >= slab_taken(slab_at(heap, from)))
                        to = slab_take(heap, class, number);
                break;
        }
        futex_lock_drop(&heap->lock);
        return to;
}

size_t zram_heap_packed_most(const struct zram_heap *heap)
{
        return heap->packed_most;
}

void zram_heap_restart(struct zram_heap *heap)
{
        futex_lock_reset(&heap->lock);
        futex_lock_reset(&heap->pages.lock);
}

void zram_heap_start(struct zram_heap *heap, size_t page_size)
{
        size_t slab_page = page_size < LARGE_CHUNK ? page_size : LARGE_CHUNK;
        unsigned count = page_size <= LARGE_CHUNK ? FIRST_COUNT : SLAB_PAGES;

        zram_pages_start(&heap->pages, page_size);
        heap->slab_bytes = SLAB_PAGES * slab_page;
        heap->packed_most = SLAB_PAGES * page_size / FIRST_COUNT;
        heap->slab_count = 1;
        while (count <= ZRAM_MOST_COUNT) {
                struct zram_class *class = &heap->classes[heap->class_count];
                unsigned next = count + (count < 2 * CLASS_STEPS ? 1 : count / CLASS_STEPS);

                PG_ASSERT(heap->class_count < ZRAM_MAX_CLASSES, "zram heap: too many classes");
                class->count = (uint16_t)count;
                class->chunk_bytes = (uint32_t)(heap->slab_bytes / count) & ~(ZRAM_ALIGN - 1);
                for (; count < next && count <= ZRAM_MOST_COUNT; count++)
                        heap->class_of[count] = (uint8_t)heap->class_count;
                heap->class_count++;
        }
        heap->packed_most &= ~(size_t)(ZRAM_ALIGN - 1);
}

int zram_heap_open(struct zram_heap *heap, struct budget *budget, size_t bytes)
{
        int error = zram_pages_open(&heap->pages, budget, bytes - bytes / SLAB_SHARE);

        heap->budget = budget;
        heap->bytes = bytes / SLAB_SHARE;
        heap->slabs.bytes =
                heap->bytes / (SLAB_PAGES * KERNEL_PAGE_SIZE) * sizeof(struct zram_slab);
        heap->slabs.base = error ? NULL : arena_reserve(heap->slabs.bytes, "unpaged-zram");
        heap->base = heap->slabs.base ? arena_reserve(heap->bytes, "unpaged-zram") : NULL;
        return heap->base ? 0 : -ENOMEM;
}

void zram_heap_close(struct zram_heap *heap)
{
        arena_release(heap->base, heap->bytes);
        arena_release(heap->slabs.base, heap->slabs.bytes);
        zram_pages_close(&heap->pages);
}
