/* SPDX-License-Identifier: MIT */
/* toolchain.h - Zephyr's names for what gcc and clang offer. Sections of the image mean nothing
 * on a host: the whole program is pinned, as on a board. */
#ifndef ZEPHYR_TOOLCHAIN_H
#define ZEPHYR_TOOLCHAIN_H

#include <stddef.h>

#define STRINGIFY_TOKEN(s)  #s
#define STRINGIFY(s)        STRINGIFY_TOKEN(s)
#define CONCAT_TOKENS(a, b) a##b
#define _CONCAT(a, b)       CONCAT_TOKENS(a, b)
#define _STRINGIFY(s)       STRINGIFY_TOKEN(s)

#ifndef __packed
#define __packed __attribute__((packed))
#endif
#ifndef __aligned
#define __aligned(n) __attribute__((aligned(n)))
#endif
#ifndef __used
#define __used __attribute__((used))
#endif
#ifndef __unused
#define __unused __attribute__((unused))
#endif
#ifndef __maybe_unused
#define __maybe_unused __attribute__((unused))
#endif
#ifndef __weak
#define __weak __attribute__((weak))
#endif
#ifndef __deprecated
#define __deprecated __attribute__((deprecated))
#endif
#ifndef __noinline
#define __noinline __attribute__((noinline))
#endif
#ifndef __must_check
#define __must_check __attribute__((warn_unused_result))
#endif
#ifndef __fallthrough
#define __fallthrough __attribute__((fallthrough))
#endif
#ifndef __printf_like
#define __printf_like(text, first) __attribute__((__format__(__printf__, text, first)))
#endif
#ifndef ALWAYS_INLINE
#define ALWAYS_INLINE inline __attribute__((always_inline))
#endif
#define FUNC_NORETURN __attribute__((noreturn))
#define FUNC_NO_STACK_PROTECTOR
#define CODE_UNREACHABLE __builtin_unreachable()

#ifndef likely
#define likely(x)   (__builtin_expect(!!(x), 1))
#define unlikely(x) (__builtin_expect(!!(x), 0))
#endif
#define POPCOUNT(x) __builtin_popcount(x)

#ifndef BUILD_ASSERT
#define BUILD_ASSERT(condition, ...) _Static_assert(condition, "" __VA_ARGS__)
#endif

#define ARG_UNUSED(x) ((void)(x))

#define compiler_barrier() __asm__ volatile("" ::: "memory")

/* A call of the kernel from user mode. There is one mode here. */
#define __syscall

#define __in_section_unique(name) __attribute__((section(STRINGIFY(name))))
#define __in_section(a, b, c)

#endif
