/* SPDX-License-Identifier: MIT */
/*
 * builtin.h - the stores every pool has without asking: PG_LOCATION_ANON_ZERO and _ANON_UNINIT.
 */
#ifndef BACKENDS_BUILTIN_H
#define BACKENDS_BUILTIN_H

#include <unpaged/store.h>

extern const struct pg_store_ops pg_zero_ops;
extern const struct pg_store_ops pg_uninit_ops;

#endif
