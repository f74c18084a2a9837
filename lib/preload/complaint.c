/* SPDX-License-Identifier: MIT */
/*
 * complaint.c - what `unpaged run` was asked for and cannot be had: a line in the log, and one on
 * standard error.
 *
 * The first process of a tree always says it; of all others together one does, or a build that runs
 * a static program a thousand times would say so a thousand times. What they share is UNPAGED_TREE,
 * which the launcher sets (and with --quiet does not):
 *
 *         PID:DEVICE:INODE:TOKEN
 *
 * PID is the first process. TOKEN is a memory file that this process keeps open; the process that
 * is to speak seals it, which the kernel grants once. It is reached through /proc/PID/fd, so it
 * lasts as long as the first process, and where that has gone nobody speaks. DEVICE and INODE are
 * the standard error that the tree was started with: a process that has another one does not write
 * to it, for a program may be reading there. A process that has spoken empties the variable, so
 * that what it executes says nothing.
 *
 * An access that fails for want of a frame is another matter: it ends most programs, each for a
 * reason of its own. So every process says it that has the tree's standard error.
 *
 * Without the launcher there is no such variable, and the log alone is told.
 */
#include "preload.h"
#include "real_syscalls.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <unpaged/store.h>

#define TOKEN_DIGITS 5 /* the launcher leaves as many places */
#define TOKEN_NAME   "unpaged-tree"
#define TOKEN_LINK   "/memfd:" TOKEN_NAME

static struct {
        struct sink sink; /* not kept open: see settings.h */
        char *variable;   /* the value in the environment */
        char *token;      /* its end */
        uint64_t first;
        int own; /* the token, in the first process; -1: none */
} tree = {.own = -1};

/* Of what is left of the variable; 0: no number. */
static uint64_t next_number(char **at)
{
        uint64_t n = 0;

        for (; **at >= '0' && **at <= '9'; (*at)++)
                n = n * 10 + (uint64_t)(**at - '0');
        *at += **at == ':';
        return n;
}

static bool is_first(void)
{
        return tree.first == (uint64_t)real_getpid();
}

void complaint_open(void)
{
        char *at = secure_getenv("UNPAGED_TREE");

        if (!at || !*at)
                return;
        tree.variable = at;
        tree.first = next_number(&at);
        tree.sink = (struct sink){.is_open = true, .fd = STDERR_FILENO};
        tree.sink.device = (dev_t)next_number(&at);
        tree.sink.inode = (ino_t)next_number(&at);
        tree.token = at;
}

bool complaint_is_heard(void)
{
        return tree.variable || log_is_open();
}

void complaint_keep(void)
{
        struct sink kept;

        if (!tree.variable || !sink_is_there(&tree.sink))
                return;
        sink_open(&kept, "-");
        if (kept.is_open)
                tree.sink = kept;
}

void complaint_share(void)
{
        struct text number = {0};

        if (!tree.variable || !is_first() || strlen(tree.token) != TOKEN_DIGITS)
                return;
        tree.own = pg_fd_keep(memfd_create(TOKEN_NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING));
        if (tree.own < 0)
                return;
        text_number(&number, (uint64_t)tree.own);
        text_shift(&number, 0, TOKEN_DIGITS);
        if (number.len == TOKEN_DIGITS)
                memcpy(tree.token, number.at, TOKEN_DIGITS);
}

/* True once in the tree. */
static bool token_take(int fd)
{
        return fd >= 0 && real_fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL) == 0;
}

/* Once the first process has gone, its number may be another's. */
static bool is_token(const char *path)
{
        char name[sizeof(TOKEN_LINK)];
        ssize_t n = readlink(path, name, sizeof(name));

        return n >= (ssize_t)strlen(TOKEN_LINK) &&
               memcmp(name, TOKEN_LINK, strlen(TOKEN_LINK)) == 0;
}

static bool token_take_from_first(struct text *path)
{
        char *at = tree.token + strspn(tree.token, " ");
        bool taken;
        int fd;

        if (*at < '0' || *at > '9')
                return false;
        path->len = 0;
        text_add(path, "/proc/");
        text_number(path, tree.first);
        text_add(path, "/fd/");
        text_number(path, next_number(&at));
        fd = is_token(path->at) ? real_open(path->at, O_RDWR | O_CLOEXEC, 0) : -1;
        taken = token_take(fd);
        if (fd >= 0)
                real_close(fd);
        return taken;
}

static bool may_speak(struct text *room, bool once)
{
        if (!tree.variable || log_is_standard_error() || !sink_is_there(&tree.sink))
                return false;
        if (!is_first())
                return !once || token_take_from_first(room);
        token_take(tree.own); /* what others have to say is heard no more */
        return true;
}

static void complain_in(struct text *t, bool once, const char *part, va_list parts)
{
        int saved = errno;
        va_list again;

        va_copy(again, parts);
        log_parts(t, part, parts);
        if (may_speak(t, once)) {
                t->len = 0;
                text_add(t, "unpaged: ");
                text_parts(t, part, again);
                text_add(t, "\n");
                sink_write(&tree.sink, t);
                *tree.variable = '\0';
        }
        va_end(again);
        errno = saved;
}

void complain(const char *part, ...)
{
        struct text t;
        va_list parts;

        va_start(parts, part);
        complain_in(&t, true, part, parts);
        va_end(parts);
}

void complain_in_fault(const char *part, ...)
{
        static struct text t; /* the stack may be that of a signal */
        va_list parts;

        va_start(parts, part);
        complain_in(&t, false, part, parts);
        va_end(parts);
}
