/* SPDX-License-Identifier: MIT */
/*
 * live_file.c - see live_file.h.
 *
 * No descriptor stays open, as programs close those that they do not know, and the mapping is all
 * that is needed. Nothing here allocates: a child of fork makes its file before the program goes
 * on. The memory is there before it is mapped (fallocate), or a file system that is full would
 * raise SIGBUS at the first count.
 */
#include "live_file.h"
#include "live_name.h"
#include "arena.h"
#include "kernel_page.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <unpaged/live.h>

#define LIST_BYTES 4096u

/* ---- names ---------------------------------------------------------------------------------- */

/* Where files may lie, as the environment had it: see live_places_read(). */
static char runtime[LIVE_FOLDER];

void live_places_read(void)
{
        const char *given = secure_getenv("XDG_RUNTIME_DIR");
        bool fits = given && given[0] == '/' && strlen(given) < LIVE_FOLDER - sizeof("/unpaged");

        if (strcmp(runtime, fits ? given : "") != 0)
                strcpy(runtime, fits ? given : "");
}

bool live_folder(unsigned i, char folder[LIVE_FOLDER])
{
        folder[0] = '\0';
        if (i == 0 && runtime[0]) {
                live_put_text(folder, LIVE_FOLDER, runtime);
                live_put_text(folder, LIVE_FOLDER, "/unpaged");
        } else if (i == 1 && geteuid() == 0) {
                live_put_text(folder, LIVE_FOLDER, "/run/unpaged");
        } else if (i == 2) {
                live_put_text(folder, LIVE_FOLDER, "/dev/shm/unpaged-");
                live_put_number(folder, LIVE_FOLDER, geteuid());
        }
        return i <= 2;
}

/* ---- making one ----------------------------------------------------------------------------- */

/* Another user could put what he likes into it otherwise. */
static bool is_ours_alone(int fd)
{
        struct stat st;

        return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
               !(st.st_mode & (S_IWGRP | S_IWOTH));
}

/* On a disk the kernel writes pages back now and then, and the next store to each waits for the
 * file system: while a fault is being served. */
static bool is_in_memory(int fd)
{
        struct statfs fs;

        return fstatfs(fd, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

/* May the folder lie here? Another user could put one of his in its place: but /run and /dev/shm
 * are root's, and the last is sticky. */
static bool is_safe_above(const char *above, int fd)
{
        return is_in_memory(fd) &&
               (strcmp(above, "/run") == 0 || strcmp(above, "/dev/shm") == 0 || is_ours_alone(fd));
}

/* A descriptor of the folder, which is made if need be; or -1. */
static int folder_open(const char *folder)
{
        char above[LIVE_FOLDER];
        const char *name = strrchr(folder, '/') + 1;
        int from, fd = -1;

        memcpy(above, folder, LIVE_FOLDER);
        above[name - 1 - folder] = '\0';
        from = open(above, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (from < 0)
                return -1;
        if (is_safe_above(above, from)) {
                mkdirat(from, name, 0700);
                fd = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        }
        close(from);
        if (fd < 0 || is_ours_alone(fd))
                return fd;
        close(fd);
        return -1;
}

/* Beyond the limit of file sizes the kernel would raise SIGXFSZ. */
static bool size_is_allowed(size_t bytes)
{
        struct rlimit limit;

        return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur >= bytes;
}

/* A file of that name can only be one that this process has left there when it executed this
 * program. */
static int file_make(int folder, const char *name, size_t bytes)
{
        int fd = openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

        if (fd < 0 && errno == EEXIST && unlinkat(folder, name, 0) == 0)
                fd = openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return -1;
        if (fchmod(fd, 0600) == 0 && fallocate(fd, 0, 0, (off_t)bytes) == 0)
                return fd;
        close(fd);
        unlinkat(folder, name, 0);
        return -1;
}

/* A file of the process, whose name ends like that, where the first of the folders takes it. */
static int live_file_open(struct live_file *f, size_t bytes, const char *end)
{
        char folder[LIVE_FOLDER], name[64] = "";
        int fd = -1;

        *f = (struct live_file){.pid = getpid(), .start_ticks = live_start_ticks(getpid())};
        if (!size_is_allowed(bytes))
                return -1;
        live_put_number(name, sizeof(name), (uint64_t)f->pid);
        live_put_text(name, sizeof(name), ".");
        live_put_number(name, sizeof(name), f->start_ticks);
        live_put_text(name, sizeof(name), ".");
        live_put_text(name, sizeof(name), end);
        for (unsigned i = 0; fd < 0 && live_folder(i, folder); i++) {
                int at = folder[0] ? folder_open(folder) : -1;

                if (at < 0)
                        continue;
                fd = file_make(at, name, bytes);
                close(at);
        }
        if (fd < 0)
                return fd;
        live_put_text(f->path, sizeof(f->path), folder);
        live_put_text(f->path, sizeof(f->path), "/");
        live_put_text(f->path, sizeof(f->path), name);
        return fd;
}

void *live_file_map(struct live_file *f, size_t bytes, unsigned number, void *at)
{
        int fixed = at ? MAP_FIXED : 0, fd;
        void *memory = MAP_FAILED;
        char end[24] = "";

        live_put_number(end, sizeof(end), number);
        fd = live_file_open(f, bytes, end);
        if (fd >= 0) {
                memory = mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | fixed, fd, 0);
                close(fd);
                if (memory == MAP_FAILED)
                        unlink(f->path);
        }
        if (memory != MAP_FAILED)
                return memory;
        f->path[0] = '\0';
        memory =
                mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | fixed, -1, 0);
        if (memory == MAP_FAILED)
                return NULL;
        arena_name(memory, bytes, "unpaged-counters");
        return memory;
}

int live_run_open(struct live_file *f, size_t bytes)
{
        return live_file_open(f, bytes, RUN_SUFFIX);
}

void live_file_remove(struct live_file *f)
{
        if (f->path[0])
                unlink(f->path);
        f->path[0] = '\0';
}

/* ---- those that were left ------------------------------------------------------------------- */

struct stale {
        char name[64];
        struct timespec modified;
};

static bool is_older(const struct stale *a, const struct stale *b)
{
        return a->modified.tv_sec < b->modified.tv_sec ||
               (a->modified.tv_sec == b->modified.tv_sec &&
                a->modified.tv_nsec < b->modified.tv_nsec);
}

/* Keeps the newest: what is the oldest goes, of these and the new one. */
static void stale_add(int folder, struct stale kept[LIVE_STALE_MOST], unsigned *n,
                      const struct stale *s)
{
        struct stale *oldest = &kept[0];

        if (*n < LIVE_STALE_MOST) {
                kept[(*n)++] = *s;
                return;
        }
        for (unsigned i = 1; i < LIVE_STALE_MOST; i++)
                if (is_older(&kept[i], oldest))
                        oldest = &kept[i];
        if (is_older(s, oldest)) {
                unlinkat(folder, s->name, 0);
                return;
        }
        unlinkat(folder, oldest->name, 0);
        *oldest = *s;
}

/* Its run is not over, and will want to know what it has counted. */
static bool run_goes_on(int folder, const char *name)
{
        int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        struct pg_live live;
        bool is_whole = fd >= 0 && pread(fd, &live, sizeof(live), 0) == (ssize_t)sizeof(live);

        if (fd >= 0)
                close(fd);
        return is_whole && memcmp(live.magic, PG_LIVE_MAGIC, sizeof(live.magic)) == 0 &&
               live.run != 0 && live_owner_is_there(live.run, live.run_start_ticks);
}

static bool is_stale(int folder, const char *name, bool runs)
{
        unsigned number;
        uint64_t ticks;
        pid_t pid;

        if (runs)
                return live_run_name_read(name, &pid, &ticks) && !live_owner_is_there(pid, ticks);
        return live_name_read(name, &pid, &ticks, &number) && !live_owner_is_there(pid, ticks) &&
               !run_goes_on(folder, name);
}

/* Of files of counters, or of records of runs. */
static void prune(int folder, bool runs)
{
        _Alignas(struct dirent64) char list[LIST_BYTES];
        struct stale kept[LIVE_STALE_MOST], s;
        struct stat st;
        unsigned n = 0;
        ssize_t size;

        lseek(folder, 0, SEEK_SET);
        while ((size = syscall(SYS_getdents64, folder, list, sizeof(list))) > 0)
                for (ssize_t at = 0; at < size;) {
                        const struct dirent64 *entry = (const void *)(list + at);

                        at += entry->d_reclen;
                        if (strlen(entry->d_name) >= sizeof(s.name) ||
                            !is_stale(folder, entry->d_name, runs) ||
                            fstatat(folder, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
                                continue;
                        strcpy(s.name, entry->d_name);
                        s.modified = st.st_mtim;
                        stale_add(folder, kept, &n, &s);
                }
}

static void prune_folder(int folder)
{
        prune(folder, false);
        prune(folder, true);
}

void live_files_prune(void)
{
        char folder[LIVE_FOLDER];

        for (unsigned i = 0; live_folder(i, folder); i++) {
                int at = folder[0] ? open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                                   : -1;

                if (at < 0)
                        continue;
                if (is_ours_alone(at))
                        prune_folder(at);
                close(at);
        }
}
