/* SPDX-License-Identifier: MIT */
/*
 * file_open.c - the file store is made: its descriptors, its range, and its bitmap of places. See
 * file.c.
 */
#include "file.h"
#include "arena.h"
#include "last_error.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLAGS (PG_FILE_DIRECT | PG_FILE_READONLY | PG_FILE_SWAP | PG_FILE_FORCE | PG_FILE_WIPE)

int file_reopen(int fd, int flags)
{
        char path[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
        int own;

        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        own = pg_fd_keep(open(path, flags | O_CLOEXEC));
        return own >= 0 ? own : -errno;
}

static int direct_refused(int error)
{
        return last_error(error,
                          "the file cannot be opened past the page cache (%s): its filesystem may "
                          "have no O_DIRECT; leave PG_FILE_DIRECT out",
                          strerror(-error));
}

/* Opens file->direct_fd. Some filesystems take O_DIRECT and refuse the transfer: try one. */
static int open_direct(struct file *file, bool readonly)
{
        ssize_t got;
        void *block;

        file->direct_fd = file_reopen(file->fd, (readonly ? O_RDONLY : O_RDWR) | O_DIRECT);
        if (file->direct_fd < 0)
                return direct_refused(file->direct_fd);
        block = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (block == MAP_FAILED)
                return last_error(-ENOMEM, "no memory for a block of the file");
        got = pread(file->direct_fd, block, BLOCK, (off_t)file->start);
        munmap(block, BLOCK);
        if (got < 0)
                return direct_refused(-EINVAL);
        file->ring = file_ring_open();
        /* What is read ahead stays in memory after it was wiped in the file. */
        if ((file->flags & PG_FILE_WIPE) == 0)
                file->stage = file_stage_open();
        return 0;
}

static int open_cached(struct file *file, int fd, int flags, bool readonly)
{
        if ((flags & (O_APPEND | O_DIRECT)) != 0) {
                file->fd = file_reopen(fd, readonly ? O_RDONLY : O_RDWR);
                return file->fd < 0 ? file->fd : 0;
        }
        file->fd = pg_fd_keep(fcntl(fd, F_DUPFD_CLOEXEC, 0));
        return file->fd < 0 ? -errno : 0;
}

static int open_descriptors(struct file *file, const struct pg_file_config *config, bool *readonly)
{
        int flags = fcntl(config->fd, F_GETFL);
        int err;

        if (flags < 0)
                return last_error(-errno,
                                  "%d is no open descriptor: it was closed, or open(2) failed",
                                  config->fd);
        if ((flags & O_PATH) != 0 || (flags & O_ACCMODE) == O_WRONLY)
                return last_error(-EBADF,
                                  "descriptor %d cannot be read: open the file with O_RDWR, or "
                                  "O_RDONLY where it is not written",
                                  config->fd);
        if ((flags & O_ACCMODE) == O_RDONLY)
                *readonly = true;
        err = open_cached(file, config->fd, flags, *readonly);
        if (err != 0)
                return last_error(err,
                                  "the file could not be opened once more: %s; EMFILE: raise "
                                  "RLIMIT_NOFILE (ulimit -n)",
                                  strerror(-err));
        return (config->flags & PG_FILE_DIRECT) != 0 ? open_direct(file, *readonly) : 0;
}

static int measure_file(int fd, bool *can_grow, uint64_t *size)
{
        struct stat stat;

        if (fstat(fd, &stat) != 0)
                return last_error(-errno, "the file cannot be looked at: %s", strerror(errno));
        *can_grow = S_ISREG(stat.st_mode);
        if (S_ISREG(stat.st_mode))
                *size = (uint64_t)stat.st_size;
        else if (!S_ISBLK(stat.st_mode))
                return last_error(-EINVAL, "the descriptor is no regular file, block device or "
                                           "memfd, and nothing else has places for pages");
        else if (ioctl(fd, BLKGETSIZE64, size) != 0)
                return last_error(-errno, "the device does not say its size: %s", strerror(errno));
        return 0;
}

/* Finds the range, and grows the file to hold it where that is possible. */
static int measure_range(const struct file *file, const struct pg_file_config *config,
                         bool readonly, uint64_t *extent)
{
        uint64_t size;
        bool can_grow;
        int err = measure_file(file->fd, &can_grow, &size);

        if (err != 0)
                return err;
        if (config->start > size)
                return last_error(-EINVAL, "the range begins beyond the end of the file");
        *extent = config->length != 0 ? config->length : size - config->start;
        /* An extent of 0 would mean: no bound. */
        if (*extent == 0)
                return last_error(-EINVAL, "the range is empty: the file ends where it begins; "
                                           "give a length, to which a writable file grows");
        if (*extent >= UINT64_C(1) << 56)
                return last_error(-EINVAL, "the range is too long: it must be below 2^56 bytes");
        if (*extent <= size - config->start)
                return 0;
        if (readonly || !can_grow || config->start + *extent > INT64_MAX)
                return last_error(-EINVAL, "the range ends beyond the end of the file, which "
                                           "cannot grow: it is read-only, or a device");
        if (ftruncate(file->fd, (off_t)(config->start + *extent)) != 0)
                return last_error(-errno, "the file cannot grow to the range: %s", strerror(errno));
        return 0;
}

/* For the smallest page there is: the pool's is not known yet. */
static int map_places(struct file *file, uint64_t extent)
{
        uint64_t nwords = extent / BLOCK / WORD_BITS + 1;
        uint64_t bytes = (nwords + nwords / WORD_BITS + 1) * sizeof(uint64_t);
        void *memory = arena_reserve(bytes, "unpaged-file");

        if (memory == NULL)
                return last_error(-ENOMEM, "no address space to note the places of the file: raise "
                                           "RLIMIT_AS (ulimit -v), or give a shorter length");
        file->places = memory;
        file->full = file->places + nwords;
        file->places_bytes = bytes;
        return 0;
}

int file_open(struct file *file, const struct pg_file_config *config, bool *readonly,
              uint64_t *extent)
{
        int err;

        file->fd = file->direct_fd = -1;
        file->heir = -1;
        file->start = config->start;
        file->flags = config->flags;
        file->owner = getpid();
        if ((config->flags & ~FLAGS) != 0)
                return last_error(-EINVAL, "unknown flags of a file store: %#x", config->flags);
        if (config->start % BLOCK != 0)
                return last_error(-EINVAL, "the range must begin at a multiple of 4096");
        err = open_descriptors(file, config, readonly);
        if (err == 0 && *readonly && (config->flags & PG_FILE_SWAP) != 0)
                err = last_error(-EINVAL, "PG_FILE_SWAP wants a file that can be written: open it "
                                          "with O_RDWR, and leave PG_FILE_READONLY out");
        if (err == 0)
                err = measure_range(file, config, *readonly, extent);
        return err == 0 && !*readonly ? map_places(file, *extent) : err;
}
