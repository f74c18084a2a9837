/* SPDX-License-Identifier: MIT */
/* cpu_follow.h - on which CPUs the handler threads of a pool stand. See cpu_follow.c. */
#ifndef CPU_FOLLOW_H
#define CPU_FOLLOW_H

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "futex_lock.h"

struct uffd;

#define FOLLOWERS   4u
#define CPU_LOOKUPS 8u

struct follower {
        struct followers *all;
        _Atomic pid_t tid;
        _Atomic int place;     /* its CPU, or one of the names in cpu_follow.c */
        _Atomic uint32_t read; /* counts the messages it has read */
        _Atomic uint32_t done; /* `read` of the last that it is done with, but for the wake-up */
        _Atomic uintptr_t address; /* of the last */

        /* Its own. */
        struct cpu_lookup {
                pid_t tid;
                int cpu;        /* where that thread was; -1: unknown */
                unsigned spent; /* what has been read of it since, weighed */
        } lookups[CPU_LOOKUPS];
        unsigned off_cpu_messages; /* a bucket that leaks with every message */
        unsigned away;             /* messages since the last one from its own CPU */

        /* Of the helper on duty. */
        uint32_t counted;
        unsigned idle_ticks;
};

struct followers {
        struct handler_threads *handlers;
        const struct uffd *uffd;
        pid_t pid;
        unsigned count;
        _Atomic bool can_follow;
        long robust_offset; /* from a thread's pointer to its robust list, the same for all */
        cpu_set_t anywhere; /* where they may be */
        struct futex_lock placing; /* tried, never waited for */
        struct follower each[FOLLOWERS];
};

/* On a thread of the C library's, before the followers run and again in a child of fork. How many
 * there are to be. */
unsigned followers_prepare(struct followers *all, const struct uffd *uffd);

/* On the follower itself: once; before every read, where one that is not needed waits; and after
 * it, with the thread that sent the message. `blocked`: the read had to wait. */
void follower_begin(struct follower *f);
void follower_rest(struct follower *f, const _Atomic bool *stopping);
void follower_go(struct follower *f, pid_t tid, bool blocked);
/* On the follower itself, for each message: when it has read it, and before it wakes the thread,
 * which may stop it. */
void follower_has_read(struct follower *f, uintptr_t address);
void follower_done(struct follower *f);

/* By the helper on duty. How many messages the followers have read since the last call; those that
 * receive few while others receive many are sent to rest. */
uint32_t followers_progress(struct followers *all);
/* One has read a message and is not done with it. One that is done may have been stopped before it
 * woke the thread: so the threads of these are woken, in the page of that size. */
bool followers_hold_messages(const struct followers *all, size_t page_size);
/* They may be starving: on any CPU, and, where that is permitted, as ordinary threads. */
void followers_raise(struct followers *all);
void followers_lower(struct followers *all);

/* Those that rest read one more message. One that is about to rest may be missed, unless *stopping
 * was set before. */
void followers_call_in(struct followers *all);

#endif
