/* SPDX-License-Identifier: MIT */
/*
 * random.c - evict any page.
 *
 * Theory of operation. The frames that may be selected sit close together in `seat`, in no order;
 * `place` says where each sits. A frame that leaves gives its seat to the last one, so select needs
 * one random number and no search. Nothing is learned and nothing can be fooled: a loop a little
 * larger than the budget, which makes fifo and lru miss every time, costs random only its share.
 *
 * The numbers come from xorshift64* with a constant seed kept in the policy's own memory: the same
 * calls give the same answers in every run, and two pools do not disturb each other.
 *
 * Cost: 8 bytes a frame; every operation O(1), no loop anywhere.
 *
 * Invariants: place[seat[i]] == i + 1 for every i < count; place[frame] == 0 for every other frame.
 * Locking: none of its own; the caller serialises.
 */
#include "shipped.h"

#define SEED 0x9E3779B97F4A7C15u /* any but 0, from which xorshift never gets away */

struct random {
        uint64_t state;
        uint32_t nframes;
        uint32_t count;
        uint32_t seat[]; /* nframes of them, and then `place` */
};

static uint32_t *random_place_of(struct random *r, uint32_t frame)
{
        return &r->seat[(size_t)r->nframes + frame];
}

static size_t random_footprint(uint32_t nframes)
{
        return sizeof(struct random) + (size_t)nframes * 2 * sizeof(uint32_t);
}

static void random_init(void *self, uint32_t nframes)
{
        struct random *r = self;

        r->state = SEED;
        r->nframes = nframes;
}

static void random_add(void *self, uint32_t frame, uint64_t key, enum pg_add how)
{
        struct random *r = self;

        (void)key;
        (void)how;
        r->seat[r->count++] = frame;
        *random_place_of(r, frame) = r->count;
}

static void random_remove(void *self, uint32_t frame)
{
        struct random *r = self;
        uint32_t *place = random_place_of(r, frame);

        if (*place == 0)
                return;

        uint32_t last = r->seat[--r->count];

        r->seat[*place - 1] = last;
        *random_place_of(r, last) = *place;
        *place = 0; /* after the line above: the frame may be the last one itself */
}

static void random_accessed(void *self, uint32_t frame)
{
        (void)self;
        (void)frame;
}

static uint32_t random_select(void *self)
{
        struct random *r = self;

        if (r->count == 0)
                return PG_NO_FRAME;
        r->state ^= r->state >> 12;
        r->state ^= r->state << 25;
        r->state ^= r->state >> 27;

        /* The upper half, scaled to 0 … count - 1 by a multiplication rather than a division. */
        uint64_t number = (r->state * 0x2545F4914F6CDD1Du) >> 32;

        return r->seat[number * r->count >> 32];
}

static bool random_check(const void *self)
{
        const struct random *r = self;

        if (r->count > r->nframes || r->state == 0)
                return false;
        for (uint32_t i = 0; i < r->count; i++) {
                if (r->seat[i] >= r->nframes)
                        return false;
                if (r->seat[(size_t)r->nframes + r->seat[i]] != i + 1)
                        return false;
        }
        return true;
}

const struct pg_policy_ops pg_policy_random = {
        .size = sizeof(struct pg_policy_ops),
        .name = "random",
        .footprint = random_footprint,
        .init = random_init,
        .add = random_add,
        .remove = random_remove,
        .accessed = random_accessed,
        .select = random_select,
        .check = random_check,
};
