/* SPDX-License-Identifier: MIT */
/*
 * file_fork.c - the file store in a child of fork.
 *
 * Parent and child would write to the same places of the same file. So before the fork the places
 * in use are copied into a file without a name, in the directory of the first one, which becomes
 * the child's: at the speed of the page cache, or at no cost where the filesystem can share blocks.
 *
 * A store that has never handed out a place may hold a file that is mapped, of which a child has
 * private pages only: it goes on reading that. Or it is a swap store that is still empty: the
 * child's own file is kept ready until it hands out its first place.
 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

/* A nameless file beside the one that is open as fd; in memory where that one has no directory. */
static int file_beside(int fd)
{
        char link[64], path[4096];
        struct stat stat;
        ssize_t length;
        char *slash;
        int beside = -1;

        if (fstat(fd, &stat) != 0 || !S_ISREG(stat.st_mode))
                return -EOPNOTSUPP; /* beside a device there is no room for a copy of it */

        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        length = readlink(link, path, sizeof(path) - 1);
        path[length > 0 ? length : 0] = '\0';
        slash = strrchr(path, '/');
        if (path[0] == '/' && slash) {
                slash[slash == path] = '\0';
                beside = open(path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        }
        if (beside < 0 && strncmp(path, "/memfd:", 7) == 0)
                beside = memfd_create("unpaged-swap", MFD_CLOEXEC);
        return beside < 0 ? -errno : pg_fd_keep(beside);
}

static int copy_bytes(int from, int to, uint64_t position, uint64_t length)
{
        off_t in = (off_t)position, out = in;

        while (length > 0) {
                ssize_t n = copy_file_range(from, &in, to, &out, length, 0);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && lseek(to, out, SEEK_SET) == out) {
                        n = sendfile(to, from, &in, length);
                        out += n > 0 ? n : 0;
                }
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                length -= (uint64_t)n;
        }
        return 0;
}

static bool is_taken(const struct file *file, uint64_t place)
{
        return atomic_load(&file->places[place / WORD_BITS]) >> (place % WORD_BITS) & 1;
}

/* Copies the places in use, neighbours together. */
static int copy_places(const struct file *file, int to)
{
        size_t page_size = file->store.page_size;
        uint64_t nplaces = file->store.extent / page_size, from = 0, place = 0;
        int error = 0;

        while (!error && place < nplaces) {
                if (place % WORD_BITS == 0 && atomic_load(&file->places[place / WORD_BITS]) == 0) {
                        place += WORD_BITS;
                        continue;
                }
                if (!is_taken(file, place)) {
                        place++;
                        continue;
                }
                for (from = place; place < nplaces && is_taken(file, place);)
                        place++;
                error = copy_bytes(file->fd, to, file->start + from * page_size,
                                   (place - from) * page_size);
        }
        return error;
}

/* We are a child ourselves, with a file of our own that we use, or never have. */
static void heir_settle(struct file *file)
{
        int used = file_fd(file), unused = used == file->fd ? file->heir : file->fd;

        file->fd = used;
        file->heir = -1;
        pg_fd_close(unused);
}

static int heir_make(struct file *file)
{
        int heir = file_beside(file->fd), error;

        if (heir < 0)
                return heir;
        error = ftruncate(heir, (off_t)(file->start + file->store.extent)) ? -errno : 0;
        if (!error)
                error = copy_places(file, heir);
        if (error)
                pg_fd_close(heir);
        else
                file->heir = heir;
        return error;
}

int file_fork_prepare(struct pg_store *store)
{
        struct file *file = file_of(store);
        int error;

        if (!file->places)
                return 0;
        if (file->heir >= 0)
                heir_settle(file);
        file->forking = true;
        error = heir_make(file);
        return atomic_load(&file->swaps) ? error : 0;
}

void file_fork_parent(struct pg_store *store)
{
        struct file *file = file_of(store);

        if (!file->forking)
                return;
        pg_fd_close(file->heir);
        file->heir = -1;
        file->forking = false;
}

/* The ring belongs to the parent, and knows. The child goes without one, and through the page
 * cache. */
int file_fork_child(struct pg_store *store)
{
        struct file *file = file_of(store);

        if (!file->forking)
                return 0;
        pg_fd_close(file->direct_fd);
        file->direct_fd = -1;
        file_stage_abandon(file->stage);
        if (file->heir < 0)
                file->read_only = true;
        file->forking = false;
        file->owner = getpid();
        if (file->heir >= 0 && atomic_load(&file->swaps))
                heir_settle(file);
        return 0;
}
