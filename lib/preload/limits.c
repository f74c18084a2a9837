/* SPDX-License-Identifier: MIT */
/* limits.c - what may stand against a reservation of terabytes of address space. */
#include "preload.h"
#include "real_syscalls.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

/* A program with a limit of address space must not find that we have used it up. */
size_t arena_limit(void)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
                return ARENA_MOST;
        return limit.rlim_cur / 4;
}

static bool is_limited(__rlimit_resource_t resource)
{
        struct rlimit limit;

        return getrlimit(resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

static bool commits_strictly(void)
{
        char mode = 0;
        int fd = real_open("/proc/sys/vm/overcommit_memory", O_RDONLY | O_CLOEXEC, 0);

        if (fd >= 0 && read(fd, &mode, 1) != 1)
                mode = 0;
        if (fd >= 0)
                real_close(fd);
        return mode == '2';
}

/* What stands against a reservation that the kernel refused; NULL: unknown. */
const char *limit_words(void)
{
        if (is_limited(RLIMIT_AS))
                return "its address space is limited (RLIMIT_AS), and not to 64 GiB or more; in "
                       "the shell, before: ulimit -v unlimited";
        if (is_limited(RLIMIT_DATA))
                return "its data are limited (RLIMIT_DATA), which counts what is only reserved; in "
                       "the shell, before: ulimit -d unlimited";
        if (commits_strictly())
                return "vm.overcommit_memory is 2, which counts what is only reserved; as root: "
                       "sysctl -w vm.overcommit_memory=0";
        return NULL;
}
