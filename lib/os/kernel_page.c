/* SPDX-License-Identifier: MIT */
/* kernel_page.c - see kernel_page.h. */
#include "kernel_page.h"
#include "mask.h"

#include <unistd.h>

bool kernel_page_fits(void)
{
        features_read();
        return sysconf(_SC_PAGESIZE) == (long)KERNEL_PAGE_SIZE && !feature_is_masked("page_4k");
}
