/* SPDX-License-Identifier: MIT */
/* tc_util.h - what tests print. */
#ifndef ZEPHYR_TC_UTIL_H
#define ZEPHYR_TC_UTIL_H

#include <zephyr/sys/printk.h>

#define TC_PASS 0
#define TC_FAIL 1
#define TC_SKIP 2

#define TC_PRINT(format, ...) printk(format, ##__VA_ARGS__)
#define TC_ERROR(format, ...) printk("FAIL - %s@%d. " format, __func__, __LINE__, ##__VA_ARGS__)
#define TC_START(name)        printk("START - %s\n", name)

/* Prints how the whole run ended. */
void tc_end_report(int result);
#define TC_END_REPORT(result) tc_end_report(result)

#endif
