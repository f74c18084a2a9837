/* SPDX-License-Identifier: MIT */
/*
 * fd_guard.c - the pager's descriptors, guarded against programs that close all they find.
 *
 * If its userfaultfd were closed, every page that is out would be lost (lib/delivery/keeper.c). So
 * for the program these descriptors do not exist: whatever it does to them fails with EBADF, and
 * calls that close a range pass them by.
 */
#include "preload.h"
#include "real_syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <unpaged/internals.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4u
#endif

#define FDS_MOST 64

/* The C library's own: its close() and fcntl() are cancellation points. */
extern int __close(int fd);
extern int __fcntl(int fd, int command, ...);

static bool is_ours(int fd)
{
        int fds[FDS_MOST];
        int n;

        if (fd < 0 || !is_active())
                return false;
        n = pg_fds(fds, FDS_MOST);
        for (int i = 0; i < n && i < FDS_MOST; i++)
                if (fds[i] == fd)
                        return true;
        return false;
}

EXPORT int close(int fd)
{
        return is_ours(fd) ? to_errno(-EBADF) : __close(fd);
}

EXPORT int dup(int fd)
{
        return is_ours(fd) ? to_errno(-EBADF) : real_dup(fd);
}

EXPORT int dup2(int fd, int to)
{
        return is_ours(fd) || is_ours(to) ? to_errno(-EBADF) : real_dup2(fd, to);
}

EXPORT int dup3(int fd, int to, int flags)
{
        return is_ours(fd) || is_ours(to) ? to_errno(-EBADF) : real_dup3(fd, to, flags);
}

EXPORT int fcntl(int fd, int command, ...)
{
        va_list args;
        void *arg;

        va_start(args, command);
        arg = va_arg(args, void *);
        va_end(args);
        return is_ours(fd) ? to_errno(-EBADF) : __fcntl(fd, command, arg);
}

EXPORT int fcntl64(int fd, int command, ...) __attribute__((alias("fcntl")));

/* The lowest of ours from `from` on; UINT_MAX: none. */
static unsigned next_of_ours(unsigned from)
{
        int fds[FDS_MOST];
        int n = is_active() ? pg_fds(fds, FDS_MOST) : 0;
        unsigned lowest = UINT32_MAX;

        for (int i = 0; i < n && i < FDS_MOST; i++)
                if ((unsigned)fds[i] >= from && (unsigned)fds[i] < lowest)
                        lowest = (unsigned)fds[i];
        return lowest;
}

EXPORT int close_range(unsigned first, unsigned last, int flags)
{
        /* Ours are close-on-exec already. */
        bool harmless = (unsigned)flags & CLOSE_RANGE_CLOEXEC || first > last;

        while (!harmless) {
                unsigned ours = next_of_ours(first);

                if (ours > last || ours == UINT32_MAX)
                        break;
                if (ours > first && syscall(SYS_close_range, first, ours - 1, flags) != 0)
                        return -1;
                if (ours == last)
                        return 0;
                first = ours + 1;
        }
        return (int)syscall(SYS_close_range, first, last, flags);
}

EXPORT void closefrom(int low)
{
        struct rlimit limit = {.rlim_cur = 1024};

        if (close_range(low < 0 ? 0 : (unsigned)low, UINT32_MAX, 0) == 0)
                return;
        getrlimit(RLIMIT_NOFILE, &limit); /* before Linux 5.9 */
        for (int fd = low < 0 ? 0 : low; (rlim_t)fd < limit.rlim_cur; fd++)
                close(fd);
}
