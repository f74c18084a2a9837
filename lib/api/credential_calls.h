/* SPDX-License-Identifier: MIT */
/* credential_calls.h - the calls that change credentials, and our threads. See
 * credential_calls.c. */
#ifndef CREDENTIAL_CALLS_H
#define CREDENTIAL_CALLS_H

#include <stdint.h>

/* Finds the functions that ours go on to, while nobody has put ours in their place. */
void credential_calls_find(void);
/* Counts the calls that have changed credentials. */
uint32_t credential_changes(void);
/* The threads of all pools take over the caller's. errno is kept. */
void credentials_hand_on(void);

#endif
