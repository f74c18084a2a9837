/* SPDX-License-Identifier: MIT */
/* live_name.c - see live_name.h. */
#include "live_name.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define STAT_BYTES 1024u
/* Blanks before them in /proc/PID/stat, from the state on. */
#define THREADS_FIELD 17u
#define START_FIELD   19u

/* ---- text ----------------------------------------------------------------------------------- */

void live_put_text(char *to, size_t size, const char *text)
{
        size_t len = strlen(to), n = strlen(text);

        n = n < size - 1 - len ? n : size - 1 - len;
        memcpy(to + len, text, n);
        to[len + n] = '\0';
}

void live_put_number(char *to, size_t size, uint64_t n)
{
        char digits[24], *at = digits + sizeof(digits);

        *--at = '\0';
        do
                *--at = (char)('0' + n % 10);
        while (n /= 10);
        live_put_text(to, size, at);
}

static bool take_number(const char **at, uint64_t *n)
{
        const char *first = *at;

        for (*n = 0; **at >= '0' && **at <= '9' && *at - first < 19; (*at)++)
                *n = *n * 10 + (uint64_t)(**at - '0');
        return *at > first;
}

/* ---- processes ------------------------------------------------------------------------------ */

/* What /proc says of a process, from its state on; "" if nothing. */
static const char *stat_read(pid_t pid, char stat[STAT_BYTES])
{
        char path[64] = "/proc/";
        const char *at;
        ssize_t n;
        int fd;

        live_put_number(path, sizeof(path), (uint64_t)pid);
        live_put_text(path, sizeof(path), "/stat");
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return "";
        n = read(fd, stat, STAT_BYTES - 1);
        close(fd);
        stat[n > 0 ? n : 0] = '\0';
        at = strrchr(stat, ')'); /* the name may hold anything */
        return at && at[1] ? at + 2 : "";
}

/* 0: there is none. */
static uint64_t stat_number(const char *at, unsigned field)
{
        uint64_t n = 0;

        for (unsigned i = 0; at && i < field; i++)
                at = strchr(at + (i > 0), ' ');
        if (at && *at == ' ')
                at++;
        return at && take_number(&at, &n) ? n : 0;
}

uint64_t live_start_ticks(pid_t pid)
{
        char stat[STAT_BYTES];

        return stat_number(stat_read(pid, stat), START_FIELD);
}

/* The parts of "PID.START.", and what follows; NULL: it does not begin like that. */
static const char *name_begin(const char *name, pid_t *pid, uint64_t *start_ticks)
{
        uint64_t id;

        if (!take_number(&name, &id) || *name++ != '.' || !take_number(&name, start_ticks) ||
            *name++ != '.' || id == 0 || id > INT32_MAX)
                return NULL;
        *pid = (pid_t)id;
        return name;
}

bool live_name_read(const char *name, pid_t *pid, uint64_t *start_ticks, unsigned *number)
{
        const char *rest = name_begin(name, pid, start_ticks);
        uint64_t pool;

        if (!rest || !take_number(&rest, &pool) || *rest)
                return false;
        *number = (unsigned)pool;
        return true;
}

bool live_run_name_read(const char *name, pid_t *pid, uint64_t *start_ticks)
{
        const char *rest = name_begin(name, pid, start_ticks);

        return rest && strcmp(rest, RUN_SUFFIX) == 0;
}

/* Nobody has waited for it yet. The first thread may look like this while others go on. */
static bool is_zombie(const char *stat)
{
        return *stat == 'Z' && stat_number(stat, THREADS_FIELD) <= 1;
}

bool live_owner_is_there(pid_t pid, uint64_t start_ticks)
{
        char buffer[STAT_BYTES];
        const char *stat;
        uint64_t now;

        if (kill(pid, 0) != 0 && errno == ESRCH)
                return false;
        stat = stat_read(pid, buffer);
        now = stat_number(stat, START_FIELD);
        return !is_zombie(stat) && (now == start_ticks || now == 0 || start_ticks == 0);
}
