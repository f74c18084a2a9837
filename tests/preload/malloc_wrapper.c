/* SPDX-License-Identifier: MIT */
/* malloc_wrapper.c - a preloaded library that counts allocations, and leaves them to the next
 * library: by dlsym(), but malloc by the C library's other name for it. */
#include <dlfcn.h>
#include <stddef.h>

#define OUT __attribute__((visibility("default")))

OUT unsigned long allocator_blocks;

extern void *__libc_malloc(size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void __libc_free(void *memory);
void *malloc(size_t size);
void *realloc(void *old, size_t size);
void free(void *memory);

static void *(*next_realloc)(void *old, size_t size) = __libc_realloc;
static void (*next_free)(void *memory) = __libc_free;

__attribute__((constructor)) static void find_next(void)
{
        next_realloc = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
        next_free = (void (*)(void *))dlsym(RTLD_NEXT, "free");
}

OUT void *malloc(size_t size)
{
        allocator_blocks++;
        return __libc_malloc(size);
}

OUT void *realloc(void *old, size_t size)
{
        allocator_blocks++;
        return next_realloc(old, size);
}

OUT void free(void *memory)
{
        next_free(memory);
}
