/* SPDX-License-Identifier: MIT */
/* json_stream.c - JSON into a stream: what of json.h uses stdio, for the commands. */
#include "json.h"

#include <stdio.h>

void json_into_stream(void *stream, const char *text, size_t n)
{
        fwrite(text, 1, n, stream);
}
