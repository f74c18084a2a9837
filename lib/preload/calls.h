/* SPDX-License-Identifier: MIT */
/*
 * calls.h - what the calls_*.c share. Each interposed call is one function there: before the pool
 * is there, or where no address is in the arena, it is the kernel's call and nothing else.
 * Otherwise it answers as the kernel would: same result, same errno, same partial effects.
 */
#ifndef CALLS_H
#define CALLS_H

#include "arena_ops.h"
#include "preload.h"
#include "real_syscalls.h"
#include "range_table.h"

/* The part of a range that lies in the arena, and what lies before and after it. */
struct pieces {
        uintptr_t start, from, to, end; /* [from, to) is in the arena; may be empty */
};

static inline struct pieces pieces_of(uintptr_t start, uintptr_t end)
{
        struct pieces p = {start, preload.start, preload.end, end};

        p.from = start > preload.start ? start : preload.start;
        p.to = end < preload.end ? end : preload.end;
        if (p.from >= p.to)
                p.from = p.to = end;
        return p;
}

/* Does `one` for every range in [start, end) of the arena, in order. -ENOMEM if there was a
 * hole, which does not stop it where go_on; an error of `one` does. Between cut and join: `one`
 * may change prot and flags of *r in place. */
int calls_each(uintptr_t start, uintptr_t end, bool go_on, int (*one)(struct range *r, void *arg),
               void *arg);

/* calls_lock.c: RANGE_LOCKED if mlockall(MCL_FUTURE) was called. */
unsigned calls_future_flags(void);

/* calls_map.c: would the kernel's heuristics refuse so much writable memory? */
bool calls_is_too_much(size_t size, unsigned flags);

#endif
