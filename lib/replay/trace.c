/* SPDX-License-Identifier: MIT */
/*
 * trace.c - `unpaged trace`: what is in a trace.
 */
#include "command.h"
#include "trace_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const names[PG_TRACE_KINDS] = {
        [PG_TRACE_ACCESS] = "accesses",
        [PG_TRACE_FAULT] = "faults",
        [PG_TRACE_AHEAD] = "read ahead",
        [PG_TRACE_RESCUED] = "rescued",
        [PG_TRACE_WRITTEN] = "first writes",
        [PG_TRACE_QUEUED] = "queued",
        [PG_TRACE_LEFT] = "left their frames",
        [PG_TRACE_RETURNED] = "returned",
        [PG_TRACE_FORGOTTEN] = "forgotten",
        [PG_TRACE_MOVED] = "moved",
        [PG_TRACE_GAP] = "gaps",
        [PG_TRACE_TIME] = "time stamps",
        [PG_TRACE_FRAMES] = "changes of budget",
        [PG_TRACE_END] = "end",
};

static int print_help(void)
{
        printf("usage: unpaged trace info FILE\n"
               "\n"
               "Says what is in a trace.\n");
        return output_status(0, STATUS_FAILED);
}

static int info(const char *path)
{
        uint64_t counts[PG_TRACE_KINDS] = {0};
        struct pg_trace_event event;
        struct trace_reader *reader;
        char why[TRACE_WHY];
        int more;

        if (trace_file_open(path, &reader, why) != 0)
                return say(STATUS_FAILED, "%s", why);
        while ((more = trace_file_next(reader, &event)) > 0)
                counts[event.kind]++;
        if (trace_file_note(reader))
                say(STATUS_FAILED, "%s", trace_file_note(reader));
        trace_file_close(reader);
        for (unsigned i = 0; i < PG_TRACE_KINDS; i++)
                if (counts[i] > 0)
                        printf("%-18s %12" PRIu64 "\n", names[i], counts[i]);
        return output_status(more < 0 ? STATUS_FAILED : 0, STATUS_FAILED);
}

int trace_main(int argc, char **argv)
{
        if (argc == 2 && strcmp(argv[1], "--help") == 0)
                return print_help();
        if (argc == 3 && strcmp(argv[1], "info") == 0)
                return info(argv[2]);
        return say(STATUS_USAGE, "trace: it takes `info` and a file: see `unpaged trace --help`");
}
