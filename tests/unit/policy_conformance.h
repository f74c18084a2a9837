/* SPDX-License-Identifier: MIT */
/*
 * policy_conformance.h - what every policy must do, whatever it prefers: one body for all of them.
 *
 * Theory of operation. A `rig` holds one policy in memory between two guards, beside the simplest
 * model there is: for each frame, whether the policy has it, and whether it waits in the victim
 * queue. A walk makes random calls as a pager would and compares after each of them:
 *
 *      select names a frame  <=>  the model has one that does not wait, and it is one of those
 *      check() is true, and no byte outside the footprint has changed
 *
 * A walk returns a hash of all answers: the same seed must give the same hash, also when the memory
 * is moved to another address under way. To test a policy of one's own, call conform(&ops).
 *
 * Needs the public header and Check only.
 */
#ifndef UNPAGED_TESTS_POLICY_CONFORMANCE_H
#define UNPAGED_TESTS_POLICY_CONFORMANCE_H

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <unpaged/policy.h>

#define GUARD_SIZE 64
#define GUARD_BYTE 0xA5
#define DEAD_BYTE  0xEE

/* As ck_assert_msg(), which reports to the runner when it holds, too: too slow for inner loops. */
#define expect(condition, ...)                                                                     \
        do {                                                                                       \
                if (!(condition))                                                                  \
                        ck_abort_msg(__VA_ARGS__);                                                 \
        } while (0)

enum seat {
        ABSENT,
        PRESENT,
        WAITING, /* in the victim queue */
};

struct rig {
        const struct pg_policy_ops *ops;
        uint32_t nframes;
        uint8_t *memory; /* a guard, the policy's memory, a guard */
        void *self;
        enum seat *seat;
        uint32_t namable; /* frames PRESENT */
        uint64_t random;
        uint64_t answers; /* hash of everything select said */
        bool check_often;
};

static inline bool policy_wants_queued(const struct pg_policy_ops *ops)
{
        return ops->size > offsetof(struct pg_policy_ops, queued) && ops->queued != NULL;
}

static inline bool policy_is_sound(const struct pg_policy_ops *ops, const void *self)
{
        if (ops->size <= offsetof(struct pg_policy_ops, check) || ops->check == NULL)
                return true;
        return ops->check(self);
}

/* A linear congruential generator (Knuth's MMIX), upper half, and not that of bench_util.h: the
 * counts of misses in test_policy_misses are those of its numbers. */
static inline uint32_t lcg_next(uint64_t *state)
{
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        return (uint32_t)(*state >> 32);
}

/* A number in 0 ... limit - 1. */
static inline uint32_t lcg_below(uint64_t *state, uint32_t limit)
{
        return (uint32_t)((uint64_t)lcg_next(state) * limit >> 32);
}

static inline const struct pg_policy_ops *policy(const char *name)
{
        const struct pg_policy_ops *ops = pg_policy_find(name);

        ck_assert_msg(ops != NULL, "no policy is named %s", name);
        return ops;
}

static inline size_t rig_size(const struct rig *rig)
{
        size_t footprint = rig->ops->footprint(rig->nframes);

        return (GUARD_SIZE + footprint + GUARD_SIZE + 63) / 64 * 64;
}

static inline uint8_t *rig_memory(const struct rig *rig)
{
        uint8_t *memory = aligned_alloc(64, rig_size(rig));

        ck_assert_ptr_nonnull(memory);
        memset(memory, GUARD_BYTE, rig_size(rig));
        return memory;
}

static inline struct rig rig_open(const struct pg_policy_ops *ops, uint32_t nframes, uint64_t seed)
{
        struct rig rig = {
                .ops = ops,
                .nframes = nframes,
                .seat = calloc(nframes, sizeof(enum seat)),
                .random = seed,
                .check_often = nframes <= 64,
        };

        ck_assert_ptr_nonnull(rig.seat);
        rig.memory = rig_memory(&rig);
        rig.self = rig.memory + GUARD_SIZE;
        memset(rig.self, 0, ops->footprint(nframes));
        ops->init(rig.self, nframes);
        return rig;
}

static inline void rig_verify(const struct rig *rig)
{
        size_t end = GUARD_SIZE + rig->ops->footprint(rig->nframes);

        expect(policy_is_sound(rig->ops, rig->self), "%s: check() is false", rig->ops->name);
        for (size_t i = 0; i < rig_size(rig); i++) {
                if (i == GUARD_SIZE)
                        i = end;
                expect(rig->memory[i] == GUARD_BYTE, "%s wrote outside", rig->ops->name);
        }
}

static inline void rig_close(struct rig *rig)
{
        rig_verify(rig);
        free(rig->memory);
        free(rig->seat);
}

/* The policy goes on at another address, and what it left behind is spoilt. */
static inline void rig_move(struct rig *rig)
{
        uint8_t *memory = rig_memory(rig);

        memcpy(memory, rig->memory, rig_size(rig));
        memset(rig->memory, DEAD_BYTE, rig_size(rig));
        free(rig->memory);
        rig->memory = memory;
        rig->self = memory + GUARD_SIZE;
}

/* Moves a frame from one state of the model to another. */
static inline void rig_seat(struct rig *rig, uint32_t frame, enum seat seat)
{
        if (rig->seat[frame] == PRESENT)
                rig->namable--;
        if (seat == PRESENT)
                rig->namable++;
        rig->seat[frame] = seat;
}

static inline void rig_add(struct rig *rig, uint32_t frame)
{
        rig->ops->add(rig->self, frame, frame * UINT64_C(4096), lcg_below(&rig->random, 3));
        rig_seat(rig, frame, PRESENT);
}

static inline void rig_remove(struct rig *rig, uint32_t frame)
{
        if (rig->seat[frame] == PRESENT || policy_wants_queued(rig->ops))
                rig->ops->remove(rig->self, frame);
        rig_seat(rig, frame, ABSENT);
}

static inline void rig_queue(struct rig *rig, uint32_t frame)
{
        if (policy_wants_queued(rig->ops))
                rig->ops->queued(rig->self, frame);
        else
                rig->ops->remove(rig->self, frame);
        rig_seat(rig, frame, WAITING);
}

static inline void rig_rescue(struct rig *rig, uint32_t frame)
{
        if (!policy_wants_queued(rig->ops))
                rig->ops->add(rig->self, frame, frame * UINT64_C(4096), PG_ADD_RETURNED);
        rig->ops->accessed(rig->self, frame);
        rig_seat(rig, frame, PRESENT);
}

/* Asks for a victim and holds the answer against the model. */
static inline uint32_t rig_select(struct rig *rig)
{
        uint32_t frame = rig->ops->select(rig->self);

        rig->answers = (rig->answers ^ frame) * 0x100000001B3u;
        if (rig->namable == 0) {
                expect(frame == PG_NO_FRAME, "%s names %u of none", rig->ops->name, frame);
                return frame;
        }
        expect(frame != PG_NO_FRAME, "%s names none of %u", rig->ops->name, rig->namable);
        expect(frame < rig->nframes, "%s names frame %u of %u", rig->ops->name, frame,
               rig->nframes);
        expect(rig->seat[frame] == PRESENT, "%s names frame %u, which is %s", rig->ops->name, frame,
               rig->seat[frame] == ABSENT ? "absent" : "in the victim queue");
        return frame;
}

/* A selection, and one of the things a pager does with the answer. */
static inline void rig_evict(struct rig *rig)
{
        uint32_t frame = rig_select(rig);

        if (frame == PG_NO_FRAME)
                return;
        switch (lcg_below(&rig->random, 8)) {
        case 0: /* it cannot go just now */
                rig->ops->remove(rig->self, frame);
                rig->ops->add(rig->self, frame, frame * UINT64_C(4096), PG_ADD_RETURNED);
                break;
        case 1:
                rig_remove(rig, frame);
                break;
        case 2: /* asked, and not used */
                break;
        default:
                rig_queue(rig, frame);
        }
}

/* One random call on one random frame; `growing` favours those that give the policy frames. */
static inline void rig_step(struct rig *rig, bool growing)
{
        uint32_t frame = lcg_below(&rig->random, rig->nframes);
        uint32_t dice = lcg_below(&rig->random, 8);

        switch (rig->seat[frame]) {
        case ABSENT:
                if (growing || dice == 0)
                        rig_add(rig, frame);
                break;
        case PRESENT:
                if (dice == 0)
                        rig_remove(rig, frame);
                else if (dice < 4)
                        rig->ops->accessed(rig->self, frame);
                else if (dice == 4 || !growing)
                        rig_evict(rig);
                break;
        case WAITING:
                if (dice < 4)
                        rig_rescue(rig, frame);
                else
                        rig_remove(rig, frame);
                break;
        }
        if (dice == 7)
                rig_evict(rig);
        if (rig->check_often)
                rig_verify(rig);
}

/* The policy is asked until it has none left: it must name each frame that does not wait, once. */
static inline void rig_drain(struct rig *rig)
{
        while (rig->namable != 0)
                rig_remove(rig, rig_select(rig));
        rig_select(rig);
        for (uint32_t frame = 0; frame < rig->nframes; frame++) {
                if (rig->seat[frame] == WAITING)
                        rig_remove(rig, frame);
        }
        rig_select(rig);
        rig_verify(rig);
}

/* Random calls in tides of growing and shrinking; returns the hash of all answers. */
static inline uint64_t rig_walk(struct rig *rig, bool moving)
{
        uint32_t tide = 4 * rig->nframes + 16;
        uint64_t answers;

        for (uint32_t tides = 0; tides < 12; tides++) {
                for (uint32_t step = 0; step < tide; step++)
                        rig_step(rig, tides % 2 == 0);
                rig_verify(rig);
                if (moving)
                        rig_move(rig);
                if (tides % 4 == 2)
                        rig_drain(rig);
        }
        rig_drain(rig);
        answers = rig->answers;
        rig_close(rig);
        return answers;
}

static inline void conform_to_the_model(const struct pg_policy_ops *ops, uint32_t nframes)
{
        for (uint64_t seed = 1; seed <= 8; seed++) {
                struct rig first = rig_open(ops, nframes, seed);
                struct rig again = rig_open(ops, nframes, seed);
                uint64_t answers = rig_walk(&first, false);

                expect(answers == rig_walk(&again, true), "%s: other answers at another address",
                       ops->name);
        }
}

/* Every frame waits, or is in use: the two corners where a search might not end. */
static inline void conform_in_the_corners(const struct pg_policy_ops *ops, uint32_t nframes)
{
        struct rig rig = rig_open(ops, nframes, 1);

        rig_select(&rig);
        for (uint32_t frame = 0; frame < nframes; frame++)
                rig_add(&rig, frame);
        for (uint32_t frame = 0; frame < nframes; frame++)
                ops->accessed(rig.self, frame);
        for (uint32_t i = 0; i < 3 * nframes; i++)
                rig_select(&rig);
        while (rig.namable != 0)
                rig_queue(&rig, rig_select(&rig));
        rig_select(&rig);
        rig_verify(&rig);
        for (uint32_t frame = 0; frame < nframes; frame++) {
                rig_rescue(&rig, frame);
                expect(rig_select(&rig) == frame, "%s names another than the last", ops->name);
                rig_queue(&rig, frame);
        }
        for (uint32_t frame = 0; frame < nframes; frame++)
                rig_rescue(&rig, frame);
        rig_drain(&rig);
        rig_close(&rig);
}

/* Whatever is named cannot go, and comes back: in time every frame must have been named. */
static inline void conform_when_none_can_go(const struct pg_policy_ops *ops, uint32_t nframes)
{
        struct rig rig = rig_open(ops, nframes, 1);
        uint32_t unnamed = nframes;
        bool *named = calloc(nframes, sizeof(bool));

        ck_assert_ptr_nonnull(named);
        for (uint32_t frame = 0; frame < nframes; frame++)
                rig_add(&rig, frame);
        for (uint32_t i = 0; i < 3 * nframes; i++)
                rig_evict(&rig);
        for (uint32_t frame = 0; frame < nframes; frame++)
                if (rig.seat[frame] == WAITING)
                        rig_rescue(&rig, frame);
                else if (rig.seat[frame] == ABSENT)
                        rig_add(&rig, frame);
        for (uint32_t i = 0; i < 40 * nframes + 100; i++) {
                uint32_t frame = rig_select(&rig);

                unnamed -= !named[frame];
                named[frame] = true;
                ops->remove(rig.self, frame);
                ops->add(rig.self, frame, frame * UINT64_C(4096), PG_ADD_RETURNED);
        }
        expect(unnamed == 0, "%s never names %u of %u frames while the others cannot go", ops->name,
               unnamed, nframes);
        free(named);
        rig_close(&rig);
}

static inline void conform_to_the_footprint(const struct pg_policy_ops *ops)
{
        static const uint32_t sizes[] = {1, 2, 63, 64, 65, 1000, 1u << 20, 1u << 30, UINT32_MAX};

        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
                ck_assert_uint_le(ops->footprint(sizes[i]), (size_t)sizes[i] * 32 + 4096);
}

static inline size_t resident_pages(uint8_t *memory, size_t size)
{
        enum { BATCH = 4096 };
        unsigned char present[BATCH];
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        size_t resident = 0;

        for (size_t at = 0; at < size; at += BATCH * page) {
                size_t length = size - at < BATCH * page ? size - at : BATCH * page;

                expect(mincore(memory + at, length, present) == 0, "mincore failed");
                for (size_t i = 0; i < (length + page - 1) / page; i++)
                        resident += present[i] & 1;
        }
        return resident;
}

/* A bound of 2^30 frames of which a few are used must cost what these few cost. */
static inline void conform_to_a_huge_bound(const struct pg_policy_ops *ops)
{
        const uint32_t nframes = 1u << 30;
        size_t size = ops->footprint(nframes);
        uint8_t *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        ck_assert_ptr_ne(memory, MAP_FAILED);
        madvise(memory, size, MADV_NOHUGEPAGE);
        ops->init(memory, nframes);
        ck_assert_uint_le(resident_pages(memory, size), 2);

        for (uint32_t frame = 0; frame < 100; frame++)
                ops->add(memory, frame, frame, PG_ADD_DEMAND);
        ops->add(memory, nframes - 1, 0, PG_ADD_DEMAND);
        ops->accessed(memory, nframes - 1);
        for (uint32_t left = 101; left > 0; left--) {
                uint32_t frame = ops->select(memory);

                ck_assert(frame < 100 || frame == nframes - 1);
                ck_assert(policy_is_sound(ops, memory));
                ops->remove(memory, frame);
        }
        ck_assert_uint_eq(ops->select(memory), PG_NO_FRAME);
        ck_assert_uint_le(resident_pages(memory, size), 32);
        munmap(memory, size);
}

static inline void conform(const struct pg_policy_ops *ops)
{
        static const uint32_t sizes[] = {1, 2, 3, 7, 64, 1000};

        conform_to_the_footprint(ops);
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
                conform_in_the_corners(ops, sizes[i]);
                conform_when_none_can_go(ops, sizes[i]);
                conform_to_the_model(ops, sizes[i]);
        }
        conform_to_a_huge_bound(ops);
}

#endif
