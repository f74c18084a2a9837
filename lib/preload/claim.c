/* SPDX-License-Identifier: MIT */
/*
 * claim.c - which process of a tree replaces the file that the user named: the first one.
 *
 * An old file stays where it is until the new one is ready, so that it is there says nothing. The
 * launcher passes on which file it found, and a process may replace that one only. Of processes
 * that see it at the same time, one makes the file PATH.claim. It replaces the file before it
 * removes the claim, so a process that could make the claim looks again.
 */
#include "claim.h"
#include "real_syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void claim_id(const char *path, char id[CLAIM_ID])
{
        struct stat st;

        if (stat(path, &st) != 0)
                strcpy(id, "none");
        else
                snprintf(id, CLAIM_ID, "%llx:%llx", (unsigned long long)st.st_dev,
                         (unsigned long long)st.st_ino);
}

static bool is_old(const char *path, const char *old)
{
        char id[CLAIM_ID];

        claim_id(path, id);
        return strcmp(id, old ? old : "none") == 0;
}

/* Also where a signal ends the process, hence without stdio. */
static bool claim_name(const char *path, char name[PATH_MAX])
{
        static const char end[] = ".claim";
        size_t len = strlen(path);

        if (len + sizeof(end) > PATH_MAX)
                return false;
        memcpy(name, path, len);
        memcpy(name + len, end, sizeof(end));
        return true;
}

bool claim_take(const char *path, const char *old)
{
        char name[PATH_MAX];
        int fd;

        if (!is_old(path, old) || !claim_name(path, name))
                return false;
        fd = real_open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return errno != EEXIST; /* a folder where no file can be made: the old one serves */
        real_close(fd);
        if (is_old(path, old))
                return true;
        unlink(name);
        return false;
}

void claim_drop(const char *path)
{
        char name[PATH_MAX];

        if (claim_name(path, name))
                unlink(name);
}
