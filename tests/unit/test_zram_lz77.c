/* SPDX-License-Identifier: MIT */
/* test_zram_lz77.c - the compressor for pages that repeat themselves: what it packs, it
 * unpacks. */
/* A copy under other names, to see its inside: each machine uses but one of the ways to look. */
#define repeats_pack        inside_pack
#define repeats_unpack      inside_unpack
#define repeats_state_bytes inside_state_bytes
#include "../../backends/zram_lz77.c"
#include "bench_util.h"

#include "../run_tests.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t seed;
static struct state *state;

static uint64_t any(void)
{
        return random_next(&seed);
}

static void *allocate(size_t size)
{
        void *memory = malloc(size);

        ck_assert_ptr_nonnull(memory);
        return memory;
}

static void start(void)
{
        seed = 1;
        state = aligned_alloc(64, (repeats_state_bytes() + 63) & ~(size_t)63);
        ck_assert_ptr_nonnull(state);
        memset(state, 0xa5, sizeof(*state)); /* whatever was packed there before */
}

static void stop(void)
{
        free(state);
}

/* What the comment at the top says, and nothing else. The bytes of the page; -1: it is none. */
static int unpack_simply(const uint8_t *packed, size_t length, uint8_t *page)
{
        size_t count = (size_t)packed[length - 2] | (size_t)packed[length - 1] << 8, out = 0;
        const uint8_t *in = packed, *piece = packed + length - 2 - 3 * count, *end = piece;

        for (size_t i = 0; i < count; i++, piece += 3) {
                unsigned bits = piece[0] | (unsigned)piece[1] << 8 | (unsigned)piece[2] << 16;
                unsigned distance = bits & 0xfff, literals = bits >> 18;

                if (out + literals + lengths[bits >> 12 & 63] > PAGE)
                        return -1;
                for (; literals; literals--)
                        page[out++] = *in++;
                for (unsigned n = lengths[bits >> 12 & 63]; n; n--, out++)
                        page[out] = page[out - distance];
        }
        while (in < end && out < PAGE)
                page[out++] = *in++;
        return in == end ? (int)out : -1;
}

/* Packs, and unpacks from memory that ends with what was packed. The length; 0: it would not. */
static size_t round_trip(const uint8_t *page, size_t most)
{
        uint8_t *packed = allocate(most + REPEATS_SLACK), *exact, *back = allocate(PAGE);
        bool too_many;
        size_t length = repeats_pack(page, state, packed, most, &too_many);

        ck_assert_uint_le(length, most);
        if (length) {
                exact = allocate(length);
                memcpy(exact, packed, length);
                memset(back, 0x5a, PAGE);
                ck_assert(repeats_unpack(exact, length, back));
                ck_assert_mem_eq(back, page, PAGE);
                memset(back, 0x5a, PAGE);
                ck_assert_int_eq(unpack_simply(exact, length, back), (int)PAGE);
                ck_assert_mem_eq(back, page, PAGE);
                free(exact);
        }
        free(packed);
        free(back);
        return length;
}

/* Noise and repetitions by turns, up to so long, from so near. */
static void fill(uint8_t *page, unsigned noise, unsigned again, unsigned near)
{
        unsigned at = 0;

        while (at < PAGE) {
                unsigned fresh = (unsigned)(any() % (noise + 1)) + (at == 0);
                unsigned copied = (unsigned)(any() % (again + 1)), back;

                for (; fresh && at < PAGE; fresh--)
                        page[at++] = (uint8_t)any();
                back = 1 + (unsigned)(any() % (at < near ? at : near));
                for (; copied && at < PAGE; copied--, at++)
                        page[at] = page[at - back];
        }
}

START_TEST(repetitions_of_every_kind_come_back)
{
        static const unsigned most[] = {1, 3, 8, 17, 33, 70, 200, 5000};
        uint8_t page[REPEATS_PAGE];
        unsigned packed = 0;

        for (unsigned round = 0; round < 2000; round++) {
                fill(page, most[any() % 8], most[any() % 8], most[any() % 8]);
                packed += round_trip(page, PAGE) > 0;
        }
        ck_assert_uint_gt(packed, 600);
}
END_TEST

START_TEST(runs_of_every_length_come_back)
{
        uint8_t page[REPEATS_PAGE];

        for (unsigned length = 32; length <= PAGE; length += 1 + length / 64) {
                for (unsigned i = 0; i < PAGE; i++)
                        page[i] = i < PAGE - length ? (uint8_t)any() : 0;
                if (length > PAGE / 4)
                        ck_assert_uint_lt(round_trip(page, PAGE), PAGE - length + length / 8 + 64);
                else
                        round_trip(page, PAGE);
        }
}
END_TEST

START_TEST(half_noise_and_half_repetitions_become_less)
{
        uint8_t page[REPEATS_PAGE];
        size_t length;

        fill(page, 27, 28, PAGE);
        length = round_trip(page, PAGE);
        printf("%zu bytes of %u\n", length, PAGE);
        ck_assert_uint_gt(length, 0);
        ck_assert_uint_lt(length, PAGE * 3 / 4);
}
END_TEST

START_TEST(page_that_does_not_fit_is_refused)
{
        uint8_t page[REPEATS_PAGE];
        size_t length, least;

        for (unsigned i = 0; i < PAGE; i++)
                page[i] = (uint8_t)any();
        ck_assert_uint_eq(round_trip(page, PAGE), 0);
        for (unsigned round = 0; round < 200; round++) {
                fill(page, 27, 28, PAGE);
                least = round_trip(page, PAGE);
                ck_assert_uint_gt(least, 0);
                for (length = least - 3; length < least + 3; length++)
                        ck_assert_uint_eq(round_trip(page, length), length < least ? 0 : least);
                ck_assert_uint_eq(round_trip(page, any() % least), 0);
        }
        ck_assert_uint_eq(round_trip(page, 0), 0);
        ck_assert_uint_eq(round_trip(page, 2), 0);
}
END_TEST

/* Noise at the beginning is not yet noise throughout. */
START_TEST(page_that_begins_with_noise_is_packed)
{
        uint8_t page[REPEATS_PAGE];

        for (unsigned i = 0; i < PAGE; i++)
                page[i] = i < PAGE / 4 ? (uint8_t)any() : (uint8_t)(i % 32 / 8);
        ck_assert_uint_lt(round_trip(page, PAGE), PAGE / 2);
        ck_assert_uint_gt(round_trip(page, PAGE), 0);
}
END_TEST

START_TEST(page_full_of_repetitions_is_left_to_others)
{
        uint8_t page[REPEATS_PAGE], packed[REPEATS_PAGE + REPEATS_SLACK];
        bool too_many;

        fill(page, 2, 50, PAGE);
        ck_assert_uint_eq(repeats_pack(page, state, packed, PAGE, &too_many), 0);
        ck_assert(too_many);
        fill(page, 27, 28, PAGE);
        ck_assert_uint_gt(repeats_pack(page, state, packed, PAGE, &too_many), 0);
        ck_assert(!too_many);
        for (unsigned i = 0; i < PAGE; i++)
                page[i] = (uint8_t)any();
        ck_assert_uint_eq(repeats_pack(page, state, packed, PAGE, &too_many), 0);
        ck_assert(!too_many);
}
END_TEST

/* Whatever it is given, it stays within it; what has lost an end or got one is no page. */
START_TEST(what_is_damaged_does_no_harm)
{
        uint8_t page[REPEATS_PAGE], packed[REPEATS_PAGE + REPEATS_SLACK];
        unsigned refused = 0;
        bool too_many;

        for (unsigned round = 0; round < 5000; round++) {
                uint8_t *exact, *back = allocate(PAGE);
                size_t length;

                fill(page, 27, 28, PAGE);
                length = repeats_pack(page, state, packed, PAGE, &too_many);
                ck_assert_uint_gt(length, 0);
                switch (round % 4) {
                case 0:
                        packed[any() % length] ^= (uint8_t)(1 + any() % 255);
                        break;
                case 1:
                        length -= 1 + any() % length;
                        break;
                case 2:
                        packed[length - 2 - 3 * (any() % 20)] ^= (uint8_t)(1 + any() % 255);
                        break;
                default:
                        for (size_t i = 0; i < length - 1; i++)
                                packed[i] = (uint8_t)any();
                        packed[length - 1] = (uint8_t)(any() % 4);
                }
                exact = allocate(length + !length);
                memcpy(exact, packed, length);
                refused += !repeats_unpack(exact, length, back);
                free(exact);
                free(back);
        }
        ck_assert_uint_gt(refused, 2000);
}
END_TEST

static bool marked_simply(const uint8_t *at)
{
        uint8_t d[5];

        for (int i = 0; i < 5; i++)
                d[i] = (uint8_t)(at[i - 2] - at[i + 1]);
        return d[2] < d[1] && d[2] <= d[3] && d[2] <= d[4] && d[2] <= d[0];
}

START_TEST(marks_are_where_they_should_be)
{
        for (unsigned round = 0; round < 100; round++) {
                fill(state->page, 20, 40, 20);
                for (unsigned i = 1; i < PAGE - LEAST; i++) {
                        const uint8_t *at = state->page + i;
                        bool run =
                                i % 8 == 0 && (uint8_t)(at[-1] - at[2]) == (uint8_t)(*at - at[3]);

                        ck_assert_uint_eq(block_mark(state, i / 64) >> i % 64 & 1,
                                          marked_simply(at) || run);
                        if (i % STEP == 0)
                                ck_assert_uint_eq(bits_plain(marks_of(at)), bits_of(marks_of(at)));
                }
        }
}
END_TEST

START_TEST(every_processor_compares_the_same)
{
        uint8_t a[2 * STEP], b[2 * STEP];

        for (unsigned round = 0; round < 10000; round++) {
                unsigned after = 0, before = 0;

                for (unsigned i = 0; i < 2 * STEP; i++) {
                        a[i] = (uint8_t)any();
                        b[i] = any() % 16 ? a[i] : (uint8_t)any();
                }
                while (after < STEP && a[STEP + after] == b[STEP + after])
                        after++;
                while (before < STEP && a[STEP - 1 - before] == b[STEP - 1 - before])
                        before++;
                ck_assert_uint_eq(same(a + STEP, b + STEP), after);
                ck_assert_uint_eq(same_plain(a + STEP, b + STEP), after);
                ck_assert_uint_eq(same_before(a + STEP, b + STEP), before);
                ck_assert_uint_eq(same_before_plain(a + STEP, b + STEP), before);
        }
}
END_TEST

START_TEST(every_length_has_its_code)
{
        for (unsigned length = LEAST; length <= PAGE; length++) {
                unsigned code = length_code(length);

                ck_assert_uint_ge(length, lengths[code]);
                ck_assert(code == 63 || length < lengths[code + 1]);
        }
        ck_assert_uint_eq(length_code(LEAST - 1), 0);
}
END_TEST

TESTS("zram_lz77")
{
        tcase_add_checked_fixture(tc, start, stop);
        tcase_add_test(tc, repetitions_of_every_kind_come_back);
        tcase_add_test(tc, runs_of_every_length_come_back);
        tcase_add_test(tc, half_noise_and_half_repetitions_become_less);
        tcase_add_test(tc, page_that_does_not_fit_is_refused);
        tcase_add_test(tc, page_that_begins_with_noise_is_packed);
        tcase_add_test(tc, page_full_of_repetitions_is_left_to_others);
        tcase_add_test(tc, what_is_damaged_does_no_harm);
        tcase_add_test(tc, marks_are_where_they_should_be);
        tcase_add_test(tc, every_processor_compares_the_same);
        tcase_add_test(tc, every_length_has_its_code);
        tcase_set_timeout(tc, 120);
}
