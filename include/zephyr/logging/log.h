/* SPDX-License-Identifier: MIT */
/* log.h - the log as lines on the console: errors and warnings; the rest is compiled out. */
#ifndef ZEPHYR_LOGGING_LOG_H
#define ZEPHYR_LOGGING_LOG_H

#include <zephyr/sys/printk.h>

#define LOG_MODULE_REGISTER(...) extern int zephyr_log_module
#define LOG_MODULE_DECLARE(...)  extern int zephyr_log_module

#define LOG_ERR(format, ...) printk("<err> " format "\n", ##__VA_ARGS__)
#define LOG_WRN(format, ...) printk("<wrn> " format "\n", ##__VA_ARGS__)
#define LOG_SILENT(format, ...)                                                                    \
        do {                                                                                       \
                if (0)                                                                             \
                        printk(format, ##__VA_ARGS__);                                             \
        } while (0)
#define LOG_INF LOG_SILENT
#define LOG_DBG LOG_SILENT

#endif
