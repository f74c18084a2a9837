/* SPDX-License-Identifier: MIT */
/* swap.h - the swap store of this process. See swap.c. */
#ifndef SWAP_H
#define SWAP_H

struct pg_store;
struct settings;
struct text;

/* As the settings say. 0, or -errno; *why has the cause in words then. */
int swap_open(const struct settings *s, struct pg_store **store, struct text *why);

#endif
