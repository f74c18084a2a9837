/* SPDX-License-Identifier: MIT */
/*
 * test_store_file.c - the file store, against files that are read and written behind its back.
 *
 * Theory of operation. Every page is filled from a seed, so a page in the wrong place, of the wrong
 * age or half moved is seen at once; the file itself is compared through a descriptor of the test's
 * own. Tests of transfers run in three ways (loop index): through the page cache, O_DIRECT without
 * a ring, and O_DIRECT with one. Failures are real ones: a full tmpfs in a mount namespace of the
 * test's own, a sealed memfd, a limit on the size of files, files truncated under the store.
 */
#include "store_file_support.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* ---- stingy calls ---------------------------------------------------------------------------- */

/* The calls the store makes come here first. While `stingy` is set they move at most 1000 bytes,
 * and every third one is interrupted. */
static atomic_bool stingy;
static atomic_uint stingy_calls;

static long stinted(long number, int fd, const void *buf, size_t size, off_t position)
{
        if (atomic_load(&stingy)) {
                if (atomic_fetch_add(&stingy_calls, 1) % 3 == 0) {
                        errno = EINTR;
                        return -1;
                }
                if (size > 1000)
                        size = 1000;
        }
        return syscall(number, fd, buf, size, position);
}

ssize_t pread(int fd, void *buf, size_t size, off_t position)
{
        return stinted(SYS_pread64, fd, buf, size, position);
}

ssize_t pwrite(int fd, const void *buf, size_t size, off_t position)
{
        return stinted(SYS_pwrite64, fd, buf, size, position);
}

/* ---- transfers --------------------------------------------------------------------------- */

START_TEST(runs_of_any_length_move_whole)
{
        const size_t most = 300;
        const uint64_t start = 3 * PAGE;
        int fd = scratch_file((off_t)(start + 2 * most * PAGE));
        struct pg_store *store = store_or_skip(__func__, (enum way)_i,
                                               (struct pg_file_config){.fd = fd, .start = start});
        char *out = pages_new(most);
        char *in = pages_new(most);

        if (store == NULL)
                return;
        ck_assert_uint_eq(store->extent, 2 * most * PAGE);
        for (size_t n = 1; n <= most; n++) {
                uint64_t offset = (n * 7) % most * PAGE;

                fill(out, n, n << 32);
                ck_assert_int_eq(store->ops->page_out(store, offset, n, out), 0);
                memset(in, 0xEE, n * PAGE);
                ck_assert_int_eq(store->ops->page_in(store, offset, n, in), 0);
                ck_assert(memcmp(in, out, n * PAGE) == 0);
                ck_assert_int_eq(pread(fd, in, n * PAGE, (off_t)(start + offset)),
                                 (ssize_t)(n * PAGE));
                ck_assert(memcmp(in, out, n * PAGE) == 0);
        }
        ck_assert_int_eq(store->ops->sync(store), 0);
        ck_assert_int_eq(pread(fd, in, start, 0), (ssize_t)start);
        ck_assert(all_bytes(in, start, 0));
        close_store(store);
}
END_TEST

/* More chunks than are ever in flight. */
START_TEST(a_very_long_run_moves_whole)
{
        const size_t npages = 5000;
        int fd = scratch_file((off_t)(npages * PAGE));
        struct pg_store *store =
                store_or_skip(__func__, (enum way)_i, (struct pg_file_config){.fd = fd});
        char *out = pages_new(npages);
        char *in = pages_new(npages);

        if (store == NULL)
                return;
        fill(out, npages, 5);
        ck_assert_int_eq(store->ops->page_out(store, 0, npages, out), 0);
        ck_assert_int_eq(store->ops->page_in(store, 0, npages, in), 0);
        ck_assert(memcmp(in, out, npages * PAGE) == 0);
        close_store(store);
}
END_TEST

START_TEST(bytes_beyond_the_file_read_as_zeros_and_are_not_written)
{
        const off_t size = 200 * PAGE + 700;
        int fd = scratch_file(size);
        struct pg_store *store =
                store_or_skip(__func__, (enum way)_i, (struct pg_file_config){.fd = fd});
        char *out = pages_new(201);
        char *in = pages_new(201);

        if (store == NULL)
                return;
        ck_assert_uint_eq(store->extent, (uint64_t)size);
        fill(out, 201, 1);
        ck_assert_int_eq(store->ops->page_out(store, 0, 201, out), 0);
        ck_assert_int_eq(file_size(fd), size);
        memset(in, 0xEE, 201 * PAGE);
        ck_assert_int_eq(store->ops->page_in(store, 0, 201, in), 0);
        ck_assert(memcmp(in, out, (size_t)size) == 0);
        ck_assert(all_bytes(in + size, PAGE - 700, 0));

        fill(out, 1, 2);
        ck_assert_int_eq(store->ops->page_out(store, 200 * PAGE, 1, out), 0);
        ck_assert_int_eq(file_size(fd), size);
        memset(in, 0xEE, PAGE);
        ck_assert_int_eq(store->ops->page_in(store, 200 * PAGE, 1, in), 0);
        ck_assert(memcmp(in, out, 700) == 0);
        ck_assert(all_bytes(in + 700, PAGE - 700, 0));
        close_store(store);
}
END_TEST

START_TEST(a_range_inside_a_file_leaves_its_surroundings_alone)
{
        int fd = scratch_file(8 * PAGE);
        char *file = pages_new(8);
        char *page = pages_new(2);
        struct pg_store *store;

        memset(file, 0x55, 8 * PAGE);
        ck_assert_int_eq(pwrite(fd, file, 8 * PAGE, 0), 8 * PAGE);
        store = store_or_skip(
                __func__, (enum way)_i,
                (struct pg_file_config){.fd = fd, .start = 2 * PAGE, .length = PAGE + 10});
        if (store == NULL)
                return;
        ck_assert_int_eq(store->ops->page_in(store, 0, 2, page), 0);
        ck_assert(all_bytes(page, PAGE + 10, 0x55));
        ck_assert(all_bytes(page + PAGE + 10, PAGE - 10, 0));
        memset(page, 0x66, 2 * PAGE);
        ck_assert_int_eq(store->ops->page_out(store, 0, 2, page), 0);
        ck_assert_int_eq(pread(fd, file, 8 * PAGE, 0), 8 * PAGE);
        ck_assert(all_bytes(file, 2 * PAGE, 0x55));
        ck_assert(all_bytes(file + 2 * PAGE, PAGE + 10, 0x66));
        ck_assert(all_bytes(file + 3 * PAGE + 10, 5 * PAGE - 10, 0x55));

        ck_assert_int_eq(store->ops->page_in(store, 0, 3, page), -EINVAL);
        ck_assert_int_eq(store->ops->page_in(store, 2 * PAGE, 1, page), -EINVAL);
        ck_assert_int_eq(store->ops->page_out(store, PAGE, 2, page), -EINVAL);
        close_store(store);
}
END_TEST

START_TEST(a_truncated_file_is_an_error_and_never_zeros)
{
        const size_t npages = 600;
        int fd = scratch_file((off_t)(npages * PAGE));
        struct pg_store *store =
                store_or_skip(__func__, (enum way)_i, (struct pg_file_config){.fd = fd});
        char *pages = pages_new(npages);

        if (store == NULL)
                return;
        ck_assert_int_eq(ftruncate(fd, 400 * PAGE + 123), 0);
        ck_assert_int_eq(store->ops->page_in(store, 0, 400, pages), 0);
        ck_assert_int_eq(store->ops->page_in(store, 500 * PAGE, 1, pages), -EIO);
        ck_assert_int_eq(store->ops->page_in(store, 400 * PAGE, 1, pages), -EIO);
        ck_assert_int_eq(store->ops->page_in(store, 0, npages, pages), -EIO);
        /* The ring, if there is one, goes on working after a failure. */
        ck_assert_int_eq(store->ops->page_in(store, 0, 400, pages), 0);
        close_store(store);
}
END_TEST

START_TEST(a_bad_buffer_is_reported_with_nothing_left_in_flight)
{
        int fd = scratch_file(300 * PAGE);
        struct pg_store *store =
                store_or_skip(__func__, (enum way)_i, (struct pg_file_config){.fd = fd});
        char *pages = pages_new(300);

        if (store == NULL)
                return;
        /* Half of the buffer is not there: the kernel stops in the middle. */
        ck_assert_int_eq(munmap(pages + 150 * PAGE, 150 * PAGE), 0);
        ck_assert_int_eq(store->ops->page_in(store, 0, 300, pages), -EFAULT);
        ck_assert_int_eq(store->ops->page_out(store, 0, 300, pages), -EFAULT);
        ck_assert_int_eq(store->ops->page_in(store, 0, 150, pages), 0);
        close_store(store);
}
END_TEST

START_TEST(short_and_interrupted_calls_are_finished)
{
        const off_t size = 20 * PAGE + 700;
        int fd = scratch_file(size);
        struct pg_store *store = cached_store((struct pg_file_config){.fd = fd});
        char *out = pages_new(21);
        char *in = pages_new(21);

        fill(out, 21, 8);
        atomic_store(&stingy, true);
        ck_assert_int_eq(store->ops->page_out(store, 0, 21, out), 0);
        ck_assert_int_eq(store->ops->page_in(store, 0, 21, in), 0);
        atomic_store(&stingy, false);
        ck_assert_uint_ge(atomic_load(&stingy_calls), 2 * 20 * PAGE / 1000);
        ck_assert(memcmp(in, out, (size_t)size) == 0);
        ck_assert(all_bytes(in + size, PAGE - 700, 0));
        ck_assert_int_eq(file_size(fd), size);
        close_store(store);
}
END_TEST

#define THREADS 4u

struct worker {
        pthread_t thread;
        struct pg_store *store;
        unsigned number;
        bool failed;
};

/* Each worker owns every fourth stretch of 256 pages and checks each run it wrote. */
static void *move_runs(void *arg)
{
        struct worker *self = arg;
        const size_t stretch = 256;
        char *out = pages_new(stretch);
        char *in = pages_new(stretch);
        uint64_t seed = self->number;

        for (unsigned i = 0; i < 100 && !self->failed; i++) {
                size_t n = random_below(&seed, stretch) + 1;
                size_t first = random_below(&seed, stretch - n + 1) +
                               (random_below(&seed, 4) * THREADS + self->number) * stretch;

                fill(out, n, (uint64_t)self->number << 40 | (uint64_t)i << 20);
                self->failed |= self->store->ops->page_out(self->store, first * PAGE, n, out) != 0;
                self->failed |= self->store->ops->page_in(self->store, first * PAGE, n, in) != 0;
                self->failed |= memcmp(in, out, n * PAGE) != 0;
        }
        pages_free(out, stretch);
        pages_free(in, stretch);
        return NULL;
}

START_TEST(threads_move_runs_side_by_side)
{
        int fd = scratch_file(16 * 256 * PAGE);
        struct pg_store *store =
                store_or_skip(__func__, (enum way)_i, (struct pg_file_config){.fd = fd});
        struct worker workers[THREADS];

        if (store == NULL)
                return;
        for (unsigned i = 0; i < THREADS; i++) {
                workers[i] = (struct worker){.store = store, .number = i};
                ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, move_runs, &workers[i]),
                                 0);
        }
        for (unsigned i = 0; i < THREADS; i++) {
                ck_assert_int_eq(pthread_join(workers[i].thread, NULL), 0);
                ck_assert(!workers[i].failed);
        }
        close_store(store);
}
END_TEST

/* ---- failures ---------------------------------------------------------------------------- */

/* A directory with a tmpfs of the given size that nobody else sees; false: not permitted here. */
static bool mount_small(char *directory, const char *options)
{
        if (mkdtemp(directory) == NULL || unshare(CLONE_NEWNS) != 0)
                return false;
        return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
               mount("none", directory, "tmpfs", 0, options) == 0;
}

START_TEST(a_full_filesystem_is_enospc_and_keeps_what_it_has)
{
        char directory[] = "/tmp/store_file.XXXXXX";
        char path[sizeof(directory) + 16];
        struct pg_store *store;
        char *page = pages_new(1);
        char *lookups = pages_new(1);
        size_t stored = 0;
        int err;
        int fd;

        if (!mount_small(directory, "size=256k")) {
                skip(__func__, strerror(errno));
                rmdir(directory);
                return;
        }
        snprintf(path, sizeof(path), "%s/swap", directory);
        fd = open(path, O_RDWR | O_CREAT, 0600);
        ck_assert_int_ge(fd, 0);
        store = cached_store((struct pg_file_config){.fd = fd, .length = 256 * PAGE});
        for (;; stored++) {
                fill(page, 1, stored);
                err = store->ops->page_out(store, stored * PAGE, 1, page);
                if (err != 0)
                        break;
        }
        ck_assert_int_eq(err, -ENOSPC);
        ck_assert_uint_ge(stored, 32);
        ck_assert_uint_le(stored, 64);
        for (size_t i = 0; i < stored; i++) {
                fill(page, 1, i);
                ck_assert_int_eq(store->ops->page_in(store, i * PAGE, 1, lookups), 0);
                ck_assert(memcmp(page, lookups, PAGE) == 0);
        }
        ck_assert_int_eq(store->ops->page_out(store, 0, 1, page), 0);
        close_store(store);
        close(fd);
        umount2(directory, MNT_DETACH);
        rmdir(directory);
}
END_TEST

START_TEST(a_sealed_memfd_refuses_the_write)
{
        int fd = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        char *page = pages_new(1);
        struct pg_store *store;

        ck_assert_int_ge(fd, 0);
        store = cached_store((struct pg_file_config){.fd = fd, .length = 4 * PAGE});
        ck_assert_int_eq(store->ops->page_out(store, 0, 1, page), 0);
        ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
        ck_assert_int_eq(store->ops->page_out(store, 0, 1, page), -EPERM);
        ck_assert_int_eq(store->ops->page_in(store, 0, 1, page), 0);
        ck_assert_int_eq(store->ops->sync(store), 0);
        close_store(store);
}
END_TEST

START_TEST(the_file_size_limit_is_an_error_and_not_a_signal)
{
        const size_t npages = 400;
        int fd = scratch_file((off_t)(npages * PAGE));
        struct pg_store *store =
                store_or_skip(__func__, (enum way)_i, (struct pg_file_config){.fd = fd});
        const struct rlimit limit = {200 * PAGE, RLIM_INFINITY};
        const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
        char *pages = pages_new(npages);
        sigset_t set;
        int last, run;

        if (store == NULL)
                return;
        sigfillset(&set);
        sigprocmask(SIG_BLOCK, &set, NULL);
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
        last = store->ops->page_out(store, 399 * PAGE, 1, pages);
        run = store->ops->page_out(store, 0, npages, pages);
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &unlimited), 0);
        ck_assert_int_eq(last, -EFBIG);
        ck_assert_int_eq(run, -EFBIG);
        ck_assert_int_eq(sigpending(&set), 0);
        ck_assert_int_eq(sigismember(&set, SIGXFSZ), 0);
        ck_assert_int_eq(store->ops->page_out(store, 0, npages, pages), 0);
        close_store(store);
}
END_TEST

/* ---- the list -------------------------------------------------------------------------------- */

int main(void)
{
        Suite *suite = suite_create("store_file");
        TCase *transfers = tcase_create("transfers");
        TCase *failures = tcase_create("failures");

        tcase_add_loop_test(transfers, runs_of_any_length_move_whole, 0, WAYS);
        tcase_add_loop_test(transfers, a_very_long_run_moves_whole, 0, WAYS);
        tcase_add_loop_test(transfers, bytes_beyond_the_file_read_as_zeros_and_are_not_written, 0,
                            WAYS);
        tcase_add_loop_test(transfers, a_range_inside_a_file_leaves_its_surroundings_alone, 0,
                            WAYS);
        tcase_add_test(transfers, short_and_interrupted_calls_are_finished);
        tcase_add_loop_test(transfers, threads_move_runs_side_by_side, 0, WAYS);

        tcase_add_loop_test(failures, a_truncated_file_is_an_error_and_never_zeros, 0, WAYS);
        tcase_add_loop_test(failures, a_bad_buffer_is_reported_with_nothing_left_in_flight, 0,
                            WAYS);
        tcase_add_test(failures, a_full_filesystem_is_enospc_and_keeps_what_it_has);
        tcase_add_test(failures, a_sealed_memfd_refuses_the_write);
        tcase_add_loop_test(failures, the_file_size_limit_is_an_error_and_not_a_signal, 0, WAYS);
        suite_add_tcase(suite, transfers);
        suite_add_tcase(suite, failures);
        return run_suite(suite);
}
