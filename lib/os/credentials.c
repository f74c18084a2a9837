/* SPDX-License-Identifier: MIT */
/*
 * credentials.c - what the kernel lets a thread do, read from one and given to another.
 *
 * To the kernel, each thread has credentials of its own. That those of a process are the same is
 * the work of the C library: its setuid() makes every thread that it knows repeat the system call.
 * The pager's threads are unknown to it, so they repeat what it did, by system calls alone.
 *
 * They do not repeat the call itself but take over its outcome. Calls before it may have changed
 * the caller without our knowledge (system calls made directly), and the same call would then end
 * differently for the two.
 *
 * Order. A thread may change what its effective capabilities permit, so it begins by making all of
 * its permitted ones effective, and ends with the sets that it is to have. Bounding set and
 * securebits want CAP_SETPCAP, groups CAP_SETGID, users CAP_SETUID; a capability becomes
 * inheritable only while it is in the bounding set. When the last user id that was 0 goes, the
 * kernel takes all capabilities away, unless the thread keeps them (PR_SET_KEEPCAPS); so for that
 * moment it does. No step is checked: what matters is what the thread has in the end.
 *
 * A thread can only lose capabilities. Threads of a program may have lost different ones, by
 * capset() of one each; ours, which follow each of them, then have what none of them has lost.
 *
 * Not taken over are filters of seccomp(2), domains of Landlock and labels of security modules. No
 * call gives those to another thread, and a filter that is meant for the program's own system calls
 * might not permit the pager's.
 */
#include "credentials.h"
#include "futex_lock.h"

#include <linux/capability.h>
#include <linux/prctl.h>
#include <linux/securebits.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

/* prctl() itself would hand on what changes: see credential_calls.c. */
static long thread_control(int option, unsigned long a, unsigned long b)
{
        return syscall(SYS_prctl, option, a, b, 0ul, 0ul);
}

/* ---- capabilities -------------------------------------------------------------------------- */

static struct __user_cap_header_struct *caps_header(struct __user_cap_header_struct *header)
{
        *header = (struct __user_cap_header_struct){.version = _LINUX_CAPABILITY_VERSION_3};
        return header;
}

static uint64_t caps_word(uint32_t low, uint32_t high)
{
        return low | (uint64_t)high << 32;
}

static bool caps_read(struct credentials *c)
{
        struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
        struct __user_cap_header_struct header;

        if (syscall(SYS_capget, caps_header(&header), data) != 0)
                return false;
        c->permitted = caps_word(data[0].permitted, data[1].permitted);
        c->effective = caps_word(data[0].effective, data[1].effective);
        c->inheritable = caps_word(data[0].inheritable, data[1].inheritable);
        return true;
}

static void caps_write(uint64_t permitted, uint64_t effective, uint64_t inheritable)
{
        struct __user_cap_header_struct header;
        struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
                {(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
                {(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32),
                 (uint32_t)(inheritable >> 32)},
        };

        syscall(SYS_capset, caps_header(&header), data);
}

static long is_bounding(unsigned long cap)
{
        return thread_control(PR_CAPBSET_READ, cap, 0);
}

static long is_ambient(unsigned long cap)
{
        return thread_control(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap);
}

/* Up to the last capability that the kernel knows. unknown: where it may not be asked. */
static uint64_t caps_asked(long (*is_in)(unsigned long cap), uint64_t unknown)
{
        uint64_t set = 0;
        unsigned long cap;
        long yes;

        for (cap = 0; cap < 64 && (yes = is_in(cap)) >= 0; cap++)
                set |= (uint64_t)yes << cap;
        return cap > 0 ? set : unknown;
}

static void bounding_drop(uint64_t set)
{
        for (unsigned long cap = 0; cap < 64; cap++)
                if (set >> cap & 1)
                        thread_control(PR_CAPBSET_DROP, cap, 0);
}

static void ambient_write(uint64_t set)
{
        thread_control(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0);
        for (unsigned long cap = 0; cap < 64; cap++)
                if (set >> cap & 1)
                        thread_control(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap);
}

/* ---- all of it ----------------------------------------------------------------------------- */

/* With signals blocked, also the one by which the C library changes this very thread: what is read
 * is of one moment. */
bool credentials_read(struct credentials *c)
{
        uint64_t all = UINT64_MAX, signals = 0;
        bool good;
        long n;

        syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, &signals, sizeof(all));
        good = syscall(SYS_getresuid, &c->uids[0], &c->uids[1], &c->uids[2]) == 0 &&
               syscall(SYS_getresgid, &c->gids[0], &c->gids[1], &c->gids[2]) == 0 && caps_read(c);
        n = syscall(SYS_setfsuid, -1);
        c->uids[3] = n < 0 ? c->uids[1] : (uid_t)n;
        n = syscall(SYS_setfsgid, -1);
        c->gids[3] = n < 0 ? c->gids[1] : (gid_t)n;
        n = syscall(SYS_getgroups, NGROUPS_MAX, c->groups);
        good = good && n >= 0;
        c->n_groups = n < 0 ? 0 : (unsigned)n;
        c->bounding = caps_asked(is_bounding, UINT64_MAX);
        c->ambient = caps_asked(is_ambient, 0);
        c->securebits = (int)thread_control(PR_GET_SECUREBITS, 0, 0);
        c->no_new_privs = (int)thread_control(PR_GET_NO_NEW_PRIVS, 0, 0);
        syscall(SYS_rt_sigprocmask, SIG_SETMASK, &signals, NULL, sizeof(all));
        return good;
}

static bool three_are_same(const uint32_t *a, const uint32_t *b)
{
        return memcmp(a, b, 3 * sizeof(*a)) == 0;
}

/* The id of file access follows the effective one where that is written, so it is written after it,
 * and the three are left alone where they are right. */
static void groups_write(const struct credentials *own, const struct credentials *to)
{
        syscall(SYS_setgroups, (size_t)to->n_groups, to->groups);
        if (!three_are_same(own->gids, to->gids))
                syscall(SYS_setresgid, to->gids[0], to->gids[1], to->gids[2]);
        syscall(SYS_setfsgid, to->gids[3]);
}

static void users_write(const struct credentials *own, const struct credentials *to)
{
        thread_control(PR_SET_KEEPCAPS, 1, 0);
        if (!three_are_same(own->uids, to->uids))
                syscall(SYS_setresuid, to->uids[0], to->uids[1], to->uids[2]);
        syscall(SYS_setfsuid, to->uids[3]);
}

/* The first call needs no capability. */
static void securebits_write(int securebits)
{
        thread_control(PR_SET_KEEPCAPS, securebits & SECBIT_KEEP_CAPS ? 1 : 0, 0);
        thread_control(PR_SET_SECUREBITS, (unsigned long)securebits, 0);
}

static void credentials_write(const struct credentials *own, const struct credentials *to)
{
        uint64_t all = own->permitted, inheritable;

        /* What else the kernel refuses, with all of the call. */
        inheritable = to->inheritable & (own->inheritable | (all & own->bounding));

        caps_write(all, all, inheritable);
        bounding_drop(own->bounding & ~to->bounding);
        groups_write(own, to);
        users_write(own, to);
        caps_write(all, all, inheritable);
        securebits_write(to->securebits);
        caps_write(all & to->permitted, all & to->effective, inheritable);
        ambient_write(to->ambient);
        if (to->no_new_privs)
                thread_control(PR_SET_NO_NEW_PRIVS, 1, 0);
}

/* Those of file access aside: any thread may give itself those that it has otherwise. */
static bool ids_are_same(const struct credentials *a, const struct credentials *b)
{
        return three_are_same(a->uids, b->uids) && three_are_same(a->gids, b->gids) &&
               a->n_groups == b->n_groups &&
               memcmp(a->groups, b->groups, a->n_groups * sizeof(a->groups[0])) == 0;
}

static bool credentials_are_same(const struct credentials *a, const struct credentials *b)
{
        return memcmp(a, b, offsetof(struct credentials, groups)) == 0 && ids_are_same(a, b);
}

static bool is_among_three(uint32_t id, const uint32_t *ids)
{
        return id == ids[0] || id == ids[1] || id == ids[2];
}

/* One that neither its other ids nor those of `to` give it. */
static bool has_file_ids_beyond(const struct credentials *own, const struct credentials *to)
{
        return (own->uids[3] != to->uids[3] && !is_among_three(own->uids[3], own->uids)) ||
               (own->gids[3] != to->gids[3] && !is_among_three(own->gids[3], own->gids));
}

static bool may_change_ids(const struct credentials *c)
{
        uint64_t needed = UINT64_C(1) << CAP_SETUID | UINT64_C(1) << CAP_SETGID;

        return (c->permitted & needed) == needed;
}

/* Other ids are no more than those of `to` if a thread with `to` can have them for the asking. */
static bool has_more(const struct credentials *own, const struct credentials *to)
{
        return own->permitted & ~to->permitted || own->no_new_privs < to->no_new_privs ||
               ((!ids_are_same(own, to) || has_file_ids_beyond(own, to)) && !may_change_ids(to));
}

/* One thread at a time has `own`. No thread forks meanwhile: see pools_enter(). */
bool credentials_take(const struct credentials *to)
{
        static struct futex_lock taking;
        static struct credentials own;
        bool good;

        futex_lock_take(&taking);
        good = credentials_read(&own);
        if (good && !credentials_are_same(&own, to)) {
                credentials_write(&own, to);
                good = credentials_read(&own);
        }
        good = good && !has_more(&own, to);
        futex_lock_drop(&taking);
        return good;
}

void credentials_answer(struct credentials_call *c)
{
        if (!atomic_load(&c->behind))
                return;
        c->has_more = !credentials_take(c->to);
        atomic_store(&c->behind, 0);
        futex_wake(&c->behind, INT32_MAX);
}
