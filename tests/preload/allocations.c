/* SPDX-License-Identifier: MIT */
/* allocations.c - every way to allocate and free, for allocators.sh. Says whether an allocator that
 * counts had a part in it. */
#include "case.h"

#include <dlfcn.h>
#include <malloc.h>

#define BLOCKS 1500u
#define WAYS   7u

static char *blocks[BLOCKS];
static void *(*new)(size_t size);
static void (*delete)(void *memory);

static size_t size_of(unsigned i)
{
        return 16 + i * 37 % 500 * 8;
}

static char *allocate(unsigned way, size_t size)
{
        void *memory = NULL;

        switch (way) {
        case 0:
                return calloc(size / 8, 8);
        case 1:
                return realloc(malloc(10), size);
        case 2:
                return memalign(64, size);
        case 3:
                return posix_memalign(&memory, 4096, size) == 0 ? memory : NULL;
        case 4:
                return aligned_alloc(32, size);
        case 5:
                return new ? new (size) : malloc(size);
        default:
                return reallocarray(NULL, size / 8, 8);
        }
}

static void release(unsigned i)
{
        must(malloc_usable_size(blocks[i]) >= size_of(i));
        if (new &&i % WAYS == 5)
                delete (blocks[i]);
        else
                free(blocks[i]);
}

int main(void)
{
        const unsigned long *count = dlsym(RTLD_DEFAULT, "allocator_blocks");
        char *line = NULL;

        alarm(100);
        *(void **)&new = dlsym(RTLD_DEFAULT, "_Znwm");
        *(void **)&delete = dlsym(RTLD_DEFAULT, "_ZdlPv");
        for (unsigned round = 0; round < 3; round++) {
                for (unsigned i = 0; i < BLOCKS; i++) {
                        blocks[i] = allocate(i % WAYS, size_of(i));
                        must(blocks[i]);
                        data_fill(blocks[i], size_of(i), i + round);
                }
                for (unsigned i = 0; i < BLOCKS; i++) {
                        must(data_wrong(blocks[i], size_of(i), i + round) == 0);
                        release(i);
                }
                must(asprintf(&line, "round %u", round) > 0); /* the C library's own malloc */
                puts(line);
                free(line);
        }
        printf("an allocator of its own: %s\n", count && *count >= BLOCKS / WAYS ? "yes" : "no");
        return 0;
}
