/* SPDX-License-Identifier: MIT */
/* __assert.h - Zephyr's assertions. With CONFIG_ASSERT (the default here, as under Zephyr's test
 * framework) a breach is printed and ends in k_panic(). */
#ifndef ZEPHYR_SYS_ASSERT_H
#define ZEPHYR_SYS_ASSERT_H

#include <stdbool.h>
#include <zephyr/toolchain.h>
#include <zephyr/sys/printk.h>

/* Called after a breach was printed; must not return. May be replaced by the program. */
#ifdef CONFIG_ASSERT_NO_FILE_INFO
void assert_post_action(void);
#define ASSERT_POST_ACTION() assert_post_action()
#else
void assert_post_action(const char *file, unsigned int line);
#define ASSERT_POST_ACTION() assert_post_action(__FILE__, __LINE__)
#endif

#define __ASSERT_LOC(condition)                                                                    \
        printk("ASSERTION FAIL [%s] @ %s:%d\n", STRINGIFY(condition), __FILE__, __LINE__)

#ifdef CONFIG_ASSERT
#define __ASSERT_ON 1
#define __ASSERT(condition, ...)                                                                   \
        do {                                                                                       \
                if (!(condition)) {                                                                \
                        __ASSERT_LOC(condition);                                                   \
                        printk("\t" __VA_ARGS__);                                                  \
                        printk("\n");                                                              \
                        ASSERT_POST_ACTION();                                                      \
                }                                                                                  \
        } while (false)
#define __ASSERT_NO_MSG(condition)                                                                 \
        do {                                                                                       \
                if (!(condition)) {                                                                \
                        __ASSERT_LOC(condition);                                                   \
                        ASSERT_POST_ACTION();                                                      \
                }                                                                                  \
        } while (false)
#define __ASSERT_EVAL(otherwise, prepare, condition, ...)                                          \
        do {                                                                                       \
                prepare;                                                                           \
                __ASSERT(condition, __VA_ARGS__);                                                  \
        } while (false)
#else
#define __ASSERT_ON                0
/* The condition is compiled, so that what it names counts as used, but not evaluated. */
#define __ASSERT(condition, ...)   ((void)sizeof(!(condition)))
#define __ASSERT_NO_MSG(condition) ((void)sizeof(!(condition)))
#define __ASSERT_EVAL(otherwise, prepare, condition, ...)                                          \
        do {                                                                                       \
                otherwise;                                                                         \
        } while (false)
#endif

#endif
