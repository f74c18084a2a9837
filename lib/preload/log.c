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

void log_line(const char *part, ...)
{
        struct text t = {0};
        va_list parts;

        if (!sink.is_open)
                return;
        text_add(&t, "unpaged[");
        text_number(&t, (uint64_t)real_getpid());
        text_add(&t, "]: ");
        va_start(parts, part);
        for (; part; part = va_arg(parts, const char *))
                text_add(&t, part);
        va_end(parts);
        text_add(&t, "\n");
        sink_write(&sink, &t);
}
