/* SPDX-License-Identifier: MIT */
/*
 * nru.c - evict a page that was not recently used.
 *
 * Theory of operation. Every frame that may be selected is in one of two sets: `unused`, or `used`
 * when there was evidence of use in the current period. Select names the first unused frame in
 * circular order from behind the last victim; if there is none, the first used one. When a period
 * ends, all use is forgotten and every frame is unused again.
 *
 * It is Zephyr's NRU with three differences. There, the period is a time in milliseconds, kept by a
 * timer; a policy has no clock, so here a period is counted in selections, and a program that does
 * not page does not age. There, a page that is used and clean outranks one that is unused and
 * dirty; a policy is not told what is dirty, so use alone counts. And there, select and the timer
 * look at every frame; here they do not.
 *
 * A period is four laps, a lap being as many selections as there are frames to select from. Not
 * one: a rescued frame lies just behind the hand, which needs a lap to come back, and would find
 * the rescue forgotten; then nru is no better than fifo.
 *
 * A set is a tree of 64-bit words: the leaves have one bit a frame, and a word above has one bit a
 * word below, set when that word is not 0. The next member from any place on is found by going up
 * until a word has a bit further right and then down again, at most 6 words each way for any
 * number of frames, and never through a stretch of empty words.
 *
 * Cost: 0.26 bytes a frame. add, remove, accessed and select look at up to 12 words a set: O(1).
 * Forgetting moves the members of `used` over, a word at a time, and looks at no word that is
 * empty. A word has at least one member, and that member came by one call of accessed, which pays
 * for the move: O(1) amortised, whatever the frames are and however many there could be. The one
 * select that ends a period takes at most nframes / 64 such moves.
 *
 * Invariants: the sets are disjoint; a bit above a leaf is set iff the word below it is not 0;
 * count[set] == number of bits in the leaves of that set.
 * Locking: none of its own; the caller serialises.
 */
#include "shipped.h"

#define MAX_LEVELS  6 /* 64^6 > 2^32 */
#define PERIOD_LAPS 4
#define NOWHERE     UINT64_MAX

enum set {
        UNUSED,
        USED,
        NSETS,
};

struct nru {
        uint32_t nframes;
        uint32_t levels;
        uint32_t hand; /* where the next search begins */
        uint32_t count[NSETS];
        uint64_t selected;              /* selections in this period */
        uint64_t start[MAX_LEVELS + 1]; /* of each level in a set, in words; last: the set's size */
        uint64_t word[];                /* `unused`, and then `used` */
};

/* Divides a set for nframes frames into levels, leaves first; returns their number. */
static uint32_t divide(uint32_t nframes, uint64_t start[MAX_LEVELS + 1])
{
        uint64_t words = nframes;
        uint32_t levels = 0;

        start[0] = 0;
        do {
                words = (words + 63) / 64;
                start[levels + 1] = start[levels] + words;
                levels++;
        } while (words > 1);
        return levels;
}

static uint64_t words_in(const struct nru *nru, uint32_t level)
{
        return nru->start[level + 1] - nru->start[level];
}

static uint64_t place(const struct nru *nru, enum set set, uint32_t level, uint64_t index)
{
        return set * nru->start[nru->levels] + nru->start[level] + index;
}

static uint64_t peek(const struct nru *nru, enum set set, uint32_t level, uint64_t index)
{
        return nru->word[place(nru, set, level, index)];
}

static uint64_t *word_of(struct nru *nru, enum set set, uint32_t level, uint64_t index)
{
        return &nru->word[place(nru, set, level, index)];
}

static bool has(const struct nru *nru, enum set set, uint32_t frame)
{
        return (peek(nru, set, 0, frame / 64) >> (frame % 64)) & 1;
}

/* Sets one bit of a level, and those above that say so. */
static void put_bit(struct nru *nru, enum set set, uint32_t level, uint64_t bit)
{
        for (; level < nru->levels; level++, bit /= 64) {
                uint64_t *word = word_of(nru, set, level, bit / 64);
                uint64_t before = *word;

                *word |= UINT64_C(1) << (bit % 64);
                if (before != 0)
                        break;
        }
}

static void clear_bit(struct nru *nru, enum set set, uint32_t level, uint64_t bit)
{
        for (; level < nru->levels; level++, bit /= 64) {
                uint64_t *word = word_of(nru, set, level, bit / 64);

                *word &= ~(UINT64_C(1) << (bit % 64));
                if (*word != 0)
                        break;
        }
}

static void nru_put(struct nru *nru, enum set set, uint32_t frame)
{
        put_bit(nru, set, 0, frame);
        nru->count[set]++;
}

static void take(struct nru *nru, enum set set, uint32_t frame)
{
        clear_bit(nru, set, 0, frame);
        nru->count[set]--;
}

/* The first member not below `from`, or NOWHERE. */
static uint64_t nru_next(const struct nru *nru, enum set set, uint64_t from)
{
        uint64_t bit = from;
        uint64_t right = 0; /* the word that has `bit`, without the bits below that */
        uint32_t level = 0;

        for (;; level++, bit = bit / 64 + 1) {
                if (level == nru->levels || bit / 64 >= words_in(nru, level))
                        return NOWHERE;
                right = peek(nru, set, level, bit / 64) & (UINT64_MAX << (bit % 64));
                if (right != 0)
                        break;
        }
        bit = bit / 64 * 64 + (uint64_t)__builtin_ctzll(right);
        while (level-- > 0)
                bit = bit * 64 + (uint64_t)__builtin_ctzll(peek(nru, set, level, bit));
        return bit;
}

/* The period ends: every used frame is unused again. */
static void forget_use(struct nru *nru)
{
        for (uint64_t frame = nru_next(nru, USED, 0); frame != NOWHERE;
             frame = nru_next(nru, USED, frame / 64 * 64 + 64)) {
                uint64_t *used = word_of(nru, USED, 0, frame / 64);

                *word_of(nru, UNUSED, 0, frame / 64) |= *used;
                *used = 0;
                put_bit(nru, UNUSED, 1, frame / 64);
                clear_bit(nru, USED, 1, frame / 64);
        }
        nru->count[UNUSED] += nru->count[USED];
        nru->count[USED] = 0;
        nru->selected = 0;
}

static size_t nru_footprint(uint32_t nframes)
{
        uint64_t start[MAX_LEVELS + 1];
        uint32_t levels = divide(nframes, start);

        return sizeof(struct nru) + NSETS * start[levels] * sizeof(uint64_t);
}

static void nru_init(void *self, uint32_t nframes)
{
        struct nru *nru = self;

        nru->nframes = nframes;
        nru->levels = divide(nframes, nru->start);
}

static void nru_add(void *self, uint32_t frame, uint64_t key, enum pg_add how)
{
        (void)key;
        (void)how;
        nru_put(self, UNUSED, frame);
}

static void nru_remove(void *self, uint32_t frame)
{
        if (has(self, UNUSED, frame))
                take(self, UNUSED, frame);
        else if (has(self, USED, frame))
                take(self, USED, frame);
}

static void nru_accessed(void *self, uint32_t frame)
{
        if (!has(self, UNUSED, frame))
                return;
        take(self, UNUSED, frame);
        nru_put(self, USED, frame);
}

static uint32_t nru_select(void *self)
{
        struct nru *nru = self;

        uint64_t count = (uint64_t)nru->count[UNUSED] + nru->count[USED];

        if (count == 0)
                return PG_NO_FRAME;
        if (nru->selected >= PERIOD_LAPS * count)
                forget_use(nru);
        nru->selected++;

        enum set set = nru->count[UNUSED] != 0 ? UNUSED : USED;
        uint64_t frame = nru_next(nru, set, nru->hand);

        if (frame == NOWHERE)
                frame = nru_next(nru, set, 0);
        nru->hand = (uint32_t)frame + 1;
        return (uint32_t)frame;
}

/* Counts the frames below one word; false when a bit above leads to an empty word, or outside. */
static bool count_below(const struct nru *nru, enum set set, uint32_t level, uint64_t index,
                        uint64_t *count)
{
        uint64_t word = peek(nru, set, level, index);

        if (level == 0) {
                *count += (uint64_t)__builtin_popcountll(word);
                return true;
        }
        for (; word != 0; word &= word - 1) {
                uint64_t below = index * 64 + (uint64_t)__builtin_ctzll(word);

                if (below >= words_in(nru, level - 1) || peek(nru, set, level - 1, below) == 0 ||
                    !count_below(nru, set, level - 1, below, count))
                        return false;
        }
        return true;
}

static bool nru_check(const void *self)
{
        const struct nru *nru = self;

        if (nru->nframes == 0)
                return true;
        for (enum set set = UNUSED; set < NSETS; set++) {
                uint64_t count = 0;

                if (!count_below(nru, set, nru->levels - 1, 0, &count))
                        return false;
                /* A word that is not empty while the bit above it is clear would be missed here. */
                if (count != nru->count[set] || nru_next(nru, set, nru->nframes) != NOWHERE)
                        return false;
        }
        for (uint64_t frame = nru_next(nru, USED, 0); frame != NOWHERE;
             frame = nru_next(nru, USED, frame / 64 * 64 + 64)) {
                if ((peek(nru, USED, 0, frame / 64) & peek(nru, UNUSED, 0, frame / 64)) != 0)
                        return false;
        }
        return nru->hand <= nru->nframes;
}

const struct pg_policy_ops pg_policy_nru = {
        .size = sizeof(struct pg_policy_ops),
        .name = "nru",
        .footprint = nru_footprint,
        .init = nru_init,
        .add = nru_add,
        .remove = nru_remove,
        .accessed = nru_accessed,
        .select = nru_select,
        .check = nru_check,
};
