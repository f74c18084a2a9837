/* SPDX-License-Identifier: MIT */
/*
 * segments.h - frames on trial and frames kept: what bimodal and sieve consist of.
 *
 * Theory of operation. The frames are divided into parts (one will do), each with two queues:
 *
 *      new ──► trial ──► asked (waits in the victim queue) ──► out
 *                │         │ rescued
 *      new ──► kept ◄──────┘
 *              ▲  hand: names a frame, clears its credit, or passes it by
 *
 * The trial is a fifo. A frame that is rescued after its trial has shown that it is wanted, and is
 * kept. The kept ones stand in the order of their admission and keep their place for life, and a
 * hand walks over them as SIEVE's does (Zhang et al., NSDI 2024): from the oldest to the newest,
 * then over again. A frame that was used since the hand passed has credit; the hand takes one off
 * and walks on. The first without credit is named. It is marked as waiting while it is asked, and a
 * rescue finds it in its place. Each use lifts the frame's level by one, up to MAX_LEVEL, and gives
 * it as much credit as its level: a frame that was rescued three times is asked in every fourth lap
 * only, which leaves the victim queue to those of which less is known.
 *
 * Left to itself the hand may never get to the newest: it names as many as come in before it. Then
 * what stands behind it is never tried again, however long nobody has used it. Hence, after it has
 * named LAPS times as many as are kept, it starts over wherever it is.
 *
 * Cost: 12 bytes a frame; all O(1), select amortised. The hand takes one step for each frame it
 * passes, and passes three kinds:
 *  - without credit: this ends the select. One step a select.
 *  - with credit: one call of accessed has paid for at most MAX_LEVEL such steps.
 *  - waiting: each at most once a lap. The hand is only asked where no more kept frames wait than
 *    do not, or nothing is on trial; so the former are passed by at most once for each of the
 *    latter, which are of the kinds above, as long as the victim queue is no more than half of the
 *    frames. Starting over passes them once more, in one of at least LAPS laps.
 * One select may take MAX_LEVEL + 1 laps, when all that was named in the last ones was rescued.
 *
 * Invariants, for each part: waiting = number of kept frames that wait <= kept.count; the hand is
 * one of the kept frames, or PG_NO_FRAME: the place before the oldest; a frame is in the trial
 * queue iff its place is ON_TRIAL, in the kept queue iff it is KEPT or KEPT_ASKED, and in no queue
 * otherwise; credit <= level <= MAX_LEVEL.
 */
#ifndef UNPAGED_POLICY_SEGMENTS_H
#define UNPAGED_POLICY_SEGMENTS_H

#include "queue.h"

#define MAX_PARTS 3
#define MAX_LEVEL 3
#define LAPS      3

/* The bimodal rule: the share of the frames that are on trial; of so many newcomers one is kept,
 * and of so many that come back soon. */
#define TRIAL_PCT  3u
#define STAY       32u
#define STAY_AGAIN 4u

enum place {
        ABSENT,
        ON_TRIAL,
        ASKED, /* was on trial, and waits in the victim queue */
        KEPT,
        KEPT_ASKED, /* likewise, and keeps its place among those kept */
};

struct part {
        struct queue trial, kept;
        uint32_t waiting; /* of those kept */
        uint32_t hand;    /* the kept frame to look at next */
        uint64_t named;   /* kept frames, since the hand was at the oldest */
};

struct segments {
        uint32_t nframes;
        uint32_t turn;     /* counts newcomers and those that came back, for the bimodal rule */
        uint32_t returned; /* frames that could not go, since one could */
        struct part part[MAX_PARTS];
        struct seat seats[];
};

static inline size_t segments_footprint(uint32_t nframes)
{
        return sizeof(struct segments) + nframes * sizeof(struct seat);
}

static inline void segments_init(void *self, uint32_t nframes)
{
        struct segments *s = self;

        s->nframes = nframes;
        for (unsigned i = 0; i < MAX_PARTS; i++)
                s->part[i].hand = PG_NO_FRAME;
}

static inline bool seat_is_kept(const struct seat *seat)
{
        return seat->place == KEPT || seat->place == KEPT_ASKED;
}

static inline bool seat_waits(const struct seat *seat)
{
        return seat->place == ASKED || seat->place == KEPT_ASKED;
}

static inline uint32_t kept_namable(const struct part *part)
{
        return part->kept.count - part->waiting;
}

/* Frames that select may name. */
static inline uint32_t part_namable(const struct part *part)
{
        return part->trial.count + kept_namable(part);
}

static inline uint32_t part_count(const struct part *part)
{
        return part->trial.count + part->kept.count;
}

/* Frames that may be on trial before one is named. None while those that are named cannot go: all
 * must have their turn. */
static inline uint32_t trial_most(const struct segments *s, const struct part *part)
{
        return s->returned ? 0 : (uint32_t)((uint64_t)part_count(part) * TRIAL_PCT / 100);
}

/* By the bimodal rule: is a newcomer kept? While much is on trial there is room. */
static inline bool bimodal_keeps(struct segments *s, const struct part *part)
{
        return part->trial.count > part_count(part) / 8 || ++s->turn % STAY == 0;
}

/* Likewise, one that comes back soon after it went out. */
static inline bool bimodal_keeps_again(struct segments *s)
{
        return ++s->turn % STAY_AGAIN == 0;
}

/* The frame, which is in no queue, joins one. */
static inline void segments_put(struct segments *s, uint32_t frame, enum place place)
{
        struct seat *seat = &s->seats[frame];
        struct part *part = &s->part[seat->part];

        seat->place = (uint8_t)place;
        queue_append(s->seats, place == KEPT ? &part->kept : &part->trial, frame);
}

/* One that could not go joins those kept, at their end: that is behind all others of its part. */
static inline void segments_add(struct segments *s, uint32_t frame, unsigned part, enum pg_add how,
                                bool keep)
{
        bool returned = how == PG_ADD_RETURNED;

        s->returned += returned;
        s->seats[frame] = (struct seat){.part = (uint8_t)part};
        segments_put(s, frame, keep || returned ? KEPT : ON_TRIAL);
}

static inline void segments_remove(void *self, uint32_t frame)
{
        struct segments *s = self;
        struct seat *seat = &s->seats[frame];
        struct part *part = &s->part[seat->part];

        if (seat_is_kept(seat)) {
                if (part->hand == frame)
                        part->hand = queue_next(s->seats, frame);
                part->waiting -= seat_waits(seat);
                queue_remove(s->seats, &part->kept, frame);
        } else if (seat->place == ON_TRIAL) {
                queue_remove(s->seats, &part->trial, frame);
        }
        seat->place = ABSENT;
}

static inline void segments_queued(void *self, uint32_t frame)
{
        struct segments *s = self;
        struct seat *seat = &s->seats[frame];
        struct part *part = &s->part[seat->part];

        s->returned = 0;
        if (seat->place == KEPT) {
                seat->place = KEPT_ASKED;
                part->waiting++;
        } else if (seat->place == ON_TRIAL) {
                seat->place = ASKED;
                queue_remove(s->seats, &part->trial, frame);
        }
}

/* Evidence of use. A frame on trial is kept for it if the caller `admits` it. */
static inline void segments_accessed(struct segments *s, uint32_t frame, bool admit)
{
        struct seat *seat = &s->seats[frame];
        struct part *part = &s->part[seat->part];

        if (seat_is_kept(seat)) {
                part->waiting -= seat_waits(seat);
                seat->place = KEPT;
                if (seat->level < MAX_LEVEL)
                        seat->level++;
                seat->credit = seat->level;
        } else if (seat->place == ASKED) {
                seat->level = 1;
                segments_put(s, frame, KEPT);
        } else if (seat->place == ON_TRIAL && admit) {
                queue_remove(s->seats, &part->trial, frame);
                segments_put(s, frame, KEPT);
        }
}

/* There is one without credit, or with some that does not wait. */
static inline uint32_t hand_select(struct segments *s, struct part *part)
{
        uint32_t frame = part->hand;

        for (;; frame = queue_next(s->seats, frame)) {
                if (frame == PG_NO_FRAME || part->named >= LAPS * (uint64_t)part->kept.count) {
                        frame = queue_oldest(&part->kept);
                        part->named = 0;
                }

                struct seat *seat = &s->seats[frame];

                if (seat_waits(seat))
                        continue;
                if (seat->credit == 0)
                        break;
                seat->credit--;
        }
        part->hand = queue_next(s->seats, frame);
        part->named++;
        return frame;
}

/* The frame that has been on trial longest, if more than `most` are; else one of those kept. */
static inline uint32_t part_select(struct segments *s, struct part *part, uint32_t most)
{
        uint32_t oldest = queue_oldest(&part->trial);

        if (part->trial.count > most || kept_namable(part) == 0)
                return oldest;
        if (oldest != PG_NO_FRAME && kept_namable(part) < part->waiting)
                return oldest;
        return hand_select(s, part);
}

static inline bool part_check(const struct segments *s, unsigned number)
{
        const struct part *part = &s->part[number];
        const struct seat *seats = s->seats;
        bool has_hand = part->hand == PG_NO_FRAME;
        uint32_t waiting = 0;

        if (!queue_check(seats, s->nframes, &part->trial) ||
            !queue_check(seats, s->nframes, &part->kept))
                return false;
        for (uint32_t f = queue_oldest(&part->trial); f != PG_NO_FRAME; f = queue_next(seats, f))
                if (seats[f].place != ON_TRIAL || seats[f].part != number || seats[f].credit != 0)
                        return false;
        for (uint32_t f = queue_oldest(&part->kept); f != PG_NO_FRAME; f = queue_next(seats, f)) {
                if (!seat_is_kept(&seats[f]) || seats[f].part != number ||
                    seats[f].credit > seats[f].level || seats[f].level > MAX_LEVEL)
                        return false;
                waiting += seat_waits(&seats[f]);
                has_hand = has_hand || f == part->hand;
        }
        return has_hand && waiting == part->waiting;
}

/* O(frames). */
static inline bool segments_check(const void *self)
{
        for (unsigned i = 0; i < MAX_PARTS; i++)
                if (!part_check(self, i))
                        return false;
        return true;
}

#endif
