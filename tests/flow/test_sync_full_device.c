/* SPDX-License-Identifier: MIT */
/*
 * test_sync_full_device.c - a shared mapping of a block device that is out of room below: the
 * device takes every write into the page cache, and only its sync says that they are lost.
 *
 * The device is a loop device on a sparse file in a small tmpfs.
 */
#include "scratch_mount.h"
#include "support.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>

#define ROOM   "size=1m"
#define LARGER "size=8m"
#define PAGES  384u /* more than fit */

struct device {
        char dir[32], file[64];
        int backing, fd;
};

static bool loop_open(struct device *d)
{
        struct loop_config config = {.fd = (unsigned)d->backing,
                                     .info = {.lo_flags = LO_FLAGS_AUTOCLEAR}};
        int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), number;
        char path[32];

        if (control < 0)
                return skipped("no loop devices");
        for (unsigned tries = 0; d->fd < 0 && tries < 10; tries++) {
                number = ioctl(control, LOOP_CTL_GET_FREE);
                snprintf(path, sizeof(path), "/dev/loop%d", number);
                d->fd = open(path, O_RDWR | O_CLOEXEC);
                if (d->fd >= 0 && ioctl(d->fd, LOOP_CONFIGURE, &config) != 0) {
                        close(d->fd);
                        d->fd = -1;
                }
        }
        close(control);
        return d->fd >= 0 || skipped("no loop device");
}

static bool device_open(struct device *d)
{
        *d = (struct device){.backing = -1, .fd = -1};
        if (!scratch_open(d->dir, sizeof(d->dir)))
                return false;
        if (mount("scratch", d->dir, "tmpfs", 0, ROOM) != 0)
                return skipped("no tmpfs");
        snprintf(d->file, sizeof(d->file), "%s/device", d->dir);
        d->backing = open(d->file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (d->backing < 0 || ftruncate(d->backing, PAGES * PAGE) != 0)
                return skipped("no file");
        return loop_open(d);
}

static void device_close(struct device *d)
{
        close(d->fd);
        close(d->backing);
        scratch_close(d->dir);
}

static void write_pages(char *map, char value)
{
        for (unsigned i = 0; i < PAGES; i++)
                memset(map + i * PAGE, (char)(value + (char)i), PAGE);
}

static void expect_on_device(const struct device *d, char value)
{
        char page[PAGE];

        for (unsigned i = 0; i < PAGES; i++) {
                ck_assert_int_eq(pread(d->backing, page, PAGE, (off_t)(i * PAGE)), PAGE);
                ck_assert_int_eq(page[0], (char)(value + (char)i));
                ck_assert_int_eq(page[PAGE - 1], (char)(value + (char)i));
        }
}

START_TEST(what_a_full_device_lost_is_written_again_by_the_next_sync)
{
        struct device d;
        struct pg_store *store;
        struct pg_pool *pool;
        int error;
        char *map;

        if (!device_open(&d))
                return;
        store = file_store(d.fd);
        pool = open_frames(_i, PAGES + 64, 0);
        map = map_store(pool, store, PAGES, PG_MAP_SHARED);
        write_pages(map, 1);
        for (unsigned i = 0; i < 2; i++) {
                error = pg_sync(pool, map, PAGES * PAGE);
                ck_assert_msg(error == -EIO || error == -ENOSPC, "pg_sync = %d", error);
        }
        ck_assert_int_eq(mount("scratch", d.dir, NULL, MS_REMOUNT, LARGER), 0);
        ck_assert_int_eq(pg_sync(pool, map, PAGES * PAGE), 0);
        expect_on_device(&d, 1);
        ck_assert_uint_eq(stats_of(pool).errors_save, 0); /* each save went well: it was the sync */
        close_pool(pool);
        ck_assert_int_eq(pg_store_close(store), 0);
        device_close(&d);
}
END_TEST

/* Pages that went out before the sync are not in memory any more, and the device has lost them. */
START_TEST(what_was_evicted_before_a_full_device_failed_is_never_called_safe)
{
        struct device d;
        struct pg_store *store;
        struct pg_pool *pool;
        char *map;

        if (!device_open(&d))
                return;
        store = file_store(d.fd);
        pool = open_frames(_i, 64, 0);
        map = map_store(pool, store, PAGES, PG_MAP_SHARED);
        write_pages(map, 7);
        ck_assert_int_lt(pg_sync(pool, map, PAGES * PAGE), 0);
        ck_assert_int_eq(mount("scratch", d.dir, NULL, MS_REMOUNT, LARGER), 0);
        ck_assert_int_lt(pg_sync(pool, map, PAGES * PAGE), 0);
        write_pages(map, 9);
        ck_assert_int_lt(pg_sync(pool, map, PAGES * PAGE), 0);
        expect_on_device(&d, 9); /* but written all the same */
        (void)pg_close(pool);
        device_close(&d);
}
END_TEST

TESTS("sync_full_device")
{
        add_for_both(tc, what_a_full_device_lost_is_written_again_by_the_next_sync);
        add_for_both(tc, what_was_evicted_before_a_full_device_failed_is_never_called_safe);
}
