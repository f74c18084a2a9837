/* SPDX-License-Identifier: MIT */
/*
 * fork.c - this library at fork(2), and the order of all who have something to do there.
 *
 * Handlers prepare in the reverse order of their registration, and go on in that order. It must be:
 *
 *         pager        last to stop, first to go on: all others may touch paged memory
 *         the table    its lock is held over the fork, so that the child's table is whole
 *         the heap     (jemalloc) its locks are held, and it may ask for memory meanwhile
 *         the program
 *
 * But the heap registers with the first malloc, and constructors of libraries may be earlier still.
 * So pthread_atfork and what lies below it are interposed: whichever registers first, the first two
 * are registered before it. They belong to no shared object, or the C library would drop them at
 * exit while others may still fork.
 */
#include "alt_stack.h"
#include "calls.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>
#include <unpaged/internals.h>

typedef int register_fn(void (*prepare)(void), void (*parent)(void), void (*child)(void), void *of);

/* Around the stack pointer of a fork on a paged stack: room for the handlers and fork itself. */
#define STACK_BELOW ((size_t)48 << 10)
#define STACK_ABOVE KERNEL_PAGE_SIZE

static struct {
        uint64_t signals;
        uintptr_t stack, stack_end; /* pinned for the time of the fork */
} forking;

int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void), void *of);
int preload_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void));
int real_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void));

/* ---- the range table
 * ----------------------------------------------------------------------------- */

/* The pager cannot serve faults of the thread that stops it. */
static void stack_pin(void)
{
        uintptr_t here = (uintptr_t)__builtin_frame_address(0) & ~(KERNEL_PAGE_SIZE - 1);
        struct range *r = range_table_at(here);

        forking.stack = forking.stack_end = 0;
        if (!r || r->flags & (RANGE_PINNED | RANGE_OUT))
                return;
        forking.stack = here - STACK_BELOW > r->start ? here - STACK_BELOW : r->start;
        forking.stack_end = here + STACK_ABOVE < r->end ? here + STACK_ABOVE : r->end;
        if (here - r->start < STACK_BELOW)
                forking.stack = r->start;
        arena_pin(forking.stack, forking.stack_end);
}

static void fork_prepare(void)
{
        forking.signals = range_table_lock();
        if (is_active())
                stack_pin();
}

static void parent(void)
{
        if (forking.stack)
                arena_unpin(forking.stack, forking.stack_end);
        range_table_unlock(forking.signals);
}

/* What the program had marked by madvise; and locks, which a child does not inherit. */
static void child_ranges(void)
{
        uintptr_t at = preload.start;
        struct range *r;

        while ((r = range_table_find(at)) != NULL) {
                struct range was = *r;

                at = was.end;
                if (was.flags & RANGE_LOCKED && !(was.flags & RANGE_STACK))
                        arena_unpin(was.start, was.end);
                if (was.flags & RANGE_STACK)
                        arena_pin(was.start, was.end);
                if (was.flags & RANGE_LOCKED)
                        range_table_set(was.start, was.end, was.prot, was.flags & ~RANGE_LOCKED);
                if (was.flags & RANGE_NOFORK)
                        arena_give_back(was.start, was.end);
                else if (was.flags & RANGE_WIPE)
                        arena_discard(was.start, was.end);
        }
}

static void child(void)
{
        if (is_active()) {
                preload.pid = real_getpid();
                stats_begin_again();
                curve_restart();
                sample_restart();
                progress_restart();
                child_ranges();
        }
        parent();
}

/* ---- the order ----------------------------------------------------------------------------- */

static register_fn *real_register(void)
{
        static register_fn *real;

        if (!real)
                real = (register_fn *)dlsym(RTLD_NEXT, "__register_atfork");
        return real;
}

void fork_register(void)
{
        static bool done;

        if (done)
                return;
        done = true;
        if (pg_fork_handlers() != 0 || real_register()(fork_prepare, parent, child, NULL) != 0)
                done = false;
}

EXPORT int __register_atfork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void),
                             void *of)
{
        fork_register();
        return real_register()(before, in_parent, in_child, of);
}

/* The heap's pthread_atfork is renamed to this. */
int preload_atfork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void))
{
        return __register_atfork(before, in_parent, in_child, NULL);
}

/* The pager's is renamed to this. */
int real_atfork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void))
{
        return real_register()(before, in_parent, in_child, NULL);
}
