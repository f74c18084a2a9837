/* SPDX-License-Identifier: MIT */
/*
 * machine.c - how much memory there is for this process.
 *
 * A cgroup's limit binds everything below it, so the least one between the process's group and the
 * root counts. Where the hierarchies are mounted, and which part of them, only mountinfo tells: a
 * container sees its own group as the root of the mount, yet its path may still be the host's.
 *
 * This runs before main() in programs that know nothing of it: no malloc, no stdio, no locale, and
 * nothing is left open.
 */
#include "machine.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

/* Version 1 says "no limit" with the largest multiple of a page. */
#define ABSURD (1ull << 60)

/* ---- lines of a file ------------------------------------------------------------------------ */

struct lines {
        int fd;
        size_t at, len;
        char block[1024];
};

static int next_byte(struct lines *in)
{
        if (in->at == in->len) {
                ssize_t n = read(in->fd, in->block, sizeof(in->block));

                if (n <= 0)
                        return -1;
                in->at = 0;
                in->len = (size_t)n;
        }
        return (unsigned char)in->block[in->at++];
}

/* Without its end; what does not fit is dropped. */
static bool next_line(struct lines *in, char *line, size_t size)
{
        size_t n = 0;
        int c = next_byte(in);

        if (c < 0)
                return false;
        for (; c >= 0 && c != '\n'; c = next_byte(in))
                if (n + 1 < size)
                        line[n++] = (char)c;
        line[n] = '\0';
        return true;
}

/* "a" "b" "c" into path; false: too long. */
static bool join(char path[PATH_MAX], const char *a, const char *b, const char *c)
{
        const char *parts[] = {a, b, c};
        size_t at = 0;

        for (size_t i = 0; i < 3; i++) {
                size_t len = strlen(parts[i]);

                if (at + len >= PATH_MAX)
                        return false;
                memcpy(path + at, parts[i], len + 1);
                at += len;
        }
        return true;
}

static bool open_lines(struct lines *in, const char *folder, const char *name)
{
        char path[PATH_MAX];

        *in = (struct lines){.fd = -1};
        if (join(path, folder, "/", name))
                in->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        return in->fd >= 0;
}

/* The number a file begins with; "max" and all else is no limit. */
static uint64_t read_limit(const char *path)
{
        char text[32];
        uint64_t limit = 0;
        ssize_t n = -1;
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

        if (fd >= 0) {
                n = read(fd, text, sizeof(text) - 1);
                close(fd);
        }
        if (n <= 0 || text[0] < '0' || text[0] > '9')
                return MACHINE_NO_LIMIT;
        text[n] = '\0';
        for (const char *c = text; *c >= '0' && *c <= '9' && limit < ABSURD; c++)
                limit = limit * 10 + (uint64_t)(*c - '0');
        return limit >= ABSURD ? MACHINE_NO_LIMIT : limit;
}

/* ---- cgroups -------------------------------------------------------------------------------- */

/* Cuts the text at its first blank and returns what follows. */
static char *cut(char *text)
{
        char *end = text + strcspn(text, " ");

        if (*end)
                *end++ = '\0';
        return end;
}

static bool has_word(const char *list, const char *word)
{
        size_t len = strlen(word);

        for (; *list; list += *list == ',') {
                size_t n = strcspn(list, ",");

                if (n == len && memcmp(list, word, len) == 0)
                        return true;
                list += n;
        }
        return false;
}

struct hierarchy {
        bool unified; /* version 2 */
        const char *file;
};

static const struct hierarchy hierarchies[] = {
        {true, "/memory.max"},
        {false, "/memory.limit_in_bytes"},
};

/* Where the hierarchy is mounted: `root` is the group that is seen there. */
static bool find_mount(const char *proc, const struct hierarchy *h, char root[PATH_MAX],
                       char point[PATH_MAX])
{
        char line[2 * PATH_MAX];
        struct lines in;
        bool found = false;

        if (!open_lines(&in, proc, "mountinfo"))
                return false;
        while (!found && next_line(&in, line, sizeof(line))) {
                char *type = strstr(line, " - "), *at = line, *options, *rest;

                if (!type)
                        continue;
                *type = '\0';
                type += 3;
                options = cut(cut(type)); /* type, source, options */
                for (int skipped = 0; skipped < 3; skipped++)
                        at = cut(at); /* number, parent, device */
                rest = cut(at);       /* root, mount point */
                cut(rest);
                found = h->unified ? strcmp(type, "cgroup2") == 0
                                   : strcmp(type, "cgroup") == 0 && has_word(options, "memory");
                found = found && join(root, at, "", "") && join(point, rest, "", "");
        }
        close(in.fd);
        return found;
}

/* The process's group in the hierarchy, as /proc/self/cgroup has it: "number:controllers:path". */
static bool find_group(const char *proc, const struct hierarchy *h, char group[PATH_MAX])
{
        char line[PATH_MAX];
        struct lines in;
        bool found = false;

        if (!open_lines(&in, proc, "cgroup"))
                return false;
        while (!found && next_line(&in, line, sizeof(line))) {
                char *controllers = strchr(line, ':');
                char *path = controllers ? strchr(controllers + 1, ':') : NULL;

                if (!path)
                        continue;
                *path++ = '\0';
                found = h->unified ? strcmp(line, "0:") == 0 : has_word(controllers + 1, "memory");
                found = found && join(group, path, "", "");
        }
        close(in.fd);
        return found;
}

static uint64_t least_limit(const char *point, char *group, const char *file)
{
        uint64_t least = MACHINE_NO_LIMIT;
        char path[PATH_MAX];

        for (;;) {
                char *last = strrchr(group, '/');
                uint64_t limit =
                        join(path, point, group, file) ? read_limit(path) : MACHINE_NO_LIMIT;

                least = limit < least ? limit : least;
                if (!last)
                        return least;
                *last = '\0'; /* the group above; "" is the mount's own */
        }
}

uint64_t machine_cgroup_limit(const char *proc)
{
        uint64_t least = MACHINE_NO_LIMIT;

        for (size_t i = 0; i < sizeof(hierarchies) / sizeof(hierarchies[0]); i++) {
                const struct hierarchy *h = &hierarchies[i];
                char root[PATH_MAX], point[PATH_MAX], group[PATH_MAX];
                size_t len;
                uint64_t limit;

                if (!find_group(proc, h, group) || !find_mount(proc, h, root, point))
                        continue;
                /* Relative to what is mounted. A group outside of that (the path of the host, or
                 * one that begins with "/..") cannot be seen: the mount's own has to do. */
                len = strcmp(root, "/") == 0 ? 0 : strlen(root);
                if (strncmp(group, root, len) != 0 || (group[len] && group[len] != '/') ||
                    strncmp(group + len, "/..", 3) == 0)
                        len = strlen(group);
                limit = least_limit(point, group + len, h->file);
                least = limit < least ? limit : least;
        }
        return least;
}

/* ---- memory --------------------------------------------------------------------------------- */

uint64_t machine_memory(void)
{
        struct sysinfo info;

        return sysinfo(&info) == 0 ? (uint64_t)info.totalram * info.mem_unit : 0;
}

uint64_t machine_usable(void)
{
        uint64_t memory = machine_memory();
        uint64_t limit = machine_cgroup_limit("/proc/self");

        return limit < memory ? limit : memory;
}
