/* SPDX-License-Identifier: MIT */
/*
 * test_store_file_places.c - the places a file store hands out for swap: each once, in order, none
 * lost.
 */
#include "store_file_support.h"

#include <pthread.h>
#include <stdatomic.h>

/* One page short of a multiple of 64 * 64 + 64, so that every edge of the bitmaps is inside. */
#define PLACES 8255u

static uint64_t stored_pages(struct pg_store *store)
{
        struct pg_store_stats stats = {0};

        store->ops->stats(store, &stats);
        ck_assert_uint_eq(stats.stored_bytes, stats.stored_pages * store->page_size);
        return stats.stored_pages;
}

START_TEST(places_are_unique_in_order_and_reused)
{
        struct pg_store *store = cached_store((struct pg_file_config){
                .fd = scratch_file(0), .length = (uint64_t)PLACES * PAGE + 100});
        uint64_t offset = 0;

        for (uint64_t i = 0; i < PLACES; i++) {
                ck_assert_int_eq(store->ops->location_get(store, &offset, true), 0);
                ck_assert_uint_eq(offset, i * PAGE);
        }
        ck_assert_int_eq(store->ops->location_get(store, &offset, true), -ENOSPC);
        ck_assert_uint_eq(stored_pages(store), PLACES);
        for (uint64_t i = 0; i < PLACES; i += 61) {
                store->ops->location_free(store, i * PAGE);
                ck_assert_int_eq(store->ops->location_get(store, &offset, true), 0);
                ck_assert_uint_eq(offset, i * PAGE);
        }
        for (uint64_t i = 0; i < PLACES; i++)
                store->ops->location_free(store, i * PAGE);
        ck_assert_uint_eq(stored_pages(store), 0);
        for (uint64_t i = 0; i < PLACES; i++)
                ck_assert_int_eq(store->ops->location_get(store, &offset, true), 0);
        ck_assert_int_eq(store->ops->location_get(store, &offset, true), -ENOSPC);
        close_store(store);
}
END_TEST

START_TEST(places_follow_the_page_size)
{
        struct pg_store *store = cached_store(
                (struct pg_file_config){.fd = scratch_file(0), .length = (9u << 20) - PAGE});
        uint64_t offset = 0;

        store->page_size = 2u << 20;
        for (uint64_t i = 0; i < 4; i++) {
                ck_assert_int_eq(store->ops->location_get(store, &offset, true), 0);
                ck_assert_uint_eq(offset, i << 21);
        }
        ck_assert_int_eq(store->ops->location_get(store, &offset, true), -ENOSPC);
        close_store(store);
}
END_TEST

START_TEST(the_last_place_is_for_a_fault)
{
        struct pg_store *store =
                cached_store((struct pg_file_config){.fd = scratch_file(0), .length = 4 * PAGE});
        uint64_t offset = 0;

        for (uint64_t i = 0; i < 3; i++)
                ck_assert_int_eq(store->ops->location_get(store, &offset, false), 0);
        ck_assert_int_eq(store->ops->location_get(store, &offset, false), -ENOSPC);
        ck_assert_int_eq(store->ops->location_get(store, &offset, true), 0);
        ck_assert_int_eq(store->ops->location_get(store, &offset, true), -ENOSPC);
        close_store(store);
}
END_TEST

#define THREADS 4u

struct worker {
        pthread_t thread;
        struct pg_store *store;
        _Atomic uint8_t *taken; /* a count per place: never more than one */
        unsigned number;
        bool failed;
};

/* Holds up to a third of the places: together the workers want more than there are. */
static void *juggle_places(void *arg)
{
        struct worker *self = arg;
        uint64_t held[PLACES / 3];
        size_t nheld = 0;
        uint64_t seed = self->number;

        for (unsigned i = 0; i < 60000 && !self->failed; i++) {
                uint64_t offset = 0;

                if (nheld < PLACES / 3 && (nheld == 0 || random_below(&seed, 5) < 3)) {
                        if (self->store->ops->location_get(self->store, &offset, true) != 0)
                                continue;
                        self->failed |= offset / PAGE >= PLACES ||
                                        atomic_fetch_add(&self->taken[offset / PAGE], 1) != 0;
                        held[nheld++] = offset;
                } else {
                        size_t which = random_below(&seed, nheld);

                        offset = held[which];
                        held[which] = held[--nheld];
                        atomic_fetch_sub(&self->taken[offset / PAGE], 1);
                        self->store->ops->location_free(self->store, offset);
                }
        }
        return NULL;
}

START_TEST(threads_never_get_the_same_place)
{
        static _Atomic uint8_t taken[PLACES];
        struct worker workers[THREADS];
        struct pg_store *store = cached_store(
                (struct pg_file_config){.fd = scratch_file(0), .length = PLACES * PAGE});
        uint64_t held = 0;
        uint64_t offset = 0;

        for (unsigned i = 0; i < THREADS; i++) {
                workers[i] = (struct worker){.store = store, .taken = taken, .number = i};
                ck_assert_int_eq(
                        pthread_create(&workers[i].thread, NULL, juggle_places, &workers[i]), 0);
        }
        for (unsigned i = 0; i < THREADS; i++) {
                ck_assert_int_eq(pthread_join(workers[i].thread, NULL), 0);
                ck_assert(!workers[i].failed);
        }
        for (size_t i = 0; i < PLACES; i++)
                held += taken[i];
        ck_assert_uint_eq(stored_pages(store), held);
        /* Not one place was lost on the way. */
        for (; held < PLACES; held++) {
                ck_assert_int_eq(store->ops->location_get(store, &offset, true), 0);
                ck_assert_uint_eq(atomic_fetch_add(&taken[offset / PAGE], 1), 0);
        }
        ck_assert_int_eq(store->ops->location_get(store, &offset, true), -ENOSPC);
        close_store(store);
}
END_TEST

TESTS("store_file")
{
        tcase_add_test(tc, places_are_unique_in_order_and_reused);
        tcase_add_test(tc, places_follow_the_page_size);
        tcase_add_test(tc, the_last_place_is_for_a_fault);
        tcase_add_test(tc, threads_never_get_the_same_place);
}
