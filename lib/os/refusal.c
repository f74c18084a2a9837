/* SPDX-License-Identifier: MIT */
/*
 * refusal.c - what refuses userfaultfd(2): the kernel, or a filter of system calls (seccomp), as
 * containers and services have one.
 *
 * Their errors are the same, EPERM or ENOSYS, but what helps is not. A filter cannot be read, so
 * the call is made once more in a way that the kernel refuses to nobody: for faults of user mode
 * alone (Linux 5.11; before, it is EINVAL). And a kernel that has the call has its setting or its
 * device.
 */
#include "refusal.h"
#include "uffd_abi.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool kernel_has_it(void)
{
        return access("/proc/sys/vm/unprivileged_userfaultfd", F_OK) == 0 ||
               access("/dev/userfaultfd", F_OK) == 0;
}

bool refusal_is_by_filter(int error)
{
        int fd;

        if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != SECCOMP_MODE_FILTER)
                return false;
        if (error == ENOSYS)
                return kernel_has_it();
        fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
        if (fd >= 0)
                close(fd);
        return fd < 0 && errno == error;
}
