/* SPDX-License-Identifier: MIT */
/*
 * tiered_move.c - pages of a tiered store go down.
 *
 *         pick ─► places below ─► read ─► write ─► commit
 *
 * A batch is what a disk writes in the time of its first page: 128 KiB. The oldest of the list go;
 * one that was asked for since it was looked at last becomes the newest instead. They are sorted by
 * place, as the pager reads pages ahead by place, and get places of the lower store that follow
 * each other, if it has such: so they are written, and read again, in runs.
 *
 * Meanwhile the program may ask for the pages, write them, or free them: see tiered.c, "Locking".
 * Such a page stays where the program left it, and what was written below is given back.
 */
#include "tiered.h"

#include <errno.h>

static void sort_by_place(struct tiered *t, unsigned n)
{
        for (unsigned i = 1; i < n; i++) {
                struct going going = t->going[i];
                unsigned at = i;

                for (; at > 0 && t->going[at - 1].number > going.number; at--)
                        t->going[at] = t->going[at - 1];
                t->going[at] = going;
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

/* Each page is looked at twice at most: after the first time it counts as not asked for. */
static unsigned pick(struct tiered *t)
{
        uint64_t looks = 2 * atomic_load(&t->count);
        unsigned n = 0, most = batch_most(t);

        while (n < most && looks-- > 0) {
                uint32_t number = take_oldest(t);

                if (number == UINT32_MAX)
                        break;
                if (atomic_fetch_and(&t->places[number].word, ~PLACE_ASKED) & PLACE_ASKED)
                        tiered_list_add(t, number);
                else
                        t->going[n++] = (struct going){.number = number};
        }
        sort_by_place(t, n);
        return n;
}

/* Places below for the first of them. Returns how many have one. */
static unsigned reserve(struct tiered *t, unsigned n, int *error)
{
        for (unsigned i = 0; i < n; i++) {
                uint64_t offset;
                unsigned at = i;

                *error = t->lower.ops.location_get(t->lower.store, &offset, true);
                if (*error)
                        return i;
                for (; at > 0 && t->going[at - 1].offset > offset; at--)
                        t->going[at].offset = t->going[at - 1].offset;
                t->going[at].offset = offset;
        }
        return n;
}

static char *batch_page(const struct tiered *t, unsigned i)
{
        return t->batch + i * t->store.page_size;
}

/* Not one that an operation is at, or that is above no more. */
static bool read_page(struct tiered *t, unsigned i)
{
        struct going *g = &t->going[i];
        struct place *p = &t->places[g->number];
        uint64_t word;
        int error = -EAGAIN;

        if (!place_try_lock(p, &word))
                return false;
        if (place_kind(word) == PLACE_ABOVE)
                error = t->upper.ops.page_in(t->upper.store, place_offset(t, word), 1,
                                             batch_page(t, i));
        g->word = error ? word : word | PLACE_MOVING;
        place_unlock(p, g->word);
        return error == 0;
}

/* The page is below, unless it was touched; then that of the lower store is given back. */
static bool commit(struct tiered *t, const struct going *g)
{
        struct place *p = &t->places[g->number];
        uint64_t word = g->word;

        if (!atomic_compare_exchange_strong(&p->word, &word, place_at(t, PLACE_BELOW, g->offset)))
                return false;
        atomic_fetch_add(&t->lower_pages, 1);
        t->upper.ops.location_free(t->upper.store, place_offset(t, g->word));
        return true;
}

static void stay(struct tiered *t, const struct going *g)
{
        atomic_fetch_and(&t->places[g->number].word, ~PLACE_MOVING);
        tiered_list_add(t, g->number);
}

/* Pages that were read, and whose places below follow each other. Returns how many went. */
static unsigned write_neighbours(struct tiered *t, unsigned first, unsigned n, int *error)
{
        unsigned went = 0;
        int failed = t->lower.ops.page_out(t->lower.store, t->going[first].offset, n,
                                           batch_page(t, first));

        for (unsigned i = first; i < first + n; i++) {
                struct going *g = &t->going[i];

                if (!failed && commit(t, g)) {
                        went++;
                        continue;
                }
                t->lower.ops.location_free(t->lower.store, g->offset);
                stay(t, g);
        }
        *error = failed ? failed : *error;
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
        unsigned picked = pick(t), n, went;
        int error = -ENODATA;

        if (picked == 0)
                return error;
        n = reserve(t, picked, &error);
        for (unsigned i = n; i < picked; i++)
                tiered_list_add(t, t->going[i].number);
        for (unsigned i = 0; i < n; i++)
                t->going[i].taken = read_page(t, i);
        went = write_batch(t, n, &error);
        if (went == 0)
                return error ? error : -ENODATA;
        atomic_fetch_add(&t->rounds, 1);
        return 0;
}
