/* SPDX-License-Identifier: MIT */
/*
 * test_store_file_stage.c - the file store reads on in direct files, and never answers with what is
 * outdated.
 *
 * That something was read on is seen by changing the file behind the store's back: what it answers
 * then is of before the change, until it is told.
 */
#include "store_file_support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

enum {
        RUN = 16, /* pages of one reading */
        RUNS = 64,
        PAGES = RUN * RUNS,
};

/* A file of PAGES pages, each full of its number, and a store on it. */
static struct pg_store *numbered(const char *test, int *fd)
{
        char *page = pages_new(1);

        *fd = scratch_file(0);
        for (unsigned i = 0; i < PAGES; i++) {
                fill(page, 1, i);
                ck_assert_int_eq(pwrite(*fd, page, PAGE, (off_t)i * PAGE), PAGE);
        }
        pages_free(page, 1);
        return store_or_skip(test, DIRECT_RING, (struct pg_file_config){.fd = *fd});
}

static void expect_pages(struct pg_store *store, unsigned first, unsigned n, uint64_t age)
{
        char *in = pages_new(n), *want = pages_new(1);

        ck_assert_int_eq(store->ops->page_in(store, (uint64_t)first * PAGE, n, in), 0);
        for (unsigned i = 0; i < n; i++) {
                fill(want, 1, first + i + age);
                ck_assert_msg(memcmp(in + (size_t)i * PAGE, want, PAGE) == 0, "page %u", first + i);
        }
        pages_free(in, n);
        pages_free(want, 1);
}

/* Through the page cache, as any program might. */
static void change_pages(int fd, unsigned first, unsigned n, uint64_t age)
{
        char *page = pages_new(1);

        for (unsigned i = first; i < first + n; i++) {
                fill(page, 1, i + age);
                ck_assert_int_eq(pwrite(fd, page, PAGE, (off_t)i * PAGE), PAGE);
        }
        ck_assert_int_eq(fsync(fd), 0);
        pages_free(page, 1);
}

START_TEST(a_stream_has_every_page_right)
{
        int fd;
        struct pg_store *store = numbered(__func__, &fd);
        struct pg_store_stats stats = {0};

        if (store == NULL)
                return;
        store->ops->stats(store, &stats);
        ck_assert_uint_eq(stats.memory_bytes, 0);
        for (unsigned run = 0; run < RUNS; run++)
                expect_pages(store, run * RUN, RUN, 0);
        store->ops->stats(store, &stats);
        ck_assert_uint_gt(stats.memory_bytes, 0);
        /* Windows that do not end where the stage does. */
        for (unsigned page = 0; page + 13 <= PAGES; page += 13)
                expect_pages(store, page, 13, 0);
        close_store(store);
        close(fd);
}
END_TEST

START_TEST(what_was_read_on_is_read_anew_when_the_store_is_told)
{
        int fd;
        struct pg_store *store = numbered(__func__, &fd);

        if (store == NULL)
                return;
        expect_pages(store, 0, RUN, 0);
        expect_pages(store, RUN, RUN, 0);
        change_pages(fd, 2 * RUN, 2 * RUN, 5000);
        expect_pages(store, 2 * RUN, RUN, 0);
        store->ops->refresh(store, 0, RUN);
        expect_pages(store, 2 * RUN, RUN, 0);
        store->ops->refresh(store, 2 * RUN * PAGE, 2 * RUN);
        expect_pages(store, 2 * RUN, 2 * RUN, 5000);
        close_store(store);
        close(fd);
}
END_TEST

START_TEST(pages_at_random_read_nothing_on)
{
        int fd;
        struct pg_store *store = numbered(__func__, &fd);
        struct pg_store_stats stats = {0};

        if (store == NULL)
                return;
        for (unsigned i = 0; i < PAGES; i++)
                expect_pages(store, i * 37 % PAGES, 1, 0);
        for (unsigned run = 0; run < RUNS; run++)
                expect_pages(store, run * 11 % RUNS * RUN, RUN, 0);
        store->ops->stats(store, &stats);
        ck_assert_uint_eq(stats.memory_bytes, 0);
        close_store(store);
        close(fd);
}
END_TEST

START_TEST(a_second_stream_leaves_the_first_what_it_has_read)
{
        int fd;
        struct pg_store *store = numbered(__func__, &fd);

        if (store == NULL)
                return;
        expect_pages(store, 0, RUN, 0);
        expect_pages(store, RUN, RUN, 0);
        change_pages(fd, 2 * RUN, RUN, 5000);
        expect_pages(store, PAGES / 2, RUN, 0);
        expect_pages(store, PAGES / 2 + RUN, RUN, 0);
        expect_pages(store, PAGES / 2 + 2 * RUN, RUN, 0);
        expect_pages(store, 2 * RUN, RUN, 0); /* from before the change: it was kept */
        /* Who does not come back loses it. */
        change_pages(fd, 3 * RUN, RUN, 5000);
        for (unsigned run = 3; run < 20; run++)
                expect_pages(store, PAGES / 2 + run * RUN, RUN, 0);
        expect_pages(store, 3 * RUN, RUN, 5000);
        close_store(store);
        close(fd);
}
END_TEST

START_TEST(a_file_cut_short_behind_a_stream_is_an_error)
{
        int fd;
        struct pg_store *store = numbered(__func__, &fd);
        char *in = pages_new(RUN);

        if (store == NULL)
                return;
        expect_pages(store, 0, RUN, 0);
        ck_assert_int_eq(ftruncate(fd, (off_t)(RUN + 4) * PAGE), 0);
        ck_assert_int_eq(store->ops->page_in(store, (uint64_t)RUN * PAGE, RUN, in), -EIO);
        expect_pages(store, RUN, 4, 0);
        pages_free(in, RUN);
        close_store(store);
        close(fd);
}
END_TEST

START_TEST(a_child_of_fork_reads_what_the_parent_would_and_keeps_no_stage)
{
        int fd, status;
        struct pg_store *store = numbered(__func__, &fd);
        struct pg_store_stats stats = {0};
        pid_t child;

        if (store == NULL)
                return;
        expect_pages(store, 0, RUN, 0);
        expect_pages(store, RUN, RUN, 0);
        ck_assert_int_eq(store->ops->fork_prepare(store), 0);
        child = fork();
        if (child == 0) {
                ck_assert_int_eq(store->ops->fork_child(store), 0);
                for (unsigned run = 2; run < RUNS; run++)
                        expect_pages(store, run * RUN, RUN, 0);
                store->ops->stats(store, &stats);
                _exit(stats.memory_bytes == 0 ? 42 : 1);
        }
        store->ops->fork_parent(store);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 42);
        expect_pages(store, 2 * RUN, RUN, 0);
        store->ops->stats(store, &stats);
        ck_assert_uint_gt(stats.memory_bytes, 0);
        close_store(store);
        close(fd);
}
END_TEST

/* ---- written while it is read ---------------------------------------------------------------- */

/* As the pager does: a page is moved by one at a time, who owns it. */
static atomic_bool owned[PAGES];
static uint64_t ages[PAGES]; /* of the page's owner */
static atomic_bool done;

static bool own(unsigned first, unsigned n)
{
        for (unsigned i = 0; i < n; i++) {
                if (!atomic_exchange(&owned[first + i], true))
                        continue;
                while (i > 0)
                        atomic_store(&owned[first + --i], false);
                return false;
        }
        return true;
}

static void disown(unsigned first, unsigned n)
{
        for (unsigned i = 0; i < n; i++)
                atomic_store(&owned[first + i], false);
}

static void *write_pages(void *arg)
{
        struct pg_store *store = arg;
        char *page = pages_new(1);
        uint64_t random = 1;

        while (!atomic_load(&done)) {
                unsigned i;

                i = (unsigned)random_below(&random, PAGES);
                if (!own(i, 1))
                        continue;
                fill(page, 1, i + (ages[i] += PAGES));
                ck_assert_int_eq(store->ops->page_out(store, (uint64_t)i * PAGE, 1, page), 0);
                disown(i, 1);
        }
        pages_free(page, 1);
        return NULL;
}

START_TEST(a_page_that_was_written_is_never_read_as_it_was)
{
        int fd;
        struct pg_store *store = numbered(__func__, &fd);
        char *in = pages_new(RUN), *want = pages_new(1);
        pthread_t writer;

        if (store == NULL)
                return;
        ck_assert_int_eq(pthread_create(&writer, NULL, write_pages, store), 0);
        for (unsigned run = 0; run < 40 * RUNS; run++) {
                unsigned first = run % RUNS * RUN;

                while (!own(first, RUN))
                        ;
                ck_assert_int_eq(store->ops->page_in(store, (uint64_t)first * PAGE, RUN, in), 0);
                for (unsigned i = 0; i < RUN; i++) {
                        fill(want, 1, first + i + ages[first + i]);
                        ck_assert_msg(memcmp(in + (size_t)i * PAGE, want, PAGE) == 0, "page %u",
                                      first + i);
                }
                disown(first, RUN);
        }
        atomic_store(&done, true);
        pthread_join(writer, NULL);
        pages_free(in, RUN);
        pages_free(want, 1);
        close_store(store);
        close(fd);
}
END_TEST

TESTS("store_file")
{
        tcase_set_timeout(tc, 60);
        tcase_add_test(tc, a_stream_has_every_page_right);
        tcase_add_test(tc, what_was_read_on_is_read_anew_when_the_store_is_told);
        tcase_add_test(tc, pages_at_random_read_nothing_on);
        tcase_add_test(tc, a_second_stream_leaves_the_first_what_it_has_read);
        tcase_add_test(tc, a_file_cut_short_behind_a_stream_is_an_error);
        tcase_add_test(tc, a_child_of_fork_reads_what_the_parent_would_and_keeps_no_stage);
        tcase_add_test(tc, a_page_that_was_written_is_never_read_as_it_was);
}
