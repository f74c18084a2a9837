/* SPDX-License-Identifier: MIT */
/* credentials.h - what the kernel lets a thread do, read from one and given to another. See
 * credentials.c. */
#ifndef CREDENTIALS_H
#define CREDENTIALS_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Without padding: compared as bytes. Too large for a stack. */
struct credentials {
        uid_t uids[4]; /* real, effective, saved, of file access */
        gid_t gids[4];
        uint64_t permitted, effective, inheritable, bounding, ambient; /* bit n: capability n */
        int securebits, no_new_privs;
        unsigned n_groups;
        gid_t groups[NGROUPS_MAX];
};

/* Those of the calling thread. False: a filter of system calls does not let it read them. */
bool credentials_read(struct credentials *c);
/* Makes those of the calling thread alone equal to `to`, as far as the kernel permits. False: the
 * thread may do something now that a thread with `to` may not. What matters to programs that it
 * executes does not count: it executes none. */
bool credentials_take(const struct credentials *to);

/* For a thread that waits on a futex: one that calls it, and its answer. */
struct credentials_call {
        const struct credentials *to;
        _Atomic uint32_t behind; /* it is to take them over: a futex */
        bool has_more;           /* it could not */
};

/* By the thread: does what it is called for, if it is. */
void credentials_answer(struct credentials_call *c);

#endif
