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
 * Measured, ns a page beside lz4, pages and packed pages not in cache: perl's heap, pack 2 300
 * (5 600), unpack 2 600 (1 750), 3.2 to 1 (2.7); gcc's, 2 300 (5 100), 2 600 (1 500), 3.9 (3.8).
 * A page that is no good is given up after some 400.
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

/* The ways, the one to be preferred first, and the bytes of each. */
enum way { ZERO, ENTRY_1, SELF_1, ENTRY_2, SELF_2, ENTRY_3, LAST_4, SELF_4, LAST_6, SELF_8, NONE };

static const uint8_t way_bytes[16] = {0, 1, 1, 2, 2, 3, 4, 4, 6, 8};

struct block {
        _Alignas(32) uint64_t word[BLOCK];
        uint64_t entry[BLOCK]; /* its difference from its entry; afterwards what is written of it */
        uint64_t last[BLOCK];  /* from the last large word */
        uint64_t place[BLOCK]; /* of the entry; afterwards the way */
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
        s->last = NO_WORD;
}

/* ---- packing ------------------------------------------------------------------------------- */

/* `last` lives in a register: through memory each word would wait for the one before. */
static void block_compare(struct block *b, struct seen *s, const char *from)
{
        uint64_t last = s->last;

        memcpy(b->word, from, sizeof(b->word));
        for (unsigned i = 0; i < BLOCK; i++) {
                uint64_t word = b->word[i], place = place_of(word);
                uint64_t large = mask(word >> LARGE != 0);

                b->entry[i] = word ^ s->entry[place];
                b->last[i] = word ^ last;
                b->place[i] = place;
                s->entry[(place & large) | (NOWHERE & ~large)] = word;
                last ^= (last ^ word) & large;
        }
        s->last = last;
}

/* Four words at a time, which every compiler makes instructions of avx2 of. */
typedef int64_t vector __attribute__((vector_size(32)));

/* All ones where x has so few bits. The comparison is one of signed numbers. */
#define BELOW(x, bits) (((x) ^ INT64_MIN) < (INT64_MIN + ((int64_t)1 << (bits))))

/* Takes `of` where the condition holds. */
#define TAKE(what, condition, of) ((what) ^ (((what) ^ (of)) & (condition)))

static inline __attribute__((always_inline)) void block_choose_body(struct block *b)
{
        for (unsigned i = 0; i < BLOCK; i += 4) {
                const vector *words = (const vector *)(const void *)&b->word[i];
                const vector *lasts = (const vector *)(const void *)&b->last[i];
                vector *entries = (vector *)(void *)&b->entry[i];
                vector *places = (vector *)(void *)&b->place[i];
                vector word = *words, entry = *entries, last = *lasts, out = word, better;
                vector way = SELF_8 - (BELOW(word, 32) & (SELF_8 - SELF_4)) -
                             (BELOW(word, 16) & (SELF_4 - SELF_2)) -
                             (BELOW(word, 8) & (SELF_2 - SELF_1)) - ((word == 0) & SELF_1);
                vector by_entry = NONE - (BELOW(entry, 20) & (NONE - ENTRY_3)) -
                                  (BELOW(entry, 12) & (ENTRY_3 - ENTRY_2)) -
                                  ((entry == 0) & (ENTRY_2 - ENTRY_1));
                vector by_last = NONE - (BELOW(last, 48) & (NONE - LAST_6)) -
                                 (BELOW(last, 32) & (LAST_6 - LAST_4));

                better = by_entry < way;
                out = TAKE(out, better, entry << 4 | *places);
                way = TAKE(way, better, by_entry);
                better = by_last < way;
                *entries = TAKE(out, better, last);
                *places = TAKE(way, better, by_last);
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
#endif

static void block_choose(struct block *b)
{
#ifdef __x86_64__
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
        const uint64_t *bits = b->entry, *way = b->place;

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

/* A way tells whether the word is large: a word that is not has a shorter one than by what it shares
 * with a large one. */
static const struct {
        uint64_t mask;  /* of its bytes */
        uint64_t entry; /* all ones: it is a difference from an entry */
        uint64_t last;  /* likewise from the last large word */
        uint64_t large; /* likewise it is large */
        uint8_t bytes;
        uint8_t at;      /* of the bits, the number of the entry */
        uint8_t shift;   /* behind that */
        uint8_t hashed;  /* of the place that its upper bits choose: all or nothing */
        uint8_t nowhere; /* or none */
} ways[16] = {
        [ZERO] = {.nowhere = NOWHERE},
        [SELF_1] = {.mask = 0xff, .bytes = 1, .nowhere = NOWHERE},
        [SELF_2] = {.mask = 0xffff, .bytes = 2, .nowhere = NOWHERE},
        [SELF_4] = {.mask = 0xffffffff, .bytes = 4, .nowhere = NOWHERE},
        [SELF_8] = {UINT64_MAX, 0, 0, UINT64_MAX, 8, .hashed = 15},
        [ENTRY_1] = {0xff, UINT64_MAX, 0, UINT64_MAX, 1, .at = 15, .shift = 4},
        [ENTRY_2] = {0xffff, UINT64_MAX, 0, UINT64_MAX, 2, .at = 15, .shift = 4},
        [ENTRY_3] = {0xffffff, UINT64_MAX, 0, UINT64_MAX, 3, .at = 15, .shift = 4},
        [LAST_4] = {0xffffffff, 0, UINT64_MAX, UINT64_MAX, 4, .hashed = 15},
        [LAST_6] = {0xffffffffffff, 0, UINT64_MAX, UINT64_MAX, 6, .hashed = 15},
};

/* Bytes of a block, by its tags. */
static size_t block_bytes(const uint8_t *tags)
{
        size_t n = 0;

        for (unsigned i = 0; i < BLOCK / WORDS_IN_BYTE; i++)
                n += (size_t)way_bytes[tags[i] & 15] + way_bytes[tags[i] >> 4];
        return n;
}

static inline __attribute__((always_inline)) const char *
word_read(struct seen *s, uint64_t *last, const char *in, unsigned way, char *to)
{
        uint64_t bits, rest, word, at, place;

        memcpy(&bits, in, sizeof(bits));
        bits = le64toh(bits) & ways[way].mask;
        at = bits & ways[way].at;
        rest = (bits >> ways[way].shift) ^ (*last & ways[way].last);
        word = rest ^ (s->entry[at] & ways[way].entry);
        memcpy(to, &word, sizeof(word));
        place = at | (place_of(rest) & ways[way].hashed) | ways[way].nowhere;
        s->entry[place] = word;
        *last ^= (*last ^ word) & ways[way].large;
        return in + ways[way].bytes;
}

/* Where a word goes is known before the word is, unless it differs from the last one: so the
 * processor need not wait for it to look up the next. */
static const char *block_read(struct seen *s, const char *in, const uint8_t *tags, char *to)
{
        uint64_t last = s->last;

        for (unsigned i = 0; i < BLOCK / WORDS_IN_BYTE; i++) {
                in = word_read(s, &last, in, tags[i] & 15, to);
                in = word_read(s, &last, in, tags[i] >> 4, to + sizeof(uint64_t));
                to += WORDS_IN_BYTE * sizeof(uint64_t);
        }
        s->last = last;
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
