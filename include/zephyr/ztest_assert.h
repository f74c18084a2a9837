/* SPDX-License-Identifier: MIT */
/* ztest_assert.h - assertions of tests. zassert_* end the case as failed, zassume_* as skipped,
 * zexpect_* let it go on and fail in the end. All take a message in the manner of printf, or
 * none. */
#ifndef ZEPHYR_ZTEST_ASSERT_H
#define ZEPHYR_ZTEST_ASSERT_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zephyr/toolchain.h>

enum ztest_claim {
        ZTEST_ASSERT,
        ZTEST_ASSUME,
        ZTEST_EXPECT,
};

/* Prints where it is that a claim does not hold, then `text`, then the message; and, but for
 * ZTEST_EXPECT, does not return. */
void ztest_claim_broken(enum ztest_claim claim, const char *file, int line, const char *function,
                        const char *text, const char *format, ...);

/* `...` is the message; the NULL behind it is the message where there is none. */
#define Z_ZTEST_CLAIM(claim, condition, text, ...)                                                 \
        do {                                                                                       \
                if (!(condition))                                                                  \
                        ztest_claim_broken(claim, __FILE__, __LINE__, __func__, text,              \
                                           ##__VA_ARGS__, NULL);                                   \
        } while (0)

#define Z_ZTEST_WITHIN(a, b, d)       ((a) >= ((b) - (d)) && (a) <= ((b) + (d)))
#define Z_ZTEST_BETWEEN(a, low, high) ((a) >= (low) && (a) <= (high))

#define zassert(condition, text, ...) Z_ZTEST_CLAIM(ZTEST_ASSERT, condition, text, ##__VA_ARGS__)
#define zassume(condition, text, ...) Z_ZTEST_CLAIM(ZTEST_ASSUME, condition, text, ##__VA_ARGS__)
#define zexpect(condition, text, ...) Z_ZTEST_CLAIM(ZTEST_EXPECT, condition, text, ##__VA_ARGS__)

#define zassert_unreachable(...)     zassert(0, "was reached", ##__VA_ARGS__)
#define zassert_true(cond, ...)      zassert(cond, #cond " is false", ##__VA_ARGS__)
#define zassert_false(cond, ...)     zassert(!(cond), #cond " is true", ##__VA_ARGS__)
#define zassert_ok(cond, ...)        zassert(!(cond), #cond " is not 0", ##__VA_ARGS__)
#define zassert_not_ok(cond, ...)    zassert(cond, #cond " is 0", ##__VA_ARGS__)
#define zassert_is_null(ptr, ...)    zassert((ptr) == NULL, #ptr " is not NULL", ##__VA_ARGS__)
#define zassert_not_null(ptr, ...)   zassert((ptr) != NULL, #ptr " is NULL", ##__VA_ARGS__)
#define zassert_equal(a, b, ...)     zassert((a) == (b), #a " is not equal to " #b, ##__VA_ARGS__)
#define zassert_not_equal(a, b, ...) zassert((a) != (b), #a " is equal to " #b, ##__VA_ARGS__)
#define zassert_equal_ptr(a, b, ...)                                                               \
        zassert((const void *)(a) == (const void *)(b), #a " is not equal to " #b, ##__VA_ARGS__)
#define zassert_within(a, b, d, ...)                                                               \
        zassert(Z_ZTEST_WITHIN(a, b, d), #a " is not within " #b " +/- " #d, ##__VA_ARGS__)
#define zassert_not_within(a, b, d, ...)                                                           \
        zassert(!Z_ZTEST_WITHIN(a, b, d), #a " is within " #b " +/- " #d, ##__VA_ARGS__)
#define zassert_between_inclusive(a, l, u, ...)                                                    \
        zassert(Z_ZTEST_BETWEEN(a, l, u), #a " is not between " #l " and " #u, ##__VA_ARGS__)
#define zassert_mem_equal(buf, exp, size, ...)                                                     \
        zassert(memcmp(buf, exp, size) == 0, #buf " is not equal to " #exp, ##__VA_ARGS__)
#define zassert_str_equal(a, b, ...)                                                               \
        zassert(strcmp(a, b) == 0, #a " is not equal to " #b, ##__VA_ARGS__)

#define zassume_unreachable(...)     zassume(0, "was reached", ##__VA_ARGS__)
#define zassume_true(cond, ...)      zassume(cond, #cond " is false", ##__VA_ARGS__)
#define zassume_false(cond, ...)     zassume(!(cond), #cond " is true", ##__VA_ARGS__)
#define zassume_ok(cond, ...)        zassume(!(cond), #cond " is not 0", ##__VA_ARGS__)
#define zassume_not_ok(cond, ...)    zassume(cond, #cond " is 0", ##__VA_ARGS__)
#define zassume_is_null(ptr, ...)    zassume((ptr) == NULL, #ptr " is not NULL", ##__VA_ARGS__)
#define zassume_not_null(ptr, ...)   zassume((ptr) != NULL, #ptr " is NULL", ##__VA_ARGS__)
#define zassume_equal(a, b, ...)     zassume((a) == (b), #a " is not equal to " #b, ##__VA_ARGS__)
#define zassume_not_equal(a, b, ...) zassume((a) != (b), #a " is equal to " #b, ##__VA_ARGS__)
#define zassume_equal_ptr(a, b, ...)                                                               \
        zassume((const void *)(a) == (const void *)(b), #a " is not equal to " #b, ##__VA_ARGS__)
#define zassume_within(a, b, d, ...)                                                               \
        zassume(Z_ZTEST_WITHIN(a, b, d), #a " is not within " #b " +/- " #d, ##__VA_ARGS__)
#define zassume_not_within(a, b, d, ...)                                                           \
        zassume(!Z_ZTEST_WITHIN(a, b, d), #a " is within " #b " +/- " #d, ##__VA_ARGS__)
#define zassume_between_inclusive(a, l, u, ...)                                                    \
        zassume(Z_ZTEST_BETWEEN(a, l, u), #a " is not between " #l " and " #u, ##__VA_ARGS__)
#define zassume_mem_equal(buf, exp, size, ...)                                                     \
        zassume(memcmp(buf, exp, size) == 0, #buf " is not equal to " #exp, ##__VA_ARGS__)
#define zassume_str_equal(a, b, ...)                                                               \
        zassume(strcmp(a, b) == 0, #a " is not equal to " #b, ##__VA_ARGS__)

#define zexpect_unreachable(...)     zexpect(0, "was reached", ##__VA_ARGS__)
#define zexpect_true(cond, ...)      zexpect(cond, #cond " is false", ##__VA_ARGS__)
#define zexpect_false(cond, ...)     zexpect(!(cond), #cond " is true", ##__VA_ARGS__)
#define zexpect_ok(cond, ...)        zexpect(!(cond), #cond " is not 0", ##__VA_ARGS__)
#define zexpect_not_ok(cond, ...)    zexpect(cond, #cond " is 0", ##__VA_ARGS__)
#define zexpect_is_null(ptr, ...)    zexpect((ptr) == NULL, #ptr " is not NULL", ##__VA_ARGS__)
#define zexpect_not_null(ptr, ...)   zexpect((ptr) != NULL, #ptr " is NULL", ##__VA_ARGS__)
#define zexpect_equal(a, b, ...)     zexpect((a) == (b), #a " is not equal to " #b, ##__VA_ARGS__)
#define zexpect_not_equal(a, b, ...) zexpect((a) != (b), #a " is equal to " #b, ##__VA_ARGS__)
#define zexpect_equal_ptr(a, b, ...)                                                               \
        zexpect((const void *)(a) == (const void *)(b), #a " is not equal to " #b, ##__VA_ARGS__)
#define zexpect_within(a, b, d, ...)                                                               \
        zexpect(Z_ZTEST_WITHIN(a, b, d), #a " is not within " #b " +/- " #d, ##__VA_ARGS__)
#define zexpect_not_within(a, b, d, ...)                                                           \
        zexpect(!Z_ZTEST_WITHIN(a, b, d), #a " is within " #b " +/- " #d, ##__VA_ARGS__)
#define zexpect_between_inclusive(a, l, u, ...)                                                    \
        zexpect(Z_ZTEST_BETWEEN(a, l, u), #a " is not between " #l " and " #u, ##__VA_ARGS__)
#define zexpect_mem_equal(buf, exp, size, ...)                                                     \
        zexpect(memcmp(buf, exp, size) == 0, #buf " is not equal to " #exp, ##__VA_ARGS__)
#define zexpect_str_equal(a, b, ...)                                                               \
        zexpect(strcmp(a, b) == 0, #a " is not equal to " #b, ##__VA_ARGS__)

#endif
