/* SPDX-License-Identifier: MIT */
/*
 * text.c - text put together without stdio, and where it goes.
 *
 * Files are opened for each piece of text: a descriptor that stayed open would keep a pipe open in
 * the daemons a program leaves behind. For standard error there is no other way. See settings.h.
 */
#include "text.h"
#include "out_file.h"
#include "real_syscalls.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unpaged/store.h>

void text_add(struct text *t, const char *words)
{
        size_t len = strlen(words), room = sizeof(t->at) - 1 - t->len;

        len = len < room ? len : room;
        memcpy(t->at + t->len, words, len);
        t->len += len;
        t->at[t->len] = '\0';
}

void text_parts(struct text *t, const char *part, va_list parts)
{
        size_t from = t->len;

        for (; part; part = va_arg(parts, const char *))
                text_add(t, part);
        for (size_t i = from; i < t->len; i++)
                if ((unsigned char)t->at[i] < ' ')
                        t->at[i] = '_';
}

void text_decimal(struct text *t, uint64_t n, unsigned places)
{
        char digits[32], *at = digits + sizeof(digits);

        *--at = '\0';
        for (unsigned i = 0; n > 0 || i <= places; i++) {
                if (places > 0 && i == places)
                        *--at = '.';
                *--at = (char)('0' + n % 10);
                n /= 10;
        }
        text_add(t, at);
}

void text_number(struct text *t, uint64_t n)
{
        text_decimal(t, n, 0);
}

void text_pad(struct text *t, size_t from, size_t width)
{
        while (t->len - from < width && t->len < sizeof(t->at) - 1)
                t->at[t->len++] = ' ';
}

void text_shift(struct text *t, size_t from, size_t width)
{
        size_t len = t->len - from;

        text_pad(t, from, width);
        if (t->len - from == len)
                return;
        memmove(t->at + t->len - len, t->at + from, len);
        memset(t->at + from, ' ', t->len - from - len);
}

void text_word(struct text *t, const char *word)
{
        size_t from = t->len;

        text_add(t, word);
        for (size_t i = from; i < t->len; i++)
                if ((unsigned char)t->at[i] <= ' ')
                        t->at[i] = '_';
}

void sink_open(struct sink *s, const char *path)
{
        struct stat st = {0};
        size_t len = 0;

        s->is_open = false;
        s->fd = -1;
        if (!path)
                return;
        if (strcmp(path, "-") == 0) {
                s->fd = pg_fd_keep(real_dup(STDERR_FILENO));
                s->is_open = s->fd >= 0 && fstat(s->fd, &st) == 0;
                s->device = st.st_dev;
                s->inode = st.st_ino;
                return;
        }
        if (path[0] != '/' && getcwd(s->path, sizeof(s->path) - 1)) {
                len = strlen(s->path);
                s->path[len++] = '/';
        }
        if (len + strlen(path) >= sizeof(s->path))
                return;
        strcpy(s->path + len, path);
        s->is_open = true;
}

bool sink_is_there(const struct sink *s)
{
        struct stat st;

        return s->is_open && (s->fd < 0 || (fstat(s->fd, &st) == 0 && st.st_dev == s->device &&
                                            st.st_ino == s->inode));
}

static int append(const char *path, const char *text, size_t len)
{
        int fd = out_file_append(path);
        int error = fd < 0 ? fd : real_write_all(fd, text, len);

        if (fd >= 0)
                real_close(fd);
        return error;
}

int sink_write_bytes(const struct sink *s, const char *text, size_t len)
{
        int saved = errno, error = 0;

        if (s->is_open && s->fd < 0)
                error = append(s->path, text, len);
        else if (sink_is_there(s))
                error = real_write_all(s->fd, text, len);
        errno = saved;
        return error;
}

int sink_write(const struct sink *s, const struct text *t)
{
        return sink_write_bytes(s, t->at, t->len);
}
