/* SPDX-License-Identifier: MIT */
/* first_library.c - a preloaded library that is initialised before all others (-z initfirst, which
 * one can have), and allocates. */
#include <stdlib.h>
#include <string.h>

#define SIZE 5000

static char *early;

__attribute__((constructor)) static void allocate_early(void)
{
        early = malloc(SIZE);
        memset(early, 1, SIZE);
}

__attribute__((destructor)) static void release_late(void)
{
        if (early[SIZE - 1] != 1)
                abort();
        free(early);
}
