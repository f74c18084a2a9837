/* SPDX-License-Identifier: MIT */
/* trace_heat.h - a trace as a heat picture. See heat.h. */
#ifndef TRACE_HEAT_H
#define TRACE_HEAT_H

#include <stdint.h>

/* As text on standard output; with `output`, as SVG to that file ("-": standard output). `width` is
 * in letters or pixels; 0: as the terminal has, or as is usual. Returns the status to end with. */
int trace_heat(const char *path, const char *output, uint64_t width);

#endif
