/* SPDX-License-Identifier: MIT */
/* log.c - one line for each event worth telling, where UNPAGED_LOG says. Nothing otherwise. */
#include "text.h"
#include "real_syscalls.h"

#include <stdarg.h>

static struct sink sink;

void log_open(const char *path)
{
        sink_open(&sink, path);
}

bool log_is_open(void)
{
        return sink.is_open;
}

bool log_is_standard_error(void)
{
        return sink.is_open && sink.fd >= 0;
}

void log_parts(struct text *t, const char *part, va_list parts)
{
        if (!sink.is_open)
                return;
        t->len = 0;
        text_add(t, "unpaged[");
        text_number(t, (uint64_t)real_getpid());
        text_add(t, "]: ");
        text_parts(t, part, parts);
        text_add(t, "\n");
        sink_write(&sink, t);
}

void log_line(const char *part, ...)
{
        struct text t;
        va_list parts;

        va_start(parts, part);
        log_parts(&t, part, parts);
        va_end(parts);
}
