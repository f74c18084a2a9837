/* SPDX-License-Identifier: MIT */
/* mask.c - features that UNPAGED_MASK_FEATURES hides. */
#include "mask.h"

#include <stdlib.h>
#include <string.h>

/* Like all variables of ours, it does not exist in a process with privileges of its file
 * (AT_SECURE), whose caller must not steer it: only secure_getenv() reads them. */
bool feature_is_masked(const char *feature)
{
        const char *list = secure_getenv("UNPAGED_MASK_FEATURES");
        size_t len = strlen(feature);

        while (list && *list) {
                size_t word = strcspn(list, ",");

                if (word == len && memcmp(list, feature, len) == 0)
                        return true;
                list += word + (list[word] == ',');
        }
        return false;
}
