/* SPDX-License-Identifier: MIT */
/*
 * formats.h - other formats of traces: the text of unpaged/trace.h (format_text.c), and the records
 * that libCacheSim calls oracleGeneral (format_oracle.c).
 */
#ifndef FORMATS_H
#define FORMATS_H

#include <stdio.h>
#include "trace_file.h"

struct trace_format {
        const char *option; /* of `unpaged trace`, without -- */
        const char *help;

        /* Writes all of the trace to `out`. 0, or a negative errno and why; errors of `out` itself
         * are left to the caller, who asks ferror(). */
        int (*put)(struct trace_reader *reader, FILE *out, char why[TRACE_WHY]);

        /* Makes the trace `path` of what `in`, which is called `name`, has. 0, or a negative errno
         * and why. */
        int (*get)(FILE *in, const char *name, const char *path, char why[TRACE_WHY]);
};

extern const struct trace_format format_text, format_oracle;

#endif
