/* SPDX-License-Identifier: MIT */
/* source.c - a file in $TMPDIR or /var/tmp: see source.h. */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

static struct {
        int fd;
        enum data_kind data;
        uint32_t pages;
        char reason[256];
} source = {.fd = -1};

static const char *refuse(const char *what, const char *folder, const char *why)
{
        snprintf(source.reason, sizeof(source.reason),
                 "%s in %.100s: %s (TMPDIR names another folder)", what, folder, why);
        if (source.fd >= 0)
                close(source.fd);
        source.fd = -1;
        return source.reason;
}

static int write_pages(const struct run *run)
{
        static uint64_t words[PAGE_WORDS];

        for (uint32_t page = 0; page < run->pages; page++) {
                data_page(run->data, run->seed, page, page, words);
                errno = 0;
                if (write(source.fd, words, PAGE_BYTES) != (ssize_t)PAGE_BYTES)
                        return errno ? errno : EIO;
        }
        return fsync(source.fd) == 0 ? 0 : errno;
}

const char *source_open(struct run *run)
{
        const char *folder = getenv("TMPDIR");
        struct statfs system;
        char path[512];
        int error;

        if (source.fd >= 0 && source.data == run->data && source.pages == run->pages) {
                run->fd = source.fd;
                return NULL;
        }
        if (!folder || !*folder)
                folder = "/var/tmp";
        if (source.fd >= 0)
                close(source.fd);
        snprintf(path, sizeof(path), "%.400s/unpaged-rivals-XXXXXX", folder);
        source.fd = mkostemp(path, O_CLOEXEC);
        if (source.fd < 0)
                return refuse("no file", folder, strerror(errno));
        unlink(path);
        if (fstatfs(source.fd, &system) == 0 &&
            (system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC))
                return refuse("no file", folder, "that is memory, not a disk");
        if ((error = write_pages(run)) != 0)
                return refuse("writing the file", folder, strerror(error));
        source.data = run->data;
        source.pages = run->pages;
        run->fd = source.fd;
        return NULL;
}

const char *source_warm(const struct run *run)
{
        static char buffer[128 << 10];
        ssize_t got;
        off_t at = 0;

        while ((got = pread(run->fd, buffer, sizeof(buffer), at)) > 0)
                at += got;
        return got == 0 ? NULL : "the file cannot be read";
}

const char *source_cool(const struct run *run)
{
        return posix_fadvise(run->fd, 0, 0, POSIX_FADV_DONTNEED) == 0
                       ? NULL
                       : "the file's pages do not leave the page cache";
}
