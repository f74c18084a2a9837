/* SPDX-License-Identifier: MIT */
/* handler_calls.h - the handler threads of a pool, and what they are called for beside faults. See
 * handler_thread.c, handler_calls.c. */
#ifndef HANDLER_CALLS_H
#define HANDLER_CALLS_H

#include "cpu_follow.h"
#include "futex_lock.h"
#include "thread.h"

struct credentials;
struct pg_pool;

#define HELPERS 3u
#define THREADS (HELPERS + FOLLOWERS)
#define TICK_NS 1000000u

struct handler_threads {
        struct pg_pool *pool;
        struct followers followers;
        struct thread threads[THREADS]; /* the followers first */
        _Atomic pid_t tids[THREADS];    /* as they run: a helper does not know its place */
        unsigned wanted;
        unsigned started;
        _Atomic uint32_t running; /* bit i: thread i has not ended */
        _Atomic bool stopping;
        _Atomic bool one_ends; /* of the threads that answer calls: the one that clears this */
        char *call_page;       /* a fault there calls the thread that reads it */
        int fdinfo;            /* of the userfaultfd: tells what is pending; or -1 */

        const struct credentials *credentials; /* to be taken over by those behind */
        _Atomic uint32_t behind;               /* bit i: thread i, which has not done so */
        _Atomic bool has_more;                 /* one could not do so */

        struct futex_lock duty;       /* of the one helper that watches, held while it sleeps */
        struct futex_lock beside;     /* without fdinfo: of the one that reads meanwhile */
        _Atomic uint32_t paused;      /* the followers are to let the helpers serve */
        uint64_t pause_ns, resume_at; /* under duty */
};

/* By a handler thread: takes over credentials, if it is behind. */
void handler_follow(struct handler_threads *d, unsigned self);
/* By the one that has read a fault on the call page. False: it is to end. */
bool handler_answer(struct handler_threads *d);
/* By the caller: returns when a thread has answered. */
void handler_call(struct handler_threads *d);

#endif
