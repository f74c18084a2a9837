/* SPDX-License-Identifier: MIT */
/*
 * allocator.c - an allocator as libjemalloc.so is: linked to a program, or preloaded, it replaces
 * malloc and operator new. Its operator delete calls free by name, and a block of another heap ends
 * the process.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define OUT   __attribute__((visibility("default")))
#define MAGIC UINT64_C(0x616c6c6f6361746f)
#define CHUNK ((size_t)1 << 20)

struct block {
        uint64_t magic;
        size_t size;
};

OUT unsigned long allocator_blocks;
void *_Znwm(size_t size);
void _ZdlPv(void *memory);

/* Never reused: the test is about which heap gives and takes. */
static void *take(size_t alignment, size_t size)
{
        static char *at, *end;
        size_t all = size + sizeof(struct block) + alignment;
        struct block *block;

        if (all > PTRDIFF_MAX) {
                errno = ENOMEM;
                return NULL;
        }
        if ((size_t)(end - at) < all) {
                size_t chunk = all > CHUNK ? all : CHUNK;

                at = mmap(NULL, chunk, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                if (at == MAP_FAILED)
                        abort();
                end = at + chunk;
        }
        at += sizeof(*block) + alignment - 1;
        at -= (uintptr_t)at % alignment;
        block = (struct block *)(void *)at - 1;
        *block = (struct block){MAGIC, size};
        at += (size + 15) & ~(size_t)15;
        allocator_blocks++;
        return block + 1;
}

static struct block *block_of(void *memory)
{
        static const char words[] = "a block of another heap\n";
        struct block *block = (struct block *)memory - 1;

        if (block->magic == MAGIC)
                return block;
        _exit(write(STDERR_FILENO, words, sizeof(words) - 1) > 0 ? 95 : 96);
}

OUT void *malloc(size_t size)
{
        return take(16, size);
}

OUT void *calloc(size_t n, size_t size)
{
        size_t all = __builtin_mul_overflow(n, size, &all) ? SIZE_MAX : all;

        return take(16, all);
}

OUT void free(void *memory)
{
        if (memory)
                block_of(memory)->magic = 0;
}

OUT void *realloc(void *old, size_t size)
{
        void *memory = take(16, size);

        if (old && memory) {
                size_t before = block_of(old)->size;

                memcpy(memory, old, before < size ? before : size);
                free(old);
        }
        return memory;
}

OUT void *memalign(size_t alignment, size_t size)
{
        return take(alignment < 16 ? 16 : alignment, size);
}

OUT void *aligned_alloc(size_t alignment, size_t size)
{
        return memalign(alignment, size);
}

OUT int posix_memalign(void **memory, size_t alignment, size_t size)
{
        *memory = memalign(alignment, size);
        return *memory ? 0 : ENOMEM;
}

OUT size_t malloc_usable_size(void *memory)
{
        return memory ? block_of(memory)->size : 0;
}

OUT void *_Znwm(size_t size)
{
        return take(16, size);
}

OUT void _ZdlPv(void *memory)
{
        free(memory);
}
