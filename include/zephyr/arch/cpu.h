/* SPDX-License-Identifier: MIT */
/* cpu.h - the processor's part of the kernel's calls. */
#ifndef ZEPHYR_ARCH_CPU_H
#define ZEPHYR_ARCH_CPU_H

#include <zephyr/fatal.h>
#include <zephyr/irq.h>

#endif
