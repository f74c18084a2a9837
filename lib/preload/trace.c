/* SPDX-License-Identifier: MIT */
/*
 * trace.c - which file a process's trace goes to, and that it is whole when the process ends.
 *
 * The first process of a tree has the file that the user named: it is the one that can make it, as
 * the launcher has removed what was there. All others have its name with their process id behind
 * it: those that were executed find the file there, and for children of fork the pager does it.
 *
 * A process ends as in stats.c. Who is killed loses what the pager has in its buffers. That a trace
 * ended before its time is told on the standard error that the process was started with.
 */
#include "preload.h"
#include "real_syscalls.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static struct {
        struct sink sink;
        char path[PATH_MAX];
        bool told;
} trace;

static void trace_complain(const char *cause, int error)
{
        struct text t = {0};

        text_add(&t, "unpaged: ");
        text_word(&t, preload.name);
        text_add(&t, cause);
        text_add(&t, strerror(error));
        text_add(&t, "\n");
        sink_write(&trace.sink, &t);
}

const char *trace_open(const char *path)
{
        size_t len = path ? strlen(path) : 0;
        int fd;

        if (len == 0 || len + sizeof(".%p") > sizeof(trace.path))
                return NULL;
        sink_open(&trace.sink, "-");
        at_quick_exit(trace_write);
        strcpy(trace.path, path);
        if (strstr(path, "%p"))
                return trace.path;
        fd = real_open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno == EEXIST)
                strcpy(trace.path + len, ".%p");
        else if (fd < 0) {
                trace_complain(": its trace cannot be written: ", errno);
                return NULL;
        } else {
                real_close(fd);
        }
        return trace.path;
}

void trace_write(void)
{
        int error;

        if (!is_active() || !trace.path[0] || real_getpid() != preload.pid)
                return;
        error = pg_trace_sync(preload.pool);
        if (error && error != -ENOENT && !trace.told)
                trace_complain(": its trace ends before its time: ", -error);
        trace.told = error != 0;
}
