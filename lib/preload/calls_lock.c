/* SPDX-License-Identifier: MIT */
/*
 * calls_lock.c - mlock and its relatives: pins in the pool.
 *
 * What is locked may not leave, so it must fit: what would leave the pool without frames to serve
 * faults fails with ENOMEM, which is what the kernel answers where RLIMIT_MEMLOCK is too small.
 * MLOCK_ONFAULT brings in and pins at once, too.
 *
 * mlockall never reaches the kernel: it would bring in the whole arena, tables of the pager
 * included. It locks what is paged; the program's code and stacks are as they would be without it.
 */
#include "calls.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Atomic bool future;

unsigned calls_future_flags(void)
{
        return atomic_load_explicit(&future, memory_order_relaxed) ? RANGE_LOCKED : 0;
}

static bool is_privileged(void)
{
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct data[2] = {{0}};

        return syscall(SYS_capget, &header, data) == 0 &&
               data[CAP_TO_INDEX(CAP_IPC_LOCK)].effective & CAP_TO_MASK(CAP_IPC_LOCK);
}

static size_t locked_bytes(void)
{
        size_t bytes = 0;

        for (struct range *r = range_table_find(preload.start); r; r = range_table_next(r))
                if (r->flags & RANGE_LOCKED)
                        bytes += r->end - r->start;
        return bytes;
}

/* How much more may be locked. */
static int allowance(size_t *most)
{
        struct rlimit limit = {0};
        size_t locked;

        *most = SIZE_MAX;
        if (syscall(SYS_prlimit64, 0, RLIMIT_MEMLOCK, NULL, &limit) != 0 ||
            limit.rlim_cur == RLIM_INFINITY || is_privileged())
                return 0;
        if (limit.rlim_cur == 0)
                return -EPERM;
        locked = locked_bytes();
        *most = limit.rlim_cur > locked ? limit.rlim_cur - locked : 0;
        return 0;
}

struct locking {
        bool on_fault;
        bool no_frames;
};

/* As the kernel: first all of it counts as locked, up to a hole; then it is brought in, up to what
 * cannot be accessed. */
static int mark_one(struct range *r, void *arg)
{
        (void)arg;
        if (!(r->flags & (RANGE_OUT | RANGE_LOCKED)))
                r->flags |= RANGE_LOCKED | RANGE_FRESH;
        return 0;
}

static int bring_one(struct range *r, void *arg)
{
        struct locking *l = arg;

        if (r->flags & RANGE_OUT)
                return real_mlock2((void *)r->start, r->end - r->start,
                                   l->on_fault ? MLOCK_ONFAULT : 0) == 0
                               ? 0
                               : -errno;
        if (r->prot == PROT_NONE)
                return l->on_fault ? 0 : -ENOMEM;
        l->no_frames = arena_pin(r->start, r->end) != 0;
        if (!l->no_frames)
                r->flags &= ~RANGE_FRESH;
        return l->no_frames ? -ENOMEM : 0;
}

/* What there was no frame for is not locked after all. */
static int settle_one(struct range *r, void *arg)
{
        const struct locking *l = arg;

        if (r->flags & RANGE_FRESH)
                r->flags &= l->no_frames ? ~(RANGE_FRESH | RANGE_LOCKED) : ~RANGE_FRESH;
        return 0;
}

static int lock_paged(uintptr_t start, uintptr_t end, bool on_fault)
{
        struct locking l = {.on_fault = on_fault};
        int error = calls_each(start, end, false, mark_one, &l);

        if (!error)
                error = calls_each(start, end, false, bring_one, &l);
        calls_each(start, end, true, settle_one, &l);
        return error;
}

static int unlock_one(struct range *r, void *arg)
{
        (void)arg;
        if (r->flags & RANGE_OUT)
                return real_munlock((void *)r->start, r->end - r->start) == 0 ? 0 : -errno;
        if (!(r->flags & RANGE_LOCKED))
                return 0;
        r->flags &= ~RANGE_LOCKED;
        if (!(r->flags & RANGE_STACK))
                arena_unpin(r->start, r->end);
        return 0;
}

static int lock_range(const void *addr, size_t len, unsigned flags)
{
        uintptr_t start = (uintptr_t)addr & ~(KERNEL_PAGE_SIZE - 1);
        uintptr_t end = (uintptr_t)addr + len;
        struct pieces p;
        uint64_t signals;
        size_t most;
        int error;

        end = page_up(end);
        if (end < start)
                return -EINVAL;
        p = pieces_of(start, end);
        signals = range_table_lock();
        error = allowance(&most);
        if (!error && end - start > most)
                error = -ENOMEM;
        if (!error && p.start < p.from &&
            real_mlock2((void *)p.start, p.from - p.start, flags) != 0)
                error = -errno;
        if (!error)
                error = lock_paged(p.from, p.to, flags & MLOCK_ONFAULT);
        if (!error && p.to < p.end && real_mlock2((void *)p.to, p.end - p.to, flags) != 0)
                error = -errno;
        range_table_unlock(signals);
        return error;
}

EXPORT int mlock(const void *addr, size_t len)
{
        if (!is_active() || !touches_arena(addr, len))
                return real_mlock(addr, len);
        return to_errno(lock_range(addr, len, 0));
}

EXPORT int mlock2(const void *addr, size_t len, unsigned flags)
{
        if (!is_active() || !touches_arena(addr, len) || flags & ~(unsigned)MLOCK_ONFAULT)
                return real_mlock2(addr, len, flags);
        return to_errno(lock_range(addr, len, flags));
}

EXPORT int munlock(const void *addr, size_t len)
{
        uintptr_t start = (uintptr_t)addr & ~(KERNEL_PAGE_SIZE - 1);
        uintptr_t end = page_up((uintptr_t)addr + len);
        struct pieces p;
        uint64_t signals;
        int error = 0;

        if (!is_active() || !touches_arena(addr, len))
                return real_munlock(addr, len);
        if (end < start)
                return to_errno(-EINVAL);
        p = pieces_of(start, end);
        if (p.start < p.from && real_munlock((void *)p.start, p.from - p.start) != 0)
                error = -errno;
        if (!error) {
                signals = range_table_lock();
                error = calls_each(p.from, p.to, false, unlock_one, NULL);
                range_table_unlock(signals);
        }
        if (!error && p.to < p.end && real_munlock((void *)p.to, p.end - p.to) != 0)
                error = -errno;
        return to_errno(error);
}

static bool is_lockable(const struct range *r)
{
        return r->prot != PROT_NONE && !(r->flags & RANGE_OUT);
}

EXPORT int mlockall(int flags)
{
        uint64_t signals;
        size_t most, want = 0;
        int error;

        if (!is_active())
                return (int)syscall(SYS_mlockall, flags);
        if (flags == 0 || flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) || flags == MCL_ONFAULT)
                return to_errno(-EINVAL);
        signals = range_table_lock();
        error = allowance(&most);
        for (struct range *r = range_table_find(preload.start); r; r = range_table_next(r))
                if (is_lockable(r))
                        want += r->end - r->start;
        if (!error && flags & MCL_CURRENT && want > most)
                error = -ENOMEM;
        for (struct range *r = range_table_find(preload.start); !error && r && flags & MCL_CURRENT;
             r = range_table_next(r)) {
                if (!is_lockable(r))
                        continue;
                if (arena_pin(r->start, r->end) == 0)
                        r->flags |= RANGE_LOCKED;
                else
                        error = -ENOMEM;
        }
        if (!error && flags & MCL_FUTURE)
                atomic_store(&future, true);
        range_table_join(preload.start, preload.end);
        range_table_unlock(signals);
        return to_errno(error);
}

EXPORT int munlockall(void)
{
        uint64_t signals;

        if (!is_active())
                return (int)syscall(SYS_munlockall);
        signals = range_table_lock();
        atomic_store(&future, false);
        for (struct range *r = range_table_find(preload.start); r; r = range_table_next(r))
                unlock_one(r, NULL);
        range_table_join(preload.start, preload.end);
        range_table_unlock(signals);
        return (int)syscall(SYS_munlockall);
}
