/* SPDX-License-Identifier: MIT */
/* out_file.c - files that are written for the user. See out_file.h. */
#include "out_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h> /* rename() */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MOST 16u
#define TRIES      16u
#define HOW        (O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

/* ---- links --------------------------------------------------------------------------------- */

static bool is_trusted(const struct stat *link)
{
        return link->st_uid == geteuid() || link->st_uid == 0;
}

/* The path becomes what the link at its end names. */
static int follow_one(char path[PATH_MAX])
{
        char target[PATH_MAX];
        ssize_t n = readlink(path, target, sizeof(target) - 1);
        char *slash = strrchr(path, '/');
        size_t folder = slash ? (size_t)(slash + 1 - path) : 0;

        if (n < 0)
                return -errno;
        target[n] = '\0';
        if (target[0] == '/')
                folder = 0;
        if (folder + (size_t)n >= PATH_MAX)
                return -ENAMETOOLONG;
        memcpy(path + folder, target, (size_t)n + 1);
        return 0;
}

int out_file_follow(const char *path, char followed[PATH_MAX])
{
        struct stat link, file;
        int error = 0;

        if (strlen(path) >= PATH_MAX)
                return -ENAMETOOLONG;
        strcpy(followed, path);
        for (unsigned i = 0; !error && lstat(followed, &link) == 0 && S_ISLNK(link.st_mode); i++) {
                if (i == LINKS_MOST || !is_trusted(&link))
                        return -ELOOP;
                /* Those of /proc name pipes and the like, which have no path. */
                if (stat(followed, &file) == 0 && !S_ISREG(file.st_mode))
                        return 0;
                error = follow_one(followed);
        }
        return error;
}

/* ---- replaced ------------------------------------------------------------------------------ */

static char *number_put(char *at, unsigned n)
{
        if (n >= 10)
                at = number_put(at, n / 10);
        *at = (char)('0' + n % 10);
        return at + 1;
}

/* PATH.new-PID-COUNT */
static void name_aside(struct out_file *f, unsigned count)
{
        char *end = stpcpy(stpcpy(f->aside, f->path), ".new-");

        end = number_put(end, (unsigned)getpid());
        *end++ = '-';
        *number_put(end, count) = '\0';
}

static int open_aside(struct out_file *f, mode_t mode)
{
        static _Atomic unsigned count;
        int fd = -1;

        for (unsigned i = 0; fd < 0 && i < TRIES; i++) {
                name_aside(f, count++);
                fd = open(f->aside, HOW | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
                if (fd < 0 && errno != EEXIST)
                        break;
        }
        return fd < 0 ? -errno : fd;
}

/* Not allowed: then it is not. */
static void take_after(int fd, const struct stat *old)
{
        if ((old->st_uid != geteuid() || old->st_gid != getegid()) &&
            fchown(fd, old->st_uid, old->st_gid) != 0)
                return;
        fchmod(fd, old->st_mode & 0777);
}

int out_file_begin(struct out_file *f, const char *path, mode_t mode)
{
        int error = out_file_follow(path, f->path), fd;
        struct stat old;
        bool exists;

        f->aside[0] = '\0';
        if (error)
                return error;
        exists = stat(f->path, &old) == 0;
        if (exists && !S_ISREG(old.st_mode)) {
                fd = open(f->path, HOW);
                return fd < 0 ? -errno : fd;
        }
        if (exists && access(f->path, W_OK) != 0)
                return -errno;
        fd = open_aside(f, mode);
        if (fd < 0) {
                f->aside[0] = '\0';
                error = fd;
                fd = exists ? open(f->path, HOW | O_NOFOLLOW | O_TRUNC) : -1;
                return fd < 0 ? error : fd;
        }
        if (exists)
                take_after(fd, &old);
        return fd;
}

int out_file_show(struct out_file *f)
{
        int error = 0;

        if (f->aside[0] && rename(f->aside, f->path) != 0) {
                error = -errno;
                unlink(f->aside);
        }
        f->aside[0] = '\0';
        return error;
}

void out_file_abandon(struct out_file *f)
{
        if (f->aside[0])
                unlink(f->aside);
        f->aside[0] = '\0';
}

/* ---- appended to --------------------------------------------------------------------------- */

/* Little of the stack is used: programs end on small ones. */
int out_file_append(const char *path)
{
        int fd = open(path, HOW | O_APPEND | O_CREAT | O_NOFOLLOW, 0666);
        struct stat link;

        /* EACCES: the kernel itself refuses some links (fs.protected_symlinks). */
        if (fd < 0 && (errno == ELOOP || errno == EACCES) && lstat(path, &link) == 0 &&
            S_ISLNK(link.st_mode)) {
                if (!is_trusted(&link))
                        return -ELOOP;
                fd = open(path, HOW | O_APPEND | O_CREAT, 0666);
        }
        return fd < 0 ? -errno : fd;
}

const char *out_file_why(int error)
{
        return error == -ELOOP ? "a symbolic link that belongs to another user is not followed"
                               : strerrordesc_np(-error);
}
