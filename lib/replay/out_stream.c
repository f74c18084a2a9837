/* SPDX-License-Identifier: MIT */
/* out_stream.c - what a command writes. See out_stream.h. */
#include "out_stream.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int out_stream_open(struct out_stream *out, const char *path)
{
        struct stat st;
        int fd, error;

        *out = (struct out_stream){.stream = stdout};
        if (strcmp(path, "-") == 0)
                return 0;
        error = out_file_follow(path, out->file.path);
        if (error)
                return error;
        if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) { /* it may wait for a reader */
                out->stream = fopen(path, "we");
                return out->stream ? 0 : -errno;
        }
        fd = out_file_begin(&out->file, path, 0666);
        if (fd < 0)
                return fd;
        out->stream = fdopen(fd, "w");
        if (out->stream)
                return 0;
        out_file_abandon(&out->file);
        close(fd);
        return -ENOMEM;
}

int out_stream_close(struct out_stream *out, bool spoilt)
{
        bool bad = ferror(out->stream);
        int error = 0;

        if ((out->stream == stdout ? fflush(stdout) : fclose(out->stream)) != 0 || bad)
                error = errno ? -errno : -EIO;
        if (!error && !spoilt)
                return out_file_show(&out->file);
        out_file_abandon(&out->file);
        return error;
}
