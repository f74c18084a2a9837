/* SPDX-License-Identifier: MIT */
/* machine.h - how much memory there is for this process. See machine.c. */
#ifndef MACHINE_H
#define MACHINE_H

#include <stdint.h>

#define MACHINE_NO_LIMIT UINT64_MAX

/* Bytes of RAM. */
uint64_t machine_memory(void);

/* The least memory limit among the process's cgroup and those above it, version 1 and 2;
 * MACHINE_NO_LIMIT: there is none, or none that can be seen. `proc` is "/proc/self", or a directory
 * with files `cgroup` and `mountinfo` like those. */
uint64_t machine_cgroup_limit(const char *proc);

/* The less of the two: what N% is a share of. */
uint64_t machine_usable(void);

#endif
