/* SPDX-License-Identifier: MIT */
/* util.h - arithmetic and preprocessor helpers with Zephyr's names and meanings. */
#ifndef ZEPHYR_SYS_UTIL_H
#define ZEPHYR_SYS_UTIL_H

#include <zephyr/toolchain.h>
#include <zephyr/types.h>

#define BIT(n)               (1UL << (n))
#define BIT64(n)             (1ULL << (n))
#define BIT_MASK(n)          (BIT(n) - 1UL)
#define BIT64_MASK(n)        (BIT64(n) - 1ULL)
#define GENMASK(h, l)        ((~0UL - (1UL << (l)) + 1) & (~0UL >> (sizeof(long) * 8 - 1 - (h))))
#define IS_BIT_SET(value, n) ((((value) >> (n)) & 1) != 0)
#define WRITE_BIT(variable, n, set)                                                                \
        ((variable) = (set) ? ((variable) | BIT(n)) : ((variable) & ~BIT(n)))

#define KB(x)  ((size_t)(x) << 10)
#define MB(x)  (KB(x) << 10)
#define GB(x)  (MB(x) << 10)
#define KHZ(x) ((x)*1000)
#define MHZ(x) (KHZ(x) * 1000)

#define POINTER_TO_UINT(p) ((uintptr_t)(p))
#define UINT_TO_POINTER(n) ((void *)(uintptr_t)(n))
#define POINTER_TO_INT(p)  ((intptr_t)(p))
#define INT_TO_POINTER(n)  ((void *)(intptr_t)(n))

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define CONTAINER_OF(pointer, type, member)                                                        \
        ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#define ROUND_UP(x, align)                                                                         \
        ((((unsigned long)(x) + ((unsigned long)(align)-1)) / (unsigned long)(align)) *            \
         (unsigned long)(align))
#define ROUND_DOWN(x, align)                                                                       \
        (((unsigned long)(x) / (unsigned long)(align)) * (unsigned long)(align))
#define WB_UP(x)                     ROUND_UP(x, sizeof(void *))
#define WB_DN(x)                     ROUND_DOWN(x, sizeof(void *))
#define DIV_ROUND_UP(n, d)           (((n) + (d)-1) / (d))
#define IS_ALIGNED(p, align)         (((uintptr_t)(p)) % (align) == 0)
#define IS_POWER_OF_TWO(x)           ((x) != 0 && ((x) & ((x)-1)) == 0)
#define IN_RANGE(value, least, most) ((value) >= (least) && (value) <= (most))

#ifndef MIN
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#endif
#ifndef MAX
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#endif
#define CLAMP(value, low, high) ((value) <= (low) ? (low) : MIN(value, high))

/* Integer constant expressions for constants, as bit-fields and array bounds need them. */
#define LOG2(x)     ((x) < 1 ? -1 : 63 - __builtin_clzll((unsigned long long)(x) | 1))
#define LOG2CEIL(x) ((x) < 2 ? 0 : 64 - __builtin_clzll(((unsigned long long)(x)-1) | 1))

/* 1 if the option is defined as 1, else 0 (also when it is not defined): the paste makes a comma
 * only then, which moves the 1 to the second place. */
#define OPTION_SHIFT_1                    ,
#define OPTION_SECOND(first, second, ...) second
#define OPTION_CHOOSE(shift)              OPTION_SECOND(shift 1, 0, 0)
#define OPTION_PASTE(value)               OPTION_CHOOSE(OPTION_SHIFT_##value)
#define IS_ENABLED(option)                OPTION_PASTE(option)

#define UTIL_CAT(a, b) CONCAT_TOKENS(a, b)
#define EMPTY

/* Is the region empty, or does it go beyond the end of all addresses? */
#define Z_DETECT_POINTER_OVERFLOW(address, size)                                                   \
        ((size) == 0 || (uintptr_t)(address) > UINTPTR_MAX - ((uintptr_t)(size)-1))

#endif
