/* SPDX-License-Identifier: MIT */
/*
 * last_error.c - why a call of this thread failed, in words.
 *
 * The text is thread-local and part of the thread's static storage (initial-exec): it is never
 * allocated, so that a call may fail inside a fault or before malloc works, and never shared, so
 * that no other thread changes it while it is read. A longer text is cut off. It stays until the
 * thread's next failing call, like errno.
 */
#include "last_error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unpaged/unpaged.h>

static __thread char text[512];

int last_error(int error, const char *format, ...)
{
        int saved = errno;
        va_list args;

        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        errno = saved;
        return error;
}

const char *pg_last_error(void)
{
        return text;
}
