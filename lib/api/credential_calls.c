/* SPDX-License-Identifier: MIT */
/*
 * credential_calls.c - setuid() and its kin, for the pager's threads too.
 *
 * The C library makes all threads of the process follow such a call, but it does not know the
 * handler threads and the keeper (lib/os/thread.c). They would keep root, and every capability, in a process that
 * has given both up. So the library stands before these calls: the C library's goes first, and if
 * that succeeds, every one of the pager's threads takes over the credentials of the calling thread before the
 * call returns. Meanwhile the handlers serve faults: other threads of the program, which the C
 * library interrupts by a signal, may be waiting for a page.
 *
 * prctl() and capset() change the calling thread alone. Still the handler threads follow it: they
 * need no privilege, and a program that gives something up does so for all of itself.
 *
 * New handler threads, cloned from the calling thread, would have its credentials without more ado.
 * But for the new user RLIMIT_NPROC may permit none, a filter of seccomp(2) may forbid clone(), and
 * such a filter would apply to the pager as well.
 *
 * A pool that is being opened is in no list yet, but its threads may have started. So calls are
 * counted: if there was one meanwhile, pg_open() hands on what its caller has.
 *
 * A thread that cannot follow and may do more than the caller ends the process, as the C library
 * does when two of its threads disagree about the result. It takes a program that makes some of
 * these system calls directly, in some of its threads.
 */
#include "credential_calls.h"
#include "atfork.h"
#include "credentials.h"
#include "dispatch.h"
#include "pool.h"

#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- handing on ---------------------------------------------------------------------------- */

static _Atomic uint32_t changes;

uint32_t credential_changes(void)
{
        return atomic_load(&changes);
}

static _Noreturn void end_process(void)
{
        static const char text[] =
                "unpaged: a handler thread could not give up privileges that the program has given "
                "up: threads of it differ in their credentials\n";

        if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
                abort();
        abort();
}

/* A thread whose user changes makes the process undumpable. The call itself may not have, and the
 * program may have made it dumpable since. */
static void hand_on_to_pool(struct pg_pool *pool)
{
        static struct credentials caller; /* pools_each() lets one thread in at a time */
        int dumpable = prctl(PR_GET_DUMPABLE);

        if (!pool->handlers && !pool->keeper)
                return;
        credentials_read(&caller);
        if (!keeper_take_credentials(pool, &caller) ||
            (pool->handlers && !handler_threads_take_credentials(pool, &caller)))
                end_process();
        if (dumpable == 1 && prctl(PR_GET_DUMPABLE) != dumpable)
                prctl(PR_SET_DUMPABLE, dumpable);
}

void credentials_hand_on(void)
{
        int saved = errno;

        /* Before all else: a pool that is being opened looks at this when it is in the list. */
        atomic_fetch_add(&changes, 1);
        pools_each(hand_on_to_pool);
        errno = saved;
}

static int handed_on(int result)
{
        if (result == 0)
                credentials_hand_on();
        return result;
}

/* ---- the C library's calls ----------------------------------------------------------------- */

#define CALLS(each)                                                                                \
        each(initgroups) each(setegid) each(seteuid) each(setgid) each(setgroups) each(setregid)   \
                each(setresgid) each(setresuid) each(setreuid) each(setuid)

/* A program that has a function of such a name, and links the static library, keeps it. */
#define WEAK(name)   extern __typeof__(name) name __attribute__((weak));
#define NUMBER(name) CALL_##name,
#define NAME(name)   #name,

CALLS(WEAK)

enum { CALLS(NUMBER) N_CALLS };

static _Atomic(void *) next_calls[N_CALLS];

static void *next_call(unsigned which)
{
        static const char *const names[] = {CALLS(NAME)};
        void *found = atomic_load_explicit(&next_calls[which], memory_order_acquire);

        if (!found) {
                found = dlsym(RTLD_NEXT, names[which]);
                atomic_store_explicit(&next_calls[which], found, memory_order_release);
        }
        return found;
}

void credential_calls_find(void)
{
        for (unsigned i = 0; i < N_CALLS; i++)
                next_call(i);
}

#define NEXT(name) ((__typeof__(&(name)))next_call(CALL_##name))

int initgroups(const char *user, gid_t group)
{
        return handed_on(NEXT(initgroups)(user, group));
}

int setegid(gid_t gid)
{
        return handed_on(NEXT(setegid)(gid));
}

int seteuid(uid_t uid)
{
        return handed_on(NEXT(seteuid)(uid));
}

int setgid(gid_t gid)
{
        return handed_on(NEXT(setgid)(gid));
}

int setgroups(size_t n, const gid_t *groups)
{
        return handed_on(NEXT(setgroups)(n, groups));
}

int setregid(gid_t real, gid_t effective)
{
        return handed_on(NEXT(setregid)(real, effective));
}

int setresgid(gid_t real, gid_t effective, gid_t saved)
{
        return handed_on(NEXT(setresgid)(real, effective, saved));
}

int setresuid(uid_t real, uid_t effective, uid_t saved)
{
        return handed_on(NEXT(setresuid)(real, effective, saved));
}

int setreuid(uid_t real, uid_t effective)
{
        return handed_on(NEXT(setreuid)(real, effective));
}

int setuid(uid_t uid)
{
        return handed_on(NEXT(setuid)(uid));
}

/* ---- the kernel's -------------------------------------------------------------------------- */

int capset(struct __user_cap_header_struct *header, const struct __user_cap_data_struct *data);

WEAK(capset)
WEAK(prctl)

int capset(struct __user_cap_header_struct *header, const struct __user_cap_data_struct *data)
{
        return handed_on((int)syscall(SYS_capset, header, data));
}

static bool changes_credentials(int option, unsigned long argument)
{
        switch (option) {
        case PR_CAPBSET_DROP:
        case PR_SET_KEEPCAPS:
        case PR_SET_NO_NEW_PRIVS:
        case PR_SET_SECUREBITS:
                return true;
        case PR_CAP_AMBIENT:
                return argument != PR_CAP_AMBIENT_IS_SET;
        default:
                return false;
        }
}

int prctl(int option, ...)
{
        unsigned long a[4];
        va_list list;
        int result;

        va_start(list, option);
        for (unsigned i = 0; i < 4; i++)
                a[i] = va_arg(list, unsigned long);
        va_end(list);
        result = (int)syscall(SYS_prctl, option, a[0], a[1], a[2], a[3]);
        return changes_credentials(option, a[0]) ? handed_on(result) : result;
}
