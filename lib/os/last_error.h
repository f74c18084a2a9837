/* SPDX-License-Identifier: MIT */
/* last_error.h - why a call of this thread failed, in words. See last_error.c. */
#ifndef LAST_ERROR_H
#define LAST_ERROR_H

/* Sets the text of pg_last_error() and hands the error back: `return last_error(-EINVAL, "...")`. A
 * text is a sentence that names the cause and, after a semicolon or a colon, the remedy. */
__attribute__((format(printf, 2, 3))) int last_error(int error, const char *format, ...);

#endif
