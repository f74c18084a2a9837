/* SPDX-License-Identifier: MIT */
/*
 * bimodal.c - hold on to what is there; let few of the newcomers stay.
 *
 * Theory of operation. A program that goes round and round over more pages than there are frames
 * defeats every policy that makes room for each newcomer: the page that is wanted next is always
 * the one that has just gone. Here (after BIP: Qureshi et al., ISCA 2007) one newcomer in STAY
 * joins the frames that are kept, and the others pass through a short trial of TRIAL_PCT of the
 * frames (segments.h): most of the loop's pages stay where they are, and only the rest is loaded
 * again and again. A page that is rescued from the victim queue has shown its worth and is kept.
 * One that comes back soon after it went out (accessed right after add) has shown it half: one in
 * STAY_AGAIN.
 *
 * It is the better one wherever popularity does not change (it misses a tenth less than true LRU
 * on zipf), and far the worst where it does: what was kept in one phase of the program stands in
 * the way of the next. sieve finds out which it is.
 *
 * While the trial holds more than an eighth of the frames there is room, and newcomers are kept.
 *
 * Cost: that of segments.h, 12 bytes a frame; the rest O(1) without a loop.
 *
 * Locking: none of its own; the caller serialises.
 */
#include "shipped.h"

#include "segments.h"

/* All frames are in one part. */
#define ALL 0

static void bimodal_add(void *self, uint32_t frame, uint64_t key, enum pg_add how)
{
        struct segments *s = self;

        (void)key;
        segments_add(s, frame, ALL, how, bimodal_keeps(s, &s->part[ALL]));
}

static void bimodal_accessed(void *self, uint32_t frame)
{
        segments_accessed(self, frame, bimodal_keeps_again(self));
}

static uint32_t bimodal_select(void *self)
{
        struct segments *s = self;

        return part_select(s, &s->part[ALL], trial_most(s, &s->part[ALL]));
}

const struct pg_policy_ops pg_policy_bimodal = {
        .size = sizeof(struct pg_policy_ops),
        .name = "bimodal",
        .footprint = segments_footprint,
        .init = segments_init,
        .add = bimodal_add,
        .remove = segments_remove,
        .accessed = bimodal_accessed,
        .select = bimodal_select,
        .queued = segments_queued,
        .check = segments_check,
};
