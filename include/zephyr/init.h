/* SPDX-License-Identifier: MIT */
/* init.h - functions that run at start-up, by level and then by priority, before main(). */
#ifndef ZEPHYR_INIT_H
#define ZEPHYR_INIT_H

#include <zephyr/toolchain.h>

enum unpaged_init_level {
        UNPAGED_INIT_EARLY,
        UNPAGED_INIT_PRE_KERNEL_1,
        UNPAGED_INIT_PRE_KERNEL_2,
        UNPAGED_INIT_POST_KERNEL,
        UNPAGED_INIT_APPLICATION,
};

struct unpaged_init {
        int (*function)(void);
        enum unpaged_init_level level;
        int priority;
        struct unpaged_init *next;
};

/* The entry stays in use. Only from constructors. */
void unpaged_init_register(struct unpaged_init *entry);

#define SYS_INIT_NAMED(name, init_function, init_level, init_priority)                             \
        __attribute__((constructor(101))) static void unpaged_init_register_##name(void)           \
        {                                                                                          \
                static struct unpaged_init entry = {(int (*)(void))(init_function),                \
                                                    UNPAGED_INIT_##init_level, init_priority,      \
                                                    NULL};                                         \
                                                                                                   \
                unpaged_init_register(&entry);                                                     \
        }                                                                                          \
        extern int unpaged_init_end_##name
#define SYS_INIT(function, level, priority) SYS_INIT_NAMED(function, function, level, priority)

#endif
