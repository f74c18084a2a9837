/* SPDX-License-Identifier: MIT */
/* types.h - the integer types, as Zephyr's sources expect to get them. */
#ifndef ZEPHYR_TYPES_H
#define ZEPHYR_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#endif
