/* SPDX-License-Identifier: MIT */
/* arena.c - memory for the pager's own tables. See arena.h. */
#include "arena.h"

#include <sys/mman.h>
#include <sys/prctl.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA           0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

void *arena_reserve(size_t bytes, const char *name)
{
        void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        if (memory == MAP_FAILED)
                return NULL;
        munlock(memory, bytes); /* the program may have called mlockall(MCL_FUTURE) */
        madvise(memory, bytes, MADV_NOHUGEPAGE); /* touched here and there: 4 KiB each, not 2 MiB */
        madvise(memory, bytes, MADV_DONTDUMP);   /* most of it was never touched */
        arena_name(memory, bytes, name);
        return memory;
}

void arena_not_for_child(void *memory, size_t bytes)
{
        madvise(memory, bytes, MADV_DONTFORK);
}

void arena_release(void *memory, size_t bytes)
{
        if (memory)
                munmap(memory, bytes);
}

void arena_name(void *memory, size_t bytes, const char *name)
{
        prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, memory, bytes, name);
}
