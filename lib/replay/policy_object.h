/* SPDX-License-Identifier: MIT */
/* policy_object.h - policies in shared objects. See policy_object.c. */
#ifndef POLICY_OBJECT_H
#define POLICY_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <unpaged/policy.h>

/* Whether a word names a shared object and not a policy: it has a slash, or ends in .so. */
bool policy_is_object(const char *word);

/* Loads one for good. `now`: all its calls are bound at once, as a policy needs that runs inside
 * faults. NULL: it cannot serve, and `why` says why, without its name. */
const struct pg_policy_ops *policy_object_load(const char *path, bool now, char *why,
                                               size_t why_size);

#endif
