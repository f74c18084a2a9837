/* SPDX-License-Identifier: MIT */
/* scratch_mount.h - a folder on which a test mounts what it likes: nobody else sees it, and the
 * mount goes with the processes of the test. */
#ifndef SCRATCH_MOUNT_H
#define SCRATCH_MOUNT_H

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static inline bool skipped(const char *what)
{
        fprintf(stderr, "skipped: %s: %s\n", what, strerror(errno));
        return false;
}

/* False, with the reason on standard error: not here. Then nothing can be mounted. */
static inline bool scratch_open(char *dir, size_t room)
{
        snprintf(dir, room, "scratch-XXXXXX");
        if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
                return skipped("no mounts of one's own");
        return mkdtemp(dir) || skipped("no folder");
}

static inline void scratch_close(const char *dir)
{
        umount2(dir, MNT_DETACH);
        rmdir(dir);
}

#endif
