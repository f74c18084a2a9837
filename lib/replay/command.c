/* SPDX-License-Identifier: MIT */
/* command.c - see command.h. */
#include "command.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
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
