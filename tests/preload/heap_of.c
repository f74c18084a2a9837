/* SPDX-License-Identifier: MIT */
/* heap_of.c - which heap malloc gives from: the C library counts what is its own. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern void *__libc_malloc(size_t size);

#define SIZE ((size_t)3000)
#define MANY 100

static const char *owner(void *(*allocate)(size_t size))
{
        size_t before = mallinfo2().uordblks;

        for (unsigned i = 0; i < MANY; i++) {
                char *memory = allocate(SIZE);

                if (!memory)
                        return "none";
                memset(memory, 1, SIZE);
        }
        return mallinfo2().uordblks - before >= MANY * SIZE ? "the C library's" : "another";
}

static void *aligned(size_t size)
{
        return memalign(512, size);
}

int main(void)
{
        printf("malloc: %s\n", owner(malloc));
        printf("memalign: %s\n", owner(aligned));
        printf("__libc_malloc: %s\n", owner(__libc_malloc));
        free(malloc(10));
        return 0;
}
