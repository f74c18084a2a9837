/* SPDX-License-Identifier: MIT */
/* command.c - see command.h. */
#include "command.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int say(int status, const char *format, ...)
{
        char text[PATH_MAX + 512];
        va_list args;

        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        fprintf(stderr, "unpaged: %s\n", text); /* unbuffered, but built whole: one write */
        return status;
}

int output_status(int status, int failed)
{
        if (fflush(stdout) == 0 && !ferror(stdout))
                return status;
        return say(failed, "standard output: %s", strerror(errno));
}

bool argument_time(const char *text, uint64_t *ns)
{
        char *end;
        double value = strtod(text, &end);
        double unit = strcmp(end, "ms") == 0 ? 1e6 : !*end || strcmp(end, "s") == 0 ? 1e9 : 0;

        if (end == text || !isdigit((unsigned char)*text) || value * unit < 1e6 ||
            value * unit > 1e15)
                return false;
        *ns = (uint64_t)(value * unit);
        return true;
}

bool argument_pid(const char *text, pid_t *pid)
{
        char *end;
        long value = strtol(text, &end, 10);

        if (!isdigit((unsigned char)*text) || *end || value <= 0 || value > INT_MAX)
                return false;
        *pid = (pid_t)value;
        return true;
}
