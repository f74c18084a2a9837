/* SPDX-License-Identifier: MIT */
/* printk.h - the console: standard output, unbuffered. Callable from fault handlers. */
#ifndef ZEPHYR_SYS_PRINTK_H
#define ZEPHYR_SYS_PRINTK_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <zephyr/toolchain.h>

/* Prints at most 1023 bytes of the formatted text. */
__printf_like(1, 2) void printk(const char *format, ...);
__printf_like(1, 0) void vprintk(const char *format, va_list arguments);

#define snprintk  snprintf
#define vsnprintk vsnprintf

#endif
