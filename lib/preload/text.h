/* SPDX-License-Identifier: MIT */
/* text.h - text put together without stdio, and where it goes. See text.c. */
#ifndef TEXT_H
#define TEXT_H

#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What does not fit is left out. One that began as zeros is a string. */
struct text {
        size_t len;
        char at[3072];
};

void text_add(struct text *t, const char *words);
/* All of them up to a NULL, with what would break the line replaced. */
void text_parts(struct text *t, const char *part, va_list parts);
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
        dev_t device;        /* of that: the program may have closed it since, */
        ino_t inode;         /* and have something else under the number */
        char path[PATH_MAX]; /* absolute: the program may go elsewhere */
};

/* NULL: none. */
void sink_open(struct sink *s, const char *path);
/* With a single write, where that is possible. 0, or -errno. The program's errno is kept, and no
 * signal reaches it. */
int sink_write(const struct sink *s, const struct text *t);
int sink_write_bytes(const struct sink *s, const char *text, size_t len);
/* False: it was standard error, which has been closed since. */
bool sink_is_there(const struct sink *s);

/* With blanks, and what would break a line, replaced. */
void text_word(struct text *t, const char *word);

/* log.c: one line, "unpaged[pid]: " and the parts up to a NULL, if a log was asked for. */
void log_open(const char *path);
void log_line(const char *part, ...) __attribute__((sentinel));
void log_parts(struct text *t, const char *part, va_list parts); /* t is room for the line */
bool log_is_open(void);
bool log_is_standard_error(void);

/* complaint.c: what was asked for and cannot be had. The parts of a line, up to a NULL; to the log,
 * and where UNPAGED_TREE permits it to standard error. Async-signal-safe; so are the words that
 * strerrordesc_np() and out_file_why() have for an error. */
void complain(const char *part, ...) __attribute__((sentinel));
/* In a fault that fails, by which the process may end: with little stack, and not once in a tree
 * but by every process that may write there. By one caller at a time. */
void complain_in_fault(const char *part, ...) __attribute__((sentinel));
void complaint_open(void);
bool complaint_is_heard(void);
/* For what ends with the process: programs close standard error before. The duplicate keeps a pipe
 * open in daemons. */
void complaint_keep(void);
/* The processes that come from this one may speak, if it is the first, once for them all. */
void complaint_share(void);

#endif
