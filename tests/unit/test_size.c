/* SPDX-License-Identifier: MIT */
/* test_size.c - what a size is, and what is said of what is none. */
#include "../run_tests.h"
#include "size.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define UNTOUCHED 0xdeadbeefu

static const struct {
        const char *text;
        uint64_t bytes;
} sizes[] = {
        {"0", 0},
        {"1", 1},
        {"4096", 4096},
        {"007", 7},
        {"1K", 1024},
        {"64M", 64u << 20},
        {"64m", 64u << 20},
        {"64MiB", 64u << 20},
        {"64mib", 64u << 20},
        {"64Mib", 64u << 20},
        {"3G", 3ull << 30},
        {"2T", 2ull << 40},
        {"0T", 0},
        {"1.5G", 3ull << 29},
        {"0.5K", 512},
        {"1.0M", 1u << 20},
        {"0.000001M", 1},
        {"1.999999K", 2047},
        {"18446744073709551615", UINT64_MAX},
        {"16777215T", 16777215ull << 40},
        {"16777215.999999T", (16777215ull << 40) + (999999ull << 40) / 1000000},
};

START_TEST(a_size_is_a_number_and_a_unit)
{
        uint64_t bytes = UNTOUCHED;
        const char *wrong = size_read_bytes(sizes[_i].text, &bytes);

        ck_assert_msg(!wrong, "%s: %s", sizes[_i].text, wrong);
        ck_assert_msg(bytes == sizes[_i].bytes, "%s is %llu", sizes[_i].text,
                      (unsigned long long)bytes);
}
END_TEST

static const char garbage[] = "not a size: write a number";
static const char large[] = "too large";
static const char decimals[] = "more than six decimals";
static const char share[] = "at most 100%";

static const struct {
        const char *text, *said;
} not_sizes[] = {
        {NULL, garbage},
        {"", garbage},
        {" ", garbage},
        {"-1", garbage},
        {"+1", garbage},
        {"-0", garbage},
        {" 1", garbage},
        {"1 ", garbage},
        {"1 M", garbage},
        {"M", garbage},
        {"K1", garbage},
        {"1X", garbage},
        {"1MM", garbage},
        {"1MB", garbage},
        {"1Mi", garbage},
        {"1iB", garbage},
        {"1B", garbage},
        {"1MiBs", garbage},
        {"1M.", garbage},
        {".5G", garbage},
        {"1.G", garbage},
        {"1..5G", garbage},
        {"1.5.5G", garbage},
        {"1e3", garbage},
        {"0x10", garbage},
        {"1,5G", garbage},
        {"1.-5G", garbage},
        {"%", garbage},
        {"-1%", garbage},
        {"1%%", garbage},
        {"1% ", garbage},
        {"50%M", garbage},
        {"5M%", garbage},
        {".5%", garbage},
        {"1.%", garbage},
        {"1\nM", garbage},
        {"1M\n", garbage},
        {"inf", garbage},
        {"nan", garbage},
        {"1P", garbage},
        {"1E", garbage},
        {"1\xc2\xa0M", garbage},
        {"\xd9\xa1", garbage},
        {"1.5", "only before a unit"},
        {"101%", share},
        {"100.000001%", share},
        {"18446744073709551616", large},
        {"16777216T", large},
        {"16777216.000001T", large},
        {"18014398509481984K", large},
        {"99999999999999999999999999999999", large},
        {"17179869184G", large},
        {"1.0000000G", decimals},
        {"1.0000001%", decimals},
};

START_TEST(anything_else_is_not_a_size_and_it_is_said_why)
{
        struct size size = {.bytes = UNTOUCHED};
        const char *wrong = size_read(not_sizes[_i].text, &size);

        ck_assert_msg(wrong && strstr(wrong, not_sizes[_i].said), "'%s': %s", not_sizes[_i].text,
                      wrong ? wrong : "passed");
        ck_assert_uint_eq(size.bytes, UNTOUCHED);
}
END_TEST

static const struct {
        const char *text;
        uint64_t all, part;
} shares[] = {
        {"0%", UINT64_MAX, 0},         {"100%", UINT64_MAX, UINT64_MAX}, {"50%", 4097, 2048},
        {"12.5%", 1u << 20, 1u << 17}, {"0.000001%", 100000000, 1},      {"0.000001%", 99999999, 0},
};

START_TEST(a_percentage_is_a_share_of_something)
{
        struct size size;
        uint64_t bytes = UNTOUCHED;

        ck_assert_ptr_null(size_read(shares[_i].text, &size));
        ck_assert(size.is_share);
        ck_assert_uint_eq(size_share(&size, shares[_i].all), shares[_i].part);
        ck_assert_ptr_nonnull(size_read_bytes(shares[_i].text, &bytes));
        ck_assert_uint_eq(bytes, UNTOUCHED);
}
END_TEST

START_TEST(a_number_alone_is_kept_in_millionths)
{
        uint64_t number = UNTOUCHED;

        ck_assert_ptr_null(size_read_millionths("0.99", &number));
        ck_assert_uint_eq(number, 990000);
        ck_assert_ptr_null(size_read_millionths("16", &number));
        ck_assert_uint_eq(number, 16000000);
        ck_assert_ptr_nonnull(size_read_millionths("1K", &number));
        ck_assert_ptr_nonnull(size_read_millionths("1.0000001", &number));
        ck_assert_ptr_nonnull(size_read_millionths("", &number));
        ck_assert_ptr_nonnull(size_read_millionths("18446744073709551615", &number));
        ck_assert_uint_eq(number, 16000000);
}
END_TEST

static const struct {
        uint64_t bytes;
        const char *text;
} written[] = {
        {0, "0K"},
        {1, "1K"},
        {1024, "1K"},
        {262144, "256K"},
        {262145, "257K"},
        {1u << 22, "4M"},
        {(1u << 22) + 1, "4097K"},
        {10u << 20, "10M"},
        {(10u << 20) + 1, "11M"},
        {(uint64_t)128 << 20, "128M"},
        {(uint64_t)3 << 30, "3G"},
        {UINT64_MAX, "16777216T"},
};

START_TEST(a_size_is_written_as_it_is_read)
{
        char text[SIZE_TEXT];
        uint64_t bytes;

        ck_assert_str_eq(size_write(written[_i].bytes, text), written[_i].text);
        if (written[_i].bytes == UINT64_MAX)
                return;
        ck_assert_ptr_null(size_read_bytes(text, &bytes));
        ck_assert_uint_ge(bytes, written[_i].bytes);
        ck_assert_uint_le(bytes - written[_i].bytes, written[_i].bytes / 10 + 1024);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

TESTS("size")
{
        tcase_add_loop_test(tc, a_size_is_a_number_and_a_unit, 0, COUNT(sizes));
        tcase_add_loop_test(tc, anything_else_is_not_a_size_and_it_is_said_why, 0,
                            COUNT(not_sizes));
        tcase_add_loop_test(tc, a_percentage_is_a_share_of_something, 0, COUNT(shares));
        tcase_add_test(tc, a_number_alone_is_kept_in_millionths);
        tcase_add_loop_test(tc, a_size_is_written_as_it_is_read, 0, COUNT(written));
}
