/* SPDX-License-Identifier: MIT */
/* credentials.h - what the kernel lets each thread do, as /proc has it. */
#ifndef CREDENTIALS_H
#define CREDENTIALS_H

#include "support.h"

#include <dirent.h>
#include <stdbool.h>

struct credentials_text {
        char name[32];
        char text[1024];
};

static inline bool is_credential(const char *line)
{
        return strncmp(line, "Uid:", 4) == 0 || strncmp(line, "Gid:", 4) == 0 ||
               strncmp(line, "Groups:", 7) == 0 || strncmp(line, "Cap", 3) == 0 ||
               strncmp(line, "NoNewPrivs:", 11) == 0;
}

/* False: the thread has ended. */
static inline bool credentials_of(const char *tid, struct credentials_text *c)
{
        char path[300], line[512];
        FILE *file;

        snprintf(path, sizeof(path), "/proc/self/task/%s/status", tid);
        file = fopen(path, "r");
        *c = (struct credentials_text){0};
        while (file && fgets(line, sizeof(line), file)) {
                sscanf(line, "Name:\t%31s", c->name);
                if (is_credential(line))
                        strncat(c->text, line, sizeof(c->text) - strlen(c->text) - 1);
        }
        if (file)
                fclose(file);
        return c->text[0] != '\0';
}

/* Of the threads beside the caller; how many have not what it has. */
static inline unsigned threads_that_differ(unsigned *others)
{
        struct credentials_text own, other;
        DIR *dir = opendir("/proc/self/task");
        struct dirent *entry;
        unsigned differ = 0;
        char self[16];

        snprintf(self, sizeof(self), "%d", gettid());
        if (!dir || !credentials_of(self, &own))
                return ~0u;
        *others = 0;
        while ((entry = readdir(dir))) {
                if (entry->d_name[0] == '.' || strcmp(entry->d_name, self) == 0 ||
                    !credentials_of(entry->d_name, &other))
                        continue;
                ++*others;
                if (strcmp(other.text, own.text) == 0)
                        continue;
                if (differ++ == 0)
                        fprintf(stderr, "%s has\n%sthe caller\n%s", other.name, other.text,
                                own.text);
        }
        closedir(dir);
        return differ;
}

static inline void expect_same_of(unsigned least)
{
        unsigned others, differ = threads_that_differ(&others);

        ck_assert_uint_eq(differ, 0);
        ck_assert_uint_ge(others, least);
}

/* A pool has a keeper, a follower and three helpers at least. */
static inline void expect_same(unsigned pools)
{
        expect_same_of(5 * pools);
}

/* Pages of `map`, which are more than there are frames. */
static inline void touch_pages_of(char *map, unsigned pages, char value)
{
        for (unsigned i = 0; i < pages; i++)
                map[i * PAGE] = (char)(value + (char)i);
        for (unsigned i = 0; i < pages; i++)
                ck_assert_int_eq(map[i * PAGE], (char)(value + (char)i));
}

static inline bool is_root(void)
{
        if (geteuid() == 0)
                return true;
        fprintf(stderr, "skipped: only root has privileges to give up\n");
        return false;
}

#endif
