/* SPDX-License-Identifier: MIT */
/*
 * launcher_program.c - which file a program's name means, and where the preloaded library is.
 *
 * The library is found from where this program itself lies, so that an installed tree may be moved
 * and a build tree used as it is. LD_PRELOAD is a list without quoting: blanks and colons separate,
 * a dollar begins a token. A path that has one of them cannot be written there.
 */
#include "launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIBRARY "libunpaged-preload.so"

#if defined(__x86_64__)
#define MULTIARCH "x86_64-linux-gnu"
#elif defined(__aarch64__)
#define MULTIARCH "aarch64-linux-gnu"
#endif

/* ---- the program ---------------------------------------------------------------------------- */

static int executable(const char *path)
{
        struct stat st;

        if (stat(path, &st) != 0)
                return errno;
        if (!S_ISREG(st.st_mode))
                return EACCES;
        return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

int program_find(const char *name, char path[PATH_MAX])
{
        const char *list = getenv("PATH");
        int error = ENOENT;

        if (strlen(name) >= PATH_MAX)
                return ENAMETOOLONG;
        if (strchr(name, '/')) {
                strcpy(path, name);
                return executable(path);
        }
        for (const char *at = list ? list : "/bin:/usr/bin"; *name && at;) {
                size_t len = strcspn(at, ":");
                int n = len ? snprintf(path, PATH_MAX, "%.*s/%s", (int)len, at, name)
                            : snprintf(path, PATH_MAX, "./%s", name);
                int here = n < PATH_MAX ? executable(path) : ENAMETOOLONG;

                if (here == 0)
                        return 0;
                if (here == EACCES && faccessat(AT_FDCWD, path, F_OK, AT_EACCESS) == 0)
                        error = EACCES; /* it is there, but perhaps a later one can be run */
                at = at[len] ? at + len + 1 : NULL;
        }
        return error;
}

/* ---- the library ---------------------------------------------------------------------------- */

static bool can_be_listed(const char *path, char *why, size_t size)
{
        if (path[0] == '/' && !strpbrk(path, ": $"))
                return true;
        snprintf(
                why, size,
                "%s: cannot stand in LD_PRELOAD: its path must be absolute, without blanks, colons "
                "and dollars; copy it elsewhere and set UNPAGED_PRELOAD_PATH",
                path);
        return false;
}

bool preload_find(char path[PATH_MAX], char *why, size_t size)
{
        static const char *const places[] = {"", "../lib/" MULTIARCH "/unpaged/", "../lib/unpaged/",
                                             "../lib64/unpaged/"};
        const char *given = secure_getenv("UNPAGED_PRELOAD_PATH");
        char self[PATH_MAX], beside[2 * PATH_MAX];
        ssize_t len;

        if (given && *given) {
                if (realpath(given, path) && access(path, R_OK) == 0)
                        return can_be_listed(path, why, size);
                snprintf(why, size, "UNPAGED_PRELOAD_PATH=%s: %s; name the file " LIBRARY, given,
                         strerror(errno));
                return false;
        }
        len = readlink("/proc/self/exe", self, sizeof(self) - 1);
        self[len > 0 ? len : 0] = '\0';
        *(strrchr(self, '/') ? strrchr(self, '/') + 1 : self) = '\0';
        for (size_t i = 0; len > 0 && i < sizeof(places) / sizeof(places[0]); i++) {
                snprintf(beside, sizeof(beside), "%s%s" LIBRARY, self, places[i]);
                if (realpath(beside, path) && access(path, R_OK) == 0)
                        return can_be_listed(path, why, size);
        }
        snprintf(why, size,
                 LIBRARY " was not found beside the program (%s) nor in ../lib/" MULTIARCH
                         "/unpaged from there; set UNPAGED_PRELOAD_PATH to where it is",
                 len > 0 ? self : "/proc is not mounted");
        return false;
}

/* The list without `path`; `found` tells whether it was there. NULL: no memory. */
static char *list_without(const char *list, const char *path, bool *found)
{
        char *rest = malloc(strlen(list) + 1), *end = rest;

        *found = false;
        if (!rest)
                return NULL;
        for (size_t len; *list; list += len) {
                list += strspn(list, ": ");
                len = strcspn(list, ": ");
                if (len == strlen(path) && strncmp(list, path, len) == 0) {
                        *found = true;
                        continue;
                }
                if (len == 0)
                        continue;
                if (end != rest)
                        *end++ = ':';
                memcpy(end, list, len);
                end += len;
        }
        *end = '\0';
        return rest;
}

bool preload_set(const char *path)
{
        const char *list = getenv("LD_PRELOAD");
        bool found;
        char *rest = list_without(list ? list : "", path, &found), *all;

        if (!rest || asprintf(&all, "%s%s%s", path, *rest ? ":" : "", rest) < 0)
                return false;
        return setenv("LD_PRELOAD", all, 1) == 0;
}

bool preload_drop(const char *path)
{
        const char *list = getenv("LD_PRELOAD");
        bool found;
        char *rest = list ? list_without(list, path, &found) : NULL;

        if (!list)
                return true;
        if (!rest)
                return false;
        if (!found)
                return true; /* not ours to rewrite */
        return *rest ? setenv("LD_PRELOAD", rest, 1) == 0 : unsetenv("LD_PRELOAD") == 0;
}
