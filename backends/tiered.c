/* SPDX-License-Identifier: MIT */
/*
 * tiered.c - two stores as one: pages lie in the upper, compressed RAM, as long as it has room, and
 * in the lower, a file, from then on.
 *
 * Theory of operation. A location is a place: a word in a table that says in which of the two
 * stores a page is, and where there. page_out puts pages above. When the upper store is full, those
 * that have not been asked for longest go down, a batch at a time (tiered_move.c), and the page is
 * tried again. One that the upper store refuses even then (it does not compress, or nothing that
 * could go down is left) goes down itself. So the store is full only when the lower one is, of
 * which a batch that is on its way has some places; and what the lower one answers, full or
 * failing, is what the pager is told: the page stays with the program.
 *
 * A page comes up when it is asked for a second time: then it is worth its memory above. If another
 * thread is moving pages just now, it stays. Batches are sorted by place, and a run of pages that
 * lie together below is read in one call.
 *
 * Cost: 16 bytes a page; an eviction takes three locks more, that nobody holds for long, and a load
 * three atomic operations. Tables are reserved address space.
 *
 * Invariants:
 *    a page of the upper or the lower store belongs to one place at most
 *    ABOVE, and nobody is at it  =>  in the list
 *    lower_pages == places that are BELOW
 *
 * Locking. The library never lets two operations meet in one page, so a place's lock bit is there
 * only against the mover. That locks pages that are ABOVE, while it reads them, a few microseconds,
 * and tries it only. What it has read it writes below without the lock, and then changes the word
 * by one compare-and-exchange. That fails if the page was written, asked for or freed meanwhile:
 * every one of them changes the word; and as only the mover sets MOVING, and for one place at most
 * once in a batch, the word cannot have come back. Order: moving, place, list or table; the stores'
 * own locks come last.
 */
#include "tiered.h"

#include <errno.h>

/* Batches that go down for one page, before it goes itself. */
#define ROUNDS_MOST 1u

/* ---- the list ------------------------------------------------------------------------------ */

static uint32_t older_of(const struct place *p)
{
        return p->older & ~PLACE_LISTED;
}

static void list_unlink(struct tiered *t, uint32_t number)
{
        struct place *p = &t->places[number];
        uint32_t older = older_of(p), newer = p->newer;

        if (older)
                t->places[older - 1].newer = newer;
        else
                t->oldest = newer;
        if (newer)
                t->places[newer - 1].older = older | PLACE_LISTED;
        else
                t->newest = older;
        p->older = p->newer = 0;
}

void tiered_list_remove(struct tiered *t, uint32_t number)
{
        futex_lock_take(&t->list);
        if (t->places[number].older & PLACE_LISTED)
                list_unlink(t, number);
        futex_lock_drop(&t->list);
}

/* Unless the page has left: its owner frees it first, and takes it out of the list then. */
void tiered_list_add(struct tiered *t, uint32_t number)
{
        struct place *p = &t->places[number];

        futex_lock_take(&t->list);
        if (p->older & PLACE_LISTED)
                list_unlink(t, number);
        if (place_kind(atomic_load(&p->word)) == PLACE_ABOVE) {
                p->older = t->newest | PLACE_LISTED;
                if (t->newest)
                        t->places[t->newest - 1].newer = number + 1;
                else
                        t->oldest = number + 1;
                t->newest = number + 1;
        }
        futex_lock_drop(&t->list);
}

/* ---- places -------------------------------------------------------------------------------- */

static uint64_t place_count(struct tiered *t)
{
        return atomic_load_explicit(&t->count, memory_order_acquire);
}

/* NULL: it was never handed out. */
static struct place *place_find(struct tiered *t, uint64_t offset, size_t i)
{
        uint64_t count = place_count(t);
        uint64_t number = count ? offset / t->store.page_size + i : 0;

        return number < count ? &t->places[number] : NULL;
}

/* Caller holds `table`. */
static int place_reserve(struct tiered *t, uint64_t *number)
{
        uint64_t count = place_count(t);
        int error = t->started ? 0 : tiered_start(t);

        if (error)
                return error;
        if (t->free) {
                struct place *p = &t->places[t->free - 1];

                *number = t->free - 1;
                t->free = atomic_load(&p->word) >> PLACE_SHIFT;
                place_unlock(p, place_word(PLACE_EMPTY, 0));
                return 0;
        }
        if (count >= PLACES_MOST || (count + 1) * sizeof(struct place) > t->places_bytes)
                return -ENOSPC;
        *number = count;
        atomic_store_explicit(&t->count, count + 1, memory_order_release);
        return 0;
}

static int tiered_location_get(struct pg_store *store, uint64_t *offset, bool for_fault)
{
        struct tiered *t = tiered_of(store);
        uint64_t number = 0;
        int error;

        (void)for_fault; /* which store has room is known when the page comes */
        futex_lock_take(&t->table);
        error = place_reserve(t, &number);
        futex_lock_drop(&t->table);
        if (!error)
                *offset = number * store->page_size;
        else if (error == -ENOSPC)
                atomic_fetch_add(&t->refused, 1);
        return error;
}

/* What a word named before it was changed. */
static void release(struct tiered *t, uint64_t word)
{
        uint64_t offset = place_offset(t, word);

        if (place_kind(word) == PLACE_ABOVE) {
                t->upper.ops.location_free(t->upper.store, offset);
        } else if (place_kind(word) == PLACE_BELOW) {
                t->lower.ops.location_free(t->lower.store, offset);
                atomic_fetch_sub(&t->lower_pages, 1);
        }
}

static void tiered_location_free(struct pg_store *store, uint64_t offset)
{
        struct tiered *t = tiered_of(store);
        struct place *p = place_find(t, offset, 0);
        uint32_t number = (uint32_t)(offset / store->page_size);
        bool in_use = p && place_kind(atomic_load(&p->word)) != PLACE_FREE;
        uint64_t word;

        PG_ASSERT(in_use, "tiered: a location is freed twice");
        if (!in_use)
                return;
        word = place_lock(p);
        place_unlock(p, place_word(PLACE_EMPTY, 0));
        tiered_list_remove(t, number);
        release(t, word);
        futex_lock_take(&t->table);
        place_unlock(p, place_word(PLACE_FREE, t->free));
        t->free = number + 1ull;
        futex_lock_drop(&t->table);
}

/* ---- pages in ------------------------------------------------------------------------------ */

/* Locks the first of these places, and those that follow it below. Returns how many; *word is the
 * first one's. */
static size_t lock_run(struct tiered *t, uint64_t offset, size_t most, uint64_t *word)
{
        size_t n = 1;

        *word = place_lock(place_find(t, offset, 0));
        while (n < most && place_kind(*word) == PLACE_BELOW) {
                struct place *p = place_find(t, offset, n);
                uint64_t next = p ? place_lock(p) : 0;

                if (p && place_kind(next) == PLACE_BELOW &&
                    place_offset(t, next) == place_offset(t, *word) + n * t->store.page_size) {
                        n++;
                        continue;
                }
                if (p)
                        place_leave(p);
                break;
        }
        return n;
}

/* A new place in one of the stores, with this page in it. */
static int store_anew(const struct tier *tier, const void *page, bool for_fault, uint64_t *offset)
{
        int error = tier->ops.location_get(tier->store, offset, for_fault);

        if (error)
                return error;
        error = tier->ops.page_out(tier->store, *offset, 1, page);
        if (error)
                tier->ops.location_free(tier->store, *offset);
        return error;
}

/* Has the oldest page above not been asked for itself? If it has, it counts as not asked for from
 * here on: so pages that are read in turn do not send each other down for ever. */
static bool oldest_is_cold(struct tiered *t)
{
        uint32_t number;

        futex_lock_take(&t->list);
        number = t->oldest - 1;
        futex_lock_drop(&t->list);
        if (number == UINT32_MAX)
                return false;
        if (!(atomic_fetch_and(&t->places[number].word, ~PLACE_ASKED) & PLACE_ASKED))
                return true;
        tiered_list_add(t, number);
        return false;
}

/* A locked page from below, whose content this is, goes up. Caller holds `moving`. */
static void rise(struct tiered *t, struct place *p, const void *page)
{
        uint64_t word = atomic_load(&p->word) & ~PLACE_LOCKED, offset;
        int error = store_anew(&t->upper, page, false, &offset);

        if (error == -ENOSPC && oldest_is_cold(t) && tiered_move_down(t) == 0)
                error = store_anew(&t->upper, page, false, &offset);
        if (error)
                return;
        atomic_store(&p->word, place_at(t, PLACE_ABOVE, offset) | PLACE_LOCKED);
        tiered_list_add(t, (uint32_t)(p - t->places));
        release(t, word);
}

static void came_from_below(struct tiered *t, struct place *p, const void *page)
{
        if (atomic_fetch_or(&p->word, PLACE_ASKED) & PLACE_ASKED && futex_lock_try(&t->moving)) {
                rise(t, p, page);
                futex_lock_drop(&t->moving);
        }
}

static int load_below(struct tiered *t, uint64_t offset, size_t n, uint64_t word, char *buf)
{
        int error = t->lower.ops.page_in(t->lower.store, place_offset(t, word), n, buf);

        for (size_t i = 0; i < n; i++) {
                struct place *p = place_find(t, offset, i);

                if (!error)
                        came_from_below(t, p, buf + i * t->store.page_size);
                place_leave(p);
        }
        return error;
}

static int load_above(struct tiered *t, struct place *p, uint64_t word, char *buf)
{
        int error = -EIO; /* never written */

        if (place_kind(word) == PLACE_ABOVE)
                error = t->upper.ops.page_in(t->upper.store, place_offset(t, word), 1, buf);
        atomic_fetch_or(&p->word, PLACE_ASKED);
        place_leave(p);
        return error;
}

static int tiered_page_in(struct pg_store *store, uint64_t offset, size_t npages, void *buf)
{
        struct tiered *t = tiered_of(store);
        int error = 0;

        for (size_t i = 0, n; i < npages && !error; i += n) {
                uint64_t from = offset + i * store->page_size, word;
                char *to = (char *)buf + i * store->page_size;
                struct place *p = place_find(t, from, 0);

                if (!p)
                        return -EIO;
                n = lock_run(t, from, npages - i, &word);
                error = place_kind(word) == PLACE_BELOW ? load_below(t, from, n, word, to)
                                                        : load_above(t, p, word, to);
        }
        return error;
}

/* ---- pages out ----------------------------------------------------------------------------- */

/* Writes the page of a locked place into one of the stores: over its old copy, if it has that
 * there. */
static int put_in(struct tiered *t, struct place *p, uint64_t word, enum place_kind kind,
                  const void *page)
{
        const struct tier *tier = kind == PLACE_ABOVE ? &t->upper : &t->lower;
        bool is_there = place_kind(word) == kind;
        uint64_t offset = place_offset(t, word);
        int error = is_there ? tier->ops.page_out(tier->store, offset, 1, page)
                             : store_anew(tier, page, true, &offset);

        if (error) {
                place_leave(p);
                return error;
        }
        if (!is_there && kind == PLACE_BELOW)
                atomic_fetch_add(&t->lower_pages, 1);
        place_unlock(p, place_at(t, kind, offset));
        if (kind == PLACE_ABOVE)
                tiered_list_add(t, (uint32_t)(p - t->places));
        else
                tiered_list_remove(t, (uint32_t)(p - t->places));
        if (!is_there)
                release(t, word);
        return 0;
}

/* Unless another thread has, since `rounds` was read. */
static int send_some_down(struct tiered *t, uint32_t rounds)
{
        int error = 0;

        futex_lock_take(&t->moving);
        if (atomic_load(&t->rounds) == rounds)
                error = tiered_move_down(t);
        futex_lock_drop(&t->moving);
        return error;
}

static int put(struct tiered *t, struct place *p, const void *page)
{
        int error = 0;

        for (unsigned i = 0; !error; i++) {
                uint32_t rounds = atomic_load(&t->rounds);

                error = put_in(t, p, place_lock(p), PLACE_ABOVE, page);
                if (error != -ENOSPC)
                        return error;
                error = i < ROUNDS_MOST ? send_some_down(t, rounds) : -ENODATA;
        }
        if (error == -ENODATA || error == -ENOSPC) /* it may have its own place there */
                error = put_in(t, p, place_lock(p), PLACE_BELOW, page);
        if (error == -ENOSPC)
                atomic_fetch_add(&t->refused, 1);
        return error;
}

static int tiered_page_out(struct pg_store *store, uint64_t offset, size_t npages, const void *buf)
{
        struct tiered *t = tiered_of(store);
        int error = 0;

        for (size_t i = 0; i < npages && !error; i++) {
                struct place *p = place_find(t, offset, i);

                if (!p || place_kind(atomic_load(&p->word)) == PLACE_FREE)
                        return -EIO;
                error = put(t, p, (const char *)buf + i * store->page_size);
        }
        return error;
}

/* What is above, if that store is. */
static bool tiered_is_near(struct pg_store *store, uint64_t offset)
{
        struct tiered *t = tiered_of(store);
        struct place *p = place_find(t, offset, 0);
        uint64_t word = p ? atomic_load_explicit(&p->word, memory_order_relaxed) : 0;

        return place_kind(word) == PLACE_ABOVE;
}

/* ---- the store ----------------------------------------------------------------------------- */

static struct pg_store_stats stats_of(const struct tier *tier)
{
        struct pg_store_stats stats = {.size = sizeof(stats)};

        if (tier->ops.stats)
                tier->ops.stats(tier->store, &stats);
        return stats;
}

/* What both stores need besides what is above. */
static uint64_t memory_beside(struct tiered *t, const struct pg_store_stats *lower)
{
        return lower->memory_bytes + sizeof(*t) + place_count(t) * sizeof(struct place) +
               (BATCH_BYTES > t->store.page_size ? BATCH_BYTES : t->store.page_size);
}

static void tiered_stats(struct pg_store *store, struct pg_store_stats *stats)
{
        struct tiered *t = tiered_of(store);
        struct pg_store_stats upper = stats_of(&t->upper), lower = stats_of(&t->lower);
        uint64_t beside = memory_beside(t, &lower);

        stats->stored_pages = upper.stored_pages + lower.stored_pages;
        stats->stored_bytes = upper.stored_bytes + lower.stored_bytes;
        stats->payload_bytes = upper.payload_bytes + lower.payload_bytes;
        stats->memory_bytes = upper.memory_bytes + beside;
        stats->same_filled_pages = upper.same_filled_pages;
        stats->incompressible_pages = upper.incompressible_pages;
        stats->limit_bytes = upper.limit_bytes ? upper.limit_bytes + beside : 0;
        stats->limit_hits = atomic_load(&t->refused);
        stats->lower_pages = atomic_load(&t->lower_pages);
}

static int tiered_memory_limit(struct pg_store *store, uint64_t bytes)
{
        struct tiered *t = tiered_of(store);
        struct pg_store_stats lower = stats_of(&t->lower);
        uint64_t beside = memory_beside(t, &lower);
        uint64_t above = bytes == UINT64_MAX ? bytes : bytes > beside ? bytes - beside : 0;
        int error = t->upper.ops.memory_limit(t->upper.store, above);

        if (error != -ENOSPC)
                return error;
        futex_lock_take(&t->moving);
        error = tiered_move_down(t);
        futex_lock_drop(&t->moving);
        return error == 0 ? 1 : error == -ENODATA ? -ENOSPC : error;
}

static int tiered_swap_begin(struct pg_store *store)
{
        struct tiered *t = tiered_of(store);
        int error;

        futex_lock_take(&t->table);
        error = t->started ? 0 : tiered_start(t);
        futex_lock_drop(&t->table);
        if (!error && t->upper.ops.swap_begin)
                error = t->upper.ops.swap_begin(t->upper.store);
        if (!error && t->lower.ops.swap_begin)
                error = t->lower.ops.swap_begin(t->lower.store);
        return error;
}

const struct pg_store_ops tiered_ops = {
        .size = sizeof(struct pg_store_ops),
        .name = "tiered",
        .flags = PG_STORE_PARALLEL | PG_STORE_KEEPS | PG_STORE_SPILLS,
        .location_get = tiered_location_get,
        .location_free = tiered_location_free,
        .page_in = tiered_page_in,
        .page_out = tiered_page_out,
        .close = NULL, /* tiered_open.c */
        .stats = tiered_stats,
        .fork_prepare = tiered_fork_prepare,
        .fork_parent = tiered_fork_parent,
        .fork_child = tiered_fork_child,
        .swap_begin = tiered_swap_begin,
        .memory_limit = tiered_memory_limit,
        .is_near = tiered_is_near,
};
