/* SPDX-License-Identifier: MIT */
/*
 * threads.c - threads on stacks that the program has made itself.
 *
 * The C library's own stacks are not paged. One from malloc or mmap is, and at its top lie the
 * thread's control block and thread-local storage, into which the kernel writes when the thread
 * ends: not if the page is out, and then pthread_join() waits for ever. The pager itself looks
 * there, too, for the CPU the thread runs on. So the top of such a stack is pinned when a thread
 * starts on it, until its memory is unmapped or discarded; that the thread has ended is not enough,
 * for its control block is in use until it was joined. The rest of the stack is paged.
 */
#include "arena_ops.h"
#include "real_syscalls.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>

#define TOP ((size_t)32 << 10)

typedef int create_fn(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

static create_fn *real_create;

void threads_init(void)
{
        if (!real_create)
                real_create = (create_fn *)dlsym(RTLD_NEXT, "pthread_create");
}

static int pin_stack(uintptr_t start, uintptr_t end)
{
        uintptr_t at = start;
        uint64_t signals = range_table_lock();
        struct range *r;
        int error = range_table_has_room(2) ? 0 : EAGAIN;

        while (!error && at < end && (r = range_table_find(at)) && r->start < end) {
                uintptr_t from = r->start > start ? r->start : start;

                at = r->end < end ? r->end : end;
                if (r->flags & (RANGE_OUT | RANGE_STACK))
                        continue;
                if (arena_pin(from, at) != 0)
                        error = EAGAIN;
                else
                        range_table_set(from, at, r->prot, r->flags | RANGE_STACK);
        }
        range_table_unlock(signals);
        return error;
}

EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
                          void *arg)
{
        void *stack = NULL;
        size_t size = 0;

        threads_init();
        if (attr && is_active() && pthread_attr_getstack(attr, &stack, &size) == 0 &&
            touches_arena(stack, size)) {
                uintptr_t end = page_up((uintptr_t)stack + size);
                int error = pin_stack(size > TOP ? end - TOP : end - page_up(size), end);

                if (error)
                        return error;
        }
        return real_create(thread, attr, run, arg);
}
