/* SPDX-License-Identifier: MIT */
/*
 * test_sync_race.c - a page that is pinned when pg_sync looks at it, and neither pinned nor mapped
 * when pg_sync comes to write it.
 *
 * The race is made: while the store saves the page before it, another thread unpins the page and
 * sends it to the victim queue.
 */
#include "flaky_store.h"
#include "support.h"

#include <pthread.h>

static struct pg_pool *pool;
static char *map;
static int unpinned, cooled;

static void *send_to_queue(void *arg)
{
        unpinned = pg_unpin(pool, map + PAGE, PAGE);
        cooled = pg_advise(pool, map + PAGE, PAGE, PG_ADVICE_COLD);
        return arg;
}

static void while_saving(struct flaky *f, _Atomic int *which, uint64_t offset)
{
        pthread_t thread;

        if (which != &f->fail_save || offset != 0)
                return;
        ck_assert_int_eq(pthread_create(&thread, NULL, send_to_queue, NULL), 0);
        pthread_join(thread, NULL);
}

START_TEST(page_that_is_unpinned_and_queued_during_a_sync_is_written)
{
        struct flaky *f = flaky_new(8, PAGE, true);

        pool = open_frames(_i, 64, 0);
        map = map_store(pool, &f->store, 8, PG_MAP_SHARED);
        map[0] = 77;
        map[PAGE] = 78;
        ck_assert_int_eq(pg_pin(pool, map + PAGE, PAGE), 0);
        atomic_store(&f->hook, while_saving);
        ck_assert_int_eq(pg_sync(pool, map, 8 * PAGE), 0);
        atomic_store(&f->hook, NULL);
        ck_assert_int_eq(unpinned, 0);
        ck_assert_int_eq(cooled, 0);
        ck_assert_uint_eq(stats_of(pool).frames_queued, 1);
        ck_assert_int_eq(f->pages[0], 77);
        ck_assert_int_eq(f->pages[PAGE], 78);
        ck_assert_int_eq(map[PAGE], 78);
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

TESTS("sync_race")
{
        add_for_both(tc, page_that_is_unpinned_and_queued_during_a_sync_is_written);
}
