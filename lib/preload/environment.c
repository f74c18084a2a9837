/* SPDX-License-Identifier: MIT */
/*
 * environment.c - this library in the environment of what is executed.
 *
 * It knows itself in LD_PRELOAD by the name of its file, whatever folder that is in. Nothing is
 * allocated: it is also used between vfork() and execve().
 */
#include "environment.h"

#include <string.h>

#define NAME   "libunpaged-preload.so"
#define PREFIX "LD_PRELOAD="

const char *environment_find(char *const *environment, const char *name)
{
        size_t len = strlen(name);

        for (; environment && *environment; environment++)
                if (strncmp(*environment, name, len) == 0 && (*environment)[len] == '=')
                        return *environment + len + 1;
        return NULL;
}

size_t environment_count(char *const *environment)
{
        size_t n = 0;

        while (environment && environment[n])
                n++;
        return n + 1;
}

size_t environment_text(char *const *environment)
{
        const char *list = environment_find(environment, "LD_PRELOAD");

        return list ? sizeof(PREFIX) + strlen(list) : 1;
}

static bool is_us(const char *item, size_t len)
{
        const char *slash = memrchr(item, '/', len);
        size_t folder = slash ? (size_t)(slash - item) + 1 : 0;

        return len - folder == strlen(NAME) && memcmp(item + folder, NAME, strlen(NAME)) == 0;
}

bool environment_has_us(char *const *environment)
{
        const char *list = environment_find(environment, "LD_PRELOAD");

        for (size_t len; list && *list; list += len + (list[len] != '\0')) {
                len = strcspn(list, ": ");
                if (is_us(list, len))
                        return true;
        }
        return false;
}

/* Writes the variable without us to text. Returns its length, PREFIX included. */
static size_t rest_of(const char *list, char *text, bool *found)
{
        size_t at = strlen(PREFIX);

        memcpy(text, PREFIX, at);
        while (*list) {
                size_t len = strcspn(list, ": ");

                if (is_us(list, len)) {
                        *found = true;
                } else if (len > 0) {
                        if (at > strlen(PREFIX))
                                text[at++] = ':';
                        memcpy(text + at, list, len);
                        at += len;
                }
                list += len + (list[len] != '\0');
        }
        text[at] = '\0';
        return at;
}

bool environment_without(char **to, char *text, char *const *environment, bool settings)
{
        const char *list = environment_find(environment, "LD_PRELOAD");
        bool found = false;
        size_t n = 0;

        if (list && rest_of(list, text, &found) == strlen(PREFIX))
                text = NULL;
        if (!found && !settings)
                return false;
        for (; environment && *environment; environment++) {
                if (strncmp(*environment, PREFIX, strlen(PREFIX)) == 0 && found) {
                        if (text)
                                to[n++] = text;
                        text = NULL; /* a second one would be ignored anyway */
                } else if (!settings || strncmp(*environment, "UNPAGED_", 8) != 0) {
                        to[n++] = *environment;
                }
        }
        to[n] = NULL;
        return true;
}
