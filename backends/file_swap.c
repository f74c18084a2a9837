/* SPDX-License-Identifier: MIT */
/*
 * file_swap.c - a file becomes swap: one with which nothing is lost; and freed places are wiped.
 *
 * Content. What is overwritten is gone, so a file is taken for swap if it is marked as one of ours,
 * or reads as zeros, or the caller says PG_FILE_FORCE. The mark is the first page of the range,
 * which holds no page of a pool for it. A file without a name (unlinked, a memfd) needs none:
 * nobody can meet it later.
 *
 * Whether a file reads as zeros is found out within a moment: holes are skipped; of up to EXTENTS
 * pieces of data those up to WHOLE bytes are read, of larger ones the first HEAD bytes, the last
 * block, and blocks in between at equal distances. Where that is not enough to tell, the file
 * counts as content. Devices have no holes, and may seek slowly: fewer blocks are read of them.
 *
 * A device must be nobody else's: O_EXCL is refused while it is mounted, swapped to, or part of
 * another one. PG_FILE_FORCE does not change that.
 *
 * Wiping writes zeros over a place when it is freed, before it can be handed out again, and over
 * those that are still in use when the store is closed. A process that ends without closing its
 * store wipes nothing; the mark stays.
 */
#include "file.h"
#include "last_error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WHOLE         ((uint64_t)64 << 20)
#define HEAD          ((uint64_t)1 << 20)
#define EXTENTS       1024u
#define FILE_BLOCKS   4096u
#define DEVICE_BLOCKS 256u

static char buffer[64u << 10] __attribute__((aligned(BLOCK)));

static const char mark[BLOCK] __attribute__((aligned(BLOCK))) =
        "unpaged swap, version 1\n"
        "The rest of this file was the memory of a program. unpaged may "
        "overwrite it at any time.\n";

/* ---- content ------------------------------------------------------------------------------- */

/* Bytes of [at, to) that could be read into the buffer, from the first on; 0: none. */
static size_t read_some(int fd, uint64_t at, uint64_t to)
{
        size_t most = to - at < sizeof(buffer) ? (size_t)(to - at) : sizeof(buffer);
        ssize_t n;

        do
                n = pread(fd, buffer, most, (off_t)at);
        while (n < 0 && errno == EINTR);
        return n > 0 ? (size_t)n : 0;
}

static bool reads_as_zeros(int fd, uint64_t at, uint64_t to)
{
        while (at < to) {
                size_t n = read_some(fd, at, to);

                if (n == 0 || buffer[0] != 0 || memcmp(buffer, buffer + 1, n - 1) != 0)
                        return false;
                at += n;
        }
        return true;
}

static bool data_is_zeros(int fd, uint64_t at, uint64_t to, unsigned blocks)
{
        uint64_t head = to - at <= WHOLE && blocks == FILE_BLOCKS ? to : at + HEAD;
        uint64_t step = (to - at) / blocks / BLOCK * BLOCK + BLOCK;

        head = head < to ? head : to;
        if (!reads_as_zeros(fd, at, head))
                return false;
        for (at = head; at < to; at += step)
                if (!reads_as_zeros(fd, at, at + BLOCK < to ? at + BLOCK : to))
                        return false;
        return head == to || reads_as_zeros(fd, to - BLOCK, to);
}

/* The next piece of data in [*from, end), from *from to *to; false: there is none. */
static bool next_data(int fd, uint64_t *from, uint64_t *to, uint64_t end)
{
        off_t data = lseek(fd, (off_t)*from, SEEK_DATA), hole;

        if (data < 0 && errno == ENXIO)
                return false;
        hole = data < 0 ? -1 : lseek(fd, data, SEEK_HOLE);
        *from = data < 0 ? *from : (uint64_t)data;
        *to = hole < 0 || (uint64_t)hole > end ? end : (uint64_t)hole;
        return *from < end;
}

static bool is_blank(int fd, uint64_t from, uint64_t end, unsigned blocks)
{
        uint64_t to;

        for (unsigned i = 0; next_data(fd, &from, &to, end); i++) {
                if (i == EXTENTS || !data_is_zeros(fd, from, to, blocks))
                        return false;
                from = to;
        }
        return true;
}

static bool is_marked(const struct file *file)
{
        return read_some(file->fd, file->start, file->start + BLOCK) == BLOCK &&
               memcmp(buffer, mark, BLOCK) == 0;
}

static int check_content(const struct file *file, bool is_device)
{
        bool may_go = is_marked(file);
        /* file->fd shares its position with the caller's descriptor, which another thread may be
         * using. */
        int own = may_go ? -EEXIST : file_reopen(file->fd, O_RDONLY);

        if (!may_go) {
                off_t position = lseek(file->fd, 0, SEEK_CUR);

                may_go = is_blank(own < 0 ? file->fd : own, file->start,
                                  file->start + file->store.extent,
                                  is_device ? DEVICE_BLOCKS : FILE_BLOCKS);
                if (own < 0)
                        lseek(file->fd, position, SEEK_SET);
                pg_fd_close(own);
        }
        return may_go ? 0
                      : last_error(-EEXIST,
                                   "the file has content, which swap would overwrite: give an "
                                   "empty one, or set PG_FILE_FORCE if that may go");
}

/* ---- claiming ------------------------------------------------------------------------------ */

static int claim_device(struct file *file)
{
        int own = file_reopen(file->fd, O_RDWR | O_EXCL);

        if (own == -EBUSY)
                return last_error(own, "the device is in use: it is mounted, swapped to, part of "
                                       "another device, or opened with O_EXCL; name another one");
        if (own < 0)
                return last_error(own, "the device cannot be opened with O_EXCL: %s",
                                  strerror(-own));
        pg_fd_close(file->fd);
        file->fd = own;
        return 0;
}

static int put_mark(struct file *file)
{
        size_t page = file->store.page_size ? file->store.page_size : BLOCK;
        int error;

        if (file->store.extent < 2 * page)
                return last_error(-EINVAL,
                                  "the range has no room for swap: one of its pages (%zu bytes) is "
                                  "marked, so it must have two at least",
                                  page);
        error = file_transfer(file, true, 0, BLOCK, (char *)(uintptr_t)mark);
        if (error)
                return last_error(error, "the file cannot be written: %s", strerror(-error));
        atomic_fetch_or(&file->places[0], 1);
        atomic_fetch_add(&file->used, 1);
        file->marked = true;
        return 0;
}

static int claim_file(struct file *file)
{
        struct stat stat;
        bool is_device;
        int error = 0;

        if (fstat(file->fd, &stat) != 0)
                return last_error(-errno, "the file cannot be looked at: %s", strerror(errno));
        is_device = S_ISBLK(stat.st_mode);
        if (is_device)
                error = claim_device(file);
        if (!error && !(file->flags & PG_FILE_FORCE))
                error = check_content(file, is_device);
        if (!error && (is_device || stat.st_nlink > 0))
                error = put_mark(file);
        file->claimed = !error;
        return error;
}

/* One thread at a time, for the buffer: this is its process. Another process there is a parent, in
 * which a thread was at it when it forked. */
static _Atomic pid_t claimer;

static void claiming_begin(void)
{
        const struct timespec pause = {.tv_nsec = 1000000};
        pid_t me = getpid(), holder = 0;

        while (!atomic_compare_exchange_strong(&claimer, &holder, me)) {
                if (holder != me)
                        continue;
                nanosleep(&pause, NULL);
                holder = 0;
        }
}

int file_swap_begin(struct pg_store *store)
{
        struct file *file = file_of(store);
        int error;

        claiming_begin();
        error = file->claimed ? 0 : claim_file(file);
        atomic_store(&claimer, 0);
        return error;
}

/* ---- wiping -------------------------------------------------------------------------------- */

void file_wipe(struct file *file, uint64_t offset)
{
        static char zeros[64u << 10] __attribute__((aligned(BLOCK))); /* never written to */
        size_t left = file->store.page_size;

        if (!(file->flags & PG_FILE_WIPE))
                return;
        while (left > 0) {
                size_t n = left < sizeof(zeros) ? left : sizeof(zeros);

                if (file_transfer(file, true, offset, n, zeros) != 0)
                        return;
                offset += n;
                left -= n;
        }
}

void file_wipe_all(struct file *file)
{
        uint64_t nplaces = file->store.page_size ? file->store.extent / file->store.page_size : 0;

        if (!(file->flags & PG_FILE_WIPE) || !file->places || file->read_only ||
            getpid() != file->owner)
                return;
        for (uint64_t place = file->marked; place < nplaces; place++) {
                uint64_t taken = atomic_load(&file->places[place / WORD_BITS]);

                if (taken >> (place % WORD_BITS) & 1)
                        file_wipe(file, place * file->store.page_size);
                else if (taken == 0)
                        place |= WORD_BITS - 1;
        }
        fdatasync(file_fd(file));
}
