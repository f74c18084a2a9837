/* SPDX-License-Identifier: MIT */
/*
 * sigbus.h - touches that may fail: what a program sees of a page that cannot be had.
 *
 * Each thread notes for itself where it was hit, and comes back by siglongjmp, which is also how
 * real programs leave a SIGBUS handler. SIGSEGV is noted in the same way.
 */
#ifndef SIGBUS_H
#define SIGBUS_H

#include <check.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct hit {
        int sig; /* 0: the touch succeeded */
        int code;
        char *addr;
        char value; /* what was read, or was there before the write */
};

static __thread sigjmp_buf hit_jump;
static __thread volatile bool hit_expected;
static __thread struct hit hit_last;

static inline void hit_handler(int sig, siginfo_t *info, void *context)
{
        (void)context;
        if (!hit_expected) {
                signal(sig, SIG_DFL);
                raise(sig);
                return;
        }
        hit_last = (struct hit){.sig = sig, .code = info->si_code, .addr = info->si_addr};
        siglongjmp(hit_jump, 1);
}

static inline void hit_install(void)
{
        struct sigaction act = {.sa_sigaction = hit_handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};

        sigaction(SIGBUS, &act, NULL);
        sigaction(SIGSEGV, &act, NULL);
}

/* Reads one byte, and with `write` stores 1 there first; tells what became of it. The pager changes
 * pages below the threads that touch them, which ThreadSanitizer must not take for a race. */
__attribute__((no_sanitize("thread"))) static inline struct hit hit_touch(void *at, bool write)
{
        volatile char *addr = at;

        hit_last = (struct hit){0};
        hit_expected = true;
        if (sigsetjmp(hit_jump, 1) == 0) {
                if (write)
                        *addr = 1;
                hit_last.value = *addr;
        }
        hit_expected = false;
        return hit_last;
}

/* The access gets SIGBUS, at that very address and because of the memory, not of a kill(). */
static inline void expect_sigbus(void *at, bool write)
{
        struct hit hit = hit_touch(at, write);

        ck_assert_int_eq(hit.sig, SIGBUS);
        ck_assert_int_gt(hit.code, 0);
        ck_assert_uint_eq((uintptr_t)hit.addr & ~(uintptr_t)4095, (uintptr_t)at & ~(uintptr_t)4095);
}

static inline void expect_value(void *at, char value)
{
        struct hit hit = hit_touch(at, false);

        ck_assert_int_eq(hit.sig, 0);
        ck_assert_int_eq(hit.value, value);
}

#endif
