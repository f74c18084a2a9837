/* SPDX-License-Identifier: MIT */
/* text.h - text put together without stdio, and where it goes. See text.c. */
#ifndef TEXT_H
#define TEXT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What does not fit is left out. */
struct text {
        size_t len;
        char at[3072];
};

void text_add(struct text *t, const char *words);
void text_number(struct text *t, uint64_t n);
/* n / 10^places */
void text_decimal(struct text *t, uint64_t n, unsigned places);
/* Blanks behind what was added since `from`, up to this width; or before it. */
void text_pad(struct text *t, size_t from, size_t width);
void text_shift(struct text *t, size_t from, size_t width);

/* A file to append to, or standard error ("-"). */
struct sink {
        bool is_open;
        int fd;              /* of what was standard error when the process started; -1: a file */
        dev_t device;        /* of that: a program that runs unpaged may have closed it since, */
        ino_t inode;         /* and have something else under the number */
        char path[PATH_MAX]; /* absolute: the program may go elsewhere */
};

/* NULL: none. */
void sink_open(struct sink *s, const char *path);
/* Standard error, as long as the program leaves it where it is: nothing is kept open. */
void sink_borrow_stderr(struct sink *s);
/* With a single write. Nothing, where that is not possible. */
void sink_write(const struct sink *s, const struct text *t);

/* With blanks, and what would break a line, replaced. */
void text_word(struct text *t, const char *word);

/* log.c: one line, "unpaged[pid]: " and the parts up to a NULL, if a log was asked for. */
void log_open(const char *path);
void log_line(const char *part, ...) __attribute__((sentinel));
/* What a person must know: to standard error, if it is still the one that the process was started
 * with, and to the log, if that is another place. Async-signal-safe; one caller at a time. */
void log_urgent(const char *program, const char *words);

#endif
