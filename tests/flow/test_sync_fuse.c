/* SPDX-License-Identifier: MIT */
/*
 * test_sync_fuse.c - shared mappings of a file whose file system waits, and answers EIO. It is a
 * process of its own, as file systems in user space are, with one file, held in memory that the
 * test sees too. The kernel hands each write on at once, or keeps it until a sync (writeback).
 */
#define FUSE_USE_VERSION 31
#include "probe.h"
#include "scratch_mount.h"
#include "support.h"

#include <fcntl.h>
#include <fuse3/fuse.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define NAME  "/file"
#define PAGES 32u
#define SIZE  ((size_t)PAGES * PAGE)

/* Shared with the file system. */
struct medium {
        bool writeback;
        _Atomic int fail_write, fail_fsync; /* errno; 0: none */
        _Atomic bool hold;                  /* writes wait for this to end */
        _Atomic unsigned held, writes, fsyncs;
        char data[SIZE];
};

static struct medium *medium;

/* ---- the file system ----------------------------------------------------------------------- */

static void *fs_init(struct fuse_conn_info *connection, struct fuse_config *config)
{
        if (medium->writeback)
                connection->want |= FUSE_CAP_WRITEBACK_CACHE;
        config->kernel_cache = 1;
        return NULL;
}

static int fs_getattr(const char *path, struct stat *st, struct fuse_file_info *info)
{
        (void)info;
        *st = (struct stat){.st_mode = S_IFDIR | 0700, .st_nlink = 2};
        if (strcmp(path, "/") == 0)
                return 0;
        if (strcmp(path, NAME) != 0)
                return -ENOENT;
        *st = (struct stat){.st_mode = S_IFREG | 0600, .st_nlink = 1, .st_size = SIZE};
        return 0;
}

static int fs_open(const char *path, struct fuse_file_info *info)
{
        (void)info;
        return strcmp(path, NAME) == 0 ? 0 : -ENOENT;
}

static int fs_read(const char *path, char *to, size_t size, off_t offset,
                   struct fuse_file_info *info)
{
        (void)path, (void)info;
        size = (size_t)offset < SIZE && size < SIZE - (size_t)offset ? size : SIZE - (size_t)offset;
        memcpy(to, medium->data + offset, size);
        return (int)size;
}

static int fs_write(const char *path, const char *from, size_t size, off_t offset,
                    struct fuse_file_info *info)
{
        int error;

        (void)path, (void)info;
        if (atomic_load(&medium->hold))
                atomic_fetch_add(&medium->held, 1);
        while (atomic_load(&medium->hold))
                usleep(1000);
        error = atomic_load(&medium->fail_write);
        if (error)
                return -error;
        if ((size_t)offset + size > SIZE)
                return -ENOSPC;
        memcpy(medium->data + offset, from, size);
        atomic_fetch_add(&medium->writes, 1);
        return (int)size;
}

static int fs_fsync(const char *path, int data_only, struct fuse_file_info *info)
{
        (void)path, (void)data_only, (void)info;
        atomic_fetch_add(&medium->fsyncs, 1);
        return -atomic_load(&medium->fail_fsync);
}

/* With writeback the kernel keeps the times. */
static int fs_utimens(const char *path, const struct timespec times[2], struct fuse_file_info *info)
{
        (void)path, (void)times, (void)info;
        return 0;
}

static const struct fuse_operations operations = {
        .init = fs_init,
        .getattr = fs_getattr,
        .open = fs_open,
        .read = fs_read,
        .write = fs_write,
        .fsync = fs_fsync,
        .utimens = fs_utimens,
};

static _Noreturn void fs_run(const char *dir, int ready)
{
        char *argv[] = {(char *)(uintptr_t) "medium", NULL};
        struct fuse_args args = FUSE_ARGS_INIT(1, argv);
        struct fuse *fuse;
        char result = 1;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        fuse = fuse_new(&args, &operations, sizeof(operations), NULL);
        if (fuse && fuse_mount(fuse, dir) == 0)
                result = 0;
        if (write(ready, &result, 1) != 1 || result != 0)
                _exit(1);
        fuse_loop(fuse);
        _exit(0);
}

/* ---- the rig ------------------------------------------------------------------------------- */

struct rig {
        char dir[32];
        pid_t server;
        int fd;
        struct pg_store *store;
        struct pg_pool *pool;
        char *map;
};

static bool server_start(struct rig *r)
{
        char result = 1;
        int ends[2];

        ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
        r->server = fork();
        ck_assert_int_ge(r->server, 0);
        if (r->server == 0)
                fs_run(r->dir, ends[1]);
        close(ends[1]);
        if (read(ends[0], &result, 1) != 1)
                result = 1;
        close(ends[0]);
        errno = ENODEV;
        return result == 0 || skipped("no file system in user space");
}

/* Row i: delivery i % 2, with writeback from i = 2 on. */
static bool rig_open(struct rig *r, int i)
{
        char path[64];

        *r = (struct rig){.fd = -1};
        medium = mmap(NULL, sizeof(*medium), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                      0);
        ck_assert_ptr_ne(medium, MAP_FAILED);
        medium->writeback = i >= 2;
        if (!scratch_open(r->dir, sizeof(r->dir)) || !server_start(r))
                return false;
        snprintf(path, sizeof(path), "%s%s", r->dir, NAME);
        r->fd = open(path, O_RDWR | O_CLOEXEC);
        ck_assert_int_ge(r->fd, 0);
        r->store = file_store(r->fd);
        r->pool = open_frames(i % 2, 2 * PAGES, 0);
        r->map = map_store(r->pool, r->store, PAGES, PG_MAP_SHARED);
        return true;
}

static void rig_close(struct rig *r)
{
        close_pool(r->pool);
        ck_assert_int_eq(pg_store_close(r->store), 0);
        close(r->fd);
        scratch_close(r->dir);
        kill(r->server, SIGKILL);
        waitpid(r->server, NULL, 0);
}

static void write_pages(struct rig *r, char value)
{
        for (unsigned i = 0; i < PAGES; i++)
                memset(r->map + i * PAGE, (char)(value + (char)i), PAGE);
}

static void expect_on_medium(char value)
{
        for (unsigned i = 0; i < PAGES; i++) {
                ck_assert_int_eq(medium->data[i * PAGE], (char)(value + (char)i));
                ck_assert_int_eq(medium->data[(i + 1) * PAGE - 1], (char)(value + (char)i));
        }
}

/* ---- tests --------------------------------------------------------------------------------- */

START_TEST(pages_that_a_file_system_refused_are_written_by_the_next_sync)
{
        struct rig r;

        if (!rig_open(&r, _i))
                return;
        write_pages(&r, 1);
        atomic_store(&medium->fail_write, EIO);
        ck_assert_int_eq(pg_sync(r.pool, r.map, SIZE), -EIO);
        ck_assert_int_eq(pg_sync(r.pool, r.map, SIZE), -EIO);
        ck_assert_uint_eq(atomic_load(&medium->writes), 0);
        atomic_store(&medium->fail_write, 0);
        ck_assert_int_eq(pg_sync(r.pool, r.map, SIZE), 0);
        expect_on_medium(1);
        rig_close(&r);
}
END_TEST

START_TEST(pages_that_a_file_system_took_and_did_not_confirm_are_written_again)
{
        struct rig r;
        unsigned writes;

        if (!rig_open(&r, _i))
                return;
        write_pages(&r, 2);
        atomic_store(&medium->fail_fsync, EIO);
        ck_assert_int_eq(pg_sync(r.pool, r.map, SIZE), -EIO);
        writes = atomic_load(&medium->writes);
        ck_assert_uint_gt(writes, 0);
        memset(medium->data, 0, SIZE); /* it has lost them, as it said */
        atomic_store(&medium->fail_fsync, 0);
        ck_assert_int_eq(pg_sync(r.pool, r.map, SIZE), 0);
        ck_assert_uint_gt(atomic_load(&medium->writes), writes);
        expect_on_medium(2);
        rig_close(&r);
}
END_TEST

static _Atomic bool sync_returned;

static void *sync_all(void *arg)
{
        struct rig *r = arg;
        int error = pg_sync(r->pool, r->map, SIZE);

        atomic_store(&sync_returned, true);
        return (void *)(intptr_t)error;
}

START_TEST(faults_are_served_while_a_file_system_lets_a_sync_wait)
{
        void *error = &error;
        pthread_t thread;
        struct rig r;
        char *other;

        if (!rig_open(&r, _i))
                return;
        other = map_pages(r.pool, PAGES / 2, 0);
        memset(other, 3, PAGES / 2 * PAGE);
        ck_assert_int_eq(pg_page_out(r.pool, other, PAGES / 2 * PAGE), 0);
        write_pages(&r, 3);
        atomic_store(&medium->hold, true);
        ck_assert_int_eq(pthread_create(&thread, NULL, sync_all, &r), 0);
        ck_assert_settles(atomic_load(&medium->held) > 0);
        for (unsigned i = 0; i < PAGES / 2; i++)
                ck_assert_int_eq(touch(other + i * PAGE), 3);
        ck_assert(!atomic_load(&sync_returned));
        atomic_store(&medium->hold, false);
        pthread_join(thread, &error);
        ck_assert_ptr_null(error);
        expect_on_medium(3);
        rig_close(&r);
}
END_TEST

TESTS("sync_fuse")
{
        tcase_add_loop_test(tc, pages_that_a_file_system_refused_are_written_by_the_next_sync, 0,
                            4);
        tcase_add_loop_test(tc, pages_that_a_file_system_took_and_did_not_confirm_are_written_again,
                            0, 4);
        tcase_add_loop_test(tc, faults_are_served_while_a_file_system_lets_a_sync_wait, 0, 4);
}
