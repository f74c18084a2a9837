/* SPDX-License-Identifier: MIT */
/*
 * calls_map.c - mmap and munmap.
 *
 * What is paged: private anonymous memory, of any size. What is not: files and shared memory (they
 * have their own store, the page cache), huge pages, and what asks for a stack (MAP_STACK,
 * MAP_GROWSDOWN) or for low addresses (MAP_32BIT).
 *
 * An address without MAP_FIXED is a hint. In the arena it is followed where that is free. Elsewhere
 * it is ignored, because the kernel's memory would not be paged, and programs that give hints try
 * again or take what they get. But for accessible memory below 4 GiB: a program that asks for
 * that has pointers of 32 bits.
 */
#include "calls.h"
#include "text.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <fcntl.h>
#include <unistd.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MAP_UNINITIALIZED
#define MAP_UNINITIALIZED 0x4000000
#endif
#ifndef MAP_32BIT
#define MAP_32BIT 0
#endif

#define FIXED     (MAP_FIXED | MAP_FIXED_NOREPLACE)
#define NOT_PAGED (MAP_STACK | MAP_GROWSDOWN | MAP_HUGETLB | MAP_32BIT | MAP_UNINITIALIZED)
#define LOW       ((uintptr_t)1 << 32)

struct map {
        void *addr;
        size_t len;
        int prot, flags, fd;
        off_t offset;
};

int to_errno(int error)
{
        if (error >= 0)
                return error;
        errno = -error;
        return -1;
}

static void *fail(int error)
{
        errno = error;
        return MAP_FAILED;
}

static void *kernel(const struct map *m)
{
        return real_mmap(m->addr, m->len, m->prot, m->flags, m->fd, m->offset);
}

static bool is_pageable(const struct map *m)
{
        return (m->flags & MAP_TYPE) == MAP_PRIVATE && m->flags & MAP_ANONYMOUS &&
               !(m->flags & NOT_PAGED);
}

/* ---- overcommitment ------------------------------------------------------------------------ */

/* vm.overcommit_memory = 0, the default: a single request for more than there is fails. Programs
 * rely on that where they are given absurd sizes. */
bool calls_is_too_much(size_t size, unsigned flags)
{
        static _Atomic uint64_t most; /* 0: not asked yet */
        uint64_t limit = atomic_load_explicit(&most, memory_order_relaxed);

        if (flags & RANGE_NORESERVE || size < (size_t)256 << 20)
                return false;
        if (limit == 0) {
                int fd = real_open("/proc/sys/vm/overcommit_memory", O_RDONLY | O_CLOEXEC, 0);
                char mode = '0';
                struct sysinfo info;

                if (fd >= 0) {
                        syscall(SYS_read, fd, &mode, 1);
                        real_close(fd);
                }
                limit = UINT64_MAX;
                if (mode != '1' && syscall(SYS_sysinfo, &info) == 0)
                        limit = ((uint64_t)info.totalram + info.totalswap) * info.mem_unit;
                atomic_store_explicit(&most, limit, memory_order_relaxed);
        }
        return size > limit;
}

/* ---- mmap ---------------------------------------------------------------------------------- */

static unsigned range_flags(const struct map *m)
{
        return (m->flags & MAP_LOCKED ? RANGE_LOCKED : 0) |
               (m->flags & MAP_NORESERVE ? RANGE_NORESERVE : 0) | calls_future_flags();
}

static void *paged(const struct map *m, uintptr_t at, size_t size, bool replace)
{
        int error;

        if (m->prot & PROT_WRITE && calls_is_too_much(size, range_flags(m)))
                return fail(ENOMEM);
        if (!range_table_has_room(2))
                return fail(ENOMEM);
        error = replace ? arena_renew(at, at + size, m->prot, range_flags(m))
                        : arena_map(at, at + size, m->prot, range_flags(m));
        if (error)
                return fail(-error);
        if (m->flags & MAP_POPULATE && !(m->flags & MAP_NONBLOCK) && m->prot != PROT_NONE)
                arena_advise(at, at + size, PG_ADVICE_WILL_NEED);
        return (void *)at;
}

/* Mapped elsewhere first, then moved: what fails has no effect. */
static void *covered(const struct map *m, size_t size)
{
        struct map elsewhere = *m;
        void *over;

        elsewhere.addr = NULL;
        elsewhere.flags &= ~FIXED;
        over = kernel(&elsewhere);
        if (over == MAP_FAILED)
                return over;
        if (range_table_has_room(2) &&
            arena_cover((uintptr_t)m->addr, (uintptr_t)m->addr + size, over, m->prot) == 0)
                return m->addr;
        real_munmap(over, size);
        return fail(ENOMEM);
}

static void *fixed(const struct map *m, size_t size)
{
        uintptr_t at = (uintptr_t)m->addr;
        struct pieces p = pieces_of(at, at + size);

        if (at & (KERNEL_PAGE_SIZE - 1))
                return fail(EINVAL);
        if (m->flags & MAP_FIXED_NOREPLACE &&
            (p.from > p.start || p.to < p.end || !range_table_is_free(p.from, p.to)))
                return fail(EEXIST);
        if (p.from == p.start && p.to == p.end)
                return is_pageable(m) ? paged(m, at, size, true) : covered(m, size);
        /* Beyond an end of the arena: nothing of that range can be paged. */
        return fail(ENOMEM);
}

static void *anywhere(const struct map *m, size_t size)
{
        uintptr_t at = (uintptr_t)m->addr & ~(KERNEL_PAGE_SIZE - 1);

        if (at < preload.heap_end || at >= preload.end || preload.end - at < size ||
            !range_table_is_free(at, at + size))
                at = range_table_find_free(size);
        if (at == 0) {
                log_line("no place in the arena for a mapping: it stays unpaged", NULL);
                return kernel(m);
        }
        return paged(m, at, size, false);
}

static void *map(const struct map *m)
{
        size_t size = page_up(m->len);
        bool here = m->flags & FIXED && touches_arena(m->addr, m->len);
        uint64_t signals;
        void *result;

        if (m->len == 0 || size < m->len || (uintptr_t)m->offset & (KERNEL_PAGE_SIZE - 1))
                return kernel(m);
        if (!here && (!is_pageable(m) || m->flags & FIXED))
                return kernel(m);
        if (!here && m->addr && (uintptr_t)m->addr < LOW && m->prot != PROT_NONE)
                return kernel(m);
        if (size > preload.end - preload.start || (uintptr_t)m->addr + size < size)
                return here ? fail(ENOMEM) : kernel(m);
        signals = range_table_lock();
        result = here ? fixed(m, size) : anywhere(m, size);
        range_table_unlock(signals);
        return result;
}

EXPORT void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
        struct map m = {addr, len, prot, flags, fd, offset};

        if (!is_active())
                return kernel(&m);
        return map(&m);
}

EXPORT void *mmap64(void *addr, size_t len, int prot, int flags, int fd, off64_t offset)
        __attribute__((alias("mmap")));

/* ---- munmap -------------------------------------------------------------------------------- */

EXPORT int munmap(void *addr, size_t len)
{
        uintptr_t start = (uintptr_t)addr;
        uint64_t signals;
        struct pieces p;
        int error = 0;

        if (!is_active() || !touches_arena(addr, len))
                return real_munmap(addr, len);
        if (start & (KERNEL_PAGE_SIZE - 1) || len == 0 || page_up(len) < len ||
            start + page_up(len) < start)
                return to_errno(-EINVAL);
        p = pieces_of(start, start + page_up(len));
        signals = range_table_lock();
        if (!range_table_has_room(2))
                error = -ENOMEM;
        if (!error && p.start < p.from && real_munmap((void *)p.start, p.from - p.start) != 0)
                error = -errno;
        if (!error)
                error = arena_give_back(p.from, p.to);
        if (!error && p.to < p.end && real_munmap((void *)p.to, p.end - p.to) != 0)
                error = -errno;
        range_table_unlock(signals);
        return to_errno(error);
}

/* ---- for all ------------------------------------------------------------------------------- */

int calls_each(uintptr_t start, uintptr_t end, bool go_on, int (*one)(struct range *r, void *arg),
               void *arg)
{
        uintptr_t at = start;
        int error = 0, hole = 0;

        if (!range_table_has_room(2))
                return -ENOMEM;
        range_table_cut(start, end);
        for (struct range *r = range_table_find(start); !error; r = range_table_next(r)) {
                if (at < end && (!r || r->start > at)) {
                        hole = -ENOMEM;
                        if (!go_on)
                                break;
                }
                if (!r || r->start >= end)
                        break;
                error = one(r, arg);
                at = r->end;
        }
        range_table_join(start, end);
        return error ? error : hole;
}
