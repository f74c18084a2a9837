/* SPDX-License-Identifier: MIT */
/*
 * s3fifo.c - three fifos: most newcomers leave soon, and a page that comes back soon is let in.
 *
 * Theory of operation. S3-FIFO (Yang et al., SOSP 2023), fed by rescues. Newcomers enter a small
 * fifo of a tenth of the frames; what is named there and not rescued goes out, and leaves its key
 * in a ghost fifo. A page that comes back while its ghost is there enters the main fifo. So does
 * one that is rescued: it was used after it had left the small one. The head of the main fifo is
 * let off, and goes to its end, as many times as it was used (its credit), up to MOST_USES; then it
 * is named.
 *
 * What the original learns from hits it learns from rescues here: a named frame leaves its fifo
 * while it is asked, and a rescued one enters the main fifo at its end. The ghosts are its own, and
 * remember by key the last pages that left the small fifo, as many as there are frames: a table of
 * when and of eight bits of the key's hash, in which a later ghost takes the place of an earlier
 * one of the same hash. A mistake costs an error of judgement. Use that the pager tells of while
 * the frame is in a fifo (by its own ghosts, or the application's word) counts as a use.
 *
 * A frame that could not go enters the main fifo, and while those that are named cannot go the
 * small one is emptied first: so all have their turn.
 *
 * Strong where popularity is lasting or many pages are used once; but a loop of which the ghosts
 * remember all enters the main fifo page by page, and then it is a fifo.
 *
 * Cost: 16 bytes a frame, and four to eight for a ghost; all O(1), select amortised: each step over
 * a frame in the main fifo takes away a use that one call of accessed has put there.
 *
 * Invariants: a frame is in the small fifo iff its place is SMALL, in the main one iff it is MAIN,
 * and in neither otherwise; only MAIN and SMALL ones have credit.
 * Locking: none of its own; the caller serialises.
 */
#include "shipped.h"

#include "queue.h"

#define MOST_USES   3u
#define SMALL_SHARE 10u /* one frame in so many */
#define WHEN_BITS   24u
#define WHEN_MASK   ((1u << WHEN_BITS) - 1)

enum place {
        ABSENT,
        SMALL,
        MAIN,
        ASKED_SMALL, /* in the victim queue, and was in the small fifo */
        ASKED_MAIN,
};

struct s3fifo {
        uint32_t nframes;
        uint32_t left;     /* pages that have left the small fifo, for ever; 24 bits count */
        uint32_t returned; /* frames that could not go, since one could */
        struct queue small, main;
        uint32_t memory[]; /* hashes, seats, ghosts: see below */
};

/* A power of two, not below the frames. */
static uint64_t ghosts_for(uint64_t frames)
{
        uint64_t n = 1;

        while (n < frames)
                n *= 2;
        return n;
}

/* Of the key of the frame's page. */
static uint32_t *hash_of(struct s3fifo *s, uint32_t frame)
{
        return &s->memory[frame];
}

static struct seat *seats(struct s3fifo *s)
{
        return (struct seat *)&s->memory[s->nframes];
}

static uint32_t *ghosts(struct s3fifo *s)
{
        return (uint32_t *)&seats(s)[s->nframes];
}

static size_t s3fifo_footprint(uint32_t nframes)
{
        return sizeof(struct s3fifo) + ghosts_for(nframes) * sizeof(uint32_t) +
               nframes * (sizeof(uint32_t) + sizeof(struct seat));
}

static void s3fifo_init(void *self, uint32_t nframes)
{
        struct s3fifo *s = self;

        s->nframes = nframes;
}

/* ---- ghosts -------------------------------------------------------------------------------- */

static uint32_t frames_in(const struct s3fifo *s)
{
        return s->small.count + s->main.count;
}

/* Where the ghost of a key is, if it is; and *tag, what it looks like but for the time. As many
 * places as the frames in use want: most of the bound may never be. */
static uint32_t *ghost_of(struct s3fifo *s, uint32_t hash, uint32_t *tag)
{
        *tag = hash & ~WHEN_MASK;
        return &ghosts(s)[hash & (ghosts_for(frames_in(s)) - 1)];
}

static void ghost_leave(struct s3fifo *s, uint32_t hash)
{
        uint32_t tag, *ghost = ghost_of(s, hash, &tag);

        s->left++;
        *ghost = tag | (s->left & WHEN_MASK);
}

static bool s3fifo_ghost_take(struct s3fifo *s, uint32_t hash)
{
        uint32_t tag, *ghost = ghost_of(s, hash, &tag);
        uint32_t age = (s->left - *ghost) & WHEN_MASK;

        if (*ghost == 0 || (*ghost & ~WHEN_MASK) != tag || age > frames_in(s))
                return false;
        *ghost = 0;
        return true;
}

/* ---- the fifos ----------------------------------------------------------------------------- */

static void enter(struct s3fifo *s, uint32_t frame, enum place place)
{
        seats(s)[frame].place = (uint8_t)place;
        seats(s)[frame].credit = 0;
        queue_append(seats(s), place == MAIN ? &s->main : &s->small, frame);
}

/* The frame leaves its fifo, if it is in one. */
static void s3fifo_leave(struct s3fifo *s, uint32_t frame, enum place place)
{
        struct seat *seat = &seats(s)[frame];

        if (seat->place == MAIN)
                queue_remove(seats(s), &s->main, frame);
        else if (seat->place == SMALL)
                queue_remove(seats(s), &s->small, frame);
        seat->place = (uint8_t)place;
        seat->credit = 0;
}

static void s3fifo_add(void *self, uint32_t frame, uint64_t key, enum pg_add how)
{
        struct s3fifo *s = self;

        uint32_t hash = (uint32_t)((key + 1) * 0x9e3779b97f4a7c15u >> 32);

        *hash_of(s, frame) = hash;
        s->returned += how == PG_ADD_RETURNED;
        enter(s, frame, how == PG_ADD_RETURNED || s3fifo_ghost_take(s, hash) ? MAIN : SMALL);
}

static void s3fifo_remove(void *self, uint32_t frame)
{
        struct s3fifo *s = self;

        if (seats(s)[frame].place == ASKED_SMALL)
                ghost_leave(s, *hash_of(s, frame));
        s3fifo_leave(s, frame, ABSENT);
}

static void s3fifo_accessed(void *self, uint32_t frame)
{
        struct s3fifo *s = self;
        struct seat *seat = &seats(s)[frame];

        if (seat->place == ASKED_SMALL || seat->place == ASKED_MAIN)
                enter(s, frame, MAIN);
        else if (seat->place != ABSENT && seat->credit < MOST_USES)
                seat->credit++;
}

static void s3fifo_queued(void *self, uint32_t frame)
{
        struct s3fifo *s = self;
        struct seat *seat = &seats(s)[frame];

        s->returned = 0;
        if (seat->place == SMALL)
                s3fifo_leave(s, frame, ASKED_SMALL);
        else if (seat->place == MAIN)
                s3fifo_leave(s, frame, ASKED_MAIN);
}

static uint32_t s3fifo_select(void *self)
{
        struct s3fifo *s = self;
        uint32_t frame;

        if (s->main.count == 0 || s->small.count > (s->returned ? 0 : frames_in(s) / SMALL_SHARE))
                return queue_oldest(&s->small);
        for (;;) {
                struct seat *seat;

                frame = queue_oldest(&s->main);
                seat = &seats(s)[frame];
                if (seat->credit == 0)
                        return frame;
                seat->credit--;
                queue_remove(seats(s), &s->main, frame);
                queue_append(seats(s), &s->main, frame);
        }
}

static bool fifo_is_sound(struct s3fifo *s, const struct queue *fifo, enum place place)
{
        if (!queue_check(seats(s), s->nframes, fifo))
                return false;
        for (uint32_t f = queue_oldest(fifo); f != PG_NO_FRAME; f = queue_next(seats(s), f))
                if (seats(s)[f].place != place || seats(s)[f].credit > MOST_USES)
                        return false;
        return true;
}

static bool s3fifo_check(const void *self)
{
        struct s3fifo *s = (struct s3fifo *)(uintptr_t)self;

        return fifo_is_sound(s, &s->small, SMALL) && fifo_is_sound(s, &s->main, MAIN);
}

const struct pg_policy_ops pg_policy_s3fifo = {
        .size = sizeof(struct pg_policy_ops),
        .name = "s3fifo",
        .footprint = s3fifo_footprint,
        .init = s3fifo_init,
        .add = s3fifo_add,
        .remove = s3fifo_remove,
        .accessed = s3fifo_accessed,
        .select = s3fifo_select,
        .queued = s3fifo_queued,
        .check = s3fifo_check,
};
