/* SPDX-License-Identifier: MIT */
/*
 * trace.c - which file a process's trace goes to, and that it is whole when the process ends.
 *
 * The first process of a tree replaces the file that the user named (claim.c). All others have its
 * name with their process id behind it; for children of fork the pager does it.
 *
 * A process ends as in stats.c. Who is killed loses what the pager has in its buffers. That a trace
 * ended before its time is told on the standard error that the process was started with.
 */
#include "claim.h"
#include "preload.h"
#include "real_syscalls.h"
#include "text.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static struct {
        struct sink sink;
        char path[PATH_MAX];
        bool told;
        bool claimed; /* the file that the user named is ours to replace */
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

const char *trace_open(const char *path, const char *old)
{
        size_t len = path ? strlen(path) : 0;

        if (len == 0 || len + sizeof(".%p") > sizeof(trace.path))
                return NULL;
        sink_open(&trace.sink, "-");
        at_quick_exit(trace_write);
        strcpy(trace.path, path);
        if (strstr(path, "%p"))
                return trace.path;
        trace.claimed = claim_take(path, old);
        if (!trace.claimed)
                strcpy(trace.path + len, ".%p");
        return trace.path;
}

void trace_give_up(int error)
{
        trace_complain(": its trace cannot be written: ", -error);
}

void trace_settle(void)
{
        if (trace.claimed)
                claim_drop(trace.path);
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
