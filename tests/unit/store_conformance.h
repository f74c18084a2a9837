/* SPDX-License-Identifier: MIT */
/*
 * store_conformance.h - what every backing store must do, whatever it is made of: one body for all.
 *
 * Theory of operation. The content of a page is a function of a seed, and a seed is all that a test
 * remembers of a page: the oracle is an array of seeds, one a place. Seeds run through the kinds of
 * content in turn, from pages of zeros to noise. Operations are called directly, with page_size set
 * by hand, as the core would.
 *
 * To test a store that hands out places: store_conformance(make, page_sizes, count), where make
 * returns a new store (room for 600 pages at least; with less a test is cut short, not failed).
 * For a store that is only read: store_conformance_reads(). Needs public headers and Check only.
 */
#ifndef UNPAGED_TESTS_STORE_CONFORMANCE_H
#define UNPAGED_TESTS_STORE_CONFORMANCE_H

#include "bench_util.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unpaged/store.h>

#define CONFORM_THREADS 4u

/* As ck_assert_msg(), which reports to the runner when it holds, too: too slow for inner loops. */
#define conform_expect(condition, ...)                                                             \
        do {                                                                                       \
                if (!(condition))                                                                  \
                        ck_abort_msg(__VA_ARGS__);                                                 \
        } while (0)

/* A store under test and its oracle. */
struct conform_rig {
        struct pg_store *store;
        size_t page_size;
        size_t count;      /* places taken */
        uint64_t *offsets; /* by place */
        uint64_t *seeds;   /* by place; 0: never written */
        char *page, *got;  /* one run of up to 8 pages each */
};

#define CONFORM_RUN 8u

/* `noise` percent of the pieces of a page are new, the others repeat one of the last 32 KiB. */
static inline void conform_fill_mixed(char *page, size_t bytes, unsigned noise, uint64_t seed)
{
        const size_t piece = 32, window = 32768;

        for (size_t at = 0; at < bytes; at += piece) {
                uint64_t r = random_next(&seed);

                if (at && r % 100 >= noise) {
                        size_t back = at < window ? at : window;

                        memcpy(page + at, page + at - ((r >> 32) % (back / piece) + 1) * piece,
                               piece);
                        continue;
                }
                for (size_t i = 0; i < piece; i += 8) {
                        r = random_next(&seed);
                        memcpy(page + at + i, &r, 8);
                }
        }
}

/* The content that belongs to a seed. */
static inline void conform_fill(char *page, size_t bytes, uint64_t seed)
{
        uint64_t word = seed % 7 == 1 ? seed & 0xffff : seed * 0x9e3779b97f4a7c15u;

        switch (seed % 7) {
        case 0:
                memset(page, 0, bytes);
                return;
        case 1: /* one word, small or large */
        case 2:
                for (size_t i = 0; i < bytes; i += 8)
                        memcpy(page + i, &word, 8);
                return;
        case 3: /* one word but for the last byte */
                memset(page, (int)(seed & 0xff), bytes);
                page[bytes - 1] = (char)~page[bytes - 1];
                return;
        case 4:
                conform_fill_mixed(page, bytes, 20, seed);
                return;
        case 5:
                conform_fill_mixed(page, bytes, 60, seed);
                return;
        default:
                conform_fill_mixed(page, bytes, 100, seed);
                return;
        }
}

static inline struct pg_store_stats conform_stats(struct pg_store *store)
{
        struct pg_store_stats stats = {0};

        if (store->ops->stats)
                store->ops->stats(store, &stats);
        return stats;
}

/* Writes the page of a seed to a place: 0 or what the store answered. */
static inline int conform_write(struct conform_rig *rig, size_t place, uint64_t seed)
{
        int error;

        conform_fill(rig->page, rig->page_size, seed);
        error = rig->store->ops->page_out(rig->store, rig->offsets[place], 1, rig->page);
        if (!error)
                rig->seeds[place] = seed;
        return error;
}

/* What a place holds is what the oracle says. */
static inline void conform_verify(struct conform_rig *rig, size_t place)
{
        int error;

        if (!rig->seeds[place])
                return;
        conform_fill(rig->page, rig->page_size, rig->seeds[place]);
        memset(rig->got, 0x55, rig->page_size);
        error = rig->store->ops->page_in(rig->store, rig->offsets[place], 1, rig->got);
        conform_expect(error == 0, "place %zu: page_in: %s", place, strerror(-error));
        conform_expect(memcmp(rig->page, rig->got, rig->page_size) == 0,
                       "place %zu (seed %llu) lost its content", place,
                       (unsigned long long)rig->seeds[place]);
}

static inline void conform_verify_all(struct conform_rig *rig)
{
        for (size_t i = 0; i < rig->count; i++)
                conform_verify(rig, i);
}

/* One more place; false when the store is full. */
static inline bool conform_get(struct conform_rig *rig)
{
        int error = rig->store->ops->location_get(rig->store, &rig->offsets[rig->count], false);

        conform_expect(error == 0 || error == -ENOSPC, "location_get: %s", strerror(-error));
        if (error)
                return false;
        conform_expect(rig->offsets[rig->count] % rig->page_size == 0, "place is not aligned");
        conform_expect(rig->offsets[rig->count] >> 56 == 0, "place is beyond 2^56");
        conform_expect(!rig->store->extent || rig->offsets[rig->count] < rig->store->extent,
                       "place is beyond the end");
        rig->seeds[rig->count++] = 0;
        return true;
}

/* Gives a place back; the last one takes its number. */
static inline void conform_put(struct conform_rig *rig, size_t place)
{
        rig->store->ops->location_free(rig->store, rig->offsets[place]);
        rig->count--;
        rig->offsets[place] = rig->offsets[rig->count];
        rig->seeds[place] = rig->seeds[rig->count];
}

static inline void conform_rig_open(struct conform_rig *rig, struct pg_store *store,
                                    size_t page_size, size_t most)
{
        *rig = (struct conform_rig){.store = store, .page_size = page_size};
        rig->offsets = calloc(most, sizeof(*rig->offsets));
        rig->seeds = calloc(most, sizeof(*rig->seeds));
        rig->page = aligned_alloc(page_size, CONFORM_RUN * page_size);
        rig->got = aligned_alloc(page_size, CONFORM_RUN * page_size);
        ck_assert(rig->offsets && rig->seeds && rig->page && rig->got);
        store->page_size = page_size;
}

static inline void conform_rig_close(struct conform_rig *rig)
{
        while (rig->count)
                conform_put(rig, rig->count - 1);
        free(rig->offsets);
        free(rig->seeds);
        free(rig->page);
        free(rig->got);
}

static inline void conform_places_are_distinct(struct conform_rig *rig, size_t most)
{
        while (rig->count < most && conform_get(rig)) {
                for (size_t i = 0; i + 1 < rig->count; i++)
                        conform_expect(rig->offsets[i] != rig->offsets[rig->count - 1],
                                       "a place was given twice");
        }
        ck_assert_uint_gt(rig->count, 0);
}

static inline void conform_pages_round_trip_and_are_rewritten(struct conform_rig *rig)
{
        for (uint64_t round = 0; round < 3; round++) {
                for (size_t i = 0; i < rig->count; i++)
                        ck_assert_int_eq(conform_write(rig, i, 1000 + 5 * i + round), 0);
                conform_verify_all(rig);
                if (rig->store->ops->flags & PG_STORE_KEEPS)
                        conform_verify_all(rig);
        }
}

static inline void conform_runs_round_trip(struct conform_rig *rig)
{
        const struct pg_store_ops *ops = rig->store->ops;

        for (size_t i = 0; i + CONFORM_RUN <= rig->count; i += CONFORM_RUN - 1) {
                size_t n = 1;

                while (n < CONFORM_RUN &&
                       rig->offsets[i + n] == rig->offsets[i] + n * rig->page_size)
                        n++;
                for (size_t k = 0; k < n; k++) {
                        rig->seeds[i + k] = 90000 + i + 3 * k;
                        conform_fill(rig->page + k * rig->page_size, rig->page_size,
                                     rig->seeds[i + k]);
                }
                ck_assert_int_eq(ops->page_out(rig->store, rig->offsets[i], n, rig->page), 0);
                ck_assert_int_eq(ops->page_in(rig->store, rig->offsets[i], n, rig->got), 0);
                ck_assert_mem_eq(rig->page, rig->got, n * rig->page_size);
        }
        if (rig->store->ops->flags & PG_STORE_KEEPS)
                conform_verify_all(rig);
}

static inline void conform_page_at_shows_the_page(struct conform_rig *rig)
{
        for (size_t i = 0; rig->store->ops->page_at && i < rig->count; i++) {
                const void *at = rig->store->ops->page_at(rig->store, rig->offsets[i], 1);

                conform_fill(rig->page, rig->page_size, rig->seeds[i]);
                conform_expect(!at || memcmp(at, rig->page, rig->page_size) == 0,
                               "page_at shows another page");
        }
}

static inline void conform_statistics_add_up(struct conform_rig *rig)
{
        struct pg_store_stats stats = conform_stats(rig->store);

        if (!rig->store->ops->stats)
                return;
        ck_assert_uint_eq(stats.stored_pages, rig->count);
        ck_assert_uint_eq(stats.stored_bytes, rig->count * rig->page_size);
        ck_assert_uint_le(stats.payload_bytes, stats.stored_bytes);
        ck_assert_uint_le(stats.same_filled_pages + stats.incompressible_pages, rig->count);
        if (stats.memory_bytes && !stats.lower_pages)
                ck_assert_uint_ge(stats.memory_bytes, stats.payload_bytes);
        if (stats.limit_bytes)
                ck_assert_uint_le(stats.memory_bytes, stats.limit_bytes);
}

/* A place that is freed is there for the next: going round for ever does not fill the store. */
static inline void conform_freed_places_are_used_again(struct conform_rig *rig)
{
        size_t before = rig->count;

        for (size_t i = 0; i < before / 2; i++)
                conform_put(rig, i);
        conform_verify_all(rig);
        conform_statistics_add_up(rig);
        for (size_t i = 0; i < 10 * before; i++) {
                conform_put(rig, i % rig->count);
                ck_assert(conform_get(rig));
                if (i % 16 == 0)
                        ck_assert_int_eq(conform_write(rig, rig->count - 1, 7777 + i), 0);
        }
        while (rig->count < before)
                ck_assert(conform_get(rig));
        conform_verify_all(rig);
}

static inline void conform_memory_follows_content(struct conform_rig *rig)
{
        struct pg_store_stats full = conform_stats(rig->store), empty;

        while (rig->count)
                conform_put(rig, rig->count - 1);
        empty = conform_stats(rig->store);
        ck_assert_uint_eq(empty.stored_pages, 0);
        ck_assert_uint_eq(empty.payload_bytes, 0);
        ck_assert_uint_le(empty.memory_bytes, full.memory_bytes);
}

/* Written over with noise until the store refuses: each page is then the old one or the new one.
 * Says whether the store ever refused. */
static inline bool conform_refused_pages_keep_their_copy(struct conform_rig *rig, size_t most)
{
        size_t refused = 0;

        for (uint64_t round = 0; round < 4; round++) {
                while (rig->count < most && conform_get(rig))
                        refused += conform_write(rig, rig->count - 1, 7 * rig->count + 4) != 0;
                for (size_t i = 0; i < rig->count; i++)
                        refused += conform_write(rig, i, 70000 + 7 * (i + round) + 6) != 0;
                conform_verify_all(rig);
        }
        if (refused && conform_stats(rig->store).limit_bytes)
                ck_assert_uint_gt(conform_stats(rig->store).limit_hits, 0);
        for (size_t i = 0; i < rig->count; i++) {
                if (rig->seeds[i])
                        ck_assert_int_eq(conform_write(rig, i, 7000), 0);
        }
        conform_verify_all(rig);
        return refused || rig->count < most;
}

struct conform_thread {
        pthread_t thread;
        struct conform_rig rig;
        uint64_t random;
        size_t most;
        size_t steps;
};

/* A refusal is allowed, a wrong byte is not. */
static inline void *conform_walk(void *arg)
{
        struct conform_thread *self = arg;
        struct conform_rig *rig = &self->rig;

        for (size_t step = 0; step < self->steps; step++) {
                uint64_t r = random_next(&self->random);
                size_t place = rig->count ? (r >> 8) % rig->count : 0;

                if (rig->count == 0 || (r % 8 == 0 && rig->count < self->most))
                        conform_get(rig);
                else if (r % 8 == 1)
                        conform_put(rig, place);
                else if (r % 8 < 5)
                        conform_write(rig, place, (r >> 20) + 1);
                else
                        conform_verify(rig, place);
        }
        conform_verify_all(rig);
        return NULL;
}

static inline void conform_threads_do_not_meet(struct pg_store *store, size_t page_size,
                                               unsigned threads, size_t most, size_t steps)
{
        struct conform_thread *all = calloc(threads, sizeof(*all));

        ck_assert_ptr_nonnull(all);
        for (unsigned i = 0; i < threads; i++) {
                conform_rig_open(&all[i].rig, store, page_size, most);
                all[i].random = i;
                all[i].most = most;
                all[i].steps = steps;
        }
        for (unsigned i = 0; i < threads; i++)
                ck_assert_int_eq(pthread_create(&all[i].thread, NULL, conform_walk, &all[i]), 0);
        for (unsigned i = 0; i < threads; i++)
                pthread_join(all[i].thread, NULL);
        for (unsigned i = 0; i < threads; i++)
                conform_rig_close(&all[i].rig);
        free(all);
}

/* All of it, on a new store for each page size. */
static inline void store_conformance(struct pg_store *(*make)(size_t page_size),
                                     const size_t *page_sizes, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                size_t page_size = page_sizes[i];
                size_t most = page_size > (64u << 10) ? 16 : page_size > 4096 ? 100 : 600;
                struct pg_store *store = make(page_size);
                struct conform_rig rig;

                conform_rig_open(&rig, store, page_size, most);
                conform_places_are_distinct(&rig, most / 2);
                conform_pages_round_trip_and_are_rewritten(&rig);
                conform_runs_round_trip(&rig);
                conform_page_at_shows_the_page(&rig);
                conform_statistics_add_up(&rig);
                conform_freed_places_are_used_again(&rig);
                conform_memory_follows_content(&rig);
                conform_refused_pages_keep_their_copy(&rig, most);
                conform_rig_close(&rig);
                if (store->ops->flags & PG_STORE_PARALLEL)
                        conform_threads_do_not_meet(store, page_size, CONFORM_THREADS, most / 4,
                                                    most * 5);
                ck_assert_int_eq(pg_store_close(store), 0);
        }
}

/* The reading side alone: npages pages from offset on are `expected`, however they are read. */
static inline void store_conformance_reads(struct pg_store *store, uint64_t offset, size_t npages,
                                           const char *expected)
{
        const struct pg_store_ops *ops = store->ops;
        char *got = aligned_alloc(store->page_size, npages * store->page_size);
        const void *at = ops->page_at ? ops->page_at(store, offset, npages) : NULL;

        ck_assert_ptr_nonnull(got);
        for (int twice = 0; twice < 2; twice++) {
                memset(got, 0x55, npages * store->page_size);
                ck_assert_int_eq(ops->page_in(store, offset, npages, got), 0);
                ck_assert_int_eq(memcmp(got, expected, npages * store->page_size), 0);
        }
        for (size_t i = 0; i < npages; i++) {
                size_t byte = i * store->page_size;

                ck_assert_int_eq(ops->page_in(store, offset + byte, 1, got), 0);
                ck_assert_int_eq(memcmp(got, expected + byte, store->page_size), 0);
        }
        if (at)
                ck_assert_int_eq(memcmp(at, expected, npages * store->page_size), 0);
        if (ops->flags & PG_STORE_READONLY)
                ck_assert(!ops->location_get && !ops->page_out);
        free(got);
}

#endif
