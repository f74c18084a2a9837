/* SPDX-License-Identifier: MIT */
/*
 * mask.c - features that UNPAGED_MASK_FEATURES hides.
 *
 * The environment is the program's, and may lie in paged memory: programs that show their state in
 * their command line move it to the heap. A handler that read it there would wait for itself; and a
 * child of fork that did so before its memory is registered would have pages of zeros from then on.
 * So it is read where a pool or a store is opened, and nowhere else.
 */
#include "mask.h"

#include <stdlib.h>
#include <string.h>

#define LIST_BYTES 256u

static char masked[LIST_BYTES];

/* Like all variables of ours, it does not exist in a process with privileges of its file
 * (AT_SECURE), whose caller must not steer it: only secure_getenv() reads them. Two threads may be
 * here, with the same list: it is written only if it is another one. */
void features_read(void)
{
        const char *list = secure_getenv("UNPAGED_MASK_FEATURES");

        list = list && strlen(list) < LIST_BYTES ? list : "";
        if (strcmp(masked, list) != 0)
                strcpy(masked, list);
}

bool feature_is_masked(const char *feature)
{
        const char *list = masked;
        size_t len = strlen(feature);

        while (*list) {
                size_t word = strcspn(list, ",");

                if (word == len && memcmp(list, feature, len) == 0)
                        return true;
                list += word + (list[word] == ',');
        }
        return false;
}
