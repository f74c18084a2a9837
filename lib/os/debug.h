/* SPDX-License-Identifier: MIT */
/*
 * debug.h - how much the library checks itself.
 *
 * CMake's UNPAGED_DEBUG sets PG_DEBUG for every file: 0 checks nothing; 1 (Debug builds) compiles
 * assertions in, each the cost of a comparison; 2 (sanitizer builds) adds walks over whole
 * structures, functions called x_check(). Below tier 2 the files that hold the walks, x_check.c,
 * are no part of the library.
 *
 * The conditions are constants of the compiler, not of the preprocessor: what they guard compiles
 * in every build, so no tier rots, and leaves no code where it is off.
 */
#ifndef DEBUG_H
#define DEBUG_H

#include <stdio.h>
#include <stdlib.h>

#ifndef PG_DEBUG
#define PG_DEBUG 0
#endif

#define DEBUG_ASSERTS (PG_DEBUG >= 1)
#define DEBUG_WALKS   (PG_DEBUG >= 2)

static inline void debug_fail(const char *what)
{
        fprintf(stderr, "unpaged: %s\n", what);
        abort();
}

/* `what` names the rule that was broken. */
#define PG_ASSERT(condition, what)                                                                 \
        do {                                                                                       \
                if (DEBUG_ASSERTS && !(condition))                                                 \
                        debug_fail(what);                                                          \
        } while (0)

#endif
