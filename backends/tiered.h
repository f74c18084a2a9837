/* SPDX-License-Identifier: MIT */
/* tiered.h - the tiered store, for its parts: tiered.c, tiered_move.c, tiered_fork.c, and
 * tiered_open.c, its constructor. */
#ifndef BACKENDS_TIERED_H
#define BACKENDS_TIERED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <unpaged/stores.h>

#include "futex_lock.h"

/*
 * The word of a place:
 *    bits 0..1   kind
 *    bit 2       locked: an operation is at it, or the mover for as long as it reads the page
 *    bit 3       moving: the mover has read the page, and writes it below
 *    bit 4       asked for since the mover last looked at it, or since it went down
 *    bits 8..63  ABOVE, BELOW  which page of the upper or of the lower store
 *                FREE          number of the next free place, plus one
 *
 * An untouched table reads as zeros: every place EMPTY, that is reserved or never handed out.
 */
enum place_kind { PLACE_EMPTY, PLACE_FREE, PLACE_ABOVE, PLACE_BELOW };

#define PLACE_KIND   ((uint64_t)3)
#define PLACE_LOCKED ((uint64_t)1 << 2)
#define PLACE_MOVING ((uint64_t)1 << 3)
#define PLACE_ASKED  ((uint64_t)1 << 4)
#define PLACE_SHIFT  8

/* Pages that are above stand in a list, by age. */
struct place {
        _Atomic uint64_t word;
        uint32_t newer, older; /* numbers plus one; 0: none. Guarded by `list`. */
};

#define PLACE_LISTED (1u << 31) /* in `older` */
#define PLACES_MOST  ((uint64_t)PLACE_LISTED - 2)

/* Pages that go down together: as many as a disk writes in the time of its first. */
#define BATCH_PLACES 32u
#define BATCH_BYTES  ((size_t)128 << 10)

struct tier {
        struct pg_store *store;
        struct pg_store_ops ops; /* with NULL for what it does not have */
};

struct tiered {
        struct pg_store store;
        struct pg_store_ops ops;
        struct tier upper, lower;

        struct place *places;
        size_t places_bytes;    /* reserved */
        _Atomic uint64_t count; /* places handed out at least once; written with `table` held */
        uint64_t free;          /* the first free place: number + 1; guarded by `table` */
        bool started;           /* likewise */
        struct futex_lock table;

        uint32_t oldest, newest; /* numbers plus one; guarded by `list` */
        struct futex_lock list;

        /* Who moves pages between the stores; across I/O, and across fork(2). */
        struct futex_lock moving;
        bool forking;            /* it is held for a fork */
        _Atomic uint32_t rounds; /* batches that went down */
        struct going {
                uint32_t number;
                bool taken;      /* its content is in the batch */
                uint64_t word;   /* as it is if nobody touches the page meanwhile */
                uint64_t offset; /* in the lower store */
        } going[BATCH_PLACES];
        char *batch; /* their content */

        _Atomic uint64_t lower_pages;
        _Atomic uint64_t refused;
};

static inline struct tiered *tiered_of(struct pg_store *store)
{
        return (struct tiered *)(void *)store;
}

/* ---- words --------------------------------------------------------------------------------- */

static inline enum place_kind place_kind(uint64_t word)
{
        return (enum place_kind)(word & PLACE_KIND);
}

static inline uint64_t place_word(enum place_kind kind, uint64_t value)
{
        return value << PLACE_SHIFT | (uint64_t)kind;
}

/* The word of a page that lies at `offset` of one of the two stores. */
static inline uint64_t place_at(const struct tiered *t, enum place_kind kind, uint64_t offset)
{
        return place_word(kind, offset / t->store.page_size);
}

static inline uint64_t place_offset(const struct tiered *t, uint64_t word)
{
        return (word >> PLACE_SHIFT) * t->store.page_size;
}

/* False: the word is another one by now. */
static inline bool place_lock_as(struct place *p, uint64_t word)
{
        return atomic_compare_exchange_strong_explicit(&p->word, &word, word | PLACE_LOCKED,
                                                       memory_order_acquire, memory_order_relaxed);
}

/* Waits for the mover, which has read the page soon. The word without the lock. */
static inline uint64_t place_lock(struct place *p)
{
        const struct timespec pause = {.tv_nsec = 20000};
        unsigned spins = 0;

        for (;;) {
                uint64_t word = atomic_load_explicit(&p->word, memory_order_relaxed);

                if (!(word & PLACE_LOCKED) && place_lock_as(p, word))
                        return word;
                if (spins++ < 100)
                        cpu_relax();
                else
                        nanosleep(&pause, NULL);
        }
}

/* With another word. */
static inline void place_unlock(struct place *p, uint64_t word)
{
        atomic_store_explicit(&p->word, word, memory_order_release);
}

/* With the one that it has. */
static inline void place_leave(struct place *p)
{
        atomic_fetch_and_explicit(&p->word, ~PLACE_LOCKED, memory_order_release);
}

/* ---- tiered.c ------------------------------------------------------------------------------ */

/* What a store must have to be one of the two, or the tiered store itself. */
extern const struct pg_store_ops tiered_ops;

/* The page becomes the newest of those above. */
void tiered_list_add(struct tiered *t, uint32_t number);
void tiered_list_remove(struct tiered *t, uint32_t number);

/* ---- tiered_move.c ------------------------------------------------------------------------- */

/* A batch of the pages above that have not been asked for longest goes down. 0; -ENODATA: none can
 * go; or what the lower store answered. Caller holds `moving`. */
int tiered_move_down(struct tiered *t);

/* ---- tiered_fork.c ------------------------------------------------------------------------- */

int tiered_fork_prepare(struct pg_store *store);
void tiered_fork_parent(struct pg_store *store);
int tiered_fork_child(struct pg_store *store);

/* ---- tiered_open.c ------------------------------------------------------------------------- */

/* The page size is known now. */
int tiered_start(struct tiered *t);

#endif
