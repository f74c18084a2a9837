/* SPDX-License-Identifier: MIT */
/*
 * outside.c - what the kernel, and other parts of a program, do to paged memory of which the pager
 * hears late or never: the kernel's own swap, mlockall, another process that writes there, a change
 * of user, and pages that are dropped while they are poisoned.
 */
#include "stress.h"

#include <errno.h>
#include <setjmp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MCL_ONFAULT
#define MCL_ONFAULT 4
#endif

#define NOBODY 65534u

/* The kernel's swap takes what is mapped there, if the machine has one. */
static void do_kernel_swap(struct thread *t)
{
        struct area *a = &run.areas[random_below(&t->random, AREA_KINDS)];
        uint64_t first = random_below(&t->random, a->npages);
        uint64_t n = 1 + random_below(&t->random, a->npages - first);

        op_begin(t, OP_KERNEL_SWAP, a, first, n);
        op_end(t, madvise(area_addr(a, first * a->page_words), n * run.page_size, MADV_PAGEOUT)
                          ? -errno
                          : 0);
}

static void do_lock_all(struct thread *t)
{
        static const int flags[] = {MCL_CURRENT | MCL_ONFAULT, MCL_FUTURE,
                                    MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT};

        op_begin(t, OP_LOCK_ALL, NULL, 0, 0);
        op_end(t, mlockall(flags[random_below(&t->random, 3)]) ? -errno : 0);
        chaos_nap((long)random_below(&t->random, 2000));
        if (munlockall() != 0)
                fail(t, "munlockall: %s", strerror(errno));
}

/* As a daemon does for a while, on behalf of somebody. The C library interrupts every thread. */
static void do_user(struct thread *t)
{
        if (geteuid() != 0)
                return;
        op_begin(t, OP_USER, NULL, 0, 0);
        if (seteuid(NOBODY) != 0)
                fail(t, "seteuid: %s", strerror(errno));
        chaos_nap((long)random_below(&t->random, 500));
        if (seteuid(0) != 0)
                fail(t, "seteuid, back: %s", strerror(errno));
}

/* ---- another process writes ---------------------------------------------------------------- */

enum { WROTE_ALL, WROTE_PART, WROTE_NONE, NOT_PERMITTED };

static int write_from_child(pid_t parent, char *addr, const uint64_t *values)
{
        struct iovec local = {(void *)(uintptr_t)values, IO_BYTES}, remote = {addr, IO_BYTES};
        ssize_t n = process_vm_writev(parent, &local, 1, &remote, 1, 0);

        if (n < 0)
                return errno == EPERM || errno == ENOSYS ? NOT_PERMITTED : WROTE_NONE;
        return n == IO_BYTES ? WROTE_ALL : WROTE_PART;
}

static void do_remote(struct thread *t)
{
        pid_t parent = getpid(), child;
        uint64_t values[IO_BYTES / 8];
        int status = -1;
        char *addr;

        for (size_t i = 0; i < IO_BYTES / 8; i++)
                values[i] = io_word(i);
        if (!io_begin(t, OP_REMOTE, &addr))
                return;
        child = fork();
        if (child == 0)
                _exit(write_from_child(parent, addr, values));
        while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
                ;
        if (child > 0 && !WIFEXITED(status))
                fail(t, "a child that wrote into its parent ended with %#x", (unsigned)status);
        if (child < 0 || WEXITSTATUS(status) == NOT_PERMITTED)
                memcpy(addr, values, IO_BYTES);
        io_end(t, child > 0 && WEXITSTATUS(status) == WROTE_PART   ? 1
                  : child > 0 && WEXITSTATUS(status) == WROTE_NONE ? -EFAULT
                                                                   : (ssize_t)IO_BYTES);
}

/* ---- a poisoned page is dropped ------------------------------------------------------------ */

static bool touch_succeeds(struct thread *t, const char *addr)
{
        if (sigsetjmp(t->jump, 1) != 0)
                return false;
        t->armed = true;
        (void)*(const volatile char *)addr;
        t->armed = false;
        return true;
}

/* It is as born then; or has its content, where the pager does not hear of the drop; and nothing
 * else. */
static void do_drop(struct thread *t)
{
        struct area *a = &run.lone;
        size_t n = a->page_words < CHUNK_WORDS ? a->page_words : CHUNK_WORDS;
        uint64_t content, words[CHUNK_WORDS];
        char *addr = area_addr(a, 0);

        if (!store_is_flaky())
                return;
        op_begin(t, OP_DROP, a, 0, 1);
        area_set(t, a, 0, a->page_words, 0x22);
        memset(&content, 0x22, sizeof(content));
        (void)!pg_page_out(run.pool, addr, run.page_size);
        flaky_set(1000, 0, 0, 0);
        touch_succeeds(t, addr);
        for (unsigned i = 0; i < 2; i++) {
                madvise(addr, run.page_size, MADV_DONTNEED);
                touch_succeeds(t, addr);
        }
        flaky_set(0, 0, 0, 0);
        area_note(a, 0, NULL, a->page_words);
        area_read(t, a, 0, n);
        memcpy(words, addr, n * sizeof(*words));
        for (size_t i = 0; i < n; i++)
                if (words[i] != words[0] || (words[0] != 0 && words[0] != content))
                        fail(t, "a poisoned page that was dropped has %#llx",
                             (unsigned long long)words[i]);
        area_set(t, a, 0, a->page_words, 0x33);
}

void outside_do(struct thread *t)
{
        static void (*const ops[])(struct thread *) = {
                do_kernel_swap, do_kernel_swap, do_lock_all, do_user, do_remote, do_drop,
        };

        ops[random_below(&t->random, sizeof(ops) / sizeof(ops[0]))](t);
}
