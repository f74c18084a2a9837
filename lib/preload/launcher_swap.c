/* SPDX-License-Identifier: MIT */
/* launcher_swap.c - could that be swap? It is tried before the program begins: an error is best
 * told then. */
#include "launcher.h"
#include "settings.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <unpaged/stores.h>
#include <unpaged/unpaged.h>

/* It is made to be swap, as the program's process will do once more. */
static int check_swap_file(const struct settings *s)
{
        struct pg_file_config config = {.size = sizeof(config),
                                        .flags =
                                                PG_FILE_SWAP | (s->swap_force ? PG_FILE_FORCE : 0)};
        struct pg_store *store = NULL;
        int error;

        config.fd = open(s->swap_path, O_RDWR | O_CLOEXEC);
        if (config.fd < 0)
                return say(STATUS_REFUSED, "swap file %s: %s; it must be readable and writable",
                           s->swap_path, strerror(errno));
        error = pg_store_file(&store, &config);
        close(config.fd);
        pg_store_close(store);
        if (error == -EEXIST)
                return say(
                        STATUS_REFUSED,
                        "swap file %s: it has content, which would be overwritten; name an "
                        "empty file or device, or add ,force if that may go: --swap file:%s,force",
                        s->swap_path, s->swap_path);
        return error ? say(STATUS_REFUSED, "swap file %s: %s", s->swap_path, pg_last_error()) : -1;
}

static int check_file(const struct settings *s)
{
        struct stat st;
        const char *path = s->swap_path;

        if (stat(path, &st) != 0)
                return say(STATUS_REFUSED,
                           "swap file %s: %s; name a directory, or make the file first: truncate "
                           "-s SIZE %s",
                           path, strerror(errno), path);
        if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
                return say(STATUS_REFUSED, "swap file %s: neither directory, file nor block device",
                           path);
        if (faccessat(AT_FDCWD, path, R_OK | W_OK | (S_ISDIR(st.st_mode) ? X_OK : 0), AT_EACCESS) !=
            0)
                return say(STATUS_REFUSED, "swap file %s: %s; it must be readable and writable",
                           path, strerror(errno));
        if (S_ISREG(st.st_mode) && st.st_size == 0)
                return say(STATUS_REFUSED, "swap file %s: it is empty; truncate -s SIZE %s", path,
                           path);
        if (S_ISREG(st.st_mode) && st.st_size < (off_t)(2 * s->page_size))
                return say(STATUS_REFUSED,
                           "swap file %s: it is too small to hold a page; name another one", path);
        if (!S_ISDIR(st.st_mode) && s->children)
                return say(STATUS_REFUSED,
                           "swap file %s: only one process can use it; name a directory, in which "
                           "each makes its own, or add --children off",
                           path);
        return S_ISDIR(st.st_mode) ? -1 : check_swap_file(s);
}

static int check_spill(const struct settings *s)
{
        const char *path = s->spill_path;
        struct statfs fs;
        struct stat st;

        if (stat(path, &st) != 0)
                return say(STATUS_REFUSED, "spill to %s: %s; name a directory on a disk", path,
                           strerror(errno));
        if (!S_ISDIR(st.st_mode))
                return say(STATUS_REFUSED,
                           "spill to %s: it is no directory; name one, in which each process makes "
                           "a file of its own",
                           path);
        if (faccessat(AT_FDCWD, path, R_OK | W_OK | X_OK, AT_EACCESS) != 0)
                return say(STATUS_REFUSED, "spill to %s: %s; it must be readable and writable",
                           path, strerror(errno));
        if (statfs(path, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC))
                return say(STATUS_REFUSED,
                           "spill to %s: that lies in memory (tmpfs), where nothing is gained; "
                           "name a directory on a disk",
                           path);
        return -1;
}

int swap_check(const struct settings *s)
{
        int status = s->swap == SWAP_FILE ? check_file(s) : -1;

        return status < 0 && s->spill_path ? check_spill(s) : status;
}
