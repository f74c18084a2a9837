/* SPDX-License-Identifier: MIT */
/* log.c - one line for each event worth telling, where UNPAGED_LOG says. Nothing otherwise. */
#include "text.h"
#include "real_syscalls.h"

#include <stdarg.h>

static struct sink sink, standard_error;

void log_open(const char *path)
{
        sink_open(&sink, path);
        sink_borrow_stderr(&standard_error);
}

void log_urgent(const char *program, const char *words)
{
        static struct text t; /* the stack may be a small one */

        t.len = 0;
        text_add(&t, "unpaged: ");
        text_word(&t, program);
        text_add(&t, ": ");
        text_add(&t, words);
        text_add(&t, "\n");
        if (sink.is_open)
                sink_write(&sink, &t);
        if (!sink.is_open || sink.fd < 0)
                sink_write(&standard_error, &t);
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
