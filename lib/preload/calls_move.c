/* SPDX-License-Identifier: MIT */
/*
 * calls_move.c - mremap, in every direction: within the arena, into it, out of it.
 *
 * The content of paged memory is moved by the pager, page by page, without a copy. Into memory that
 * is not paged it must be copied. What lies out of paging in the arena is the kernel's to move; the
 * hole it leaves is filled at once, and if another thread's mapping was quicker, it has that place
 * for good.
 */
#include "calls.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

#define KNOWN (MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)

struct remap {
        uintptr_t old, to;
        size_t old_size, new_size;
        int flags;
};

static bool is_fixed(const struct remap *m)
{
        return m->flags & MREMAP_FIXED;
}

static bool keeps(const struct remap *m)
{
        return m->flags & MREMAP_DONTUNMAP;
}

static bool is_inside(uintptr_t at, size_t size)
{
        return at >= preload.start && at < preload.end && preload.end - at >= size;
}

/* What the kernel finds wrong with the arguments, before it looks at any mapping. Of sizes
 * beyond all bounds it is asked, with a page of ours. */
static int move_check(const struct remap *m)
{
        static char page[KERNEL_PAGE_SIZE] __attribute__((aligned(KERNEL_PAGE_SIZE)));

        if (m->flags & ~KNOWN ||
            (m->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) && !(m->flags & MREMAP_MAYMOVE)))
                return -EINVAL;
        if (keeps(m) && m->old_size != m->new_size)
                return -EINVAL;
        if (m->old & (KERNEL_PAGE_SIZE - 1) || m->new_size == 0)
                return -EINVAL;
        if (m->new_size > preload.end - preload.start &&
            real_mremap(page, KERNEL_PAGE_SIZE, m->new_size, m->flags & MREMAP_MAYMOVE, NULL) ==
                    MAP_FAILED)
                return -errno;
        if (!is_fixed(m))
                return 0;
        if (m->to & (KERNEL_PAGE_SIZE - 1) || m->to + m->new_size < m->to)
                return -EINVAL;
        if (m->to < m->old + m->old_size && m->old < m->to + m->new_size)
                return -EINVAL;
        return 0;
}

/* ---- the kernel's mappings ----------------------------------------------------------------- */

/* From outside to a place in the arena: moved out of the way first, which shows all errors. */
static int come_in(const struct remap *m, void **result)
{
        int flags = m->flags & ~MREMAP_FIXED;
        void *over;

        if (!is_inside(m->to, m->new_size))
                return -ENOMEM;
        over = real_mremap((void *)m->old, m->old_size, m->new_size, flags, NULL);
        if (over == MAP_FAILED)
                return -errno;
        *result = (void *)m->to;
        return arena_cover(m->to, m->to + m->new_size, over, PROT_READ | PROT_WRITE);
}

/* A mapping of the kernel's in the arena goes elsewhere. */
static int go_out(const struct remap *m, struct range *r, void **result)
{
        const int plug = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
        int prot = r->prot, error;
        void *there = real_mmap(NULL, m->new_size, PROT_NONE, plug, -1, 0);

        if (there == MAP_FAILED)
                return -ENOMEM;
        if (real_mremap((void *)m->old, m->old_size, m->new_size,
                        (m->flags & MREMAP_DONTUNMAP) | MREMAP_MAYMOVE | MREMAP_FIXED,
                        there) == MAP_FAILED) {
                error = -errno;
                real_munmap(there, m->new_size);
                return error;
        }
        if (!keeps(m) && real_mmap((void *)m->old, m->old_size, PROT_NONE,
                                   plug | MAP_FIXED_NOREPLACE, -1, 0) == (void *)m->old)
                arena_give_back(m->old, m->old + m->old_size);
        *result = there;
        if (!is_fixed(m))
                return 0;
        *result = (void *)m->to;
        if (is_inside(m->to, m->new_size))
                return arena_cover(m->to, m->to + m->new_size, there, prot);
        if (touches_arena((void *)m->to, m->new_size) ||
            real_mremap(there, m->new_size, m->new_size, MREMAP_MAYMOVE | MREMAP_FIXED,
                        (void *)m->to) == MAP_FAILED)
                return -ENOMEM;
        return 0;
}

/* A mapping of the kernel's grows where it is: into addresses that are free here, but not for the
 * kernel, until they are unmapped. False: it cannot. */
static bool grow_out(const struct remap *m, const struct range *r)
{
        uintptr_t end = m->old + m->old_size, new_end = m->old + m->new_size;
        int prot = r->prot;
        unsigned flags = r->flags;
        void *plug;

        if (keeps(m) || r->end != end || new_end <= end || !is_inside(m->old, m->new_size) ||
            (end | new_end) & (preload.granule - 1) || !range_table_is_free(end, new_end) ||
            pg_exclude(preload.pool, (void *)end, new_end - end) != 0)
                return false;
        real_munmap((void *)end, new_end - end);
        if (real_mremap((void *)m->old, m->old_size, m->new_size, 0, NULL) != MAP_FAILED) {
                range_table_set(end, new_end, prot, flags);
                return true;
        }
        plug = real_mmap((void *)end, new_end - end, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
        range_table_set(end, new_end, PROT_NONE, RANGE_OUT);
        if (plug == (void *)end)
                arena_give_back(end, new_end);
        return false;
}

/* ---- paged memory -------------------------------------------------------------------------- */

static int move_copy_out(const struct remap *m, int prot)
{
        size_t size = m->old_size < m->new_size ? m->old_size : m->new_size;
        void *to;

        if (touches_arena((void *)m->to, m->new_size))
                return -ENOMEM;
        to = real_mmap((void *)m->to, m->new_size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        if (to == MAP_FAILED)
                return -errno;
        real_mprotect((void *)m->old, size, prot | PROT_READ);
        memcpy(to, (void *)m->old, size);
        real_mprotect((void *)m->old, size, prot);
        real_mprotect(to, m->new_size, prot);
        return 0;
}

/* All of `old` is one range; `to` is free, or somebody's whose time has come. */
static int move_to(const struct remap *m, uintptr_t to, void **result)
{
        struct range r = *range_table_at(m->old);
        size_t size = m->old_size < m->new_size ? m->old_size : m->new_size;
        int error = 0;

        *result = (void *)to;
        if (!is_inside(to, m->new_size)) {
                error = move_copy_out(m, r.prot);
        } else {
                error = arena_renew(to, to + m->new_size, r.prot,
                                    r.flags & ~(RANGE_PINNED | RANGE_KEY));
                if (error)
                        return error;
                if (r.flags & RANGE_PINNED)
                        arena_unpin(m->old, m->old + m->old_size);
                error = arena_move(to, m->old, size, r.prot);
                if (error) {
                        arena_give_back(to, to + m->new_size);
                        if (r.flags & RANGE_PINNED)
                                arena_pin(m->old, m->old + m->old_size);
                } else if (r.flags & RANGE_PINNED && arena_pin(to, to + m->new_size) == 0) {
                        range_table_set(to, to + m->new_size, r.prot, r.flags & ~RANGE_KEY);
                }
        }
        if (error)
                return error;
        if (!keeps(m))
                return arena_give_back(m->old, m->old + m->old_size);
        range_table_set(m->old, m->old + m->old_size, r.prot, r.flags & ~RANGE_PINNED);
        return arena_discard(m->old, m->old + m->old_size);
}

static int grow(const struct remap *m, struct range *r, void **result)
{
        uintptr_t end = m->old + m->old_size, new_end = m->old + m->new_size;
        struct range before = *r;
        uintptr_t to;
        int error;

        *result = (void *)m->old;
        if (!keeps(m) && r->end == end && new_end > end && is_inside(m->old, m->new_size) &&
            range_table_is_free(end, new_end) && !(r->flags & RANGE_KEY)) {
                error = arena_map(end, new_end, before.prot, before.flags & ~RANGE_STACK);
                if (!error || !(m->flags & MREMAP_MAYMOVE))
                        return error;
        }
        if (!(m->flags & MREMAP_MAYMOVE))
                return -ENOMEM;
        to = range_table_find_free(m->new_size);
        return to ? move_to(m, to, result) : -ENOMEM;
}

/* The old range begins in the arena. */
static int remap(struct remap *m, void **result)
{
        struct range *r = range_table_at(m->old);

        if (!r)
                return -EFAULT;
        if (m->old_size == 0 && !(r->flags & RANGE_OUT))
                return -EINVAL;
        *result = (void *)m->old;
        if (m->old_size >= m->new_size && !keeps(m)) {
                int error = m->old_size == m->new_size
                                    ? 0
                                    : arena_give_back(m->old + m->new_size, m->old + m->old_size);

                if (error || !is_fixed(m))
                        return error;
                m->old_size = m->new_size;
                r = range_table_at(m->old);
        }
        if (m->old_size > r->end - m->old)
                return -EFAULT;
        if (m->new_size > m->old_size && r->prot & PROT_WRITE &&
            calls_is_too_much(m->new_size - m->old_size, r->flags))
                return -ENOMEM;
        if (r->flags & RANGE_OUT && !is_fixed(m) && grow_out(m, r))
                return 0;
        if (r->flags & RANGE_OUT)
                return m->flags & MREMAP_MAYMOVE ? go_out(m, r, result) : -ENOMEM;
        if (is_fixed(m))
                return move_to(m, m->to, result);
        return grow(m, r, result);
}

EXPORT void *mremap(void *addr, size_t old_len, size_t new_len, int flags, ...)
{
        struct remap m = {.old = (uintptr_t)addr, .flags = flags};
        void *result = MAP_FAILED, *to = NULL;
        uint64_t signals;
        va_list args;
        int error;

        va_start(args, flags);
        if (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP))
                to = va_arg(args, void *);
        va_end(args);
        if (!is_active() ||
            !(is_in_arena((uintptr_t)addr) || (flags & MREMAP_FIXED && touches_arena(to, new_len))))
                return real_mremap(addr, old_len, new_len, flags, to);
        m.to = (uintptr_t)to;
        m.old_size = page_up(old_len);
        m.new_size = page_up(new_len);
        error = page_up(new_len) < new_len || page_up(old_len) < old_len ? -EINVAL : move_check(&m);
        if (!error) {
                signals = range_table_lock();
                if (!range_table_has_room(4))
                        error = -ENOMEM;
                else
                        error = is_in_arena(m.old) ? remap(&m, &result) : come_in(&m, &result);
                range_table_unlock(signals);
        }
        return to_errno(error) < 0 ? MAP_FAILED : result;
}
