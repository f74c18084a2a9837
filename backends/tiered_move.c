/* SPDX-License-Identifier: MIT */
/*
 * tiered_move.c - pages of a tiered store go down.
 *
 *         places below ─► pick ─► read ─► write ─► commit
 *
 * A batch is what a disk writes in the time of its first page: 128 KiB. The oldest of the list go;
 * one that was asked for since it was looked at last becomes the newest instead. They are sorted by
 * place, as the pager reads pages ahead by place, and get places of the lower store that follow
 * each other, if it has such: so they are written, and read again, in runs. One bad place does not
 * keep its neighbours from going.
 *
 * Meanwhile the program may ask for the pages, write them, or free them: see tiered.c, "Locking".
 * Such a page stays where the program left it, and what was written below is given back. Its owner
 * may also have put it into the list again before the batch is complete, so that it is picked a
 * second time: each place is in a batch once, or its word could come back.
 */
#include "tiered.h"

#include <errno.h>
#include <string.h>

static void sort_by_place(struct tiered *t, unsigned n)
{
        for (unsigned i = 1; i < n; i++) {
                uint32_t number = t->going[i].number;
                unsigned at = i;

                for (; at > 0 && t->going[at - 1].number > number; at--)
                        t->going[at].number = t->going[at - 1].number;
                t->going[at].number = number;
        }
}

static unsigned batch_most(const struct tiered *t)
{
        size_t pages = BATCH_BYTES / t->store.page_size;

        return pages < 1 ? 1 : pages > BATCH_PLACES ? BATCH_PLACES : (unsigned)pages;
}

/* The oldest, out of the list; UINT32_MAX: it is empty. */
static uint32_t take_oldest(struct tiered *t)
{
        uint32_t number;

        futex_lock_take(&t->list);
        number = t->oldest - 1;
        futex_lock_drop(&t->list);
        if (number != UINT32_MAX)
                tiered_list_remove(t, number);
        return number;
}

/* Pages are passed over, for having been asked for, as often as that; the next go all the same. */
#define PASSED_MOST (16 * BATCH_PLACES)

static unsigned unique(struct tiered *t, unsigned n)
{
        unsigned kept = 0;

        for (unsigned i = 0; i < n; i++)
                if (kept == 0 || t->going[kept - 1].number != t->going[i].number)
                        t->going[kept++].number = t->going[i].number;
        return kept;
}

static unsigned pick(struct tiered *t, unsigned most)
{
        unsigned n = 0, passed = 0;

        while (n < most) {
                uint32_t number = take_oldest(t);
                uint64_t word;

                if (number == UINT32_MAX)
                        break;
                word = atomic_fetch_and(&t->places[number].word, ~PLACE_ASKED);
                if (word & PLACE_ASKED && passed < PASSED_MOST) {
                        passed++;
                        tiered_list_add(t, number);
                } else {
                        t->going[n++].number = number;
                }
        }
        sort_by_place(t, n);
        return unique(t, n);
}

/* Places below, by offset. The last one of the store is for a thread that waits. Returns how many
 * there are. */
static unsigned reserve(struct tiered *t, unsigned most, int *error)
{
        for (unsigned i = 0; i < most; i++) {
                uint64_t offset;
                unsigned at = i;

                *error = t->lower.ops.location_get(t->lower.store, &offset, false);
                if (*error)
                        return i;
                for (; at > 0 && t->going[at - 1].offset > offset; at--)
                        t->going[at].offset = t->going[at - 1].offset;
                t->going[at].offset = offset;
        }
        return most;
}

static char *batch_page(const struct tiered *t, unsigned i)
{
        return t->batch + i * t->store.page_size;
}

/* Not one that an operation is at, that was asked for, or that is above no more. Only a word that
 * says ABOVE is locked: others change without a look at the lock. */
static bool read_page(struct tiered *t, unsigned i)
{
        struct going *g = &t->going[i];
        struct place *p = &t->places[g->number];
        uint64_t word = atomic_load_explicit(&p->word, memory_order_relaxed);
        int error;

        if (place_kind(word) != PLACE_ABOVE || word & (PLACE_LOCKED | PLACE_ASKED) ||
            !place_lock_as(p, word))
                return false;
        error = t->upper.ops.page_in(t->upper.store, place_offset(t, word), 1, batch_page(t, i));
        g->word = error ? word : word | PLACE_MOVING;
        place_unlock(p, g->word);
        return error == 0;
}

/* The page is below, unless it was touched; then that of the lower store is given back. */
static bool commit(struct tiered *t, const struct going *g)
{
        struct place *p = &t->places[g->number];
        uint64_t word = g->word;

        atomic_fetch_add(&t->lower_pages, 1); /* before its owner may free it */
        if (!atomic_compare_exchange_strong(&p->word, &word, place_at(t, PLACE_BELOW, g->offset))) {
                atomic_fetch_sub(&t->lower_pages, 1);
                return false;
        }
        t->upper.ops.location_free(t->upper.store, place_offset(t, g->word));
        return true;
}

static void stay(struct tiered *t, const struct going *g)
{
        atomic_fetch_and(&t->places[g->number].word, ~PLACE_MOVING);
        tiered_list_add(t, g->number);
}

/* A page that was read; `failed`: it could not be written. True: it went. */
static bool goes_down(struct tiered *t, const struct going *g, int failed)
{
        if (!failed && commit(t, g))
                return true;
        t->lower.ops.location_free(t->lower.store, g->offset);
        stay(t, g);
        return false;
}

/* Pages that were read, and whose places below follow each other. Returns how many went. */
static unsigned write_neighbours(struct tiered *t, unsigned first, unsigned n, int *error)
{
        unsigned went = 0;
        int all = t->lower.ops.page_out(t->lower.store, t->going[first].offset, n,
                                        batch_page(t, first));

        for (unsigned i = first; i < first + n; i++) {
                int one = all;

                if (all && n > 1)
                        one = t->lower.ops.page_out(t->lower.store, t->going[i].offset, 1,
                                                    batch_page(t, i));
                *error = one ? one : *error;
                went += goes_down(t, &t->going[i], one);
        }
        return went;
}

static bool follows(const struct tiered *t, unsigned i)
{
        return t->going[i].taken &&
               t->going[i].offset == t->going[i - 1].offset + t->store.page_size;
}

static unsigned write_batch(struct tiered *t, unsigned n, int *error)
{
        unsigned went = 0, run;

        for (unsigned i = 0; i < n; i += run) {
                run = 1;
                if (!t->going[i].taken) {
                        t->lower.ops.location_free(t->lower.store, t->going[i].offset);
                        tiered_list_add(t, t->going[i].number);
                        continue;
                }
                while (i + run < n && follows(t, i + run))
                        run++;
                went += write_neighbours(t, i, run, error);
        }
        return went;
}

int tiered_move_down(struct tiered *t)
{
        int error = 0;
        unsigned places = reserve(t, batch_most(t), &error), n = pick(t, places), went;

        for (unsigned i = n; i < places; i++)
                t->lower.ops.location_free(t->lower.store, t->going[i].offset);
        for (unsigned i = 0; i < n; i++)
                t->going[i].taken = read_page(t, i);
        if (n > 0)
                error = 0; /* fewer places than a batch has are enough */
        went = write_batch(t, n, &error);
        explicit_bzero(t->batch, n * t->store.page_size);
        if (went == 0)
                return error ? error : -ENODATA;
        atomic_fetch_add(&t->rounds, 1);
        return 0;
}
