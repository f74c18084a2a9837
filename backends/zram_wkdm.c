/* SPDX-License-Identifier: MIT */
/*
 * zram_wkdm.c - a compressor for pages of memory.
 *
 * Theory of operation. After WKdm (Wilson, Kaplan, Smaragdakis, USENIX 1999), for machines of 64
 * bits. A page of a heap is an array of words, most of which are zero, small, or resemble one that
 * came shortly before: pointers into one arena, sizes, flags, hashes of one table. So each word is
 * told in the shortest of these ways: by itself in 0 to 4 or 8 bytes; by what distinguishes it from
 * an entry of a dictionary of 16 words that it shares the upper bits with, in 1 to 3 bytes; or by
 * what distinguishes it from the last large word, in 4 to 7. Only large words, of more than 32
 * bits, enter the dictionary, in a place that their upper bits choose; so a word that resembles an
 * entry replaces that one. The lower 4 bits of the latter two ways name that place.
 *
 * Packed: the bytes of all words one after the other; then, for each group of 16 words that are not
 * all zero, 4 bits for each of them that tell the way; then a bit for each group of the page that
 * tells whether it is such a one. As a word that has a way has the ways of its group behind it, it
 * may be read with the 8 bytes that it could have.
 *
 * Hardly a branch depends on the data: mispredicted ones are what a compressor spends its time on.
 * To pack, 64 words of such groups are gone through three times: what each resembles (the only part
 * that is serial), which way is shortest (vectors), and writing it. To unpack, they are gone
 * through twice: first each gets its bytes, for which it need not wait for the one before, and then
 * the large ones, which are told by a bit of the way, get what they share with others.
 */
#include "zram_wkdm.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define BLOCK        64u /* words */
#define GROUP        16u /* words whose ways make 8 bytes */
#define GROUPS       (BLOCK / GROUP)
#define GROUP_BYTES  (GROUP * sizeof(uint64_t))
#define BLOCK_BYTES  (BLOCK * sizeof(uint64_t))
#define DICTIONARY   16u
#define NOWHERE      DICTIONARY          /* where words go that do not enter it */
#define UPPER        20                  /* bits that a word need not share with its entry */
#define IS_LARGE     32                  /* bits that a large word does not fit in */
#define NO_WORD      ((uint64_t)1 << 63) /* resembles hardly any */
#define PROBE_BLOCKS 2u                  /* after which a page is judged */
#define ALIKE_BYTES  128u                /* of a page that has a word like another in it */
#define LINE         64u                 /* bytes that come from memory at once */

/* The ways; of those that a word could go, the first is the shortest. */
enum way {
        ZERO,
        SELF_1,
        SELF_2,
        SELF_3,
        SELF_4,
        LARGE = 8, /* this bit tells those of large words */
        ENTRY_1 = LARGE,
        ENTRY_2,
        ENTRY_3,
        LAST_4,
        LAST_5,
        LAST_6,
        LAST_7,
        SELF_8,
        NONE
};
#define WAY_BITS 4u

static const uint8_t way_bytes[16] = {
        [SELF_1] = 1,  [SELF_2] = 2, [SELF_3] = 3, [SELF_4] = 4, [ENTRY_1] = 1, [ENTRY_2] = 2,
        [ENTRY_3] = 3, [LAST_4] = 4, [LAST_5] = 5, [LAST_6] = 6, [LAST_7] = 7,  [SELF_8] = 8,
};

/* In a function for each kind of processor: see words_pack(). */
#define IN_BOTH static inline __attribute__((always_inline))

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

static uint64_t wkdm_place_of(uint64_t word)
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
IN_BOTH void block_compare(struct block *b, struct seen *s)
{
        uint64_t last = s->last;

        for (unsigned i = 0; i < BLOCK; i++) {
                uint64_t word = b->word[i], place = wkdm_place_of(word);
                uint64_t large = mask(word >> IS_LARGE != 0);

                b->entry[i] = word ^ s->entry[place];
                b->last[i] = word ^ last;
                b->place[i] = place;
                s->entry[(place & large) | (NOWHERE & ~large)] = word;
                last = (last & ~large) | (word & large);
        }
        s->last = last;
}

/* Four words at a time, which every compiler makes instructions of avx2 of. */
typedef int64_t vector __attribute__((vector_size(32)));
typedef uint64_t unsigned_vector __attribute__((vector_size(32)));
typedef int64_t unaligned __attribute__((vector_size(32), aligned(1), may_alias));

/* All ones where x has so few bits. The comparison is one of signed numbers. */
#define BELOW(x, bits) (((x) ^ INT64_MIN) < (INT64_MIN + ((int64_t)1 << (bits))))

/* Takes `of` where the condition holds. */
#define TAKE(what, condition, of) ((what) ^ (((what) ^ (of)) & (condition)))

IN_BOTH void block_choose(struct block *b)
{
        for (unsigned i = 0; i < BLOCK; i += 4) {
                const vector *words = (const vector *)(const void *)&b->word[i];
                const vector *lasts = (const vector *)(const void *)&b->last[i];
                vector *entries = (vector *)(void *)&b->entry[i];
                vector *places = (vector *)(void *)&b->place[i];
                vector word = *words, entry = *entries, last = *lasts, out = word, better;
                vector way = SELF_8 - (BELOW(word, 32) & (SELF_8 - SELF_4)) -
                             (BELOW(word, 24) & (SELF_4 - SELF_3)) -
                             (BELOW(word, 16) & (SELF_3 - SELF_2)) -
                             (BELOW(word, 8) & (SELF_2 - SELF_1)) - ((word == 0) & SELF_1);
                vector by_entry = NONE - (BELOW(entry, 20) & (NONE - ENTRY_3)) -
                                  (BELOW(entry, 12) & (ENTRY_3 - ENTRY_2)) -
                                  (BELOW(entry, 4) & (ENTRY_2 - ENTRY_1));
                vector by_last = NONE - (BELOW(last, 52) & (NONE - LAST_7)) -
                                 (BELOW(last, 44) & (LAST_7 - LAST_6)) -
                                 (BELOW(last, 36) & (LAST_6 - LAST_5)) -
                                 (BELOW(last, 28) & (LAST_5 - LAST_4));

                better = by_entry < way;
                out = TAKE(out, better, entry << 4 | *places);
                way = TAKE(way, better, by_entry);
                better = by_last < way;
                *entries = TAKE(out, better, last << 4 | *places);
                *places = TAKE(way, better, by_last);
        }
}

/* Returns behind what it has written. */
IN_BOTH char *block_write(const struct block *b, char *out, char *ways)
{
        const uint64_t *bits = b->entry, *way = b->place;

        for (unsigned i = 0; i < BLOCK; i += GROUP, ways += sizeof(uint64_t)) {
                uint64_t group = 0;

#pragma GCC unroll 16
                for (unsigned j = 0; j < GROUP; j++) {
                        uint64_t one = htole64(bits[i + j]);

                        memcpy(out, &one, sizeof(one));
                        out += way_bytes[way[i + j]];
                        group |= way[i + j] << j * WAY_BITS;
                }
                group = htole64(group);
                memcpy(ways, &group, sizeof(group));
        }
        return out;
}

/* All ones where a word has no upper half, or that of the other. */
#define ALIKE(x, other)                                                                            \
        (((unsigned_vector)(x) >> IS_LARGE == 0) |                                                 \
         ((unsigned_vector)((x) ^ (other)) >> IS_LARGE == 0))

/* The groups of a page that have a word, as a list and as bits. Their number. Hopeless is a page of
 * which less than 1/8 of the words that are looked at are so; of those that words are good for,
 * more than 1/4 are, mostly 2/3. */
IN_BOTH unsigned find_filled(const char *page, size_t page_size, uint16_t *list, uint8_t *bits,
                             bool *hopeless)
{
        unsigned n = 0;
        vector sum = {0};

        memset(bits, 0, words_filled_bytes(page_size));
        for (unsigned group = 0; group < page_size / GROUP_BYTES; group++) {
                const unaligned *words =
                        (const unaligned *)(const void *)(page + group * GROUP_BYTES);
                vector one = words[0], two = words[1], three = words[2], four = words[3];
                vector all = one | two | three | four;
                unsigned any = (all[0] | all[1] | all[2] | all[3]) != 0;

                sum -= ALIKE(two, one) + ALIKE(four, three);
                list[n] = (uint16_t)group;
                n += any;
                bits[group / 8] |= (uint8_t)(any << group % 8);
        }
        *hopeless = (size_t)(sum[0] + sum[1] + sum[2] + sum[3]) < page_size / ALIKE_BYTES;
        return n;
}

/* Up to as many groups as a block has; what is left of it is zero. */
IN_BOTH void block_load(struct block *b, const char *page, const uint16_t *list, unsigned groups)
{
        for (unsigned i = 0; i < GROUPS; i++) {
                if (i < groups)
                        memcpy(b->word + i * GROUP, page + list[i] * GROUP_BYTES, GROUP_BYTES);
                else
                        memset(b->word + i * GROUP, 0, GROUP_BYTES);
        }
}

IN_BOTH size_t pack(const void *page, size_t page_size, void *state, void *packed, size_t most)
{
        struct block *b = state;
        uint16_t *list = (uint16_t *)(b + 1);
        char *ways = (char *)(list + page_size / GROUP_BYTES);
        uint8_t *filled = (uint8_t *)ways + page_size / GROUP_BYTES * sizeof(uint64_t);
        bool hopeless;
        size_t groups = find_filled(page, page_size, list, filled, &hopeless);
        size_t way_bytes_all = groups * sizeof(uint64_t), had = 0;
        size_t behind = way_bytes_all + words_filled_bytes(page_size);
        struct seen seen;
        char *out = packed;

        if (most < behind || (hopeless && most < page_size))
                return 0;
        seen_init(&seen);
        for (size_t i = 0; i < groups; i += GROUPS) {
                block_load(b, page, list + i, (unsigned)(groups - i));
                block_compare(b, &seen);
                block_choose(b);
                out = block_write(b, out, ways + i * sizeof(uint64_t));
                had = (size_t)(out - (char *)packed);
                if (had > most - behind)
                        return 0;
                if (i == (PROBE_BLOCKS - 1) * GROUPS &&
                    had * groups * 4 > 5 * PROBE_BLOCKS * GROUPS * (most - behind))
                        return 0; /* as if it were a quarter too long */
        }
        memcpy(out, ways, way_bytes_all);
        memcpy(out + way_bytes_all, filled, words_filled_bytes(page_size));
        return had + behind;
}

/* ---- unpacking ----------------------------------------------------------------------------- */

#define BYTES(n) (UINT64_MAX >> (64 - 8 * (n)))

static const uint64_t way_masks[16] = {
        [SELF_1] = BYTES(1),  [SELF_2] = BYTES(2),  [SELF_3] = BYTES(3),  [SELF_4] = BYTES(4),
        [ENTRY_1] = BYTES(1), [ENTRY_2] = BYTES(2), [ENTRY_3] = BYTES(3), [LAST_4] = BYTES(4),
        [LAST_5] = BYTES(5),  [LAST_6] = BYTES(6),  [LAST_7] = BYTES(7),  [SELF_8] = BYTES(8),
};

/* What large words share with others. */
#define BY_ENTRY                                                                                   \
        {                                                                                          \
                .entry = UINT64_MAX, .at = 15, .shift = 4                                          \
        }
#define BY_LAST                                                                                    \
        {                                                                                          \
                .last = UINT64_MAX, .at = 15, .shift = 4                                           \
        }

static const struct {
        uint64_t entry; /* all ones: it is a difference from an entry */
        uint64_t last;  /* likewise from the last large word */
        uint8_t at;     /* of the bits, the number of the entry */
        uint8_t shift;  /* behind that */
        uint8_t hashed; /* of the place that its upper bits choose: all or nothing */
} shared[16] = {
        [ENTRY_1] = BY_ENTRY, [ENTRY_2] = BY_ENTRY, [ENTRY_3] = BY_ENTRY, [LAST_4] = BY_LAST,
        [LAST_5] = BY_LAST,   [LAST_6] = BY_LAST,   [LAST_7] = BY_LAST,   [SELF_8] = {.hashed = 15},
};

static uint64_t load(const char *at)
{
        uint64_t value;

        memcpy(&value, at, sizeof(value));
        return le64toh(value);
}

/* Bytes of a group, by its ways. */
static size_t group_bytes(uint64_t ways)
{
        size_t n = 0;

        for (; ways; ways >>= WAY_BITS)
                n += way_bytes[ways & 15];
        return n;
}

/* Of the ways of a group, the bits that tell large words. */
static uint64_t large_of(uint64_t ways)
{
        uint64_t bits = ways >> 3 & 0x1111111111111111u;

        bits = (bits | bits >> 3) & 0x0303030303030303u;
        bits = (bits | bits >> 6) & 0x000f000f000f000fu;
        bits = (bits | bits >> 12) & 0x000000ff000000ffu;
        return (bits | bits >> 24) & 0xffff;
}

/* Gives each word its bytes. Returns behind these. */
IN_BOTH const char *group_read(const char *in, uint64_t group, uint64_t *to, uint8_t *ways)
{
#pragma GCC unroll 16
        for (unsigned i = 0; i < GROUP; i++, group >>= WAY_BITS) {
                ways[i] = group & 15;
                to[i] = load(in) & way_masks[group & 15];
                in += way_bytes[group & 15];
        }
        return in;
}

/* Where a word goes in the dictionary is known before the word is: so the processor need not wait
 * for it to look up the next. */
IN_BOTH void wkdm_resolve(struct seen *s, uint64_t *words, const uint8_t *ways, uint64_t large)
{
        uint64_t last = s->last;

        for (; large; large &= large - 1) {
                unsigned i = (unsigned)__builtin_ctzll(large), way = ways[i];
                uint64_t bits = words[i], at = bits & shared[way].at;

                last = (bits >> shared[way].shift) ^ (last & shared[way].last) ^
                       (s->entry[at] & shared[way].entry);
                words[i] = last;
                s->entry[at | (wkdm_place_of(bits) & shared[way].hashed)] = last;
        }
        s->last = last;
}

/* Behind what it has read; NULL: the ways are those of more bytes than there are. */
IN_BOTH const char *block_read(struct seen *s, const char *in, const char *end, const char **ways,
                               unsigned filled, uint64_t *to)
{
        uint64_t large = 0, group;
        uint8_t each[BLOCK];

        for (unsigned i = 0; i < GROUPS; i++) {
                if (!(filled >> i & 1)) {
                        memset(to + i * GROUP, 0, GROUP_BYTES);
                        continue;
                }
                group = load(*ways);
                *ways += sizeof(uint64_t);
                if ((size_t)(end - in) < GROUP_BYTES && group_bytes(group) > (size_t)(end - in))
                        return NULL;
                in = group_read(in, group, to + i * GROUP, each + i * GROUP);
                large |= large_of(group) << i * GROUP;
        }
        wkdm_resolve(s, to, each, large);
        return in;
}

static size_t count_filled(const uint8_t *bits, size_t page_size)
{
        size_t n = 0;

        for (size_t i = 0; i < words_filled_bytes(page_size); i++)
                n += (size_t)__builtin_popcount(bits[i]);
        return n;
}

IN_BOTH bool unpack(const void *packed, size_t length, void *page, size_t page_size)
{
        const char *in = packed, *end, *ways;
        const uint8_t *filled;
        uint64_t *to = page;
        struct seen seen;
        size_t behind;

        for (size_t i = 0; i < length; i += LINE)
                __builtin_prefetch(in + i);
        if (length < words_filled_bytes(page_size))
                return false;
        filled = (const uint8_t *)packed + length - words_filled_bytes(page_size);
        behind = count_filled(filled, page_size) * sizeof(uint64_t) + words_filled_bytes(page_size);
        if (length < behind)
                return false;
        end = ways = in + length - behind;
        seen_init(&seen);
        for (size_t i = 0; i < page_size / BLOCK_BYTES; i++, to += BLOCK) {
                unsigned four = (unsigned)filled[i / 2] >> i % 2 * GROUPS & 15;

                if (four)
                        in = block_read(&seen, in, end, &ways, four, to);
                else
                        memset(to, 0, BLOCK_BYTES);
                if (!in)
                        return false;
        }
        return in == end;
}

/* ---- for each kind of processor ------------------------------------------------------------- */

static size_t pack_plain(const void *page, size_t page_size, void *state, void *packed, size_t most)
{
        return pack(page, page_size, state, packed, most);
}

static bool unpack_plain(const void *packed, size_t length, void *page, size_t page_size)
{
        return unpack(packed, length, page, page_size);
}

#ifdef __x86_64__
#define AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt")))

static bool has_avx2(void)
{
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
               __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
}

AVX2 static size_t pack_avx2(const void *page, size_t page_size, void *state, void *packed,
                             size_t most)
{
        return pack(page, page_size, state, packed, most);
}

AVX2 static bool unpack_avx2(const void *packed, size_t length, void *page, size_t page_size)
{
        return unpack(packed, length, page, page_size);
}
#else
static bool has_avx2(void)
{
        return false;
}

#define pack_avx2   pack_plain
#define unpack_avx2 unpack_plain
#endif

size_t words_pack(const void *page, size_t page_size, void *state, void *packed, size_t most)
{
        return (has_avx2() ? pack_avx2 : pack_plain)(page, page_size, state, packed, most);
}

bool words_unpack(const void *packed, size_t length, void *page, size_t page_size)
{
        return (has_avx2() ? unpack_avx2 : unpack_plain)(packed, length, page, page_size);
}
