/* SPDX-License-Identifier: MIT */
/*
 * pool_trace.c - the trace that a pool records: how it begins, is written up to now, and ends.
 *
 * The writer (observe/trace_writer.c) knows nothing of pools. Here the header of the file is filled
 * in from the pool, and its errors are put into words for the application.
 */
#include "pool_trace.h"
#include "futex_lock.h"
#include "last_error.h"
#include "pager_section.h"
#include "pool.h"
#include "out_file.h"
#include "trace_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* As far as it fits, and without the folder. */
static void command_line(char *text, size_t size)
{
        char line[512];
        int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? 0 : read(fd, line, sizeof(line) - 1);
        const char *slash;

        if (fd >= 0)
                close(fd);
        line[n > 0 ? n : 0] = '\0';
        slash = strrchr(line, '/');
        for (ssize_t i = (ssize_t)strlen(line); i + 1 < n; i++)
                if (line[i] == '\0' || line[i] == '\n')
                        line[i] = ' ';
        snprintf(text, size, "%.48s", slash ? slash + 1 : line);
}

struct pg_trace_header pool_trace_header(struct pg_pool *pool)
{
        struct pg_trace_header header = {
                .page_size = (uint32_t)pool->page_size,
                .frames = pool->frames.limit,
                .queue_pct = pool->victim_queue.pct,
                .flags = pool_is_strict(pool) ? PG_TRACE_STRICT : 0,
        };

        snprintf(header.policy, sizeof(header.policy), "%s", pool->policy.ops.name);
        command_line(header.origin, sizeof(header.origin));
        return header;
}

int pool_trace_open(struct pg_pool *pool, const struct pg_config *c)
{
        struct pg_trace_header header;
        int error;

        pool->message = c->message;
        pool->message_arg = c->message_arg;
        pool->out_of_room = c->out_of_room;
        if (!c->trace)
                return 0;
        header = pool_trace_header(pool);
        error = trace_writer_open(&pool->trace_writer, c->trace, &header);
        if (!error)
                return 0;
        return last_error(error, "the trace cannot be written to %s: %s", c->trace,
                          error == -ESPIPE ? "it must be a file, not a pipe" : out_file_why(error));
}

int pg_trace_sync(struct pg_pool *pool)
{
        struct pager_section saved;
        unsigned rounds = 0;
        bool more = true;
        int error = 0;

        if (pool->is_orphan)
                return -ECHILD;
        if (!pool->trace_writer.output)
                return -ENOENT;
        pager_section_enter(&saved);
        /* Others may fill the buffers while we write: then it is enough to have been here. */
        while (more && !error && rounds++ < 3) {
                pool_lock(pool);
                more = trace_writer_seal(&pool->trace_writer);
                pool_unlock(pool);
                error = trace_writer_finish(&pool->trace_writer);
        }
        pager_section_leave(&saved);
        return error;
}

void pool_trace_end(struct pg_pool *pool)
{
        int error = pg_trace_sync(pool);

        if (error == 0 || error == -ENOENT)
                return;
        last_error(error, "the trace %s ends before its time: %s",
                   trace_writer_path(&pool->trace_writer), strerror(-error));
        if (pool->message)
                pool->message(pool->message_arg, pg_last_error());
}
