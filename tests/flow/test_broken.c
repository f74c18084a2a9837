/* SPDX-License-Identifier: MIT */
/*
 * test_broken.c - a program or a store that breaks the rules: a message and an abort, or an error,
 * but never a hang and never wrong bytes in silence.
 *
 * Each case runs in a child of its own, whose standard error is read here; a child that has not
 * ended after five seconds hangs, and is killed.
 */
#include "flaky_store.h"
#include "sigbus.h"
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>

#define PAGES 32u

static char text[8192];

/* The wait status of a child that runs the case, and what it said in `text`. */
static int run_case(void (*act)(int delivery), int delivery)
{
        int ends[2], status = 0;
        size_t used = 0;
        bool ended = false;
        pid_t child;

        ck_assert_int_eq(pipe(ends), 0);
        fflush(NULL);
        child = fork();
        if (child == 0) {
                dup2(ends[1], STDERR_FILENO);
                signal(SIGABRT, SIG_DFL);
                signal(SIGBUS, SIG_DFL);
                act(delivery);
                _exit(0);
        }
        close(ends[1]);
        fcntl(ends[0], F_SETFL, O_NONBLOCK);
        for (unsigned ms = 0; ms < 5000 && !ended; ms += 5) {
                ssize_t n;

                usleep(5000);
                ended = waitpid(child, &status, WNOHANG) == child;
                while ((n = read(ends[0], text + used, sizeof(text) - 1 - used)) > 0)
                        used += (size_t)n;
        }
        text[used] = '\0';
        close(ends[0]);
        if (!ended) {
                kill(child, SIGKILL);
                waitpid(child, &status, 0);
                ck_abort_msg("it hangs; it said: %s", text);
        }
        return status;
}

/* Killed by a signal that tells of the mistake. */
static void expect_killed(int status, int sig)
{
        ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == sig, "status %#x; it said: %s",
                      (unsigned)status, text);
}

/* ---- a store that keeps its data in paged memory ------------------------------------------- */

/* Moves the content of a store into memory of the pool that is to use it. */
static struct pg_pool *open_with_paged_store(int delivery, char **map, bool serial)
{
        struct flaky *f = serial ? flaky_new(PAGES, PAGE, true) : flaky_new_parallel(PAGES, PAGE);
        struct pg_pool *pool = open_frames(delivery, 8, PG_POOL_STRICT);
        char *own = map_pages(pool, PAGES, 0);
        pg_location base;

        if (pg_attach(pool, &f->store, &base) != 0)
                _exit(1);
        f->pages = own;
        *map = pg_map_unpaged(pool, base, PAGES * PAGE, 0);
        return pool;
}

static void fault_in_paged_store(int delivery)
{
        char *map;

        open_with_paged_store(delivery, &map, false);
        touch(map);
}

START_TEST(handler_that_touches_paged_memory_ends_with_a_message)
{
        int status;

        if (_i == PG_DELIVERY_THREAD && is_masked("thread_id")) {
                fprintf(stderr, "skipped: the kernel does not say who faulted\n");
                return;
        }
        status = run_case(fault_in_paged_store, _i);
        if (_i == PG_DELIVERY_SIGNAL) {
                expect_killed(status, SIGBUS);
                return;
        }
        expect_killed(status, SIGABRT);
        ck_assert_ptr_nonnull(strstr(text, "touched paged memory"));
        ck_assert_ptr_nonnull(strstr(text, "history"));
}
END_TEST

static struct flaky *nested;
static char *nested_map;
static _Atomic bool nesting;

/* A store whose page_in touches a page that the same store serves. */
static void touch_own_page(struct flaky *f, _Atomic int *which, uint64_t offset)
{
        (void)f, (void)which, (void)offset;
        if (!atomic_exchange(&nesting, true))
                touch(nested_map + 9 * PAGE);
}

static void page_in_nested(int delivery)
{
        struct pg_pool *pool = open_frames(delivery, 8, PG_POOL_STRICT);
        pg_location base;

        nested = flaky_new(PAGES, PAGE, true);
        if (pg_attach(pool, &nested->store, &base) != 0)
                _exit(1);
        nested_map = pg_map_unpaged(pool, base, PAGES * PAGE, 0);
        atomic_store(&nested->hook, touch_own_page);
        pg_page_in(pool, nested_map, PAGE);
}

START_TEST(store_that_faults_inside_a_call_dies_of_it_in_signal_delivery)
{
        expect_killed(run_case(page_in_nested, PG_DELIVERY_SIGNAL), SIGBUS);
}
END_TEST

/* ---- a program that changes the mapping behind the pool's back ----------------------------- */

#define CHILD_CHECK(ok)                                                                            \
        do {                                                                                       \
                if (!(ok)) {                                                                       \
                        fprintf(stderr, "line %d: %s\n", __LINE__, #ok);                           \
                        _exit(1);                                                                  \
                }                                                                                  \
        } while (0)

static void unmap_behind_its_back(int delivery)
{
        struct pg_pool *pool = open_frames(delivery, 8, 0);
        char *map = map_pages(pool, PAGES, 0);

        hit_install();
        memset(map, 1, PAGES * PAGE);
        /* A sanitizer maps memory for each thread that begins, and would take the hole for it. */
        if (SANITIZER[0])
                usleep(200000);
        munmap(map + 8 * PAGE, 8 * PAGE);
        for (unsigned round = 0; round < 3; round++)
                for (unsigned i = 0; i < PAGES; i++) {
                        struct hit hit = hit_touch(map + i * PAGE, true);

                        CHILD_CHECK(i >= 8 && i < 16 ? hit.sig == SIGSEGV
                                                     : hit.sig == 0 && hit.value == 1);
                }
        pg_page_in(pool, map, PAGES * PAGE);
        pg_page_out(pool, map, PAGES * PAGE);
        CHILD_CHECK(hit_touch(map, false).value == 1);
        CHILD_CHECK(pg_unmap(pool, map, PAGES * PAGE) == 0);
        CHILD_CHECK(stats_of(pool).frames_free == 8);
        CHILD_CHECK(pg_close(pool) == 0);
}

START_TEST(part_unmapped_behind_its_back_is_sigsegv_and_the_rest_goes_on)
{
        int status = run_case(unmap_behind_its_back, _i);

        ck_assert_msg(status == 0, "status %#x; it said: %s", (unsigned)status, text);
}
END_TEST

static void fill_behind_its_back(int delivery)
{
        struct pg_pool *pool = open_frames(delivery, 8, PG_POOL_STRICT);
        char *map = map_pages(pool, PAGES, 0), *other = map_pages(pool, PAGES, 0);

        memset(map, 1, PAGE);
        memset(other, 2, PAGE);
        CHILD_CHECK(pg_page_out(pool, map, PAGE) == 0);
        /* Another page of the pool, moved to where a page is out. */
        CHILD_CHECK(mremap(other, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, map) == map);
        CHILD_CHECK(pg_page_in(pool, map, PAGE) != 0);
        CHILD_CHECK(map[0] == 2);
        CHILD_CHECK(pg_page_out(pool, other, PAGE) != -EINVAL);
        CHILD_CHECK(pg_close(pool) == 0);
}

START_TEST(page_moved_behind_its_back_is_never_taken_for_another)
{
        int status = run_case(fill_behind_its_back, _i);

        /* An error, or poisoned because nothing could be put there, or an abort. */
        if (status != 0 && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS))
                expect_killed(status, SIGABRT);
}
END_TEST

TESTS("broken")
{
        add_for_both(tc, handler_that_touches_paged_memory_ends_with_a_message);
        tcase_add_test(tc, store_that_faults_inside_a_call_dies_of_it_in_signal_delivery);
        add_for_both(tc, part_unmapped_behind_its_back_is_sigsegv_and_the_rest_goes_on);
        add_for_both(tc, page_moved_behind_its_back_is_never_taken_for_another);
}
