/* SPDX-License-Identifier: MIT */
/*
 * The environment may lie in paged memory: programs that show their state in their command line
 * move it to the heap. The pager must not read it where nobody can serve its fault.
 */
#include "child.h"
#include "probe.h"

#include <string.h>
#include <unistd.h>

#define FRAMES ((size_t)16)
#define NPAGES ((size_t)128)

static char **own; /* the environment as it was */

static void put_number(char *map, size_t page)
{
        snprintf(map + page * PAGE, PAGE, "VARIABLE_%zu=%zu", page, page);
}

/* Page 0 points to the others, which have a variable each; all are out. */
static char *move_environment(struct pg_pool *pool)
{
        char *map = map_pages(pool, 2 * NPAGES, 0);

        for (size_t i = 1; i < NPAGES; i++) {
                put_number(map, i);
                ((char **)(void *)map)[i - 1] = map + i * PAGE;
        }
        ((char **)(void *)map)[NPAGES - 1] = NULL;
        ck_assert_int_eq(pg_page_out(pool, map, NPAGES * PAGE), 0);
        ck_assert(!is_resident(pool, map));
        ck_assert(!is_resident(pool, map + PAGE));
        own = environ;
        environ = (char **)(void *)map;
        return map;
}

static bool environment_is_whole(char *map)
{
        char wanted[64];

        for (size_t i = 1; i < NPAGES; i++) {
                snprintf(wanted, sizeof(wanted), "VARIABLE_%zu=%zu", i, i);
                if (((char **)(void *)map)[i - 1] != map + i * PAGE ||
                    strcmp(map + i * PAGE, wanted) != 0)
                        return false;
        }
        return true;
}

START_TEST(a_child_has_an_environment_that_was_out)
{
        struct pg_pool *pool = open_frames(_i, FRAMES, INHERIT);
        char *map = move_environment(pool);
        pid_t child = fork();

        if (child == 0) {
                CHILD_CHECK(environment_is_whole(map));
                fill_pages(map + NPAGES * PAGE, NPAGES, 6);
                CHILD_CHECK(environment_is_whole(map));
                _exit(0);
        }
        environ = own;
        expect_child(child, 0);
        ck_assert(environment_is_whole(map));
        close_pool(pool);
}
END_TEST

/* Nothing that serves a fault reads it. */
START_TEST(a_file_is_read_while_the_environment_is_out)
{
        struct pg_pool *pool = open_frames(_i, FRAMES, 0);
        struct pg_store *store = file_store_only(numbered_file(NPAGES));
        char *file = map_store(pool, store, NPAGES, 0);
        char *map = move_environment(pool);

        for (size_t i = 0; i < NPAGES; i++)
                ck_assert_uint_eq(*(volatile uint64_t *)(void *)(file + i * PAGE), i);
        environ = own;
        ck_assert(environment_is_whole(map));
        close_pool(pool);
        ck_assert_int_eq(pg_store_close(store), 0);
}
END_TEST

TESTS("environment")
{
        int first = *SANITIZER ? PG_DELIVERY_SIGNAL : PG_DELIVERY_THREAD;

        tcase_add_loop_test(tc, a_child_has_an_environment_that_was_out, first, 2);
        add_for_both(tc, a_file_is_read_while_the_environment_is_out);
}
