/* SPDX-License-Identifier: MIT */
/* deepbind_library.c - opened by deepbind.c so that its own names, and those of the C library, come
 * before all others. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define OUT __attribute__((visibility("default")))

OUT const char *name_of_mine(void);
OUT const char *library_name(void);
OUT char *library_make(size_t size);
OUT void library_drop(void *memory);
OUT char *library_resize(void *memory, size_t size);
OUT int library_unmap(void *addr, size_t size);
OUT void *library_map(size_t size);
OUT void *library_open(const char *name);

/* The program has one, too. */
OUT const char *name_of_mine(void)
{
        return "the library's";
}

OUT const char *library_name(void)
{
        return name_of_mine();
}

OUT char *library_make(size_t size)
{
        return malloc(size);
}

OUT void library_drop(void *memory)
{
        free(memory);
}

OUT char *library_resize(void *memory, size_t size)
{
        return realloc(memory, size);
}

OUT void *library_map(size_t size)
{
        return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

OUT int library_unmap(void *addr, size_t size)
{
        return munmap(addr, size);
}

OUT void *library_open(const char *name)
{
        return dlopen(name, RTLD_NOW);
}
