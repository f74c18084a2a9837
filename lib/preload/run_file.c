/* SPDX-License-Identifier: MIT */
/*
 * run_file.c - what the processes of one `unpaged run` leave for its report.
 *
 * The launcher makes a file beside the counters of running processes (lib/os/live_file.h), and its
 * path is in UNPAGED_REPORT. Each process of the run appends a record when it ends. The launcher
 * becomes the run's first process; when that ends, it takes the records, removes the file, and
 * writes one report. What ends later finds no file, and writes a report of its own.
 *
 * Lock. A process holds the file's lock (flock) shared while it appends, and the first process
 * alone, while it reads and removes: so a record is either read, or not written. A process that was
 * stopped in between must not keep the others from ending. So they wait for a second at most; then
 * the first process goes on without, and others say for themselves what they know.
 */
#include "run_file.h"
#include "live_file.h"
#include "live_name.h"
#include "real_syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HEAD_MAGIC   "unp-run"
#define RECORD_MAGIC "unp-end"
#define LOCK_TRIES   1000u /* of a millisecond */

static uint64_t pid_space(void)
{
        struct stat st;

        return stat("/proc/self/ns/pid", &st) == 0 ? st.st_ino : 0;
}

bool run_file_whose(const char *path, pid_t *first, uint64_t *start_ticks)
{
        const char *slash = strrchr(path, '/');

        return slash && strlen(path) < LIVE_PATH &&
               live_run_name_read(slash + 1, first, start_ticks);
}

void run_head_begin(struct run_head *head, pid_t pid, uint64_t start_ticks)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        memcpy(head->magic, HEAD_MAGIC, sizeof(head->magic));
        head->pid = pid;
        head->start_ticks = start_ticks;
        head->started_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
        head->pid_space = pid_space();
}

static bool lock_file(int fd, int how)
{
        const struct timespec pause = {.tv_nsec = 1000000};
        unsigned tries = 0;

        while (flock(fd, how | LOCK_NB) != 0) {
                if (errno != EWOULDBLOCK || ++tries == LOCK_TRIES)
                        return false;
                nanosleep(&pause, NULL);
        }
        return true;
}

static bool head_read(int fd, struct run_head *head)
{
        return pread(fd, head, sizeof(*head), 0) == (ssize_t)sizeof(*head) &&
               memcmp(head->magic, HEAD_MAGIC, sizeof(head->magic)) == 0;
}

/* ---- appending ------------------------------------------------------------------------------ */

/* The kernel would cut it, and raise SIGXFSZ. */
static bool fits(int fd)
{
        struct rlimit limit;
        struct stat st;

        return fstat(fd, &st) == 0 && getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
               limit.rlim_cur >= (uint64_t)st.st_size + sizeof(struct run_record);
}

static bool is_removed(int fd)
{
        struct stat st;

        return fstat(fd, &st) != 0 || st.st_nlink == 0;
}

/* In a container within the run, the first process's number may be another's. */
static bool first_is_gone(const struct run_head *head)
{
        return head->pid_space != 0 && head->pid_space == pid_space() &&
               !live_owner_is_there(head->pid, head->start_ticks);
}

static int append_to(int fd, const struct run_record *r)
{
        struct run_record record = *r;
        struct run_head head;
        int error;

        memcpy(record.magic, RECORD_MAGIC, sizeof(record.magic));
        if (!head_read(fd, &head))
                return -EINVAL;
        if (first_is_gone(&head))
                return -ESRCH;
        if (!fits(fd))
                return -EFBIG;
        if (!lock_file(fd, LOCK_SH))
                return -EWOULDBLOCK;
        error = is_removed(fd) ? -ENOENT : real_write_all(fd, &record, sizeof(record));
        return !error && is_removed(fd) ? -ENOENT : error;
}

int run_file_append(const char *path, const struct run_record *r)
{
        int fd = real_open(path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
        int error;

        if (fd < 0)
                return -errno;
        error = append_to(fd, r);
        real_close(fd); /* and with it the lock */
        return error;
}

/* ---- reading -------------------------------------------------------------------------------- */

int run_records_reserve(struct run_records *all, size_t places)
{
        void *memory = real_mmap(NULL, places * sizeof(struct run_record), PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        if (memory == MAP_FAILED)
                return -ENOMEM;
        all->at = memory;
        all->places = places;
        all->count = 0;
        return 0;
}

void run_records_release(struct run_records *all)
{
        if (all->at)
                real_munmap(all->at, all->places * sizeof(struct run_record));
        all->at = NULL;
}

static int records_take_from(int fd, const char *path, struct run_records *all, size_t more)
{
        const size_t size = sizeof(struct run_record);
        struct stat st;
        size_t count;
        int error;

        if (!head_read(fd, &all->head) || fstat(fd, &st) != 0 || st.st_nlink == 0)
                return -ENOENT;
        count = (size_t)st.st_size / size - 1;
        error = run_records_reserve(all, count + more);
        if (error)
                return error;
        if (unlink(path) != 0) {
                run_records_release(all);
                return -ENOENT;
        }
        for (size_t i = 0; i < count; i++)
                if (pread(fd, &all->at[all->count], size, (off_t)((i + 1) * size)) ==
                            (ssize_t)size &&
                    memcmp(all->at[all->count].magic, RECORD_MAGIC, sizeof(RECORD_MAGIC)) == 0)
                        all->count++;
        return 0;
}

int run_file_take(const char *path, struct run_records *all, size_t more)
{
        int fd = real_open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
        int error;

        if (fd < 0)
                return -errno;
        lock_file(fd, LOCK_EX);
        error = records_take_from(fd, path, all, more);
        real_close(fd);
        return error;
}
