/* SPDX-License-Identifier: MIT */
/*
 * fd_keep.c - the pager's file descriptors, out of the program's way.
 *
 * Programs expect low numbers for their own (shells name them in scripts, daemons and tests know
 * that the next one is 3), and some close all they did not open. Code that interposes close() asks
 * pg_fds() which ones to spare.
 *
 * Code that does not ask may have closed one, and have another file under its number by the time we
 * are done with it. So a descriptor is closed only if its file is the one that was kept.
 */
#include "fd_keep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unpaged/internals.h>
#include <unpaged/store.h>

#define KEPT_MOST 2048 /* each mapped file has one */
#define RESERVED  (-1)

static struct {
        _Atomic int number; /* fd + 1; 0: none */
        _Atomic uint64_t file;
} kept[KEPT_MOST];
static _Atomic unsigned kept_end; /* beyond the last that was ever used */

static bool kept_exchange(unsigned at, int from, int to)
{
        return atomic_compare_exchange_strong(&kept[at].number, &from, to);
}

/* What tells files apart; 0: nothing. */
static uint64_t identity_of(int fd)
{
        struct stat st;

        return fstat(fd, &st) == 0 ? (uint64_t)st.st_dev << 48 ^ (uint64_t)st.st_ino : 0;
}

/* One of which nothing can be told (a server that is gone) counts as the same. */
static bool is_file(int fd, uint64_t file)
{
        uint64_t now = identity_of(fd);

        return now == file || (now == 0 && fcntl(fd, F_GETFD) >= 0);
}

static void kept_add(int fd)
{
        for (unsigned i = 0; i < KEPT_MOST; i++) {
                unsigned end = i;

                atomic_compare_exchange_strong(&kept_end, &end, i + 1);
                if (kept_exchange(i, 0, RESERVED)) {
                        atomic_store(&kept[i].file, identity_of(fd));
                        atomic_store(&kept[i].number, fd + 1);
                        return;
                }
        }
}

/* True: its file is still the one that was kept. */
static bool kept_drop(int fd)
{
        for (unsigned i = 0; i < atomic_load(&kept_end); i++) {
                uint64_t file = atomic_load(&kept[i].file);

                if (kept_exchange(i, fd + 1, 0))
                        return is_file(fd, file);
        }
        return true;
}

static bool is_kept(int fd)
{
        for (unsigned i = 0; i < atomic_load(&kept_end); i++)
                if (atomic_load(&kept[i].number) == fd + 1)
                        return true;
        return false;
}

/* A number on the list that is free: the program has closed what was there. It must not become
 * another one's, for which it would be taken by what still uses it. */
static int dup_above(int fd, int floor)
{
        int high = fcntl(fd, F_DUPFD_CLOEXEC, floor);

        while (high >= 0 && is_kept(high)) {
                int taken = high;

                high = fcntl(fd, F_DUPFD_CLOEXEC, taken + 1);
                close(taken);
        }
        return high;
}

int fd_keep(int fd)
{
        /* 900: above what is counted by hand, below the usual limit of 1024. */
        static const int floors[] = {900, 200, 50};
        int high = -1, saved = errno;

        if (fd < 0)
                return fd;
        for (unsigned i = 0; high < 0 && i < sizeof(floors) / sizeof(floors[0]); i++)
                high = dup_above(fd, floors[i]);
        if (high >= 0)
                close(fd);
        else
                high = fd;
        kept_add(high);
        errno = saved;
        return high;
}

void fd_keep_close(int fd)
{
        int saved = errno;

        if (fd < 0)
                return;
        if (kept_drop(fd))
                close(fd);
        errno = saved;
}

int pg_fds(int *fds, int most)
{
        int n = 0;

        for (unsigned i = 0; i < atomic_load(&kept_end); i++) {
                int fd = atomic_load(&kept[i].number) - 1;

                if (fd >= 0 && n++ < most)
                        fds[n - 1] = fd;
        }
        return n;
}

int pg_fd_keep(int fd)
{
        return fd_keep(fd);
}

void pg_fd_close(int fd)
{
        fd_keep_close(fd);
}
