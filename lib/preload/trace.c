/* SPDX-License-Identifier: MIT */
/*
 * trace.c - which file a process's trace goes to, and that it is whole when the process ends.
 *
 * The first process of a tree replaces the file that the user named (claim.c). All others have its
 * name with their process id behind it; for children of fork the pager does it.
 *
 * A process ends as in stats.c. One that is killed loses what the pager has in its buffers.
 */
#include "claim.h"
#include "out_file.h"
#include "preload.h"
#include "real_syscalls.h"
#include "text.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static struct {
        char path[PATH_MAX];
        bool told;
        bool claimed; /* the file that the user named is ours to replace */
} trace;

const char *trace_open(const char *path, const char *old)
{
        size_t len = path ? strlen(path) : 0;

        if (len == 0 || len + sizeof(".%p") > sizeof(trace.path))
                return NULL;
        complaint_keep();
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
        complain(preload.name, ": its trace cannot be written to ", trace.path, ": ",
                 out_file_why(error), NULL);
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
                complain(preload.name, ": its trace ends before its time: ", out_file_why(error),
                         NULL);
        trace.told = error != 0;
}
