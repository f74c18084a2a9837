/* SPDX-License-Identifier: MIT */
/*
 * calls_protect.c - mprotect and pkey_mprotect; and the calls that only look, or have nothing to do
 * for memory without a file: mincore, msync.
 */
#include "calls.h"

#include <errno.h>
#include <sys/mman.h>

/* ---- protection ---------------------------------------------------------------------------- */

struct protection {
        int prot, key; /* -1: no key is given */
};

static int protect_one(struct range *r, void *arg)
{
        const struct protection *p = arg;
        void *start = (void *)r->start;
        size_t size = r->end - r->start;
        bool charged = p->prot & PROT_WRITE && !(r->prot & PROT_WRITE);

        if (charged && !(r->flags & RANGE_OUT) && calls_is_too_much(size, r->flags))
                return -ENOMEM;
        if (p->key >= 0 ? real_pkey_mprotect(start, size, p->prot, p->key) != 0
                        : real_mprotect(start, size, p->prot) != 0)
                return -errno;
        if (r->prot == PROT_NONE && p->prot != PROT_NONE)
                real_madvise(start, size, MADV_DODUMP);
        if (r->flags & RANGE_LOCKED && !(r->flags & RANGE_OUT) && r->prot == PROT_NONE)
                arena_pin(r->start, r->end); /* now that it can be */
        r->prot = p->prot;
        if (p->key > 0)
                r->flags |= RANGE_KEY;
        return 0;
}

/* The kernel stops at the first hole, or error, and what came before stays changed. */
static int mprotect_arena(void *addr, size_t len, struct protection *p)
{
        const int known = PROT_READ | PROT_WRITE | PROT_EXEC;
        uintptr_t start = (uintptr_t)addr;
        struct pieces q = pieces_of(start, start + page_up(len));
        uint64_t signals;
        int error = 0;

        if (start & (KERNEL_PAGE_SIZE - 1) || p->prot & ~known)
                return -EINVAL;
        if (page_up(len) < len || start + page_up(len) < start)
                return -ENOMEM;
        if (q.start < q.from && real_mprotect((void *)q.start, q.from - q.start, p->prot) != 0)
                return -errno;
        signals = range_table_lock();
        error = calls_each(q.from, q.to, false, protect_one, p);
        range_table_unlock(signals);
        if (!error && q.to < q.end && real_mprotect((void *)q.to, q.end - q.to, p->prot) != 0)
                error = -errno;
        return error;
}

EXPORT int mprotect(void *addr, size_t len, int prot)
{
        struct protection p = {prot, -1};

        if (!is_active() || !touches_arena(addr, len))
                return real_mprotect(addr, len, prot);
        return to_errno(mprotect_arena(addr, len, &p));
}

EXPORT int pkey_mprotect(void *addr, size_t len, int prot, int key)
{
        struct protection p = {prot, key};

        if (!is_active() || !touches_arena(addr, len))
                return real_pkey_mprotect(addr, len, prot, key);
        return to_errno(mprotect_arena(addr, len, &p));
}

/* ---- looking ------------------------------------------------------------------------------- */

static int nothing(struct range *r, void *arg)
{
        (void)r;
        (void)arg;
        return 0;
}

/* The kernel sees the arena as mapped everywhere: where it is free the answer must be ENOMEM.
 * Otherwise it knows best which pages are there. */
EXPORT int mincore(void *addr, size_t len, unsigned char *vec)
{
        uintptr_t start = (uintptr_t)addr;
        struct pieces p;
        uint64_t signals;
        int error;

        if (!is_active() || !touches_arena(addr, len) || start & (KERNEL_PAGE_SIZE - 1) ||
            page_up(len) < len || start + page_up(len) < start)
                return real_mincore(addr, len, vec);
        p = pieces_of(start, start + page_up(len));
        signals = range_table_lock();
        error = calls_each(p.from, p.to, false, nothing, NULL);
        range_table_unlock(signals);
        return error ? to_errno(error) : real_mincore(addr, len, vec);
}

static int sync_one(struct range *r, void *arg)
{
        if (*(int *)arg & MS_INVALIDATE && r->flags & RANGE_LOCKED)
                return -EBUSY;
        return real_msync((void *)r->start, r->end - r->start, *(int *)arg) == 0 ? 0 : -errno;
}

EXPORT int msync(void *addr, size_t len, int flags)
{
        uintptr_t start = (uintptr_t)addr;
        struct pieces p;
        uint64_t signals;
        int error = 0;

        if (!is_active() || !touches_arena(addr, len) || start & (KERNEL_PAGE_SIZE - 1) ||
            page_up(len) < len || start + page_up(len) < start ||
            flags & ~(MS_ASYNC | MS_SYNC | MS_INVALIDATE) ||
            (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
                return real_msync(addr, len, flags);
        p = pieces_of(start, start + page_up(len));
        if (p.start < p.from && real_msync((void *)p.start, p.from - p.start, flags) != 0)
                error = -errno;
        signals = range_table_lock();
        if (!error || error == -ENOMEM) {
                int more = calls_each(p.from, p.to, true, sync_one, &flags);

                error = more ? more : error;
        }
        range_table_unlock(signals);
        if ((!error || error == -ENOMEM) && p.to < p.end &&
            real_msync((void *)p.to, p.end - p.to, flags) != 0)
                error = -errno;
        return to_errno(error);
}
