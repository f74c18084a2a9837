/* SPDX-License-Identifier: MIT */
/*
 * alt_stack.c - the pager called from a stack that it does not page.
 *
 * Coroutines run on stacks from malloc, and so on paged ones. A thread that makes the pager evict
 * from there may evict the page of the stack it runs on: it owns that page then, touches it, and
 * waits for itself. So what may evict runs elsewhere. One such stack is enough, for it is used
 * under the range table's lock.
 */
#include "alt_stack.h"
#include "preload.h"
#include "real_syscalls.h"

#include <errno.h>
#include <sys/mman.h>
#include <ucontext.h>

#define STACK_BYTES ((size_t)256 << 10)

static struct {
        char *stack;
        ucontext_t here, there;
        int (*run)(void *arg);
        void *arg;
        int result;
} aside_;

int alt_stack_init(void)
{
        aside_.stack = real_mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        return aside_.stack == MAP_FAILED ? -ENOMEM : 0;
}

bool alt_stack_is_needed(void)
{
        return is_in_arena((uintptr_t)__builtin_frame_address(0));
}

static void run_there(void)
{
        aside_.result = aside_.run(aside_.arg);
}

int alt_stack_call(int (*run)(void *arg), void *arg)
{
        if (!alt_stack_is_needed())
                return run(arg);
        getcontext(&aside_.there);
        aside_.there.uc_stack.ss_sp = aside_.stack;
        aside_.there.uc_stack.ss_size = STACK_BYTES;
        aside_.there.uc_link = &aside_.here;
        aside_.run = run;
        aside_.arg = arg;
        makecontext(&aside_.there, run_there, 0);
        swapcontext(&aside_.here, &aside_.there);
        return aside_.result;
}
