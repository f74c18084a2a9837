/* SPDX-License-Identifier: MIT */
/*
 * zram_lz77.c - a compressor for pages that repeat themselves.
 *
 * Theory of operation. After Lempel and Ziv (1977): a page is told as pieces, each of some literal
 * bytes and some bytes that came before, at a distance. What costs time in this is not the work but
 * the branches that nobody can predict: is there a repetition, and how long is it? So the page is
 * gone through in steps that have hardly any:
 *  - Marks. Some 1/5 of the positions are looked at, chosen by what stands there: where the
 *    difference of two bytes is the least of five neighbours. A repetition has its marks where its
 *    original had them, so looking at few positions finds most of what is longer than 8 bytes. In a
 *    run of one byte there is no least: there every eighth position is marked.
 *  - Candidates. For each mark, the last one with the same four bytes, by a small table.
 *  - Pieces. From candidate to candidate, each made as long as it goes, in both directions.
 *
 * Packed: all literals; then three bytes for each piece, of 12 bits for the distance, 6 that stand
 * for the length (see lengths[]) and 6 for the number of literals; then the number of pieces, in
 * two bytes. Literals behind the last piece belong to none. Of what does not fit a piece, the rest
 * makes another. Literals are at least one: the first byte repeats nothing. As a piece is of a
 * fixed size, unpacking knows the next one before it is done with this one, and it copies more than
 * asked where there is room, instead of asking how much.
 *
 * A page of which no more than a mark of the first eighth has a candidate, while the rest does not
 * look like words or runs either, is given up. So is one of which more than 3/4 of these marks
 * have: it consists of repetitions of repetitions, of which the last candidate is seldom the
 * longest.
 */
#include "zram_lz77.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>
#ifdef __x86_64__
#include <emmintrin.h>
#endif

#define PAGE        ((unsigned)REPEATS_PAGE)
#define BLOCK       64u /* positions whose marks make a word */
#define BLOCKS      (PAGE / BLOCK)
#define EDGE        64u /* bytes on either side of the page that may be read */
#define LEAST       4u  /* bytes of a repetition */
#define TABLE_BITS  11
#define WINDOW      56u /* marks that can be seen at any position at once */
#define PIECE       3u  /* bytes */
#define LITERALS    63u /* most of a piece */
#define STEP        16u /* bytes compared at once */
#define WIDE        32u /* bytes copied at once */
#define HALF        8u  /* the same from near */
#define ROOM        64u /* what a piece may copy too much, at most */
#define TESTED      __attribute__((unused))
#define PROBED      (BLOCKS / 8)
#define FEW         2u  /* candidates in them */
#define MANY        16u /* marks in them, to be judged by */
#define NEAR        8u
#define FAR         64u
#define ALIKE_LEAST ((PAGE - PAGE / 8) / 64) /* bytes like one of these; of noise, 1/128 are */

static const uint16_t lengths[64] = {
        0,  4,  5,  6,   7,   8,   9,   10,  11,  12,  13,  14,   15,   16,   17,   18,
        19, 20, 21, 22,  23,  24,  25,  26,  27,  28,  29,  30,   31,   32,   33,   34,
        35, 36, 37, 38,  39,  40,  41,  42,  43,  44,  45,  46,   47,   48,   52,   56,
        64, 80, 96, 128, 160, 192, 256, 320, 384, 512, 768, 1024, 1536, 2048, 3072, 4095,
};
#define DENSE 45u /* up to here, a length is its number and 3 */

struct state {
        uint8_t before[EDGE], page[REPEATS_PAGE], behind[EDGE];
        uint64_t marks[BLOCKS + 1]; /* then those with a candidate; the last word: all ones */
        uint16_t table[1 << TABLE_BITS];
        uint16_t from[REPEATS_PAGE]; /* the candidate of a position that has one */
        uint8_t pieces[REPEATS_PAGE + ROOM];
};

struct packing {
        const struct state *state;
        uint8_t *literals, *pieces; /* behind what is written */
        size_t room;                /* bytes left of `most` */
};

size_t repeats_state_bytes(void)
{
        return sizeof(struct state);
}

static uint32_t load_32(const uint8_t *at)
{
        uint32_t value;

        memcpy(&value, at, sizeof(value));
        return value;
}

static uint64_t load_64(const void *at)
{
        uint64_t value;

        memcpy(&value, at, sizeof(value));
        return le64toh(value);
}

/* ---- marks --------------------------------------------------------------------------------- */

/* Of 16 bytes, which every machine has instructions for. */
typedef uint8_t vector __attribute__((vector_size(16), aligned(1), may_alias));
typedef int8_t truths __attribute__((vector_size(16)));

/* 16 positions: all ones where there is a mark. */
static inline __attribute__((always_inline)) truths marks_of(const uint8_t *at)
{
#define DIFFERENCE(i) (*(const vector *)(at + (i)) - *(const vector *)(at + (i) + 3))
        const vector eighth = {255, 0, 0, 0, 0, 0, 0, 0, 255};
        vector here = DIFFERENCE(0), left = DIFFERENCE(-1);
        truths least = (truths)(here < left) & (truths)(here <= DIFFERENCE(1)) &
                       (truths)(here <= DIFFERENCE(2)) & (truths)(here <= DIFFERENCE(-2));

        return least | ((truths)(here == left) & (truths)eighth);
}

/* The same as bits. Tested everywhere. */
static TESTED uint64_t bits_plain(truths marks)
{
        uint64_t eight[2], bits = 0;

        memcpy(eight, &marks, sizeof(eight));
        for (unsigned i = 0; i < 2; i++) {
                uint64_t ones = le64toh(eight[i]) & 0x0101010101010101u;

                bits |= (ones * 0x0102040810204080u) >> 56 << (8 * i);
        }
        return bits;
}

#ifdef __x86_64__
static uint64_t bits_of(truths marks)
{
        return (unsigned)_mm_movemask_epi8((__m128i)marks);
}
#else
static uint64_t bits_of(truths marks)
{
        return bits_plain(marks);
}
#endif

static uint64_t block_mark(const struct state *s, unsigned block)
{
        uint64_t marks = 0;

        for (unsigned part = 0; part < BLOCK; part += STEP)
                marks |= bits_of(marks_of(s->page + block * BLOCK + part)) << part;
        if (block == 0)
                marks &= ~(uint64_t)1;
        return block + 1 < BLOCKS ? marks : marks & UINT64_MAX >> (LEAST - 1);
}

/* All in one go: what follows guesses branches wrong, and those would hold this up. */
static void mark(struct state *s, unsigned from, unsigned upto)
{
        for (unsigned block = from; block < upto; block++)
                s->marks[block] = block_mark(s, block);
}

/* ---- candidates ---------------------------------------------------------------------------- */

/* Whether bytes of the page are like those a word or some records earlier: words, runs, text. */
static bool looks_alike(const struct state *s, unsigned from)
{
        vector sum = {0}; /* of at most 255 */
        unsigned alike = 0;

        for (unsigned i = from; i < PAGE; i += sizeof(vector)) {
                const uint8_t *at = s->page + i;

                sum -= (vector)(*(const vector *)at == *(const vector *)(at - NEAR)) |
                       (vector)(*(const vector *)at == *(const vector *)(at - FAR));
        }
        for (unsigned i = 0; i < sizeof(sum); i++)
                alike += sum[i];
        return alike > ALIKE_LEAST;
}

/* Leaves of the marks of a block those that have a candidate. */
static uint64_t block_find(struct state *s, unsigned block)
{
        uint64_t found = 0;

        for (uint64_t marks = s->marks[block]; marks; marks &= marks - 1) {
                unsigned bit = (unsigned)__builtin_ctzll(marks), at = block * BLOCK + bit;
                uint32_t value = load_32(s->page + at);
                uint16_t *place = &s->table[(value * 2654435761u) >> (32 - TABLE_BITS)];
                unsigned from = *place;

                *place = (uint16_t)at;
                s->from[at] = (uint16_t)from;
                found |= (uint64_t)(load_32(s->page + from) == value) << bit;
        }
        s->marks[block] = htole64(found);
        return found;
}

enum found { HARDLY_ANY, ENOUGH, TOO_MANY };

/* A place of the table that is empty names the first byte, which is before all. */
static enum found find(struct state *s)
{
        unsigned found = 0, marks = 0;

        s->marks[BLOCKS] = UINT64_MAX;
        memset(s->table, 0, sizeof(s->table));
        mark(s, 0, PROBED);
        for (unsigned block = 0; block < PROBED; block++) {
                marks += (unsigned)__builtin_popcountll(s->marks[block]);
                found += (unsigned)__builtin_popcountll(block_find(s, block));
        }
        if (found < FEW && !looks_alike(s, PROBED * BLOCK))
                return HARDLY_ANY;
        if (marks > MANY && found > marks / 4 * 3)
                return TOO_MANY;
        mark(s, PROBED, BLOCKS);
        for (unsigned block = PROBED; block < BLOCKS; block++)
                found += (unsigned)__builtin_popcountll(block_find(s, block));
        return found > 0 ? ENOUGH : HARDLY_ANY;
}

/* The next position with a candidate; PAGE or more: none. */
static unsigned next_found(const struct state *s, unsigned at)
{
        for (;; at += WINDOW) {
                uint64_t marks = load_64((const char *)s->marks + at / 8) >> at % 8;

                if (marks)
                        return at + (unsigned)__builtin_ctzll(marks);
        }
}

/* ---- pieces -------------------------------------------------------------------------------- */

/* Bytes that are the same from a and b on, and before them; STEP at most. Tested everywhere. */
static TESTED unsigned same_plain(const uint8_t *a, const uint8_t *b)
{
        uint64_t low = load_64(a) ^ load_64(b), high = load_64(a + 8) ^ load_64(b + 8);

        if (low)
                return (unsigned)__builtin_ctzll(low) / 8;
        return high ? 8 + (unsigned)__builtin_ctzll(high) / 8 : STEP;
}

static TESTED unsigned same_before_plain(const uint8_t *a, const uint8_t *b)
{
        uint64_t low = load_64(a - 16) ^ load_64(b - 16), high = load_64(a - 8) ^ load_64(b - 8);

        if (high)
                return (unsigned)__builtin_clzll(high) / 8;
        return low ? 8 + (unsigned)__builtin_clzll(low) / 8 : STEP;
}

#ifdef __x86_64__
static unsigned differ_sse2(const uint8_t *a, const uint8_t *b)
{
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)a);
        __m128i y = _mm_loadu_si128((const __m128i *)(const void *)b);

        return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, y)) ^ 0xffff;
}

static unsigned same(const uint8_t *a, const uint8_t *b)
{
        return (unsigned)__builtin_ctz(differ_sse2(a, b) | 1u << STEP);
}

static unsigned same_before(const uint8_t *a, const uint8_t *b)
{
        return (unsigned)__builtin_clz(differ_sse2(a - STEP, b - STEP) << STEP | 1u << (STEP - 1));
}
#else
static unsigned same(const uint8_t *a, const uint8_t *b)
{
        return same_plain(a, b);
}

static unsigned same_before(const uint8_t *a, const uint8_t *b)
{
        return same_before_plain(a, b);
}
#endif

static unsigned same_upto_end(const struct state *s, unsigned at, unsigned from)
{
        unsigned length = 0, more = STEP;

        for (; more == STEP && at + length < PAGE; length += more)
                more = same(s->page + at + length, s->page + from + length);
        return length < PAGE - at ? length : PAGE - at;
}

static unsigned length_code(unsigned length)
{
        unsigned code = DENSE;

        if (length < lengths[DENSE])
                return length < LEAST ? 0 : length - LEAST + 1;
        while (code < 63 && lengths[code + 1] <= length)
                code++;
        return code;
}

static bool put_piece(struct packing *p, unsigned literals, unsigned code, unsigned distance)
{
        uint32_t piece = htole32(literals << 18 | code << 12 | distance);

        if (p->room < literals + PIECE)
                return false;
        p->room -= literals + PIECE;
        memcpy(p->pieces, &piece, sizeof(piece));
        p->pieces += PIECE;
        p->literals += literals;
        return true;
}

/* `literals` from `at` on, and the bytes that repeat. Up to LEAST - 1 of these are left over:
 * *length becomes what is told. */
static bool lz77_put(struct packing *p, unsigned at, unsigned literals, unsigned *length,
                     unsigned distance)
{
        const uint8_t *from = p->state->page + at;
        unsigned rest = *length, code = length_code(rest);

        if (p->room < literals)
                return false;
        memcpy(p->literals, from, WIDE);
        if (literals > WIDE)
                memcpy(p->literals + WIDE, from + WIDE, literals - WIDE);
        for (; literals > LITERALS; literals -= LITERALS) {
                if (!put_piece(p, LITERALS, 0, 0))
                        return false;
        }
        if (!put_piece(p, literals, code, distance))
                return false;
        for (rest -= lengths[code]; rest >= LEAST; rest -= lengths[code]) {
                code = length_code(rest);
                if (!put_piece(p, 0, code, distance))
                        return false;
        }
        *length -= rest;
        return true;
}

/* The position behind the last piece; PAGE + 1: there is no room. */
static unsigned put_pieces(struct packing *p)
{
        const struct state *s = p->state;
        unsigned told = 0, at = next_found(s, 1);

        while (at < PAGE) {
                unsigned from = s->from[at], length = same_upto_end(s, at, from);
                unsigned back = same_before(s->page + at, s->page + from);
                unsigned next = at + length;

                back = back < at - told ? back : at - told;
                back = back < from ? back : from;
                length += back;
                if (!lz77_put(p, told, at - back - told, &length, at - from))
                        return PAGE + 1;
                told = at - back + length;
                at = next_found(s, next);
        }
        return told;
}

size_t repeats_pack(const void *page, void *state, void *packed, size_t most, bool *too_many)
{
        struct state *s = state;
        struct packing p = {.state = s, .literals = packed, .pieces = s->pieces};
        enum found found;
        uint16_t count;
        size_t bytes;
        unsigned told;

        *too_many = false;
        if (most < sizeof(count))
                return 0;
        p.room = (most < REPEATS_PAGE ? most : REPEATS_PAGE) - sizeof(count);
        memset(s->before, 0, sizeof(s->before));
        memcpy(s->page, page, sizeof(s->page));
        memset(s->behind, 0, sizeof(s->behind));
        found = find(s);
        *too_many = found == TOO_MANY;
        if (found != ENOUGH)
                return 0;
        told = put_pieces(&p);
        if (told > PAGE || PAGE - told > p.room)
                return 0;
        memcpy(p.literals, s->page + told, PAGE - told);
        p.literals += PAGE - told;
        bytes = (size_t)(p.pieces - s->pieces);
        memcpy(p.literals, s->pieces, bytes);
        count = htole16((uint16_t)(bytes / PIECE));
        memcpy(p.literals + bytes, &count, sizeof(count));
        return (size_t)(p.literals - (uint8_t *)packed) + bytes + sizeof(count);
}

/* ---- unpacking ----------------------------------------------------------------------------- */

struct unpacking {
        const uint8_t *in, *in_end; /* literals */
        uint8_t *start, *out, *end; /* the page */
};

/* Near the end of the page: byte by byte. */
static bool get_slowly(struct unpacking *u, unsigned literals, unsigned length, unsigned distance)
{
        if (literals > u->in_end - u->in || literals + length > u->end - u->out)
                return false;
        memcpy(u->out, u->in, literals);
        u->out += literals;
        u->in += literals;
        if (length && (distance == 0 || distance > u->out - u->start))
                return false;
        for (uint8_t *end = u->out + length; u->out < end; u->out++)
                *u->out = *(u->out - distance);
        return true;
}

/* From so near that wide copies would overlap: of 8 bytes, the first of them one by one if need
 * be. */
static bool repeat_near(uint8_t *out, unsigned length, unsigned distance)
{
        static const uint8_t multiples[8] = {HALF, 8, 8, 9, 8, 10, 12, 14};

        if (distance == 0)
                return length == 0;
        if (distance < HALF) {
                for (unsigned i = 0; i < HALF; i++)
                        out[i] = out[(int)i - (int)distance];
                distance = multiples[distance];
        } else {
                memcpy(out, out - distance, HALF);
        }
        for (unsigned i = HALF; i < length; i += HALF)
                memcpy(out + i, out + i - distance, HALF);
        return true;
}

/* Reads no more than ROOM literals and writes no more than WIDE bytes behind the piece. */
static inline bool get(struct unpacking *u, unsigned literals, unsigned length, unsigned distance)
{
        const uint8_t *from;

        memcpy(u->out, u->in, WIDE);
        if (literals > WIDE)
                memcpy(u->out + WIDE, u->in + WIDE, WIDE);
        u->out += literals;
        u->in += literals;
        if (distance > u->out - u->start)
                return false;
        from = u->out - distance;
        if (distance < STEP) {
                if (!repeat_near(u->out, length, distance))
                        return false;
        } else {
                memcpy(u->out, from, STEP);
                memcpy(u->out + STEP, from + STEP, STEP);
                for (unsigned i = WIDE; i < length; i += STEP)
                        memcpy(u->out + i, from + i, STEP);
        }
        u->out += length;
        return true;
}

bool repeats_unpack(const void *packed, size_t length, void *page)
{
        struct unpacking u = {packed, packed, page, page, (uint8_t *)page + REPEATS_PAGE};
        const uint8_t *piece, *end;
        uint16_t count;

        if (length < sizeof(count))
                return false;
        end = u.in + length - sizeof(count);
        memcpy(&count, end, sizeof(count));
        if (le16toh(count) * (size_t)PIECE + sizeof(count) >= length)
                return false;
        u.in_end = piece = end - le16toh(count) * PIECE;
        for (; piece < end; piece += PIECE) {
                uint32_t bits = le32toh(load_32(piece - 1)) >> 8; /* there is a literal before */
                unsigned literals = bits >> 18, told = lengths[bits >> 12 & 63];
                unsigned distance = bits & 0xfff;
                bool good;

                if (end - u.in >= ROOM && u.end - u.out >= literals + told + WIDE)
                        good = get(&u, literals, told, distance);
                else
                        good = get_slowly(&u, literals, told, distance);
                if (!good)
                        return false;
        }
        if (u.in_end - u.in != u.end - u.out)
                return false;
        memcpy(u.out, u.in, (size_t)(u.end - u.out));
        return true;
}
