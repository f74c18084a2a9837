/* SPDX-License-Identifier: MIT */
/* trace_info.h - what is in a trace, as a table or as JSON. See trace_info.c. */
#ifndef TRACE_INFO_H
#define TRACE_INFO_H

#include <stdbool.h>

/* Prints it. The status to end with. */
int trace_info(const char *path, bool json);

#endif
