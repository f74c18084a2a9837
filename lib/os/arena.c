/* SPDX-License-Identifier: MIT */
/* arena.c - memory for the pager's own tables. See arena.h. */
#include "arena.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA           0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24 /* Linux 5.18 */
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13 */
#endif

static char *first_byte(void *memory)
{
        return (char *)memory - ARENA_HEAD;
}

/*
 * After mlockall(MCL_FUTURE) the kernel fills whatever is mapped accessible before munlock(2) can
 * be called: so the reservation becomes accessible last of all. mlockall(MCL_CURRENT) fills
 * whatever is accessible then, but leaves a mapping at the first page that it cannot bring in: so
 * the first page is a guard.
 */
void *arena_reserve(size_t bytes, const char *name)
{
        size_t whole = bytes + ARENA_HEAD;
        void *base =
                mmap(NULL, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        if (base == MAP_FAILED)
                return NULL;
        munlock(base, whole);
        madvise(base, ARENA_HEAD, MADV_GUARD_INSTALL);
        madvise(base, whole, MADV_NOHUGEPAGE); /* touched here and there: 4 KiB each, not 2 MiB */
        madvise(base, whole, MADV_DONTDUMP);   /* most of it was never touched */
        if (mprotect(base, whole, PROT_READ | PROT_WRITE) != 0) {
                munmap(base, whole);
                return NULL;
        }
        arena_name(base, whole, name);
        return (char *)base + ARENA_HEAD;
}

void arena_not_for_child(void *memory, size_t bytes)
{
        madvise(first_byte(memory), bytes + ARENA_HEAD, MADV_DONTFORK);
}

void arena_forget(void *memory, size_t bytes)
{
        int saved = errno;

        if (madvise(memory, bytes, MADV_DONTNEED) != 0)
                madvise(memory, bytes, MADV_DONTNEED_LOCKED);
        errno = saved;
}

void arena_release(void *memory, size_t bytes)
{
        if (memory)
                munmap(first_byte(memory), bytes + ARENA_HEAD);
}

void arena_name(void *memory, size_t bytes, const char *name)
{
        prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, memory, bytes, name);
}
