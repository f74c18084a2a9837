/* SPDX-License-Identifier: MIT */
/*
 * uffd_keep.c - a userfaultfd that the program, or a filter of system calls, takes away.
 *
 * When the last descriptor of a userfaultfd is closed, the kernel forgets that memory is paged, and
 * pages that are out read as zeros. A thread that has a table of descriptors of its own, with the
 * userfaultfd in it, prevents that: no other thread can close it there, not by close_range(2)
 * either. The number is the same, so that thread can use all calls of uffd.h.
 */
#include "uffd.h"
#include "uffd_abi.h"

#include <errno.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE 2u
#endif

int uffd_answers(const struct uffd *u)
{
        struct uffdio_range nothing = {0, 0};
        int saved = errno, error = 0;

        if (ioctl(u->fd, UFFDIO_WAKE, &nothing) != 0 && errno != EINVAL)
                error = -errno;
        errno = saved;
        return error;
}

/* Before Linux 5.9. */
static bool keep_one_by_one(int fd)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || unshare(CLONE_FILES) != 0)
                return false;
        for (int other = 0; (rlim_t)other < limit.rlim_cur; other++)
                if (other != fd)
                        syscall(SYS_close, other);
        return true;
}

/* What the thread kept open beside it would seem open to others: the end of a pipe, for one. */
bool uffd_keep_only(const struct uffd *u)
{
        unsigned fd = (unsigned)u->fd;

        if (syscall(SYS_close_range, fd + 1, UINT32_MAX, CLOSE_RANGE_UNSHARE) != 0)
                return keep_one_by_one(u->fd);
        return fd == 0 || syscall(SYS_close_range, 0, fd - 1, 0) == 0;
}

void uffd_keep_end(const struct uffd *u)
{
        syscall(SYS_close, u->fd);
}
