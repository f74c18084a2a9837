/* SPDX-License-Identifier: MIT */
/*
 * zram_heap.h - the memory of zram: chunks of any size up to a page.
 *
 * A chunk is named by its offset in the heap. Nothing is kept beside a chunk: the code that frees
 * or moves it knows where it is and how long it is.
 */
#ifndef BACKENDS_ZRAM_HEAP_H
#define BACKENDS_ZRAM_HEAP_H

#include "budget.h"
#include "futex_lock.h"
#include "zram_pages.h"

#define ZRAM_MAX_CLASSES 192
#define ZRAM_MOST_COUNT  2048 /* chunks per slab of the smallest class */
#define ZRAM_FULLNESS    4    /* partial slabs of a class are kept apart by quarters */
#define ZRAM_ALIGN       8u   /* of every chunk */
#define ZRAM_NO_CHUNK    (~(uint64_t)0)

#define ZRAM_NO_FREE_CHUNK ((uint16_t)0xffff)

struct zram_slab {
        uint32_t next, prev;    /* list links: slab numbers, 0 none */
        _Atomic uint16_t class; /* atomic, like taken, for zram_heap_movable */
        _Atomic uint16_t taken; /* chunks in use */
        uint16_t carved;        /* chunks that were ever handed out */
        uint16_t free;          /* the first free chunk; the next is named in its bytes */
        size_t touched;         /* bytes charged, from the start of the slab */
};

/* One size class; see zram_heap.c. */
struct zram_class {
        uint32_t chunk_bytes;
        uint16_t count;                  /* chunks of a slab */
        _Atomic bool sparse;             /* its idle chunks would make up a slab */
        uint64_t idle;                   /* free chunks whose memory is touched */
        uint32_t partial[ZRAM_FULLNESS]; /* lists of slabs with taken and free chunks */
};

struct zram_heap {
        struct budget *budget;
        char *base; /* of the slabs */
        size_t bytes;
        size_t slab_bytes;
        bool wipes;                /* chunks are overwritten when they are freed. Constant. */
        size_t packed_most;        /* see zram_heap_packed_most */
        struct zram_pages pages;   /* chunks from heap->bytes on */
        struct budget_table slabs; /* struct zram_slab by slab number; 0 is not used */
        uint32_t slab_count;       /* slabs ever used, slab 0 included */
        uint32_t spare;            /* list of empty slabs, memory still touched */
        uint32_t spare_count;
        uint32_t bare;           /* list of empty slabs without memory */
        uint64_t touched;        /* bytes charged for slabs */
        uint64_t idle_bytes;     /* of them in idle chunks */
        unsigned sparse_classes; /* classes with `sparse` */
        _Atomic bool wasteful;   /* see zram_heap_wasteful */
        unsigned class_count;
        struct futex_lock lock; /* guards the lists, the slabs and the classes */
        struct zram_class classes[ZRAM_MAX_CLASSES];
        uint8_t class_of[ZRAM_MOST_COUNT + 1]; /* class by chunks that would fit into a slab */
};

/* Reserves `bytes` of address space for chunks of pages from 4 KiB. -ENOMEM. */
int zram_heap_open(struct zram_heap *heap, struct budget *budget, size_t bytes);
void zram_heap_close(struct zram_heap *heap);

/* In a child of fork: its locks are free, whichever thread held them in the parent. */
void zram_heap_restart(struct zram_heap *heap);

/* zram_heap_check.c, with the lock held: NULL, or what is broken. The walk, and one call in
 * 1024. */
const char *zram_heap_check(const struct zram_heap *heap);
void zram_heap_check_sometimes(const struct zram_heap *heap);

static inline void zram_heap_assert(const struct zram_heap *heap)
{
        if (DEBUG_WALKS)
                zram_heap_check_sometimes(heap);
}

/* Once, before any of the calls below: lays out the size classes. */
void zram_heap_start(struct zram_heap *heap, size_t page_size);

/* The most bytes a page may be compressed to: beyond it a whole page is hardly dearer. */
size_t zram_heap_packed_most(const struct zram_heap *heap);

/* Gives some memory back that is kept for later; false: there is none. */
bool zram_heap_reclaim(struct zram_heap *heap);

/* A chunk of `bytes`, or ZRAM_NO_CHUNK: the limit or the address space refuses, and all that was
 * kept for later has been given back. It is freed with the same `bytes`. */
uint64_t zram_heap_alloc(struct zram_heap *heap, size_t bytes);
void zram_heap_free(struct zram_heap *heap, uint64_t chunk, size_t bytes);
void *zram_heap_at(const struct zram_heap *heap, uint64_t chunk);

/* True while free chunks hold so much memory that moving chunks together is worth the copying. */
bool zram_heap_wasteful(struct zram_heap *heap);

/* A hint, without the lock: moving this chunk could help to empty its slab. */
bool zram_heap_movable(struct zram_heap *heap, uint64_t chunk);

/* A chunk of the same class in a slab that is at least as full, or ZRAM_NO_CHUNK. The caller copies
 * the content and frees the old one. */
uint64_t zram_heap_alloc_denser(struct zram_heap *heap, uint64_t chunk);

#endif
