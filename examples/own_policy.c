/* SPDX-License-Identifier: MIT */
/*
 * own_policy.c - a policy of one's own: of two pages drawn by lot, the one that was used longer ago
 * goes.
 *
 * Theory of operation. True LRU needs to know who was used least recently of all, and a clock needs
 * a walk. To draw two and send the worse one away costs no order at all, and comes surprisingly
 * near. Each frame has the time of its last use, counted in calls; the frames that may be selected
 * sit close together, in no order, so that drawing one is an index.
 *
 * select must not change what it answers from one call to the next for reasons of its own: a pager
 * may ask twice. So lots are drawn when something has changed, not when it is asked.
 *
 * Cost: 12 bytes a frame; every operation O(1), no loop anywhere.
 *
 * This file is two things. As a program it runs a pool with this policy beside one with the default,
 * and prints who misses how often. As a shared object, for which the table at its end has the name
 * that `unpaged sim` looks for, it can be judged over any trace, with no pool at all:
 *
 *      cc -shared -fPIC -o own_policy.so own_policy.c -lunpaged
 *      unpaged sim --policy ./own_policy.so --policy sieve TRACE
 */
#include <unpaged/policy.h>
#include <unpaged/statistics.h>
#include <unpaged/unpaged.h>

#include <stdio.h>
#include <stdlib.h>

/* ---- the policy ---------------------------------------------------------------------------- */

struct two {
        uint64_t lot; /* random numbers; never 0 */
        uint32_t nframes;
        uint32_t count;    /* frames that may be selected */
        uint32_t time;     /* counts uses, and may wrap */
        uint32_t memory[]; /* seats, places and times, nframes of each */
};

/* Who sits on a seat; which is a frame's seat, plus one; when the frame was last used. */
static uint32_t *seat(struct two *t, uint32_t i)
{
        return &t->memory[i];
}

static uint32_t *place(struct two *t, uint32_t frame)
{
        return &t->memory[(size_t)t->nframes + frame];
}

static uint32_t *used(struct two *t, uint32_t frame)
{
        return &t->memory[(size_t)t->nframes * 2 + frame];
}

static void draw(struct two *t)
{
        t->lot ^= t->lot << 13;
        t->lot ^= t->lot >> 7;
        t->lot ^= t->lot << 17;
}

static size_t two_footprint(uint32_t nframes)
{
        return sizeof(struct two) + (size_t)nframes * 3 * sizeof(uint32_t);
}

static void two_init(void *self, uint32_t nframes)
{
        struct two *t = self;

        t->nframes = nframes;
        t->lot = 1;
}

static void two_add(void *self, uint32_t frame, uint64_t key, enum pg_add how)
{
        struct two *t = self;

        (void)key; /* what the page is called, for those who remember pages that have gone */
        (void)how;
        *seat(t, t->count++) = frame;
        *place(t, frame) = t->count;
        *used(t, frame) = t->time++;
        draw(t);
}

static void two_remove(void *self, uint32_t frame)
{
        struct two *t = self;
        uint32_t last;

        if (*place(t, frame) == 0)
                return;
        last = *seat(t, --t->count);
        *seat(t, *place(t, frame) - 1) = last;
        *place(t, last) = *place(t, frame);
        *place(t, frame) = 0; /* after the line above: the frame may be the last one itself */
        draw(t);
}

static void two_accessed(void *self, uint32_t frame)
{
        struct two *t = self;

        if (*place(t, frame) != 0)
                *used(t, frame) = t->time++;
}

static uint32_t two_select(void *self)
{
        struct two *t = self;
        uint32_t a, b;

        if (t->count == 0)
                return PG_NO_FRAME;
        a = *seat(t, (uint32_t)((t->lot >> 32) * t->count >> 32));
        b = *seat(t, (uint32_t)((t->lot & UINT32_MAX) * t->count >> 32));
        return t->time - *used(t, a) > t->time - *used(t, b) ? a : b;
}

static bool two_check(const void *self)
{
        const struct two *t = self;

        for (uint32_t i = 0; i < t->count; i++)
                if (t->memory[i] >= t->nframes ||
                    t->memory[(size_t)t->nframes + t->memory[i]] != i + 1)
                        return false;
        return t->count <= t->nframes && t->lot != 0;
}

/* No `queued`: a page that waits in the victim queue is none of ours until it is rescued. */
const struct pg_policy_ops pg_policy = {
        .size = sizeof(struct pg_policy_ops),
        .name = "two",
        .footprint = two_footprint,
        .init = two_init,
        .add = two_add,
        .remove = two_remove,
        .accessed = two_accessed,
        .select = two_select,
        .check = two_check,
};

/* ---- the program --------------------------------------------------------------------------- */

#define PAGE    4096u
#define PAGES   4096u
#define FRAMES  1024u
#define TOUCHES 400000u

/* Pages in a small part of the memory are touched most of the time, all of it now and then. */
static size_t next_page(uint64_t *random)
{
        uint32_t number;

        *random = *random * 6364136223846793005u + 1442695040888963407u;
        number = (uint32_t)(*random >> 32);
        return number % 8 == 0 ? number / 8 % PAGES : number / 8 % (PAGES / 8);
}

/* A program that touches memory of a pool; the pages loaded meanwhile, or -1. */
static long loads_with(const struct pg_policy_ops *ops)
{
        struct pg_config config = {.size = sizeof(config), .frames = FRAMES, .policy_ops = ops};
        struct pg_stats stats = {.size = sizeof(stats)};
        struct pg_pool *pool;
        uint64_t random = 1;
        char *memory;
        long loads = -1;

        if (pg_open(&pool, &config) != 0)
                return -1;
        memory = pg_map(pool, (size_t)PAGES * PAGE, 0);
        if (memory != NULL) {
                for (unsigned i = 0; i < TOUCHES; i++)
                        memory[next_page(&random) * PAGE]++;
                if (pg_stats_get(pool, &stats) == 0)
                        loads = (long)(stats.faults - stats.rescues);
        }
        return pg_close(pool) == 0 ? loads : -1;
}

int main(void)
{
        const struct pg_policy_ops *const rivals[] = {&pg_policy, pg_policy_at(0)};

        printf("%u touches of %u pages, %u frames\n%-8s %s\n", TOUCHES, PAGES, FRAMES, "policy",
               "faults that loaded a page");
        for (unsigned i = 0; i < 2; i++) {
                long loads = loads_with(rivals[i]);

                if (loads < 0) {
                        fprintf(stderr, "own_policy: %s\n", pg_last_error());
                        return EXIT_FAILURE;
                }
                printf("%-8s %ld\n", rivals[i]->name, loads);
        }
        return EXIT_SUCCESS;
}
