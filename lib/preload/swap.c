/* SPDX-License-Identifier: MIT */
/*
 * swap.c - the swap store of this process: compressed memory, a file, or the first with the second
 * below it.
 *
 * Each process has a file without a name, in the directory that was given: it goes with the
 * process, however that ends. A named file, or a device, is for one process.
 */
#include "swap.h"
#include "real_syscalls.h"
#include "settings.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <unpaged/stores.h>

static int open_nameless(const char *folder)
{
        char path[PATH_MAX];
        size_t len = strlen(folder);
        int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

        if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT) ||
            len + sizeof("/unpaged-XXXXXX") > sizeof(path))
                return fd;
        memcpy(path, folder, len);
        strcpy(path + len, "/unpaged-XXXXXX");
        fd = mkostemp(path, O_CLOEXEC);
        if (fd >= 0)
                unlink(path);
        return fd;
}

static int fails(struct text *why, const char *what, const char *path, int error)
{
        if (error && why->len == 0) {
                text_add(why, what);
                text_add(why, path);
                text_add(why, ": ");
                text_add(why, strerror(-error));
        }
        return error;
}

/* ---- a file -------------------------------------------------------------------------------- */

static int open_file(const struct settings *s, struct pg_store **store, struct text *why)
{
        struct pg_file_config config = {.size = sizeof(config),
                                        .flags = (s->swap_force ? PG_FILE_FORCE : 0) |
                                                 (s->wipe ? PG_FILE_WIPE : 0)};
        struct statvfs fs;
        struct stat st;
        int error;

        if (stat(s->swap_path, &st) != 0)
                return -errno;
        config.fd = S_ISDIR(st.st_mode) ? open_nameless(s->swap_path)
                                        : open(s->swap_path, O_RDWR | O_CLOEXEC);
        if (config.fd < 0)
                return -errno;
        if (S_ISDIR(st.st_mode)) {
                if (fstatvfs(config.fd, &fs) == 0)
                        config.length = fs.f_bavail * fs.f_frsize / s->page_size * s->page_size;
                if (config.length < s->page_size)
                        config.length = s->page_size;
        } else if (flock(config.fd, LOCK_EX | LOCK_NB) != 0) {
                text_add(why, "another process uses this swap file");
                real_close(config.fd);
                return -EBUSY;
        }
        error = pg_store_file(store, &config);
        real_close(config.fd);
        return error;
}

/* ---- compressed memory, and what it spills -------------------------------------------------- */

static int open_zram(const struct settings *s, struct pg_store **store)
{
        struct pg_zram_config config = {.size = sizeof(config),
                                        .limit_bytes = s->swap_limit,
                                        .flags = s->wipe ? PG_ZRAM_WIPE : 0};

        if (s->swap_algorithm[0])
                config.algorithm = s->swap_algorithm;
        return pg_store_zram(store, &config);
}

static int open_spill(const struct settings *s, struct pg_store **store, struct text *why)
{
        struct pg_file_config config = {.size = sizeof(config),
                                        .flags = s->wipe ? PG_FILE_WIPE : 0,
                                        .length = s->spill_limit / s->page_size * s->page_size};
        struct statfs fs;
        int error;

        config.fd = open_nameless(s->spill_path);
        if (config.fd < 0)
                return -errno;
        if (fstatfs(config.fd, &fs) == 0 &&
            (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC)) {
                text_add(why, "what spills to ");
                text_add(why, s->spill_path);
                text_add(why, " would stay in memory: name a directory on a disk");
                real_close(config.fd);
                return -EINVAL;
        }
        error = pg_store_file(store, &config);
        real_close(config.fd);
        return error;
}

static int open_tiered(const struct settings *s, struct pg_store **store, struct text *why)
{
        struct pg_tiered_config config = {.size = sizeof(config)};
        int error = fails(why, "spill to ", s->spill_path, open_spill(s, &config.lower, why));

        if (!error)
                error = open_zram(s, &config.upper);
        if (!error)
                error = pg_store_tiered(store, &config);
        if (error) {
                pg_store_close(config.upper);
                pg_store_close(config.lower);
        }
        return error;
}

int swap_open(const struct settings *s, struct pg_store **store, struct text *why)
{
        if (s->swap == SWAP_FILE)
                return fails(why, "swap file ", s->swap_path, open_file(s, store, why));
        return s->spill_path ? open_tiered(s, store, why) : open_zram(s, store);
}
