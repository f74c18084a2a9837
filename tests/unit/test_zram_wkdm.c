/* SPDX-License-Identifier: MIT */
/* test_zram_wkdm.c - the compressor for pages of memory: what it packs, it unpacks. */
/* A copy under other names, to see its inside: each machine uses but one of the ways to choose. */
#define words_pack   inside_pack
#define words_unpack inside_unpack
#include "../../backends/zram_wkdm.c"
#include "bench_util.h"

#include "../run_tests.h"

#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE     ((size_t)4096)
#define PAGE_MAX ((size_t)2 << 20)

static uint64_t seed;

static uint64_t any(void)
{
        return random_next(&seed);
}

static void start(void)
{
        seed = 1;
}

static void *allocate(size_t size)
{
        void *memory = malloc(size);

        ck_assert_ptr_nonnull(memory);
        return memory;
}

/* Packs, and unpacks from memory that ends with what was packed. The length; 0: it would not. */
static size_t round_trip(const void *page, size_t size, size_t most)
{
        void *state = aligned_alloc(64, words_state_bytes(size));
        unsigned char *packed = allocate(most + WORDS_SLACK), *exact, *back = allocate(size);
        size_t length = words_pack(page, size, state, packed, most);

        ck_assert_uint_le(length, most);
        if (length) {
                exact = allocate(length);
                memcpy(exact, packed, length);
                memset(back, 0x5a, size);
                ck_assert(words_unpack(exact, length, back, size));
                ck_assert_mem_eq(back, page, size);
                free(exact);
        }
        free(state);
        free(packed);
        free(back);
        return length;
}

/* A word of n significant bits. */
static uint64_t of_bits(unsigned n)
{
        return n == 0 ? 0 : (any() >> (64 - n)) | (uint64_t)1 << (n - 1);
}

START_TEST(words_of_every_length_come_back)
{
        uint64_t page[PAGE / 8];

        for (unsigned bits = 0; bits <= 64; bits++) {
                for (size_t i = 0; i < PAGE / 8; i++)
                        page[i] = of_bits(bits);
                ck_assert_uint_gt(round_trip(page, PAGE, 2 * PAGE), 0);
        }
}
END_TEST

/* Differences of every length, the limits of the ways among them, from words at any distance. */
START_TEST(words_that_resemble_earlier_ones_come_back)
{
        uint64_t page[PAGE / 8];

        for (unsigned round = 0; round < 2000; round++) {
                for (size_t i = 0; i < PAGE / 8; i++) {
                        uint64_t model = i ? page[any() % i] : any();

                        page[i] = model ^ of_bits((unsigned)(any() % 65));
                }
                ck_assert_uint_gt(round_trip(page, PAGE, 2 * PAGE), 0);
        }
}
END_TEST

static void fill_like_a_heap(uint64_t *words, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                switch (any() % 8) {
                case 0 ... 2:
                        words[i] = 0;
                        break;
                case 3 ... 4:
                        words[i] = any() % 1000;
                        break;
                case 5 ... 6:
                        words[i] = 0x00007f12a4000000u + any() % (1 << 20) * 16;
                        break;
                default:
                        words[i] = any();
                }
        }
}

/* Words at so many places, between zeros: groups and blocks that are all zero, and some that are
 * not. */
START_TEST(sparse_pages_come_back_and_take_little)
{
        uint64_t page[PAGE / 8];

        for (unsigned round = 0; round < 2000; round++) {
                unsigned words = (unsigned)(any() % 20);
                size_t most = words_filled_bytes(PAGE) + words * 16, length;

                memset(page, 0, sizeof(page));
                for (unsigned i = 0; i < words; i++)
                        page[any() % (PAGE / 8)] = of_bits((unsigned)(any() % 65));
                length = round_trip(page, PAGE, most);
                ck_assert_uint_gt(length, 0);
        }
}
END_TEST

START_TEST(every_page_size_comes_back)
{
        uint64_t *page = allocate(PAGE_MAX);

        for (size_t size = PAGE; size <= PAGE_MAX; size *= 2) {
                fill_like_a_heap(page, size / 8);
                ck_assert_uint_gt(round_trip(page, size, size / 2), 0);
        }
        free(page);
}
END_TEST

START_TEST(page_of_a_heap_becomes_less_than_half)
{
        uint64_t page[PAGE / 8];
        size_t length;

        fill_like_a_heap(page, PAGE / 8);
        length = round_trip(page, PAGE, PAGE);
        printf("%zu bytes of %zu\n", length, PAGE);
        ck_assert_uint_gt(length, 0);
        ck_assert_uint_lt(length, PAGE / 2);
}
END_TEST

START_TEST(page_that_does_not_fit_is_refused)
{
        uint64_t page[PAGE / 8];
        size_t length, least;

        for (size_t i = 0; i < PAGE / 8; i++)
                page[i] = any();
        ck_assert_uint_eq(round_trip(page, PAGE, PAGE / 2), 0);
        ck_assert_uint_eq(round_trip(page, PAGE, PAGE / 16 + words_filled_bytes(PAGE) - 1), 0);
        ck_assert_uint_eq(round_trip(page, PAGE, 0), 0);

        fill_like_a_heap(page, PAGE / 8);
        least = round_trip(page, PAGE, PAGE);
        for (length = least - 3; length < least + 3; length++)
                ck_assert_uint_eq(round_trip(page, PAGE, length), length < least ? 0 : least);
}
END_TEST

/* Whatever it is given, it stays within it; what has lost an end or got one is no page. */
START_TEST(what_is_damaged_does_no_harm)
{
        uint64_t page[PAGE / 8], back[PAGE / 8];
        unsigned char packed[2 * PAGE + WORDS_SLACK];
        void *state = aligned_alloc(64, words_state_bytes(PAGE));
        unsigned refused = 0;

        for (unsigned round = 0; round < 2000; round++) {
                size_t length;
                unsigned char *exact;

                fill_like_a_heap(page, PAGE / 8);
                length = words_pack(page, PAGE, state, packed, 2 * PAGE);
                ck_assert_uint_gt(length, 0);
                switch (round % 4) {
                case 0:
                        packed[any() % length] ^= (unsigned char)(1 + any() % 255);
                        break;
                case 1:
                        length -= 1 + any() % length;
                        break;
                case 2:
                        length += 1 + any() % 64;
                        break;
                default:
                        for (size_t i = 0; i < length; i++)
                                packed[i] = (unsigned char)any();
                }
                exact = allocate(length + !length);
                memcpy(exact, packed, length);
                refused += !words_unpack(exact, length, back, PAGE);
                free(exact);
        }
        ck_assert_uint_gt(refused, 1000);
        free(state);
}
END_TEST

static void fill_block(struct block *b)
{
        uint64_t page[BLOCK];
        struct seen seen;

        for (unsigned i = 0; i < BLOCK; i++)
                page[i] = (i && any() % 2 ? page[any() % i] : 0) ^ of_bits((unsigned)(any() % 65));
        seen_init(&seen);
        memcpy(b->word, page, sizeof(page));
        block_compare(b, &seen);
}

/* One word, as the comment at the top says. */
static uint8_t way_of(uint64_t word, uint64_t entry, uint64_t last)
{
        if (word < (uint64_t)1 << 32)
                return word == 0         ? ZERO
                       : word < 1u << 8  ? SELF_1
                       : word < 1u << 16 ? SELF_2
                       : word < 1u << 24 ? SELF_3
                                         : SELF_4;
        if (entry < 1u << 20)
                return entry < 1u << 4 ? ENTRY_1 : entry < 1u << 12 ? ENTRY_2 : ENTRY_3;
        for (unsigned bytes = 4; bytes < 8; bytes++) {
                if (last >> (8 * bytes - 4) == 0)
                        return (uint8_t)(LAST_4 + bytes - 4);
        }
        return SELF_8;
}

START_TEST(shortest_way_is_chosen)
{
        for (unsigned round = 0; round < 3000; round++) {
                struct block before, after;

                fill_block(&before);
                after = before;
                block_choose(&after);
                for (unsigned i = 0; i < BLOCK; i++) {
                        uint64_t word = before.word[i], entry = before.entry[i];
                        uint64_t last = before.last[i];
                        uint8_t way = way_of(word, entry, last);
                        uint64_t bits = way < LARGE || way == SELF_8 ? word
                                        : way <= ENTRY_3             ? entry << 4 | before.place[i]
                                                                     : last << 4 | before.place[i];

                        ck_assert_uint_eq(after.place[i], way);
                        ck_assert_uint_eq(after.entry[i], bits);
                }
        }
}
END_TEST

START_TEST(every_processor_does_the_same)
{
        uint64_t page[PAGE / 8], back[PAGE / 8];
        char one[2 * PAGE + WORDS_SLACK], other[sizeof(one)];
        void *state = aligned_alloc(64, words_state_bytes(PAGE));

        if (!has_avx2())
                printf("skipped: avx2: not this processor\n");
        for (unsigned round = 0; has_avx2() && round < 2000; round++) {
                unsigned words = (unsigned)(any() % 512);
                size_t length;

                memset(page, 0, sizeof(page));
                for (unsigned i = 0; i < words; i++) {
                        uint64_t model = page[any() % (PAGE / 8)];

                        page[any() % (PAGE / 8)] = model ^ of_bits((unsigned)(any() % 65));
                }
                length = pack_plain(page, PAGE, state, one, 2 * PAGE);
                ck_assert_uint_eq(pack_avx2(page, PAGE, state, other, 2 * PAGE), length);
                ck_assert_mem_eq(one, other, length);
                ck_assert(unpack_plain(one, length, back, PAGE));
                ck_assert_mem_eq(back, page, PAGE);
                ck_assert(unpack_avx2(one, length, back, PAGE));
                ck_assert_mem_eq(back, page, PAGE);
                one[any() % length] ^= (char)(1 + any() % 255);
                ck_assert(unpack_plain(one, length, back, PAGE) ==
                          unpack_avx2(one, length, page, PAGE));
        }
        free(state);
}
END_TEST

TESTS("zram_wkdm")
{
        tcase_add_checked_fixture(tc, start, NULL);
        tcase_add_test(tc, words_of_every_length_come_back);
        tcase_add_test(tc, words_that_resemble_earlier_ones_come_back);
        tcase_add_test(tc, sparse_pages_come_back_and_take_little);
        tcase_add_test(tc, every_page_size_comes_back);
        tcase_add_test(tc, page_of_a_heap_becomes_less_than_half);
        tcase_add_test(tc, page_that_does_not_fit_is_refused);
        tcase_add_test(tc, shortest_way_is_chosen);
        tcase_add_test(tc, every_processor_does_the_same);
        tcase_add_test(tc, what_is_damaged_does_no_harm);
        tcase_set_timeout(tc, 120);
}
