/* SPDX-License-Identifier: MIT */
/* refusal.h - what refuses userfaultfd(2). See refusal.c. */
#ifndef REFUSAL_H
#define REFUSAL_H

#include <stdbool.h>

/* Whether a filter of system calls (seccomp) is what makes userfaultfd(2) fail with this errno. */
bool refusal_is_by_filter(int error);

#endif
