/* SPDX-License-Identifier: MIT */
/*
 * miss_curve.c - misses against memory, for every size at once.
 *
 * Theory of operation. Take a segmented FIFO: a primary queue of P frames whose pages are mapped,
 * and behind it a queue of S = M - P frames, the secondary. A page that comes in enters at the
 * tail of the primary. If that holds more than P then, its head is demoted to the tail of the
 * secondary; if that holds more than S, its head is evicted. A touch of a page in the secondary is
 * a rescue, one of a page in neither is a miss; either is a fault, and the page comes in.
 *
 * Claim. Let G be all demoted pages that have not come in since, in the order of their demotion,
 * and rank(x) the place of x in it, 1 for the one demoted last. A fault on x is a rescue if and
 * only if x is in G and rank(x) <= S. So for every M >= P at once
 *
 *         misses(M) = faults on pages not in G + faults with P + rank > M
 *
 * Proof. (a) What the primary holds, when faults happen and what is demoted is the same for all S:
 * whether a fault is a rescue or a miss, its page enters the same queue. So is G. (b) The
 * secondary of S frames holds the first min(S, |G|) of G: true while G is empty. Let x fault with
 * rank r (infinite, if it is not in G), and y be demoted then. If r <= S, x leaves the secondary,
 * which holds the first S - 1 of G without x then (or all of it); if r > S, x is not in it, and it
 * holds the first S of G without x. y is put before them. In the first case there are S now (or
 * all); in the second the last of S + 1 is evicted, and the first S remain.
 *
 * Pages that are forgotten. A page of the primary leaves room: so many of the next faults demote
 * nothing. One of G, of rank r, leaves a frame free for those S >= r that held it, and nothing for
 * the others. So its slot stays in the order as a hole. A fault that demotes fills the first of
 * the holes, for all sizes that have it: what was demoted later moves on by one, what was demoted
 * earlier stays where it is. x itself, on its way out of G, is such a slot of rank r: if there is a
 * hole with h < r, h goes and r remains a hole (sizes from h to r - 1 give their free frame to x,
 * those from r on keep theirs free, as x was in it); otherwise r goes. A fault that demotes nothing
 * takes x out and leaves a hole. Claim (b) then holds with "slots" for "pages of G", and
 * rank(x) counts slots.
 *
 * A pager makes room first: y is demoted before x comes in, and rank(x) is counted with y, while
 * the primary holds one page less; P + rank(x) is the same. That P is inside + room then, where
 * inside is what the primary holds at that fault: P need not be constant, as long as it changes
 * slowly.
 *
 * That is exact for a segmented FIFO, and tests/unit/test_curve.c replays one beside it at every
 * size. For other policies it says what a longer victim queue would have rescued, had the policy
 * named the same pages: see lib/replay/README.md for what that is worth. It cannot look below P:
 * touches of mapped pages are seen by nobody.
 *
 * Sampling. Where there are more pages than can be followed, one in 2^k is, chosen by a hash of its
 * name (Waldspurger et al., SHARDS, FAST 2015), and whenever the table is full again k grows by one
 * and half of what it holds goes. A rank among those followed counts 2^k times, and so does a
 * fault. What is wrong then is the share of the pages that happened to be chosen, and of how often
 * they fault: the mean error over all sizes is a third to twice 1 / sqrt(pages followed), in
 * parts of the faults. Scaling to the faults that were really there makes it
 * worse where few pages have most of the faults: which few are among those followed is chance.
 *
 * Ranks. Time is the number of demotions of pages that are followed. A bit says for each moment
 * whether there is a slot, and a Fenwick tree counts these by words: 10 steps in 4 KiB for a fault
 * or a demotion, where 16384 pages are followed. When time has come to its end it is told anew,
 * without gaps: at least half of the moments are free then, and so many demotions pay for it.
 *
 * Cost: a fault and its demotion take 64 ns where 8000 pages are followed, 106 with 15 000 and 240
 * with 60 000 (the table no longer is in the cache); 20 to 45 where one page in sixteen or four is
 * followed. Telling time anew, and halving, take some ten ns for each place of the table, at once.
 * Memory: 16 bytes for each place of the table, of which there are two to four a page, 8 for what
 * missed, and half of one for the moments.
 *
 * Invariants: slot has a bit exactly for every page with demoted != 0 and for every hole; slots is
 * their number; hole is a part of slot; holes <= capacity when time was told anew; pages <=
 * capacity. Locking: none of its own; the caller serialises.
 */
#include "miss_curve.h"
#include "arena.h"

#include <errno.h>
#include <string.h>

#define NOWHERE UINT32_MAX

/* ---- moments: 1 to times --------------------------------------------------------------------- */

static bool bit_at(const uint64_t *bits, uint32_t moment)
{
        return bits[moment / 64] >> moment % 64 & 1;
}

static void bit_flip(uint64_t *bits, uint32_t moment)
{
        bits[moment / 64] ^= (uint64_t)1 << moment % 64;
}

static uint32_t lowest_bit(uint32_t i)
{
        return i & (0 - i);
}

/* The tree counts from 1: its node i + 1 is for the word i. */
static uint32_t words(const struct miss_curve *c)
{
        return c->times / 64 + 1;
}

static void slot_change(struct miss_curve *c, uint32_t moment, uint32_t by)
{
        bit_flip(c->slot, moment);
        for (uint32_t i = moment / 64 + 1; i <= words(c); i += lowest_bit(i))
                c->older[i] += by;
        c->slots += by;
}

static void slot_add(struct miss_curve *c, uint32_t moment)
{
        slot_change(c, moment, 1);
}

static void slot_remove(struct miss_curve *c, uint32_t moment)
{
        slot_change(c, moment, 0u - 1);
}

/* Slots of the moment's word that are not younger than it. */
static uint32_t slots_in_word(const struct miss_curve *c, uint32_t moment)
{
        return (uint32_t)__builtin_popcountll(c->slot[moment / 64] << (63 - moment % 64));
}

/* Slots that are not younger than the moment. */
static uint32_t slots_until(const struct miss_curve *c, uint32_t moment)
{
        uint32_t sum = slots_in_word(c, moment);

        for (uint32_t i = moment / 64; i > 0; i -= lowest_bit(i))
                sum += c->older[i];
        return sum;
}

/* ---- holes ----------------------------------------------------------------------------------- */

static void hole_add(struct miss_curve *c, uint32_t moment)
{
        bit_flip(c->hole, moment);
        c->holes++;
        if (moment > c->hole_most)
                c->hole_most = moment;
}

static void hole_remove(struct miss_curve *c, uint32_t moment)
{
        bit_flip(c->hole, moment);
        c->holes--;
}

/* The moment of the youngest hole; there is one. */
static uint32_t hole_youngest(struct miss_curve *c)
{
        uint32_t word = c->hole_most / 64;

        while (c->hole[word] == 0)
                word--;
        c->hole_most = word * 64 + 63 - (uint32_t)__builtin_clzll(c->hole[word]);
        return c->hole_most;
}

/* ---- the table ------------------------------------------------------------------------------- */

static uint64_t page_hash(uint64_t key)
{
        key *= 0x9e3779b97f4a7c15u;
        key ^= key >> 32;
        key *= 0xd6e8feb86659fd93u;
        return key ^ key >> 32;
}

/* The last of all names is not: its key would be that of a free place. */
static bool is_followed(const struct miss_curve *c, uint64_t page, uint64_t hash)
{
        return page != UINT64_MAX && (hash & (((uint64_t)1 << c->shift) - 1)) == 0;
}

/* The upper half of the hash: the lower says which pages are followed. */
static uint32_t home(const struct miss_curve *c, uint64_t hash)
{
        return (uint32_t)(hash >> 32) & (c->places - 1);
}

/* Where the page is, or the free place where it belongs. */
static uint32_t curve_place(const struct miss_curve *c, uint64_t page, uint64_t hash)
{
        uint32_t at = home(c, hash);

        while (c->table[at].key != 0 && c->table[at].key != page + 1)
                at = (at + 1) & (c->places - 1);
        return at;
}

/* The place of a page that is followed and known; NOWHERE. */
static uint32_t page_find(const struct miss_curve *c, uint64_t page)
{
        uint64_t hash = page_hash(page);
        uint32_t at;

        if (!is_followed(c, page, hash))
                return NOWHERE;
        at = curve_place(c, page, hash);
        return c->table[at].key ? at : NOWHERE;
}

/* Frees a place and closes the gap: what was put further from its home because of it moves up. */
static void place_free(struct miss_curve *c, uint32_t at)
{
        const uint32_t mask = c->places - 1;

        c->pages--;
        for (uint32_t next = (at + 1) & mask; c->table[next].key != 0; next = (next + 1) & mask) {
                uint32_t wanted = home(c, page_hash(c->table[next].key - 1));

                if (((next - wanted) & mask) < ((next - at) & mask))
                        continue;
                c->table[at] = c->table[next];
                at = next;
        }
        c->table[at] = (struct miss_curve_page){0};
}

/* ---- telling time anew ----------------------------------------------------------------------- */

/* Of the holes those go that are older than the youngest `keep`; with `every_other`, half. */
static void holes_thin(struct miss_curve *c, uint32_t keep, bool every_other)
{
        uint32_t seen = 0;

        for (uint32_t moment = c->hole_most; moment > 0 && c->holes > 0; moment--) {
                if (!bit_at(c->hole, moment))
                        continue;
                seen++;
                if (seen > keep || (every_other && seen % 2)) {
                        hole_remove(c, moment);
                        slot_remove(c, moment);
                }
        }
}

/* Moments become 1 to slots, in the same order. */
static void time_anew(struct miss_curve *c)
{
        holes_thin(c, c->capacity, false);
        for (uint32_t at = 0; at < c->places; at++)
                if (c->table[at].demoted)
                        c->table[at].demoted = slots_until(c, c->table[at].demoted);
        /* They only become earlier, so none is met again. */
        for (uint32_t moment = 1, left = c->holes; left > 0; moment++) {
                if (!bit_at(c->hole, moment))
                        continue;
                hole_remove(c, moment);
                hole_add(c, slots_until(c, moment));
                left--;
        }
        c->now = c->hole_most = c->slots;
        memset(c->slot, 0, words(c) * sizeof(*c->slot));
        memset(c->older, 0, (words(c) + 1) * sizeof(*c->older));
        for (uint32_t moment = 1, last = c->slots; moment <= last; moment++) {
                slot_add(c, moment);
                c->slots--;
        }
}

/* ---- following fewer pages ------------------------------------------------------------------- */

static void halve(struct miss_curve *c)
{
        c->shift++;
        for (uint32_t at = 0; at < c->places; at++)
                while (c->table[at].key != 0 &&
                       !is_followed(c, c->table[at].key - 1, page_hash(c->table[at].key - 1))) {
                        if (c->table[at].demoted)
                                slot_remove(c, c->table[at].demoted);
                        place_free(c, at);
                }
        holes_thin(c, UINT32_MAX, true);
        for (uint32_t bin = 0; bin < c->places / 2; bin++)
                c->missed[bin] = c->missed[2 * bin] + c->missed[2 * bin + 1];
        memset(c->missed + c->places / 2, 0, c->places / 2 * sizeof(*c->missed));
}

/* ---- beginning and end ----------------------------------------------------------------------- */

int miss_curve_init(struct miss_curve *c, uint32_t capacity)
{
        char *at;

        *c = (struct miss_curve){.capacity = capacity, .places = 64};
        while (c->places < 2 * capacity)
                c->places *= 2;
        c->times = 2 * c->places - 1;
        c->bytes = c->places * (sizeof(*c->table) + sizeof(*c->missed)) +
                   2 * words(c) * sizeof(*c->slot) + (words(c) + 1) * sizeof(*c->older);
        c->memory = at = arena_reserve(c->bytes, "unpaged-curve");
        if (!at)
                return -ENOMEM;
        c->table = (struct miss_curve_page *)(void *)at;
        c->missed = (uint64_t *)(void *)(c->table + c->places);
        c->slot = c->missed + c->places;
        c->hole = c->slot + words(c);
        c->older = (uint32_t *)(c->hole + words(c));
        return 0;
}

void miss_curve_destroy(struct miss_curve *c)
{
        arena_release(c->memory, c->bytes);
        *c = (struct miss_curve){0};
}

void miss_curve_restart(struct miss_curve *c)
{
        if (!c->memory)
                return;
        memset(c->missed, 0, c->places * sizeof(*c->missed));
        c->faults = c->first = 0;
        c->primary = c->looks = 0;
}

/* ---- events ---------------------------------------------------------------------------------- */

/* A page comes in for which another is demoted: the youngest hole goes that is younger than the
 * moment. False: there is none. */
static bool hole_filled(struct miss_curve *c, uint32_t moment)
{
        uint32_t hole;

        if (c->holes == 0 || (hole = hole_youngest(c)) < moment)
                return false;
        hole_remove(c, hole);
        slot_remove(c, hole);
        return true;
}

/* A page that was demoted then comes in. */
static void slot_left(struct miss_curve *c, uint32_t moment, bool demotes)
{
        if (demotes && !hole_filled(c, moment))
                slot_remove(c, moment);
        else
                hole_add(c, moment);
}

static void page_new(struct miss_curve *c, uint64_t page, uint64_t hash, uint32_t moment)
{
        while (c->pages >= c->capacity && is_followed(c, page, hash))
                halve(c);
        if (is_followed(c, page, hash)) {
                uint32_t at = curve_place(c, page, hash);

                c->table[at].key = page + 1;
                c->table[at].demoted = moment;
                c->pages++;
        } else if (moment) {
                slot_remove(c, moment);
        }
}

/* With how many frames would the fault have been a rescue? */
static void count_miss(struct miss_curve *c, uint32_t moment)
{
        uint64_t weight = (uint64_t)1 << c->shift;
        uint64_t rank = c->slots - slots_until(c, moment - 1);
        uint64_t bin = (c->inside + c->room + (rank - 1) * weight) >> c->shift;

        c->missed[bin < c->places ? bin : c->places - 1] += weight;
}

void miss_curve_fault(struct miss_curve *c, uint64_t page, bool touched)
{
        uint64_t hash = page_hash(page), weight = (uint64_t)1 << c->shift;
        bool demotes = c->room == 0;
        uint32_t at, moment;

        c->faults += touched;
        if (c->slots > 0) {
                c->primary += c->inside + c->room + demotes;
                c->looks++;
        }
        if (is_followed(c, page, hash)) {
                at = curve_place(c, page, hash);
                moment = c->table[at].demoted;
                if (c->table[at].key == 0) {
                        c->first += touched ? weight : 0;
                        if (demotes)
                                hole_filled(c, 0);
                        page_new(c, page, hash, 0);
                } else if (moment == 0) {
                        return; /* it has been in all the time, as far as we were told */
                } else {
                        if (touched)
                                count_miss(c, moment);
                        slot_left(c, moment, demotes);
                        c->table[at].demoted = 0;
                }
        }
        c->inside++;
        c->room -= !demotes;
}

void miss_curve_demoted(struct miss_curve *c, uint64_t page)
{
        uint32_t at = page_find(c, page);

        if (at != NOWHERE) {
                if (c->table[at].demoted != 0)
                        return;
                if (c->now == c->times)
                        time_anew(c);
                c->table[at].demoted = ++c->now;
                slot_add(c, c->now);
        }
        c->inside -= c->inside > 0;
}

void miss_curve_forgotten(struct miss_curve *c, uint64_t page, bool inside)
{
        uint32_t at = page_find(c, page);

        if (at != NOWHERE) {
                inside = c->table[at].demoted == 0;
                if (!inside)
                        hole_add(c, c->table[at].demoted);
                place_free(c, at);
        }
        if (inside && c->inside > 0) {
                c->inside--;
                c->room++;
        }
}

void miss_curve_forgotten_range(struct miss_curve *c, uint64_t page, uint64_t count)
{
        if (count < c->places) {
                while (count-- > 0)
                        miss_curve_forgotten(c, page++, false);
                return;
        }
        for (uint32_t at = 0; at < c->places; at++)
                while (c->table[at].key != 0 && c->table[at].key - 1 - page < count)
                        miss_curve_forgotten(c, c->table[at].key - 1, false);
}

void miss_curve_renamed(struct miss_curve *c, uint64_t page, uint64_t to)
{
        uint32_t at, moment;

        miss_curve_forgotten(c, to, false);
        at = page_find(c, page);
        if (at == NOWHERE)
                return;
        moment = c->table[at].demoted;
        place_free(c, at);
        page_new(c, to, page_hash(to), moment);
}

/* ---- answers --------------------------------------------------------------------------------- */

uint64_t miss_curve_primary(const struct miss_curve *c)
{
        return c->looks ? c->primary / c->looks : c->inside + c->room;
}

uint64_t miss_curve_misses(const struct miss_curve *c, uint64_t frames)
{
        uint64_t bin = frames >> c->shift, misses = c->first;

        if (frames < miss_curve_primary(c))
                return c->faults;
        if (bin <
            c->places) { /* what it counts wanted from bin << shift + 1 to (bin + 1) << shift */
                uint64_t more = ((bin + 1) << c->shift) - frames;

                misses += (uint64_t)((double)c->missed[bin] * (double)more /
                                     (double)((uint64_t)1 << c->shift));
        }
        for (bin++; bin < c->places; bin++)
                misses += c->missed[bin];
        return misses < c->faults ? misses : c->faults;
}

uint64_t miss_curve_first(const struct miss_curve *c)
{
        return c->first < c->faults ? c->first : c->faults;
}

uint64_t miss_curve_enough(const struct miss_curve *c)
{
        uint64_t bin = c->places, primary = miss_curve_primary(c);

        while (bin > 0 && c->missed[bin - 1] == 0)
                bin--;
        return bin << c->shift > primary ? bin << c->shift : primary;
}
