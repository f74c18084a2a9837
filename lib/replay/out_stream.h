/* SPDX-License-Identifier: MIT */
/* out_stream.h - what a command writes to a file, or to standard output ("-"). See out_file.h. */
#ifndef OUT_STREAM_H
#define OUT_STREAM_H

#include "out_file.h"

#include <stdbool.h>
#include <stdio.h>

struct out_stream {
        FILE *stream;
        struct out_file file;
};

/* 0, or -errno: see out_file_why(). */
int out_stream_open(struct out_stream *out, const char *path);
/* Shows the file, unless it is spoilt or was not written whole. 0, or -errno. */
int out_stream_close(struct out_stream *out, bool spoilt);

#endif
