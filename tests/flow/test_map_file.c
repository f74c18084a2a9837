/* SPDX-License-Identifier: MIT */
/* pg_map_file: a file in one call, with a store that goes with the mapping. */
#include "child.h"
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unpaged/internals.h>

#define PAGES  32u
#define FRAMES 8u

/* Page i begins with the number i; the last page ends after 100 bytes. */
static int file_new(void)
{
        int fd = memfd_create("mapped", MFD_CLOEXEC);

        ck_assert_int_ge(fd, 0);
        for (uint64_t i = 0; i < PAGES; i++)
                ck_assert_int_eq(pwrite(fd, &i, sizeof(i), (off_t)(i * PAGE)), sizeof(i));
        ck_assert_int_eq(ftruncate(fd, (off_t)((PAGES - 1) * PAGE + 100)), 0);
        return fd;
}

static uint64_t in_file(int fd, uint64_t page)
{
        uint64_t number = UINT64_MAX;

        ck_assert_int_eq(pread(fd, &number, sizeof(number), (off_t)(page * PAGE)), sizeof(number));
        return number;
}

static volatile uint64_t *word(char *map, uint64_t page)
{
        return (volatile uint64_t *)(void *)(map + page * PAGE);
}

static int descriptors(void)
{
        return pg_fds(NULL, 0);
}

static void refused(struct pg_pool *pool, int fd, uint64_t offset, size_t size, unsigned flags,
                    int error)
{
        int before = descriptors();

        errno = 0;
        ck_assert_ptr_null(pg_map_file(pool, fd, offset, size, flags));
        ck_assert_int_eq(errno, error);
        ck_assert_uint_gt(strlen(pg_last_error()), 20);
        ck_assert_int_eq(descriptors(), before);
}

START_TEST(a_file_is_mapped_from_any_4096_to_its_end)
{
        int fd = file_new();
        struct pg_pool *pool = open_frames(_i, FRAMES, 0);
        char *all = pg_map_file(pool, fd, 0, 0, 0);
        char *part = pg_map_file(pool, fd, 5 * PAGE, 3 * PAGE, PG_MAP_READONLY);

        close(fd);
        ck_assert_ptr_nonnull(all);
        ck_assert_ptr_nonnull(part);
        for (uint64_t i = 0; i < PAGES; i++)
                ck_assert_uint_eq(*word(all, i), i);
        for (size_t i = 100; i < PAGE; i++)
                ck_assert_int_eq(touch(all + (PAGES - 1) * PAGE + i), 0);
        for (uint64_t i = 0; i < 3; i++)
                ck_assert_uint_eq(*word(part, i), 5 + i);
        close_pool(pool);
}
END_TEST

START_TEST(pages_larger_than_the_offset_show_the_file_too)
{
        int fd = file_new();
        struct pg_config config = config_frames(_i, FRAMES, 0);
        struct pg_pool *pool;
        char *map;

        config.page_size = 4 * PAGE;
        pool = open_config(&config);
        map = pg_map_file(pool, fd, PAGE, 0, 0);
        ck_assert_ptr_nonnull(map);
        for (uint64_t i = 1; i < PAGES; i++)
                ck_assert_uint_eq(*word(map, i - 1), i);
        close(fd);
        close_pool(pool);
}
END_TEST

START_TEST(a_shared_mapping_writes_back_and_a_private_one_does_not)
{
        int fd = file_new();
        struct pg_pool *pool = open_frames(_i, FRAMES, 0);
        char *private = pg_map_file(pool, fd, 0, 0, 0);
        char *shared = pg_map_file(pool, fd, 0, 0, PG_MAP_SHARED);

        ck_assert_ptr_nonnull(private);
        ck_assert_ptr_nonnull(shared);
        for (uint64_t i = 0; i < PAGES; i++)
                *word(private, i) = 1000 + i;
        for (uint64_t i = 0; i < PAGES; i++)
                ck_assert_uint_eq(*word(private, i), 1000 + i);
        for (uint64_t i = 0; i < PAGES; i++)
                ck_assert_uint_eq(in_file(fd, i), i);
        for (uint64_t i = 0; i < PAGES; i++)
                *word(shared, i) = 2000 + i;
        ck_assert_int_eq(pg_sync(pool, shared, PAGES * PAGE), 0);
        for (uint64_t i = 0; i < PAGES; i++)
                ck_assert_uint_eq(in_file(fd, i), 2000 + i);
        *word(shared, 3) = 3;
        ck_assert_int_eq(pg_unmap(pool, shared, PAGES * PAGE), 0);
        ck_assert_uint_eq(in_file(fd, 3), 3);
        ck_assert_int_eq(lseek(fd, 0, SEEK_END), (off_t)((PAGES - 1) * PAGE + 100));
        close(fd);
        close_pool(pool);
}
END_TEST

START_TEST(the_store_goes_with_its_mapping)
{
        int fd = file_new();
        struct pg_pool *pool = open_frames(_i, FRAMES, 0);
        int before = descriptors();

        /* More often than a pool has places for stores. */
        for (unsigned round = 0; round < 300; round++) {
                char *map = pg_map_file(pool, fd, 0, 0, round % 2 ? PG_MAP_SHARED : 0);

                ck_assert_ptr_nonnull(map);
                ck_assert_int_eq(descriptors(), before + 1);
                ck_assert_uint_eq(*word(map, round % PAGES), round % PAGES);
                ck_assert_int_eq(pg_unmap(pool, map, PAGES * PAGE), 0);
                ck_assert_int_eq(descriptors(), before);
        }
        close(fd);
        close_pool(pool);
}
END_TEST

START_TEST(pg_close_frees_the_stores_that_are_left)
{
        int fd = file_new(), before = descriptors();
        struct pg_pool *pool = open_frames(_i, FRAMES, 0);
        char *map = NULL;

        for (unsigned i = 0; i < 5; i++)
                ck_assert_ptr_nonnull(map = pg_map_file(pool, fd, 0, 0, PG_MAP_SHARED));
        *word(map, 0) = 77;
        ck_assert_int_eq(pg_close(pool), 0);
        ck_assert_int_eq(descriptors(), before);
        ck_assert_uint_eq(in_file(fd, 0), 77);
        close(fd);
}
END_TEST

START_TEST(what_cannot_be_mapped_is_refused_and_leaves_nothing)
{
        int fd = file_new(), ends[2], readonly;
        struct pg_pool *pool = open_frames(_i, FRAMES, 0);
        char path[64];

        ck_assert_int_eq(pipe(ends), 0);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        readonly = open(path, O_RDONLY | O_CLOEXEC);
        refused(pool, fd, 512, 0, 0, EINVAL);
        refused(pool, fd, PAGES * PAGE, 0, 0, EINVAL);
        refused(pool, fd, 0, (PAGES + 1) * PAGE, 0, EINVAL);
        refused(pool, fd, 0, (PAGES + 1) * PAGE, PG_MAP_SHARED, EINVAL);
        refused(pool, fd, 0, 0, 1u << 9, EINVAL);
        refused(pool, ends[0], 0, 0, 0, EINVAL);
        refused(pool, ends[1], 0, 0, 0, EBADF);
        refused(pool, -1, 0, 0, 0, EBADF);
        refused(pool, readonly, 0, 0, PG_MAP_SHARED, EACCES);
        refused(pool, fd, 0, 0, PG_MAP_LOCK, ENOMEM); /* more than there are frames */
        ck_assert_int_eq(lseek(fd, 0, SEEK_END), (off_t)((PAGES - 1) * PAGE + 100));
        ck_assert_ptr_nonnull(pg_map_file(pool, readonly, 0, 0, PG_MAP_SHARED | PG_MAP_READONLY));
        close(ends[0]);
        close(ends[1]);
        close(readonly);
        close(fd);
        close_pool(pool);
}
END_TEST

START_TEST(a_pool_has_254_stores_and_says_so)
{
        int fd = file_new();
        struct pg_pool *pool = open_frames(_i, FRAMES, 0);
        unsigned n = 0;

        while (pg_map_file(pool, fd, 0, 0, 0))
                n++;
        ck_assert_uint_eq(n, 253); /* and the swap store */
        refused(pool, fd, 0, 0, 0, ENOSPC);
        ck_assert_ptr_nonnull(strstr(pg_last_error(), "254 stores"));
        close(fd);
        close_pool(pool);
}
END_TEST

static void child_with_a_copy(struct pg_pool *pool, int fd, char *private, char *readonly)
{
        int before;
        char *map;

        for (uint64_t i = 0; i < PAGES; i++) {
                CHILD_CHECK(*word(private, i) == 1000 + i);
                CHILD_CHECK(*word(readonly, i) == i);
                *word(private, i) = 2000 + i;
        }
        before = descriptors();
        CHILD_CHECK(pg_unmap(pool, private, PAGES * PAGE) == 0);
        CHILD_CHECK(pg_unmap(pool, readonly, PAGES * PAGE) == 0);
        CHILD_CHECK(descriptors() == before - 2);
        map = pg_map_file(pool, fd, 0, 0, PG_MAP_SHARED);
        CHILD_CHECK(map != NULL);
        *word(map, 1) = 99;
        CHILD_CHECK(pg_close(pool) == 0);
        CHILD_CHECK(descriptors() == 0);
        _exit(0);
}

START_TEST(a_child_that_inherits_has_private_and_readonly_files)
{
        int fd = file_new();
        struct pg_pool *pool = open_frames(_i, FRAMES, INHERIT);
        char *private = pg_map_file(pool, fd, 0, 0, 0);
        char *readonly = pg_map_file(pool, fd, 0, 0, PG_MAP_SHARED | PG_MAP_READONLY);
        int other = file_new();
        char *shared = pg_map_file(pool, other, 0, 0, PG_MAP_SHARED);
        pid_t child;

        ck_assert(private && readonly && shared);
        for (uint64_t i = 0; i < PAGES; i++)
                *word(private, i) = 1000 + i;
        *word(shared, 2) = 55;
        child = fork();
        if (child == 0)
                child_with_a_copy(pool, fd, private, readonly);
        expect_child(child, 0);
        for (uint64_t i = 0; i < PAGES; i++)
                ck_assert_uint_eq(*word(private, i), 1000 + i);
        ck_assert_uint_eq(in_file(fd, 1), 99);
        ck_assert_int_eq(pg_unmap(pool, shared, PAGES * PAGE), 0);
        ck_assert_uint_eq(in_file(other, 2), 55);
        close(other);
        close(fd);
        close_pool(pool);
        ck_assert_int_eq(descriptors(), 0);
}
END_TEST

/* Remove the lock over stores_fork_prepare and _parent in atfork.c, and this fails under a
 * sanitizer: the store of a mapping that goes is prepared for a fork, or told of its end. */
struct comer {
        struct pg_pool *pool;
        int fd;
        _Atomic bool stop;
        _Atomic unsigned rounds;
};

static void *come_and_go(void *arg)
{
        struct comer *c = arg;

        while (!atomic_load(&c->stop)) {
                char *map = pg_map_file(c->pool, c->fd, 0, 0, PG_MAP_SHARED);

                ck_assert_ptr_nonnull(map);
                *word(map, c->rounds++ % PAGES) = 1;
                ck_assert_int_eq(pg_unmap(c->pool, map, PAGES * PAGE), 0);
        }
        return NULL;
}

START_TEST(files_come_and_go_while_the_process_forks)
{
        struct comer c = {.pool = open_frames(_i, FRAMES, INHERIT), .fd = file_new()};
        pthread_t thread;

        ck_assert_int_eq(pthread_create(&thread, NULL, come_and_go, &c), 0);
        for (unsigned forks = 0; forks < 30 || c.rounds < 30; forks++) {
                pid_t child = fork();

                if (child == 0)
                        _exit(0);
                expect_child(child, 0);
        }
        atomic_store(&c.stop, true);
        pthread_join(thread, NULL);
        close(c.fd);
        close_pool(c.pool);
        ck_assert_int_eq(descriptors(), 0);
}
END_TEST

START_TEST(in_a_child_that_does_not_inherit_it_is_refused)
{
        int fd = file_new();
        struct pg_pool *pool = open_frames(_i, FRAMES, 0);
        pid_t child = fork();

        if (child == 0) {
                CHILD_CHECK(!pg_map_file(pool, fd, 0, 0, 0) && errno == ECHILD);
                CHILD_CHECK(strstr(pg_last_error(), "INHERIT"));
                _exit(0);
        }
        expect_child(child, 0);
        close(fd);
        close_pool(pool);
}
END_TEST

TESTS("map_file")
{
        int first = *SANITIZER ? PG_DELIVERY_SIGNAL : PG_DELIVERY_THREAD;

        add_for_both(tc, a_file_is_mapped_from_any_4096_to_its_end);
        add_for_both(tc, pages_larger_than_the_offset_show_the_file_too);
        add_for_both(tc, a_shared_mapping_writes_back_and_a_private_one_does_not);
        add_for_both(tc, the_store_goes_with_its_mapping);
        add_for_both(tc, pg_close_frees_the_stores_that_are_left);
        add_for_both(tc, what_cannot_be_mapped_is_refused_and_leaves_nothing);
        add_for_both(tc, a_pool_has_254_stores_and_says_so);
        /* Under a sanitizer children have signal delivery only: it knows the parent's threads. */
        tcase_add_loop_test(tc, a_child_that_inherits_has_private_and_readonly_files, first, 2);
        tcase_add_loop_test(tc, files_come_and_go_while_the_process_forks, first, 2);
        add_for_both(tc, in_a_child_that_does_not_inherit_it_is_refused);
}
