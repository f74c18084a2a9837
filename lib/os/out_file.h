/* SPDX-License-Identifier: MIT */
/*
 * out_file.h - files that are written for the user.
 *
 * One that is replaced is written aside, in the same folder, and renamed when it is fit to be seen:
 * the old one is there until then, and nobody meets a part of the new one. It keeps the mode, and
 * as far as it may be the owner, of the file that it replaces. What is no regular file is written
 * to as it is, and so is a file in a folder where no other can be made.
 *
 * A symbolic link at the end of a path is followed if it belongs to this user or to root. In a
 * folder that all may write to, anybody can lay one in the way.
 *
 * All calls are async-signal-safe: a signal that ends the process may be why a file is written.
 */
#ifndef OUT_FILE_H
#define OUT_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct out_file {
        char path[PATH_MAX];       /* with links followed */
        char aside[PATH_MAX + 32]; /* ""; or where it is written until it is renamed */
};

/* Follows the links at the end of a path. 0, or -errno; -ELOOP: one of another user's, or too
 * many. */
int out_file_follow(const char *path, char followed[PATH_MAX]);

/* A descriptor to write the file to, close-on-exec and O_NONBLOCK, or -errno; `mode` for a file
 * that is new. The caller ends it by one of the two below and closes the descriptor. */
int out_file_begin(struct out_file *f, const char *path, mode_t mode);
/* It is fit to be seen. 0, or -errno; then it is as if abandoned. */
int out_file_show(struct out_file *f);
void out_file_abandon(struct out_file *f);

/* A descriptor to append to a file, which is made if need be; likewise, or -errno. */
int out_file_append(const char *path);

/* Why, in words. NULL: there is no such error. */
const char *out_file_why(int error);

#endif
