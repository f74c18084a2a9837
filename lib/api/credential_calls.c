/* SPDX-License-Identifier: MIT */
/*
 * credential_calls.c - setuid() and its kin, for the pager's threads too.
 *
 * The C library makes all threads of the process follow such a call, but it does not know those of
 * the pager (lib/os/thread.c): handler threads, keepers, resizers, the thread of an interposer.
 * They would keep root, and every capability, in a process that has given both up. So the library
 * stands before these calls: the C library's goes first, and if that succeeds, every one of our
 * threads takes over the credentials of the calling thread before the call returns. Meanwhile the
 * handlers serve faults: other threads of the program, which the C library interrupts by a signal,
 * may be waiting for a page.
 *
 * prctl() and capset() change the calling thread alone. Still our threads follow it: they need no
 * privilege, and a program that gives something up does so for all of itself.
 *
 * New handler threads, cloned from the calling thread, would have its credentials without more ado.
 * But for the new user RLIMIT_NPROC may permit none, a filter of seccomp(2) may forbid clone(), and
 * such a filter would apply to the pager as well.
 *
 * Pools that are being opened or closed are in no list, but have threads. They are counted, and who
 * has handed on waits until there are none: one that is opened hands on what its caller has, if
 * there was a call meanwhile; one that is closed ends its threads.
 *
 * A thread that cannot follow, and may do more than the caller, ends the process, as the C library
 * does when two of its threads disagree about the result. It takes a program that changes users in
 * one of its threads by system calls of its own, or a filter that forbids the caller to read what
 * it has.
 */
#include "credential_calls.h"
#include "atfork.h"
#include "credentials.h"
#include "dispatch.h"
#include "futex_lock.h"
#include "pool.h"
#include "side_thread.h"

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

static _Atomic uint32_t changes; /* calls that were handed on */

/* Pools that have threads and stand in no list: how many, and above that the process whose they
 * are: one that was made by clone(2) has a copy of this, and not the threads. */
static _Atomic uint64_t unlisted;
static _Atomic uint32_t unlisted_ended; /* counts them: a futex */
static _Atomic bool left_for_later;     /* by a thread in a handler of fork */
static struct futex_lock side_lock;     /* one thread at a time calls the side thread */

static _Noreturn void end_unfollowed(void)
{
        static const char text[] =
                "unpaged: a thread of the pager could not give up privileges that the program has "
                "given up: its threads differ in their credentials, or a filter of system calls "
                "forbids to read them\n";

        if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
                abort();
        abort();
}

static bool take_all(const struct credentials *caller)
{
        bool good = true;

        for (struct pg_pool *pool = pools_first(); pool && good; pool = pool->next)
                good = keeper_take_credentials(pool, caller) &&
                       handler_threads_take_credentials(pool, caller) &&
                       resizer_take_credentials(pool, caller);
        return good;
}

static void hand_on_to_pools(void)
{
        static struct credentials caller; /* one thread at a time is between enter and leave */
        struct pools_section section;

        pools_enter(&section);
        if (pools_first() && !(credentials_read(&caller) && take_all(&caller)))
                end_unfollowed();
        pools_leave(&section);
}

/* Without the lock of pools: the side thread may wait for a lock of its interposer's, and who has
 * that for that one, in a fork. */
static void hand_on_to_side_thread(void)
{
        static struct credentials caller; /* under side_lock */
        struct pager_section section;

        pager_section_enter(&section);
        futex_lock_take(&side_lock);
        if (!(credentials_read(&caller) && side_thread_take_credentials(&caller)))
                end_unfollowed();
        futex_lock_drop(&side_lock);
        pager_section_leave(&section);
}

static uint64_t unlisted_here(void)
{
        return (uint64_t)getpid() << 32;
}

static void wait_for_unlisted(void)
{
        uint64_t here = unlisted_here(), now;

        for (;;) {
                uint32_t ended = atomic_load(&unlisted_ended);

                now = atomic_load(&unlisted);
                if (now <= here || now - here > UINT32_MAX)
                        return;
                futex_wait(&unlisted_ended, ended, 0);
        }
}

/* Signals are blocked: a handler's setuid() would wait for the pool that its own thread opens. */
void credentials_unlisted_begin(struct unlisted_section *u)
{
        uint64_t here = unlisted_here(), now = atomic_load(&unlisted);

        pager_section_enter(&u->caller);
        while (!atomic_compare_exchange_strong(
                &unlisted, &now, now >= here && now - here < UINT32_MAX ? now + 1 : here + 1))
                ;
        u->changes = atomic_load(&changes);
}

/* A call that did not see the pool in the list has counted itself before it looked. */
void credentials_unlisted_end(const struct unlisted_section *u)
{
        if (atomic_load(&changes) != u->changes)
                hand_on_to_pools();
        atomic_fetch_sub(&unlisted, 1);
        atomic_fetch_add(&unlisted_ended, 1);
        futex_wake(&unlisted_ended, INT32_MAX);
        pager_section_leave(&u->caller);
}

/* Not where the memory is another process's (a child of vfork): its threads are none of ours. In a
 * handler of fork this thread has what the side thread, and pools that are in no list, wait for. */
static void hand_on(void)
{
        int saved = errno;

        atomic_fetch_add(&changes, 1);
        if (pools_are_ours() && pools_in_fork()) {
                atomic_store(&left_for_later, true);
                hand_on_to_pools();
        } else {
                if (pools_are_ours()) {
                        hand_on_to_pools();
                        if (side_thread_runs())
                                hand_on_to_side_thread();
                }
                wait_for_unlisted();
        }
        errno = saved;
}

void credentials_in_child(void)
{
        futex_lock_reset(&side_lock);
}

void credentials_after_fork(void)
{
        if (atomic_exchange(&left_for_later, false))
                hand_on();
}

static int handed_on(int result)
{
        if (result == 0)
                hand_on();
        return result;
}

/* ---- the C library's calls ----------------------------------------------------------------- */

#define CALLS(each)                                                                                \
        each(capset) each(initgroups) each(setegid) each(seteuid) each(setgid) each(setgroups)     \
                each(setregid) each(setresgid) each(setresuid) each(setreuid) each(setuid)

/* In the C library, but in no header of it. */
int capset(struct __user_cap_header_struct *header, const struct __user_cap_data_struct *data);

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

/* A program without a dynamic loader: there is none to go on to. */
static int not_found(void)
{
        errno = ENOSYS;
        return -1;
}

/* The next function of that name; and then our threads. */
#define HAND_ON(name, ...)                                                                         \
        (next_call(CALL_##name)                                                                    \
                 ? handed_on(((__typeof__(&(name)))next_call(CALL_##name))(__VA_ARGS__))           \
                 : not_found())

int initgroups(const char *user, gid_t group)
{
        return HAND_ON(initgroups, user, group);
}

int setegid(gid_t gid)
{
        return HAND_ON(setegid, gid);
}

int seteuid(uid_t uid)
{
        return HAND_ON(seteuid, uid);
}

int setgid(gid_t gid)
{
        return HAND_ON(setgid, gid);
}

int setgroups(size_t n, const gid_t *groups)
{
        return HAND_ON(setgroups, n, groups);
}

int setregid(gid_t real, gid_t effective)
{
        return HAND_ON(setregid, real, effective);
}

int setresgid(gid_t real, gid_t effective, gid_t saved)
{
        return HAND_ON(setresgid, real, effective, saved);
}

int setresuid(uid_t real, uid_t effective, uid_t saved)
{
        return HAND_ON(setresuid, real, effective, saved);
}

int setreuid(uid_t real, uid_t effective)
{
        return HAND_ON(setreuid, real, effective);
}

int setuid(uid_t uid)
{
        return HAND_ON(setuid, uid);
}

/* ---- the kernel's -------------------------------------------------------------------------- */

WEAK(prctl)

int capset(struct __user_cap_header_struct *header, const struct __user_cap_data_struct *data)
{
        return HAND_ON(capset, header, data);
}

/* Asked before the call. Who sets no_new_privs a second time, under a filter, may not be permitted
 * much else. */
static bool changes_credentials(int option, unsigned long argument)
{
        switch (option) {
        case PR_SET_NO_NEW_PRIVS:
                return syscall(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0;
        case PR_CAPBSET_DROP:
        case PR_SET_KEEPCAPS:
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
        bool hands_on;
        int result;

        va_start(list, option);
        for (unsigned i = 0; i < 4; i++)
                a[i] = va_arg(list, unsigned long);
        va_end(list);
        hands_on = changes_credentials(option, a[0]);
        result = (int)syscall(SYS_prctl, option, a[0], a[1], a[2], a[3]);
        return hands_on ? handed_on(result) : result;
}
