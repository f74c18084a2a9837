/* SPDX-License-Identifier: MIT */
/*
 * alt_stack.c - code of ours run on a stack that is not paged, and large enough.
 *
 * Coroutines run on stacks from malloc, and so on paged ones. A thread that makes the pager evict
 * from there may evict the page of the stack it runs on: it owns that page then, touches it, and
 * waits for itself. So what may evict runs elsewhere. One such stack is enough, for it is used
 * under the range table's lock. A handler of signals may have been called on any stack, and needs
 * more of it than a small one has left; it has a stack of its own, under the lock of stats.c.
 */
#include "alt_stack.h"
#include "preload.h"
#include "real_syscalls.h"

#include <errno.h>
#include <sys/mman.h>
#include <ucontext.h>

#define STACK_BYTES ((size_t)256 << 10)

struct alt_stack {
        char *memory;
        ucontext_t here, there;
        int (*run)(void *arg);
        void *arg;
        int result;
};

static struct alt_stack of_table, of_signal;

static int alt_stack_reserve(struct alt_stack *s)
{
        s->memory = real_mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        return s->memory == MAP_FAILED ? -ENOMEM : 0;
}

int alt_stack_init(void)
{
        int error = alt_stack_reserve(&of_table);

        return error ? error : alt_stack_reserve(&of_signal);
}

bool alt_stack_is_needed(void)
{
        return is_in_arena((uintptr_t)__builtin_frame_address(0));
}

/* A context's arguments are ints. */
static void run_there(unsigned high, unsigned low)
{
        struct alt_stack *s = (struct alt_stack *)((uintptr_t)high << 32 | low);

        s->result = s->run(s->arg);
}

static int alt_stack_switch(struct alt_stack *s, int (*run)(void *arg), void *arg)
{
        getcontext(&s->there);
        s->there.uc_stack.ss_sp = s->memory;
        s->there.uc_stack.ss_size = STACK_BYTES;
        s->there.uc_link = &s->here;
        s->run = run;
        s->arg = arg;
        makecontext(&s->there, (void (*)(void))run_there, 2, (unsigned)((uintptr_t)s >> 32),
                    (unsigned)(uintptr_t)s);
        swapcontext(&s->here, &s->there);
        return s->result;
}

int alt_stack_call(int (*run)(void *arg), void *arg)
{
        return alt_stack_is_needed() ? alt_stack_switch(&of_table, run, arg) : run(arg);
}

void alt_stack_call_in_signal(int (*run)(void *arg), void *arg)
{
        alt_stack_switch(&of_signal, run, arg);
}
