/* SPDX-License-Identifier: MIT */
/*
 * zram_words.c - a compressor for pages of memory.
 *
 * Theory of operation. After WKdm (Wilson, Kaplan, Smaragdakis, USENIX 1999), for machines of 64
 * bits. A page of a heap is an array of words, most of which are zero, small, or resemble one that
 * came shortly before: pointers into one arena, sizes, flags, hashes of one table. So each word is
 * told in the shortest of ten ways: by itself in 0, 1, 2, 4 or 8 bytes; by what distinguishes it
 * from an entry of a dictionary of 16 words that it shares the upper bits with, in 1, 2 or 3 bytes
 * of which 4 bits name the entry; or by what distinguishes it from the last large word, in 4 or 6.
 * Only large words, of more than 32 bits, enter the dictionary, in a place that their upper bits
 * choose; so a word that resembles an entry replaces that one.
 *
 * Packed: the bytes of all words one after the other, and then 4 bits for each that tell the way. As
 * the latter are 256 bytes at least, a word may be read with the 8 bytes that it could have.
 *
 * No branch depends on the data: mispredicted ones are what a compressor spends its time on. A
 * block of 64 words is gone through three times: what each resembles (the only part that is serial),
 * which way is shortest (vectors), and writing it.
 *
 * Measured, ns a page beside lz4: pages of perl's heap, pack 2 300 (7 200), unpack 2 600 (2 000),
 * 3.4 to 1 (2.8); of gcc's, 2 200 (6 500), 2 600 (1 700), 3.1 to 1 (3.4). A page of text is given up
 * after 1 000.
 */
#include "zram_words.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define BLOCK         64u /* words */
#define DICTIONARY    16u
#define NOWHERE       DICTIONARY          /* where words go that do not enter it */
#define UPPER         20                  /* bits that a word need not share with its entry */
#define LARGE         32                  /* bits that a large word does not fit in */
#define NO_WORD       ((uint64_t)1 << 63) /* resembles hardly any */
#define PROBE_BLOCKS  2u                  /* after which a page is judged */
#define WORDS_IN_BYTE 2u

/* The ways, and the bytes of each. */
enum way { ZERO, SELF_1, SELF_2, SELF_4, ENTRY_1, ENTRY_2, ENTRY_3, LAST_4, LAST_6, SELF_8 };

static const uint8_t way_bytes[16] = {0, 1, 2, 4, 1, 2, 3, 4, 6, 8};

typedef uint64_t vector __attribute__((vector_size(64)));
typedef uint8_t bytes __attribute__((vector_size(8)));

struct block {
        vector word[8];
        vector entry[8]; /* its difference from its entry; afterwards what is written of it */
        vector last[8];  /* from the last large word */
        bytes place[8];  /* of the entry; afterwards the way */
};

_Static_assert(sizeof(struct block) <= 2048, "words_state_bytes");

struct seen {
        uint64_t entry[DICTIONARY + 1];
        uint64_t last;
};

static uint64_t place_of(uint64_t word)
{
        return ((word >> UPPER) * 0x9e3779b97f4a7c15u) >> 60;
}

/* All ones if the condition holds. */
static uint64_t mask(bool condition)
{
        return -(uint64_t)condition;
}

static void seen_init(struct seen *s)
{
        for (unsigned i = 0; i <= DICTIONARY; i++)
                s->entry[i] = NO_WORD;
        s->last = 0;
}

/* large: all ones or zero. */
static void seen_add(struct seen *s, uint64_t word, uint64_t place, uint64_t large)
{
        s->entry[(place & large) | (NOWHERE & ~large)] = word;
        s->last ^= (s->last ^ word) & large;
}

/* ---- packing ------------------------------------------------------------------------------- */

static void block_compare(struct block *b, struct seen *s, const char *from)
{
        uint64_t *word = (uint64_t *)b->word, *entry = (uint64_t *)b->entry;
        uint64_t *last = (uint64_t *)b->last;
        uint8_t *place = (uint8_t *)b->place;

        memcpy(word, from, sizeof(b->word));
        for (unsigned i = 0; i < BLOCK; i++) {
                uint64_t w = word[i], at = place_of(w);

                entry[i] = w ^ s->entry[at];
                last[i] = w ^ s->last;
                place[i] = (uint8_t)at;
                seen_add(s, w, at, mask(w >> LARGE != 0));
        }
}

/* Where the condition holds, this way, and this to be written. The later one wins. */
#define CHOOSE(condition, number, bits)                                                            \
        do {                                                                                       \
                vector where = (vector)(condition);                                                \
                way ^= (way ^ (number)) & where;                                                   \
                out ^= (out ^ (bits)) & where;                                                     \
        } while (0)

static inline __attribute__((always_inline)) void block_choose_body(struct block *b)
{
        for (unsigned i = 0; i < BLOCK / 8; i++) {
                vector word = b->word[i], entry = b->entry[i], last = b->last[i];
                vector named = entry << 4 | __builtin_convertvector(b->place[i], vector);
                vector out = word, way = word ^ word;

                way |= SELF_8;
                CHOOSE(last >> 48 == 0, LAST_6, last);
                CHOOSE(word >> 32 == 0, SELF_4, word);
                CHOOSE(last >> 32 == 0, LAST_4, last);
                CHOOSE(entry >> 20 == 0, ENTRY_3, named);
                CHOOSE(word >> 16 == 0, SELF_2, word);
                CHOOSE(entry >> 12 == 0, ENTRY_2, named);
                CHOOSE(word >> 8 == 0, SELF_1, word);
                CHOOSE(entry == 0, ENTRY_1, named);
                CHOOSE(word == 0, ZERO, word);
                b->entry[i] = out;
                b->place[i] = __builtin_convertvector(way, bytes);
        }
}

static void block_choose_plain(struct block *b)
{
        block_choose_body(b);
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static void block_choose_avx2(struct block *b)
{
        block_choose_body(b);
}

__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl"))) static void
block_choose_avx512(struct block *b)
{
        block_choose_body(b);
}
#endif

static void block_choose(struct block *b)
{
#ifdef __x86_64__
        if (__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("avx512vl")) {
                block_choose_avx512(b);
                return;
        }
        if (__builtin_cpu_supports("avx2")) {
                block_choose_avx2(b);
                return;
        }
#endif
        block_choose_plain(b);
}

/* Returns behind what it has written. */
static char *block_write(const struct block *b, char *out, uint8_t *tags)
{
        const uint64_t *bits = (const uint64_t *)b->entry;
        const uint8_t *way = (const uint8_t *)b->place;

        for (unsigned i = 0; i < BLOCK; i += WORDS_IN_BYTE) {
                uint64_t one = htole64(bits[i]), two = htole64(bits[i + 1]);

                memcpy(out, &one, sizeof(one));
                out += way_bytes[way[i]];
                memcpy(out, &two, sizeof(two));
                out += way_bytes[way[i + 1]];
                *tags++ = (uint8_t)(way[i] | way[i + 1] << 4);
        }
        return out;
}

size_t words_pack(const void *page, size_t page_size, void *state, void *packed, size_t most)
{
        unsigned blocks = (unsigned)(page_size / sizeof(uint64_t) / BLOCK);
        size_t tag_bytes = words_tag_bytes(page_size);
        struct block *b = state;
        uint8_t *tags = (uint8_t *)(b + 1);
        struct seen seen;
        char *out = packed;

        if (most < tag_bytes)
                return 0;
        seen_init(&seen);
        for (unsigned i = 0; i < blocks; i++) {
                size_t had;

                block_compare(b, &seen, (const char *)page + i * sizeof(b->word));
                block_choose(b);
                out = block_write(b, out, tags + i * (BLOCK / WORDS_IN_BYTE));
                had = (size_t)(out - (char *)packed);
                if (had > most - tag_bytes)
                        return 0;
                if (i + 1 == PROBE_BLOCKS &&
                    had * blocks * 4 > 5 * PROBE_BLOCKS * (most - tag_bytes))
                        return 0; /* as if it were a quarter too long */
        }
        memcpy(out, tags, tag_bytes);
        return (size_t)(out - (char *)packed) + tag_bytes;
}

/* ---- unpacking ----------------------------------------------------------------------------- */

static const struct {
        uint64_t mask;  /* of its bytes */
        uint64_t entry; /* all ones: it is a difference from an entry */
        uint64_t last;  /* likewise from the last large word */
        uint8_t shift;  /* behind the entry's number */
} ways[16] = {
        [SELF_1] = {.mask = 0xff},
        [SELF_2] = {.mask = 0xffff},
        [SELF_4] = {.mask = 0xffffffff},
        [SELF_8] = {.mask = UINT64_MAX},
        [ENTRY_1] = {.mask = 0xff, .entry = UINT64_MAX, .shift = 4},
        [ENTRY_2] = {.mask = 0xffff, .entry = UINT64_MAX, .shift = 4},
        [ENTRY_3] = {.mask = 0xffffff, .entry = UINT64_MAX, .shift = 4},
        [LAST_4] = {.mask = 0xffffffff, .last = UINT64_MAX},
        [LAST_6] = {.mask = 0xffffffffffff, .last = UINT64_MAX},
};

/* Bytes of a block, by its tags. */
static size_t block_bytes(const uint8_t *tags)
{
        size_t n = 0;

        for (unsigned i = 0; i < BLOCK / WORDS_IN_BYTE; i++)
                n += (size_t)way_bytes[tags[i] & 15] + way_bytes[tags[i] >> 4];
        return n;
}

static inline __attribute__((always_inline)) const char *word_read(struct seen *s, const char *in,
                                                                   unsigned way, char *to)
{
        uint64_t bits, rest, word, at, place;

        memcpy(&bits, in, sizeof(bits));
        bits = le64toh(bits) & ways[way].mask;
        at = bits % DICTIONARY;
        rest = (bits >> ways[way].shift) ^ (s->last & ways[way].last);
        word = rest ^ (s->entry[at] & ways[way].entry);
        memcpy(to, &word, sizeof(word));
        place = (at & ways[way].entry) | (place_of(rest) & ~ways[way].entry);
        seen_add(s, word, place, ways[way].entry | mask(rest >> LARGE != 0));
        return in + way_bytes[way];
}

/* Where a word goes is known before the word is, unless it differs from the last one: so the
 * processor need not wait for it to look up the next. */
static const char *block_read(struct seen *s, const char *in, const uint8_t *tags, char *to)
{
        for (unsigned i = 0; i < BLOCK / WORDS_IN_BYTE; i++) {
                in = word_read(s, in, tags[i] & 15, to);
                in = word_read(s, in, tags[i] >> 4, to + sizeof(uint64_t));
                to += WORDS_IN_BYTE * sizeof(uint64_t);
        }
        return in;
}

bool words_unpack(const void *packed, size_t length, void *page, size_t page_size)
{
        size_t blocks = page_size / sizeof(uint64_t) / BLOCK,
               tag_bytes = words_tag_bytes(page_size);
        const char *in = packed, *end;
        const uint8_t *tags;
        struct seen seen;

        if (length < tag_bytes)
                return false;
        end = in + length - tag_bytes;
        tags = (const uint8_t *)end;
        seen_init(&seen);
        for (size_t i = 0; i < blocks; i++) {
                if ((size_t)(end - in) < sizeof(uint64_t) * BLOCK &&
                    block_bytes(tags) > (size_t)(end - in))
                        return false;
                in = block_read(&seen, in, tags, (char *)page + i * sizeof(uint64_t) * BLOCK);
                tags += BLOCK / WORDS_IN_BYTE;
        }
        return in == end;
}
