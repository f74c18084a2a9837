/* SPDX-License-Identifier: MIT */
/*
 * heap.c - the heap: jemalloc, linked in, on memory from our mmap; and the names of the malloc
 * family that it lacks.
 *
 * What is chosen for paging, where a page that is freed and kept is one that may be written out for
 * nothing, and a page touched is one that may have to come in:
 *  - few arenas: threads share pages rather than each keeping half-filled ones;
 *  - what is free goes back after a second instead of ten: forgetting a page costs less than
 *    compressing it;
 *  - never by way of MADV_FREE (muzzy), which here is the same as MADV_DONTNEED;
 *  - no advice about huge pages: a pool has none, and each would be a call for nothing;
 *  - no sbrk: it would be the program's.
 */
#include "preload.h"
#include "real_syscalls.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>

extern const char *malloc_conf; /* jemalloc's name for it */
const char *malloc_conf = "narenas:4,dirty_decay_ms:1000,muzzy_decay_ms:0,thp:default,"
                          "metadata_thp:disabled,dss:disabled";

/* The heap's mmap is renamed to this. It always asks for memory without reservation; but what is
 * more than there can be, malloc has to refuse. */
void *heap_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset);
void *heap_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
        return mmap(addr, len, prot, flags & ~MAP_NORESERVE, fd, offset);
}

/* The heap's calloc and free are renamed to these. While the pool is opened, the C library
 * allocates for a thread, and frees that again. */
void *heap_calloc(size_t n, size_t size);
void heap_free(void *memory);

EXPORT void *calloc(size_t n, size_t size)
{
        return __builtin_expect(preload.starting, 0) ? real_calloc(n, size) : heap_calloc(n, size);
}

EXPORT void free(void *memory)
{
        if (__builtin_expect(preload.starting, 0))
                real_free(memory);
        else
                heap_free(memory);
}

/* jemalloc's, whose header is not needed for more. */
int mallctl(const char *name, void *old, size_t *old_size, void *set, size_t set_size);

unsigned heap_set_aside(void)
{
        unsigned arena = 0, before = 0;
        size_t size = sizeof(arena);

        mallctl("arenas.create", &arena, &size, NULL, 0);
        mallctl("thread.arena", &before, &size, &arena, sizeof(arena));
        return before;
}

void heap_go_on(unsigned before)
{
        mallctl("thread.arena", NULL, NULL, &before, sizeof(before));
        mallctl("thread.tcache.flush", NULL, NULL, NULL, 0);
}

EXPORT void *reallocarray(void *old, size_t n, size_t size)
{
        size_t all;

        if (__builtin_mul_overflow(n, size, &all)) {
                errno = ENOMEM;
                return NULL;
        }
        return realloc(old, all);
}

EXPORT void *pvalloc(size_t size)
{
        size_t all = page_up(size);

        if (all < size) {
                errno = ENOMEM;
                return NULL;
        }
        return memalign(KERNEL_PAGE_SIZE, all);
}

/* Declared nowhere any more, but programs have them: a program may allocate by one
 * name of the C library and free by another, so all names must lead to one heap. */
void cfree(void *memory);
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void *__libc_valloc(size_t size);
void *__libc_pvalloc(size_t size);
void __libc_free(void *memory);
int __posix_memalign(void **memory, size_t alignment, size_t size);

EXPORT void cfree(void *memory)
{
        free(memory);
}

EXPORT void *__libc_malloc(size_t size)
{
        return malloc(size);
}

EXPORT void *__libc_calloc(size_t n, size_t size)
{
        return calloc(n, size);
}

EXPORT void *__libc_realloc(void *old, size_t size)
{
        return realloc(old, size);
}

EXPORT void *__libc_memalign(size_t alignment, size_t size)
{
        return memalign(alignment, size);
}

EXPORT void *__libc_valloc(size_t size)
{
        return valloc(size);
}

EXPORT void *__libc_pvalloc(size_t size)
{
        return pvalloc(size);
}

EXPORT void __libc_free(void *memory)
{
        free(memory);
}

EXPORT int __posix_memalign(void **memory, size_t alignment, size_t size)
{
        return posix_memalign(memory, alignment, size);
}
