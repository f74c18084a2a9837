/* SPDX-License-Identifier: MIT */
/*
 * test_mapping_readers.c - threads that are just looking at a mapping, and those that fork leaves
 * behind.
 */
#include "../flow/child.h"
#include "mapping.h"

#include <sys/wait.h>

#define PAGES 16u

static struct mapping *mapping_of(const char *map)
{
        bool dying;
        struct mapping *m = mapping_get((uintptr_t)map, &dying);

        ck_assert_ptr_nonnull(m);
        mapping_put(m);
        return m;
}

static int maps_and_unmaps(struct pg_pool *pool)
{
        char *map = pg_map(pool, PAGES * PAGE, 0);

        CHILD_CHECK(map);
        map[0] = 1;
        CHILD_CHECK(pg_unmap(pool, map, PAGES * PAGE) == 0);
        return 0;
}

/* A handler that was slow counts itself into what is another mapping now, or will be: mapping.c. */
START_TEST(child_waits_for_no_late_reader_of_its_parent)
{
        struct pg_pool *pool = open_frames(PG_DELIVERY_SIGNAL, 16, INHERIT);
        char *map = map_pages(pool, PAGES, 0);
        struct mapping *m = mapping_of(map);
        pid_t child;

        ck_assert_int_eq(pg_unmap(pool, map, PAGES * PAGE), 0);
        atomic_fetch_add(&m->users, 1);
        child = fork();
        if (child == 0)
                _exit(maps_and_unmaps(pool));
        expect_child(child, 0);
        ck_assert_uint_eq(atomic_fetch_sub(&m->users, 1), 1);
        map = map_pages(pool, PAGES, 0);
        ck_assert_ptr_eq(mapping_of(map), m);
        close_pool(pool);
}
END_TEST

START_TEST(child_waits_for_no_reader_of_its_parent)
{
        struct pg_pool *pool = open_frames(PG_DELIVERY_SIGNAL, 16, INHERIT);
        char *map = map_pages(pool, PAGES, 0);
        struct mapping *m = mapping_of(map);
        pid_t child;

        atomic_fetch_add(&m->users, 1);
        child = fork();
        if (child == 0)
                _exit(pg_unmap(pool, map, PAGES * PAGE) == 0 ? maps_and_unmaps(pool) : 1);
        expect_child(child, 0);
        ck_assert_uint_eq(atomic_fetch_sub(&m->users, 1), 1);
        close_pool(pool);
}
END_TEST

TESTS("mapping_readers")
{
        tcase_add_test(tc, child_waits_for_no_late_reader_of_its_parent);
        tcase_add_test(tc, child_waits_for_no_reader_of_its_parent);
}
