/* SPDX-License-Identifier: MIT */
/*
 * sieve.c - evict the pages nobody came back for; the default.
 *
 * Theory of operation. SIEVE (Zhang et al., NSDI 2024), fed by rescues, that finds out for itself
 * whether newcomers are welcome. segments.h has the mechanism: kept frames in the order of their
 * admission, a hand that walks over them and takes credit away, and a trial. There are two rules of
 * admission, and neither is good alone:
 *
 *  - Open: everyone is kept, as in plain SIEVE. Those nobody comes back for are between the hand
 *    and the new end, and leave soon. This follows a program whose phases use different pages. In a
 *    loop over more pages than there are frames it misses every time.
 *  - Bimodal: most newcomers only pass through a short trial (bimodal.c). This survives loops and
 *    misses least where popularity is lasting, and starves a new phase.
 *
 * So they are set to duel (after set duelling: Qureshi et al., ISCA 2007). A share of the keys, by
 * their hash, is a part of its own that is always open; another is always bimodal; each may fill
 * its share of the frames, no more, as if it were a small pool. Which of the two loads fewer pages
 * is counted, up to a limit, so that what was long ago is forgotten; the other keys, by far the
 * most, follow the bimodal camp when its lead is beyond chance, and else the open one. Shares
 * rather than mere marks on frames, because a page that is let in stays at the cost of others:
 * without walls the open keys would win the more seats the less others take.
 *
 * A share is one in 64, or as many as take LEAD_FRAMES frames, up to 8 in 64: fewer frames would
 * tell nothing. That is what the duel costs: so many keys follow the wrong rule.
 *
 * A page that is simply resident gives no evidence of use, so the victim queue has to ask for it.
 * That is why this policy wants `queued`: a rescued frame keeps its place, where remove and add
 * would move it to the new end. Evidence right after add says that the page went out not long ago:
 * it counts like a rescue where newcomers are kept.
 *
 * A page read ahead is tried like any other, but does not count in the duel. One that comes back
 * after a pin, or because it could not go, stands behind all others of its camp; and as long as
 * those named cannot go, the camps take turns.
 *
 * Cost: that of segments.h, 12 bytes a frame; besides, each call adds and compares a few counts of
 * three parts: O(1) without a loop over frames.
 *
 * Invariants: those of segments.h; |lead| <= LEAD_MOST.
 * Locking: none of its own; the caller serialises.
 */
#include "shipped.h"

#include "segments.h"

/* Keys are dealt into so many hands by their hash. */
#define HANDS_BITS  6u
#define HANDS       (1u << HANDS_BITS)
#define HANDS_LEAST 1u
#define HANDS_MOST  8u
#define LEAD_FRAMES 8u
#define LEAD_MOST   512
#define LEAD_SURE   32
#define COST_LOAD   2
#define COST_RESCUE 1

enum camp {
        FOLLOWERS,
        OPEN,
        BIMODAL,
};

struct sieve {
        int32_t lead; /* pages that OPEN has loaded more than BIMODAL */
        struct segments segments;
};

/* Hands that each of the two leading camps has. */
static uint32_t share(const struct sieve *s)
{
        uint32_t frames = 0, hands;

        for (unsigned i = 0; i < MAX_PARTS; i++)
                frames += part_count(&s->segments.part[i]);
        hands = HANDS * LEAD_FRAMES / (frames | 1);
        return hands < HANDS_LEAST ? HANDS_LEAST : hands > HANDS_MOST ? HANDS_MOST : hands;
}

static enum camp camp_of(const struct sieve *s, uint64_t key)
{
        uint64_t hand = (key + 1) * 0x9e3779b97f4a7c15u >> (64 - HANDS_BITS);
        uint32_t hands = share(s);

        return hand < hands ? OPEN : hand >= HANDS - hands ? BIMODAL : FOLLOWERS;
}

static bool is_bimodal(const struct sieve *s, unsigned camp)
{
        return camp == BIMODAL || (camp == FOLLOWERS && s->lead > LEAD_SURE);
}

static void count_fault(struct sieve *s, unsigned camp, int32_t cost)
{
        if (camp == OPEN)
                s->lead = s->lead + cost < LEAD_MOST ? s->lead + cost : LEAD_MOST;
        else if (camp == BIMODAL)
                s->lead = s->lead - cost > -LEAD_MOST ? s->lead - cost : -LEAD_MOST;
}

static size_t sieve_footprint(uint32_t nframes)
{
        return offsetof(struct sieve, segments) + segments_footprint(nframes);
}

static void sieve_init(void *self, uint32_t nframes)
{
        struct sieve *s = self;

        segments_init(&s->segments, nframes);
}

static void sieve_add(void *self, uint32_t frame, uint64_t key, enum pg_add how)
{
        struct sieve *s = self;
        enum camp camp = camp_of(s, key);
        bool keep = !is_bimodal(s, camp) || bimodal_keeps(&s->segments, &s->segments.part[camp]);

        segments_add(&s->segments, frame, camp, how, keep);
        if (how == PG_ADD_DEMAND)
                count_fault(s, camp, COST_LOAD);
}

static void sieve_remove(void *self, uint32_t frame)
{
        struct sieve *s = self;

        segments_remove(&s->segments, frame);
}

static void sieve_accessed(void *self, uint32_t frame)
{
        struct sieve *s = self;
        const struct seat *seat = &s->segments.seats[frame];
        bool admit = !is_bimodal(s, seat->part) || bimodal_keeps_again(&s->segments);

        if (seat_waits(seat))
                count_fault(s, seat->part, COST_RESCUE);
        segments_accessed(&s->segments, frame, admit);
}

static void sieve_queued(void *self, uint32_t frame)
{
        struct sieve *s = self;

        segments_queued(&s->segments, frame);
}

/* The camp that has more than its share. */
static unsigned camp_to_pay(const struct sieve *s)
{
        const struct part *part = s->segments.part;
        uint32_t followers = part_namable(&part[FOLLOWERS]);
        uint32_t open = part_namable(&part[OPEN]), bimodal = part_namable(&part[BIMODAL]);
        uint64_t most = ((uint64_t)followers + open + bimodal) * share(s) / HANDS;

        return open > most ? OPEN : bimodal > most ? BIMODAL : FOLLOWERS;
}

static uint32_t sieve_select(void *self)
{
        struct sieve *s = self;
        unsigned camp = camp_to_pay(s);
        struct part *part = &s->segments.part[camp];

        /* A camp of which none can go must not hide the others. */
        for (unsigned i = 0; i < MAX_PARTS; i++) {
                unsigned other = (camp + s->segments.returned + i) % MAX_PARTS;

                part = &s->segments.part[other];
                if (part_namable(part) > 0) {
                        camp = other;
                        break;
                }
        }
        return part_select(&s->segments, part,
                           is_bimodal(s, camp) ? trial_most(&s->segments, part) : 0);
}

static bool sieve_check(const void *self)
{
        const struct sieve *s = self;

        return segments_check(&s->segments) && s->lead <= LEAD_MOST && s->lead >= -LEAD_MOST;
}

const struct pg_policy_ops pg_policy_sieve = {
        .size = sizeof(struct pg_policy_ops),
        .name = "sieve",
        .footprint = sieve_footprint,
        .init = sieve_init,
        .add = sieve_add,
        .remove = sieve_remove,
        .accessed = sieve_accessed,
        .select = sieve_select,
        .queued = sieve_queued,
        .check = sieve_check,
};
