/* SPDX-License-Identifier: MIT */
/*
 * child.h - tests that fork. What fails in a child is reported by its exit status: 0 is good, and
 * anything else was explained on standard error.
 *
 * Every assertion of Check takes a lock of Check's, which fork does not reset. So threads that run
 * while another one forks have none, where the child has some: it would wait for ever.
 */
#ifndef CHILD_H
#define CHILD_H

#include "support.h"

/* A sanitizer does not stand that a child makes threads where its parent had some: so in signal
 * delivery there is none. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WITHOUT_THREADS PG_POOL_SPARES_FDS
#else
#define WITHOUT_THREADS 0u
#endif
#define INHERIT (PG_POOL_INHERIT | WITHOUT_THREADS)

#define CHILD_CHECK(ok)                                                                            \
        do {                                                                                       \
                if (!(ok)) {                                                                       \
                        fprintf(stderr, "child: line %d: %s\n", __LINE__, #ok);                    \
                        _exit(1);                                                                  \
                }                                                                                  \
        } while (0)

static inline void expect_child(pid_t child, int status_wanted)
{
        int status;

        ck_assert_int_gt(child, 0);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_int_eq(status, status_wanted);
}

#endif
