/* SPDX-License-Identifier: MIT */
/* data.c - the five kinds of pages: see data.h. */
#include "data.h"
#include "compressible_page.h"
#include "bench_util.h"

#include <lz4.h>
#include <math.h>
#include <string.h>

#define VOCABULARY  80u
#define DICE        4096u
#define RATIO_PAGES 256u

const char *const data_names[DATA_KINDS] = {
        [DATA_INCOMPRESSIBLE] = "incompressible",
        [DATA_HARD] = "hard",
        [DATA_HEAP] = "heap",
        [DATA_TEXT] = "text",
        [DATA_ZEROISH] = "zeroish",
};

const char *const data_abouts[DATA_KINDS] = {
        [DATA_INCOMPRESSIBLE] = "random bytes",
        [DATA_HARD] = "short pieces of noise and repetitions by turns",
        [DATA_HEAP] = "objects: pointers into one heap, small numbers, short strings, zeros",
        [DATA_TEXT] = "words of a small vocabulary, frequent and rare ones",
        [DATA_ZEROISH] = "zeros, but for a few words",
};

static struct {
        char words[VOCABULARY][12];
        uint16_t dice[DICE]; /* numbers of words, the first ones more often */
} vocabulary;

void data_prepare(void)
{
        static const char letters[] = "etaoinshrdlucmfwypvbgkjqxz";
        uint64_t random = 7;
        double sum = 0, reached = 0;
        unsigned at = 0;

        for (unsigned i = 0; i < VOCABULARY; i++) {
                size_t length =
                        i < 12 ? 2 + random_next(&random) % 3 : 6 + random_next(&random) % 6;

                for (size_t j = 0; j < length; j++) {
                        uint64_t r = random_next(&random) % 26;

                        vocabulary.words[i][j] = letters[r * (random_next(&random) % 26) / 26];
                }
                sum += 1 / (double)(i + 1);
        }
        for (unsigned i = 0; i < VOCABULARY; i++) {
                reached += DICE / (double)(i + 1) / sum;
                while (at < DICE && at < (unsigned)ceil(reached))
                        vocabulary.dice[at++] = (uint16_t)i;
        }
}

static void text_page(char *page, uint64_t random)
{
        size_t at = 0, sentence = 0;

        while (at < PAGE_BYTES) {
                uint64_t r = random_next(&random);
                const char *word = vocabulary.words[vocabulary.dice[r % DICE]];

                while (*word && at < PAGE_BYTES)
                        page[at++] = *word++;
                if (at < PAGE_BYTES && ++sentence > 6 + (r >> 20) % 12) {
                        page[at++] = '.';
                        sentence = 0;
                }
                if (at < PAGE_BYTES)
                        page[at++] = (r >> 30) % 10 ? ' ' : '\n';
        }
}

/* Objects as an interpreter's heap has them: a count, a type, a few members. */
static void heap_page(uint64_t *words, uint64_t random)
{
        const uint64_t heap = 0x00007f3a5c000000u;
        size_t at = 0;

        while (at < PAGE_WORDS) {
                uint64_t r = random_next(&random);
                uint64_t object[8] = {1 + (r & 3 ? 0 : r >> 8 & 31), heap + (r >> 2 & 7) * 0x1a0};
                size_t size = 4 + (r >> 16 & 2) * 2;

                for (size_t i = 2; i < size; i++) {
                        uint64_t m = random_next(&random);

                        switch (m % 13) {
                        case 0:
                        case 1:
                                object[i] = heap + (m >> 8 & 0xffff) * 16;
                                break;
                        case 2:
                        case 3:
                                object[i] = m >> 8 & 0x3f;
                                break;
                        case 4:
                                memcpy(&object[i], vocabulary.words[(m >> 8) % 64], 8);
                                break;
                        default:
                                object[i] = 0;
                                break;
                        }
                }
                for (size_t i = 0; i < size && at < PAGE_WORDS; i++)
                        words[at++] = object[i];
        }
}

static void zeroish_page(uint64_t *words, uint64_t random)
{
        memset(words, 0, PAGE_BYTES);
        for (unsigned i = 0; i < 8; i++) {
                uint64_t r = random_next(&random);

                words[r % PAGE_WORDS] = r >> 32;
        }
}

void data_page(enum data_kind kind, uint64_t seed, uint32_t page, uint64_t marked, uint64_t *words)
{
        uint64_t random = seed * 0x9E3779B97F4A7C15u + page * 7919ul + 1;

        switch (kind) {
        case DATA_HARD:
                noise_page((char *)words, PAGE_BYTES, random, true);
                break;
        case DATA_HEAP:
                heap_page(words, random);
                break;
        case DATA_TEXT:
                text_page((char *)words, random);
                break;
        case DATA_ZEROISH:
                zeroish_page(words, random);
                break;
        default:
                for (size_t i = 0; i < PAGE_WORDS; i++)
                        words[i] = random_next(&random);
                break;
        }
        words[data_mark(page)] = marked;
}

double data_lz4_ratio(enum data_kind kind)
{
        uint64_t page[PAGE_WORDS];
        char packed[2 * PAGE_BYTES];
        size_t bytes = 0;

        for (uint32_t i = 0; i < RATIO_PAGES; i++) {
                data_page(kind, 1, i, i, page);
                bytes += (size_t)LZ4_compress_default((const char *)page, packed, PAGE_BYTES,
                                                      sizeof(packed));
        }
        return (double)(RATIO_PAGES * PAGE_BYTES) / (double)bytes;
}
