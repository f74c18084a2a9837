/* SPDX-License-Identifier: MIT */
/* credential_calls.h - the calls that change credentials, and our threads. See
 * credential_calls.c. */
#ifndef CREDENTIAL_CALLS_H
#define CREDENTIAL_CALLS_H

#include "pager_section.h"

#include <stdint.h>

/* Finds the functions that ours go on to, while nobody has put ours in their place. */
void credential_calls_find(void);

/* Around the time in which a pool has threads and stands in no list, because it is being opened or
 * closed. No call of another thread that changes credentials returns meanwhile. With all signals
 * blocked. */
struct unlisted_section {
        struct pager_section caller;
        uint32_t changes;
};

void credentials_unlisted_begin(struct unlisted_section *u);
void credentials_unlisted_end(const struct unlisted_section *u);

/* In a child of fork, which does not have the thread that may have been handing on. And at the end
 * of a fork, in both: what its handlers left. */
void credentials_in_child(void);
void credentials_after_fork(void);

#endif
