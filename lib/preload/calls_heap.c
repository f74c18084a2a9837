/* SPDX-License-Identifier: MIT */
/*
 * calls_heap.c - brk and sbrk, in the first part of the arena.
 *
 * The C library's malloc is replaced and does not use them; programs with an allocator of their own
 * do. The break begins where the arena does, not where the kernel's is: code that asked before the
 * pool was there (only constructors of libraries could) would find that it has moved, which
 * the contract of sbrk allows.
 */
#include "calls.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__sbrk(intptr_t by); /* the C library's own */

static uintptr_t now; /* the break, under the range table's lock; 0: the start of the arena */

static int move_break(uintptr_t end)
{
        uintptr_t before = page_up(now), after = page_up(end);
        int error = 0;

        if (end < preload.start || end > preload.heap_end || !range_table_has_room(2))
                return -ENOMEM;
        if (after > before) {
                if (!range_table_is_free(before, after) || calls_is_too_much(after - before, 0))
                        return -ENOMEM;
                error = arena_map(before, after, PROT_READ | PROT_WRITE, calls_future_flags());
        } else if (after < before) {
                error = arena_give_back(after, before);
        }
        if (error)
                return -ENOMEM;
        now = end;
        return 0;
}

EXPORT int brk(void *end)
{
        uint64_t signals;
        int error;

        if (!is_active())
                return __sbrk((char *)end - (char *)__sbrk(0)) == (void *)-1 ? -1 : 0;
        signals = range_table_lock();
        now = now ? now : preload.start;
        error = move_break((uintptr_t)end);
        range_table_unlock(signals);
        return to_errno(error);
}

EXPORT void *sbrk(intptr_t by)
{
        uintptr_t before;
        uint64_t signals;
        int error = 0;

        if (!is_active())
                return __sbrk(by);
        signals = range_table_lock();
        now = now ? now : preload.start;
        before = now;
        if (by > 0 ? before + (uintptr_t)by < before : before < 0 - (uintptr_t)by)
                error = -ENOMEM;
        else if (by != 0)
                error = move_break(before + (uintptr_t)by);
        range_table_unlock(signals);
        return to_errno(error) < 0 ? (void *)-1 : (void *)before;
}
