/* SPDX-License-Identifier: MIT */
/*
 * shipped.h - the tables of the shipped policies, one a file, for the registry in
 * lib/model/policy_gate.c.
 *
 * Nobody else includes this: everybody else asks pg_policy_find() or pg_policy_at().
 */
#ifndef UNPAGED_POLICY_SHIPPED_H
#define UNPAGED_POLICY_SHIPPED_H

#include <unpaged/policy.h>

#pragma GCC visibility push(hidden)

extern const struct pg_policy_ops pg_policy_bimodal;
extern const struct pg_policy_ops pg_policy_clock;
extern const struct pg_policy_ops pg_policy_fifo;
extern const struct pg_policy_ops pg_policy_lru;
extern const struct pg_policy_ops pg_policy_nru;
extern const struct pg_policy_ops pg_policy_random;
extern const struct pg_policy_ops pg_policy_s3fifo;
extern const struct pg_policy_ops pg_policy_sfifo;
extern const struct pg_policy_ops pg_policy_sieve;

#pragma GCC visibility pop

#endif
