/* SPDX-License-Identifier: MIT */
/* linker-defs.h - bounds of the program's image, by the names that GNU linkers give them. */
#ifndef ZEPHYR_LINKER_DEFS_H
#define ZEPHYR_LINKER_DEFS_H

#include <zephyr/linker/sections.h>

extern char __executable_start[], _end[];

#endif
