/* SPDX-License-Identifier: MIT */
/*
 * launcher_report.c - the file in which the processes of a run leave what they have counted:
 * run_file.c. The launcher is replaced by the run's first process, which writes the report, so it
 * makes the file. Where none can be made, each process writes a report of its own.
 */
#include "launcher.h"
#include "live_file.h"
#include "run_file.h"
#include "settings.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct live_file report_file;
static char given[sizeof(((struct run_head *)NULL)->given)];

/* A number of bytes is easier to read when it is written anew. */
void report_budget(const char *text)
{
        if (!text)
                text = BUDGET_DEFAULT;
        if (strlen(text) < sizeof(given) && text[strspn(text, "0123456789")])
                strcpy(given, text);
}

static bool report_begin(const struct settings *s, const char *program)
{
        const char *slash = strrchr(program, '/');
        struct run_head head = {.budget = s->budget - s->budget % s->page_size};
        int fd;

        live_places_read();
        fd = live_run_open(&report_file, sizeof(head));
        if (fd < 0)
                return false;
        run_head_begin(&head, report_file.pid, report_file.start_ticks);
        strcpy(head.given, given);
        snprintf(head.program, sizeof(head.program), "%s", slash ? slash + 1 : program);
        if (write(fd, &head, sizeof(head)) != (ssize_t)sizeof(head))
                report_give_up();
        close(fd);
        return report_file.path[0];
}

bool report_prepare(const struct settings *s, bool anew, bool possible, const char *program)
{
        const char *outer = secure_getenv("UNPAGED_REPORT");
        bool wanted = s->stats_path || s->stats_json_path;

        if (wanted && !anew && outer && *outer)
                return true;
        if (!wanted || !possible || !report_begin(s, program))
                return unsetenv("UNPAGED_REPORT") == 0;
        return setenv("UNPAGED_REPORT", report_file.path, 1) == 0;
}

void report_give_up(void)
{
        live_file_remove(&report_file);
}
