/* SPDX-License-Identifier: MIT */
/*
 * heap.c - the heap: jemalloc, linked in, on memory from our mmap; and which heap malloc is.
 *
 * In a process that is paged, our heap takes the place of the C library's, and no other. If the
 * program brings an allocator (linked, or preloaded beside us), its functions would be found before
 * the C library's, and call one another by whatever names they like: they all stay in use, and
 * their memory is paged because they ask our mmap for it. In a process that is not paged, malloc is
 * what it would be without us. So each of our functions goes where one of two tables says:
 *
 *         front    malloc and its like: the function that is next after ours; but the bottom's
 *                  where that is the C library's
 *         bottom   what the C library's heap is: ours if the process is paged. Also under the names
 *                  __libc_malloc …, and where names are looked up in the C library (libc_image.c)
 *
 * Until the constructor has decided, both begin with it, for allocations that come earlier.
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
#include "libc_image.h"
#include "preload.h"
#include "real_syscalls.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
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

/* ---- the tables ----------------------------------------------------------------------------- */

struct calls {
        void *(*malloc)(size_t size);
        void *(*calloc)(size_t n, size_t size);
        void *(*realloc)(void *old, size_t size);
        void *(*memalign)(size_t alignment, size_t size);
        void *(*aligned_alloc)(size_t alignment, size_t size);
        int (*posix_memalign)(void **memory, size_t alignment, size_t size);
        size_t (*malloc_usable_size)(void *memory);
        void (*free)(void *memory);
};

/* In the order of the members. */
static const char *const names[] = {"malloc",
                                    "calloc",
                                    "realloc",
                                    "memalign",
                                    "aligned_alloc",
                                    "posix_memalign",
                                    "malloc_usable_size",
                                    "free"};

#define CALLS (sizeof(names) / sizeof(names[0]))

union table {
        struct calls calls;
        void *at[CALLS];
};

_Static_assert(sizeof(struct calls) == sizeof(void *[CALLS]), "a name for each");

/* jemalloc's, renamed to these. */
void *heap_malloc(size_t size);
void *heap_calloc(size_t n, size_t size);
void *heap_realloc(void *old, size_t size);
void *heap_memalign(size_t alignment, size_t size);
void *heap_aligned_alloc(size_t alignment, size_t size);
int heap_posix_memalign(void **memory, size_t alignment, size_t size);
size_t heap_malloc_usable_size(void *memory);
void heap_free(void *memory);

static const union table ours = {{heap_malloc, heap_calloc, heap_realloc, heap_memalign,
                                  heap_aligned_alloc, heap_posix_memalign, heap_malloc_usable_size,
                                  heap_free}};

/* While the pool is opened nothing may wake the heap. The C library allocates for a thread then,
 * and frees that again. */
static const union table waiting = {{real_malloc, real_calloc, real_realloc, heap_memalign,
                                     heap_aligned_alloc, heap_posix_memalign,
                                     heap_malloc_usable_size, real_free}};

#define FIRST(type, call, parameters, arguments)                                                   \
        static type first_##call parameters                                                        \
        {                                                                                          \
                preload_begin();                                                                   \
                return call arguments;                                                             \
        }

FIRST(void *, malloc, (size_t size), (size))
FIRST(void *, calloc, (size_t n, size_t size), (n, size))
FIRST(void *, realloc, (void *old, size_t size), (old, size))
FIRST(void *, memalign, (size_t alignment, size_t size), (alignment, size))
FIRST(void *, aligned_alloc, (size_t alignment, size_t size), (alignment, size))
FIRST(int, posix_memalign, (void **at, size_t alignment, size_t size), (at, alignment, size))
FIRST(size_t, malloc_usable_size, (void *memory), (memory))
FIRST(void, free, (void *memory), (memory))

#define FIRST_TABLE                                                                                \
        {                                                                                          \
                {                                                                                  \
                        first_malloc, first_calloc, first_realloc, first_memalign,                 \
                                first_aligned_alloc, first_posix_memalign,                         \
                                first_malloc_usable_size, first_free                               \
                }                                                                                  \
        }

static union table front = FIRST_TABLE, bottom = FIRST_TABLE;
static union table next, libc; /* what comes after us; the C library's own */

static void heap_place(const union table *at_bottom)
{
        bottom = *at_bottom;
        for (size_t i = 0; i < CALLS; i++)
                front.at[i] = next.at[i] == libc.at[i] ? bottom.at[i] : next.at[i];
}

void heap_init(void)
{
        for (size_t i = 0; i < CALLS; i++) {
                next.at[i] = dlsym(RTLD_NEXT, names[i]);
                libc.at[i] = libc_function(names[i]);
                if (!libc.at[i])
                        libc.at[i] = next.at[i];
        }
        heap_leave();
}

void heap_leave(void)
{
        heap_place(&libc);
}

void heap_wait(void)
{
        front = bottom = waiting;
}

void heap_take(void)
{
        heap_place(&ours);
}

const void *heap_instead_of(const char *name)
{
        for (size_t i = 0; i < CALLS; i++)
                if (strcmp(name, names[i]) == 0)
                        return ours.at[i];
        return NULL;
}

/* ---- an arena aside ------------------------------------------------------------------------- */

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

/* ---- malloc and its like -------------------------------------------------------------------- */

EXPORT void *malloc(size_t size)
{
        return front.calls.malloc(size);
}

EXPORT void *calloc(size_t n, size_t size)
{
        return front.calls.calloc(n, size);
}

EXPORT void *realloc(void *old, size_t size)
{
        return front.calls.realloc(old, size);
}

EXPORT void *memalign(size_t alignment, size_t size)
{
        return front.calls.memalign(alignment, size);
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
        return front.calls.aligned_alloc(alignment, size);
}

EXPORT int posix_memalign(void **memory, size_t alignment, size_t size)
{
        return front.calls.posix_memalign(memory, alignment, size);
}

EXPORT size_t malloc_usable_size(void *memory)
{
        return front.calls.malloc_usable_size(memory);
}

EXPORT void free(void *memory)
{
        front.calls.free(memory);
}

/* ---- by way of those ------------------------------------------------------------------------ */

EXPORT void *reallocarray(void *old, size_t n, size_t size)
{
        size_t all;

        if (__builtin_mul_overflow(n, size, &all)) {
                errno = ENOMEM;
                return NULL;
        }
        return realloc(old, all);
}

EXPORT void *valloc(size_t size)
{
        return memalign(KERNEL_PAGE_SIZE, size);
}

/* A size that overflows stays one that cannot be had. */
static size_t whole_pages(size_t size)
{
        return size > PTRDIFF_MAX ? size : page_up(size);
}

EXPORT void *pvalloc(size_t size)
{
        return memalign(KERNEL_PAGE_SIZE, whole_pages(size));
}

/* ---- the C library's other names ------------------------------------------------------------ */

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
        return bottom.calls.malloc(size);
}

EXPORT void *__libc_calloc(size_t n, size_t size)
{
        return bottom.calls.calloc(n, size);
}

EXPORT void *__libc_realloc(void *old, size_t size)
{
        return bottom.calls.realloc(old, size);
}

EXPORT void *__libc_memalign(size_t alignment, size_t size)
{
        return bottom.calls.memalign(alignment, size);
}

EXPORT void *__libc_valloc(size_t size)
{
        return bottom.calls.memalign(KERNEL_PAGE_SIZE, size);
}

EXPORT void *__libc_pvalloc(size_t size)
{
        return bottom.calls.memalign(KERNEL_PAGE_SIZE, whole_pages(size));
}

EXPORT void __libc_free(void *memory)
{
        bottom.calls.free(memory);
}

EXPORT int __posix_memalign(void **memory, size_t alignment, size_t size)
{
        return bottom.calls.posix_memalign(memory, alignment, size);
}
