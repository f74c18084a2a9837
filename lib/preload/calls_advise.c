/* SPDX-License-Identifier: MIT */
/*
 * calls_advise.c - madvise and posix_madvise.
 *
 *   DONTNEED, FREE                  the content is forgotten, at once for both
 *   WILLNEED, POPULATE_*            paged in: as frames allow, and all of it, one part after the other
 *   COLD, PAGEOUT                   next to go; written out
 *   DONTFORK, WIPEONFORK and back   remembered here, and done in the child by fork.c. The kernel is not
 *                                   told: it would leave a hole in the child's arena.
 *   DONTDUMP, DODUMP                the kernel's
 *   NORMAL, RANDOM, SEQUENTIAL, HUGEPAGE, NOHUGEPAGE, MERGEABLE, UNMERGEABLE    accepted, no effect.
 *                                   The pager's own readahead finds its streams by itself, and
 *                                   advice to it is for a whole mapping, here the arena.
 *   GUARD_INSTALL, GUARD_REMOVE, COLLAPSE, HWPOISON, SOFT_OFFLINE    EINVAL, as of a kernel that does
 *                                   not know them
 *   others                          what the kernel says of a page that has nothing to do with it
 */
#include "calls.h"

#include <errno.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE 101
#endif
#define MADV_GUARD_INSTALL_ 102
#define MADV_GUARD_REMOVE_  103

/* Large requests go to the pager in parts, so that signals wait no longer than for one. */
#define PART ((size_t)16 << 20)

/* What no range decides. The kernel is asked about advice that has no effect here; never about any
 * that would have one on the page it is asked about. */
static int advise_check(int advice)
{
        static char page[KERNEL_PAGE_SIZE] __attribute__((aligned(KERNEL_PAGE_SIZE)));

        switch (advice) {
        case MADV_NORMAL:
        case MADV_RANDOM:
        case MADV_SEQUENTIAL:
        case MADV_DONTNEED:
        case MADV_FREE:
        case MADV_WILLNEED:
        case MADV_POPULATE_READ:
        case MADV_POPULATE_WRITE:
        case MADV_COLD:
        case MADV_PAGEOUT:
        case MADV_REMOVE:
        case MADV_DONTFORK:
        case MADV_DOFORK:
        case MADV_WIPEONFORK:
        case MADV_KEEPONFORK:
        case MADV_DONTDUMP:
        case MADV_DODUMP:
                return 0;
        case MADV_GUARD_INSTALL_:
        case MADV_GUARD_REMOVE_:
        case MADV_COLLAPSE:
        case MADV_HWPOISON:
        case MADV_SOFT_OFFLINE:
                return -EINVAL;
        default:
                return real_madvise(page, KERNEL_PAGE_SIZE, advice) == 0 ? 0 : -errno;
        }
}

static int remember(struct range *r, int advice)
{
        switch (advice) {
        case MADV_DONTFORK:
                r->flags |= RANGE_NOFORK;
                break;
        case MADV_DOFORK:
                r->flags &= ~RANGE_NOFORK;
                break;
        case MADV_WIPEONFORK:
                r->flags |= RANGE_WIPE;
                break;
        default:
                r->flags &= ~RANGE_WIPE;
        }
        return 0;
}

static int page_in(uintptr_t start, uintptr_t end)
{
        for (uintptr_t at = start; at < end; at += PART) {
                int error = arena_page_in(at, end - at < PART ? end : at + PART);

                if (error)
                        return error == -EIO ? -EHWPOISON : -ENOMEM;
        }
        return 0;
}

static int populate(struct range *r, int advice)
{
        if (!(r->prot & (advice == MADV_POPULATE_WRITE ? PROT_WRITE : PROT_READ)))
                return -EINVAL;
        return page_in(r->start, r->end);
}

/* [start, end) of one range that is not out. Discarding may join ranges. */
static int advise_paged(struct range *r, uintptr_t start, uintptr_t end, int advice)
{
        switch (advice) {
        case MADV_DONTNEED:
        case MADV_FREE:
                return arena_discard(start, end);
        case MADV_WILLNEED:
                if (r->prot != PROT_NONE)
                        arena_advise(start, end, PG_ADVICE_WILL_NEED);
                return 0;
        case MADV_POPULATE_READ:
        case MADV_POPULATE_WRITE:
                return populate(r, advice);
        case MADV_COLD:
        case MADV_PAGEOUT:
                if (r->flags & RANGE_LOCKED)
                        return -EINVAL;
                if (advice == MADV_COLD)
                        arena_advise(start, end, PG_ADVICE_COLD);
                else
                        arena_page_out(start, end);
                return 0;
        case MADV_REMOVE:
                return -EINVAL;
        case MADV_DONTFORK:
        case MADV_DOFORK:
        case MADV_WIPEONFORK:
        case MADV_KEEPONFORK:
                return remember(r, advice);
        case MADV_DONTDUMP:
        case MADV_DODUMP:
                return real_madvise((void *)start, end - start, advice) == 0 ? 0 : -errno;
        default:
                return 0;
        }
}

/* Holes are passed over and told of at the end; but where pages are to come in, they end it. */
static int advise(uintptr_t start, uintptr_t end, int advice)
{
        bool stops = advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE;
        uintptr_t at = start, from;
        int error = 0, hole = 0;

        if (!range_table_has_room(4))
                return -EAGAIN;
        range_table_cut(start, end);
        while (!error && at < end) {
                struct range *r = range_table_find(at);

                if (!r || r->start > at) {
                        hole = -ENOMEM;
                        if (!r || r->start >= end || stops)
                                break;
                }
                from = r->start > at ? r->start : at;
                at = r->end < end ? r->end : end;
                if (!(r->flags & RANGE_OUT))
                        error = advise_paged(r, from, at, advice);
                else if (advice == MADV_DONTFORK || advice == MADV_DOFORK)
                        error = remember(r, advice);
                else if (real_madvise((void *)from, at - from, advice) != 0)
                        error = -errno;
        }
        range_table_join(start, end);
        return error ? error : hole;
}

EXPORT int madvise(void *addr, size_t len, int advice)
{
        uintptr_t start = (uintptr_t)addr;
        struct pieces p;
        uint64_t signals;
        int error = 0, more = 0;

        if (!is_active() || !touches_arena(addr, len))
                return real_madvise(addr, len, advice);
        if (start & (KERNEL_PAGE_SIZE - 1) || page_up(len) < len || start + page_up(len) < start)
                return to_errno(-EINVAL);
        error = advise_check(advice);
        if (error)
                return to_errno(error);
        p = pieces_of(start, start + page_up(len));
        if (p.start < p.from && real_madvise((void *)p.start, p.from - p.start, advice) != 0)
                error = -errno;
        if (!error || error == -ENOMEM) {
                signals = range_table_lock();
                more = advise(p.from, p.to, advice);
                range_table_unlock(signals);
                error = more ? more : error;
        }
        if ((!error || error == -ENOMEM) && p.to < p.end &&
            real_madvise((void *)p.to, p.end - p.to, advice) != 0)
                error = -errno;
        return to_errno(error);
}

EXPORT int posix_madvise(void *addr, size_t len, int advice)
{
        int saved = errno, error;

        if (advice == POSIX_MADV_DONTNEED) /* which must not forget anything */
                return 0;
        error = madvise(addr, len, advice) == 0 ? 0 : errno;
        errno = saved;
        return error;
}
