/* SPDX-License-Identifier: MIT */
/*
 * test_store_file_open.c - making file stores: what is refused, and what the caller keeps.
 */
#include "store_file_support.h"

#include <sys/wait.h>

static unsigned open_rings(void)
{
        unsigned rings = 0;

        for (int fd = 0; fd < 256; fd++) {
                char path[64];
                char target[64] = "";

                snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
                if (readlink(path, target, sizeof(target) - 1) > 0)
                        rings += strstr(target, "[io_uring]") != NULL;
        }
        return rings;
}

static int refused(struct pg_file_config config)
{
        struct pg_store *const none = (struct pg_store *)&config;
        struct pg_store *store = none;
        int err = try_store(&store, CACHED, config);

        ck_assert_ptr_eq(store, none);
        return err;
}

START_TEST(bad_arguments_are_refused)
{
        int fd = scratch_file(4 * PAGE);
        int empty = scratch_file(0);
        int pathonly = open("/proc/self/exe", O_PATH);
        int pipe_fds[2];
        struct pg_file_config short_config = {.size = 8, .fd = fd};
        struct pg_store *store = NULL;

        ck_assert_int_eq(pipe(pipe_fds), 0);
        ck_assert_int_eq(refused((struct pg_file_config){.fd = -1}), -EBADF);
        ck_assert_int_eq(refused((struct pg_file_config){.fd = pathonly}), -EBADF);
        ck_assert_int_eq(refused((struct pg_file_config){.fd = pipe_fds[1]}), -EBADF);
        ck_assert_int_eq(refused((struct pg_file_config){.fd = pipe_fds[0]}), -EINVAL);
        ck_assert_int_eq(refused((struct pg_file_config){.fd = fd, .start = 512}), -EINVAL);
        ck_assert_int_eq(refused((struct pg_file_config){.fd = fd, .start = 4 * PAGE}), -EINVAL);
        ck_assert_int_eq(refused((struct pg_file_config){.fd = fd, .start = 8 * PAGE, .length = 1}),
                         -EINVAL);
        ck_assert_int_eq(refused((struct pg_file_config){.fd = fd, .flags = 1u << 9}), -EINVAL);
        ck_assert_int_eq(refused((struct pg_file_config){.fd = empty}), -EINVAL);
        ck_assert_int_eq(refused((struct pg_file_config){.fd = fd, .length = UINT64_MAX}), -EINVAL);
        ck_assert_int_eq(refused((struct pg_file_config){
                                 .fd = fd, .length = 5 * PAGE, .flags = PG_FILE_READONLY}),
                         -EINVAL);
        ck_assert_int_eq(pg_store_file(&store, &short_config), -EINVAL);
        ck_assert_int_eq(pg_store_file(&store, NULL), -EINVAL);
        ck_assert_int_eq(file_size(fd), 4 * PAGE);
}
END_TEST

START_TEST(a_readonly_store_reads_and_cannot_be_written)
{
        int fd = scratch_file(4 * PAGE);
        char path[64];
        int readable;
        char *page = pages_new(1);

        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        readable = open(path, O_RDONLY);
        ck_assert_int_ge(readable, 0);
        for (int i = 0; i < 2; i++) {
                struct pg_store *store = cached_store((struct pg_file_config){
                        .fd = i == 0 ? readable : fd, .flags = i == 0 ? 0 : PG_FILE_READONLY});

                ck_assert_uint_ne(store->ops->flags & PG_STORE_READONLY, 0);
                ck_assert_uint_ne(store->ops->flags & PG_STORE_KEEPS, 0);
                ck_assert_ptr_null(store->ops->page_out);
                ck_assert_ptr_null(store->ops->location_get);
                ck_assert_int_eq(store->ops->page_in(store, 3 * PAGE, 1, page), 0);
                close_store(store);
        }
}
END_TEST

START_TEST(a_short_file_grows_to_the_range_it_is_given)
{
        int fd = scratch_file(0);
        char *page = pages_new(1);
        struct pg_store *store =
                cached_store((struct pg_file_config){.fd = fd, .length = 64 * PAGE});
        struct stat stat;

        ck_assert_int_eq(file_size(fd), 64 * PAGE);
        ck_assert_int_eq(fstat(fd, &stat), 0);
        ck_assert_int_eq(stat.st_blocks, 0);
        memset(page, 1, PAGE);
        ck_assert_int_eq(store->ops->page_in(store, 63 * PAGE, 1, page), 0);
        ck_assert(all_bytes(page, PAGE, 0));
        close_store(store);
}
END_TEST

START_TEST(the_callers_descriptor_stays_as_it_is)
{
        int fd = scratch_file(8 * PAGE);
        int flags;
        struct pg_store *store;
        char *page = pages_new(1);
        char *lookups = pages_new(1);

        ck_assert_int_eq(fcntl(fd, F_SETFL, O_APPEND), 0);
        ck_assert_int_eq(lseek(fd, 77, SEEK_SET), 77);
        flags = fcntl(fd, F_GETFL);
        store = store_or_skip(__func__, (enum way)_i, (struct pg_file_config){.fd = fd});
        if (store == NULL)
                return;
        memset(page, 9, PAGE);
        ck_assert_int_eq(store->ops->page_out(store, PAGE, 1, page), 0);
        ck_assert_int_eq(fcntl(fd, F_GETFL), flags);
        ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 77);
        ck_assert_int_eq(file_size(fd), 8 * PAGE);
        ck_assert_int_eq(pread(fd, lookups, PAGE, PAGE), PAGE);
        ck_assert(memcmp(page, lookups, PAGE) == 0);
        close(fd);
        ck_assert_int_eq(store->ops->page_in(store, PAGE, 1, lookups), 0);
        ck_assert(memcmp(page, lookups, PAGE) == 0);
        close_store(store);
}
END_TEST

START_TEST(a_ring_is_made_for_direct_stores_unless_it_is_masked)
{
        static const unsigned rings[WAYS] = {[DIRECT_RING] = 1};
        int fd = scratch_file(PAGE);

        for (int way = 0; way < WAYS; way++) {
                struct pg_store *store =
                        store_or_skip(__func__, (enum way)way, (struct pg_file_config){.fd = fd});

                if (store == NULL)
                        return;
                if (open_rings() != rings[way] && way == DIRECT_RING)
                        skip(__func__, "io_uring is refused here");
                else
                        ck_assert_uint_eq(open_rings(), rings[way]);
                close_store(store);
                ck_assert_uint_eq(open_rings(), 0);
        }
}
END_TEST

START_TEST(a_child_of_fork_does_not_touch_the_ring)
{
        const size_t npages = 512;
        int fd = scratch_file((off_t)(npages * PAGE));
        struct pg_store *store =
                store_or_skip(__func__, DIRECT_RING, (struct pg_file_config){.fd = fd});
        char *out = pages_new(npages);
        char *in = pages_new(npages);
        int status;
        pid_t child;

        if (store == NULL)
                return;
        fill(out, npages, 3);
        ck_assert_int_eq(store->ops->page_out(store, 0, npages, out), 0);
        child = fork();
        if (child == 0)
                _exit(store->ops->page_in(store, 0, npages, in) != 0 ||
                      memcmp(in, out, npages * PAGE) != 0);
        ck_assert_int_eq(store->ops->page_in(store, 0, npages, in), 0);
        ck_assert(memcmp(in, out, npages * PAGE) == 0);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_int_eq(status, 0);
        close_store(store);
}
END_TEST

TESTS("store_file")
{
        tcase_add_test(tc, bad_arguments_are_refused);
        tcase_add_test(tc, a_readonly_store_reads_and_cannot_be_written);
        tcase_add_test(tc, a_short_file_grows_to_the_range_it_is_given);
        tcase_add_loop_test(tc, the_callers_descriptor_stays_as_it_is, 0, WAYS);
        tcase_add_test(tc, a_ring_is_made_for_direct_stores_unless_it_is_masked);
        tcase_add_test(tc, a_child_of_fork_does_not_touch_the_ring);
}
