/* SPDX-License-Identifier: MIT */
/*
 * launcher_words.c - what `unpaged run` says although it goes on: that the program will run
 * unpaged, and that a variable is misspelt. And what the program's processes need to say such
 * things themselves (complaint.c).
 */
#include "launcher.h"
#include "out_file.h"
#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OURS "UNPAGED_"

static void log_append(const char *path, const char *program, const char *reason)
{
        int fd = out_file_append(path);

        if (fd < 0)
                return;
        dprintf(fd, "unpaged: %s: runs unpaged: %s\n", program, reason);
        close(fd);
}

void words_unpaged(const struct settings *s, const char *program, const char *reason, bool speak)
{
        bool log_is_stderr = s->log_path && strcmp(s->log_path, "-") == 0;

        if (speak || log_is_stderr)
                say(0, "%s: runs unpaged: %s", program, reason);
        if (s->log_path && !log_is_stderr)
                log_append(s->log_path, program, reason);
}

void words_misspelt(void)
{
        for (char **at = environ; *at; at++) {
                char name[64];
                const char *nearest;

                if (strncmp(*at, OURS, strlen(OURS)) != 0)
                        continue;
                snprintf(name, sizeof(name), "%.*s", (int)strcspn(*at, "="), *at);
                nearest = settings_nearest(name);
                if (nearest)
                        say(0, "%s: there is no such variable; the nearest is %s: see unpaged(1)",
                            name, nearest);
        }
}

bool words_for_tree(bool speak)
{
        char tree[128];
        struct stat st;

        if (!speak || fstat(STDERR_FILENO, &st) != 0)
                return unsetenv("UNPAGED_TREE") == 0;
        snprintf(tree, sizeof(tree), "%d:%llu:%llu:%5s", getpid(), (unsigned long long)st.st_dev,
                 (unsigned long long)st.st_ino, "");
        return setenv("UNPAGED_TREE", tree, 1) == 0;
}
