/* SPDX-License-Identifier: MIT */
/*
 * claim.h - which process of a tree replaces the file that the user named. See claim.c.
 */
#ifndef CLAIM_H
#define CLAIM_H

#include <stdbool.h>
#include <stddef.h>

#define CLAIM_ID 48

/* What the launcher found at the path, in one word: "none", or which file. */
void claim_id(const char *path, char id[CLAIM_ID]);

/* True, in one process of the tree: the file is still what the launcher found (old, NULL counts as
 * none), and no other process is about to replace it. */
bool claim_take(const char *path, const char *old);
/* The file was replaced; or it will not be. */
void claim_drop(const char *path);

#endif
