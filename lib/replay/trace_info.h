/* SPDX-License-Identifier: MIT */
/* trace_info.h - what is in a trace, as a table. See trace_info.c. */
#ifndef TRACE_INFO_H
#define TRACE_INFO_H

/* Prints it. The status to end with. */
int trace_info(const char *path);

#endif
