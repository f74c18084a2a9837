/* SPDX-License-Identifier: MIT */
/* picture_name.c - see picture_name.h. */
#include "picture_name.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

const char *picture_name_wrong(const char *path)
{
        static const char *const others[] = {
                "avif", "bmp", "eps", "gif", "heic", "ico",  "jpeg", "jpg",  "pdf",
                "pgm",  "png", "pnm", "ppm", "ps",   "svgz", "tif",  "tiff", "webp",
        };
        const char *slash = strrchr(path, '/');
        const char *dot = strrchr(slash ? slash : path, '.');

        for (size_t i = 0; dot && i < sizeof(others) / sizeof(others[0]); i++)
                if (strcasecmp(dot + 1, others[i]) == 0)
                        return "the picture is SVG: name a file that ends in .svg";
        return NULL;
}
