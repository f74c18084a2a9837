/* SPDX-License-Identifier: MIT */
/*
 * test_fork_readonly.c - read-only mappings that mprotect makes writable, touched while the process
 * forks, when the pager's records stand still.
 */
#include "child.h"
#include "flaky_store.h"
#include "probe.h"

#include <pthread.h>

#define PAGES ((size_t)64)

static volatile char *touched_by_fork;
static bool written_by_fork;

static void touch_in_fork(void)
{
        if (written_by_fork)
                *touched_by_fork = 77;
        else
                (void)*touched_by_fork;
}

/* A handler that was registered before the pool was opened runs while the pager's records stand
 * still. */
static void fork_touching(volatile char *addr, bool write)
{
        pid_t child;

        touched_by_fork = addr;
        written_by_fork = write;
        child = fork();
        if (child == 0)
                _exit(0);
        expect_child(child, 0);
}

START_TEST(page_read_while_forking_goes_out_once_it_was_made_writable)
{
        int fd = memory_file(PAGES * PAGE);
        struct pg_pool *pool;
        char *map;

        pthread_atfork(touch_in_fork, NULL, NULL);
        pool = open_frames(_i, 32, INHERIT);
        map = pg_map_file(pool, fd, 0, PAGES * PAGE, PG_MAP_READONLY);
        ck_assert_ptr_nonnull(map);
        fork_touching(map + 3 * PAGE, false);
        ck_assert_int_eq(mprotect(map, PAGES * PAGE, PROT_READ | PROT_WRITE), 0);
        map[0] = 1;
        ck_assert_int_eq(pg_page_out(pool, map + 3 * PAGE, PAGE), 0);
        map[3 * PAGE] = 2;
        ck_assert_int_eq(pg_page_out(pool, map, PAGES * PAGE), 0);
        ck_assert_int_eq(map[0], 1);
        ck_assert_int_eq(map[3 * PAGE], 2);
        close_pool(pool);
        close(fd);
}
END_TEST

START_TEST(write_while_forking_to_a_mapping_that_was_made_writable_is_kept)
{
        struct flaky *f = flaky_new(PAGES, PAGE, true);
        struct pg_pool *pool;
        char *map;

        pthread_atfork(touch_in_fork, NULL, NULL);
        pool = open_frames(_i, 32, INHERIT);
        map = map_store(pool, &f->store, PAGES, PG_MAP_SHARED | PG_MAP_READONLY);
        touch(map + 3 * PAGE);
        ck_assert_int_eq(mprotect(map, PAGES * PAGE, PROT_READ | PROT_WRITE), 0);
        fork_touching(map + 3 * PAGE, true); /* in */
        fork_touching(map + 9 * PAGE, true); /* out */
        ck_assert_int_eq(pg_page_out(pool, map, PAGES * PAGE), 0);
        ck_assert_int_eq(f->pages[3 * PAGE], 77);
        ck_assert_int_eq(f->pages[9 * PAGE], 77);
        ck_assert_int_eq(map[3 * PAGE], 77);
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

TESTS("fork_readonly")
{
        int first = *SANITIZER ? PG_DELIVERY_SIGNAL : PG_DELIVERY_THREAD;

        if (first == PG_DELIVERY_SIGNAL)
                fprintf(stderr,
                        "skipped: handler threads in a child, which sanitizers do not stand\n");

        tcase_add_loop_test(tc, page_read_while_forking_goes_out_once_it_was_made_writable, first,
                            2);
        tcase_add_loop_test(tc, write_while_forking_to_a_mapping_that_was_made_writable_is_kept,
                            first, 2);
}
