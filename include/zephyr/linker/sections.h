/* SPDX-License-Identifier: MIT */
/* sections.h - where a board's linker would put things. The image of a host program is all in
 * memory and pinned, so that these are all empty; that goes for the sections that Zephyr loads on
 * demand, too. */
#ifndef ZEPHYR_LINKER_SECTIONS_H
#define ZEPHYR_LINKER_SECTIONS_H

#include <zephyr/toolchain.h>

#define __noinit
#define __pinned_func
#define __pinned_data
#define __pinned_bss
#define __pinned_noinit
#define __pinned_rodata
#define __boot_func
#define __boot_data
#define __boot_bss
#define __boot_noinit
#define __isr
#define __ondemand_func
#define __ondemand_rodata
#define __nocache
#define __kernel
#define __kernel_bss
#define __kernel_noinit

#endif
