/* SPDX-License-Identifier: MIT */
/* cache.h - maintenance of data caches. Those of a host are coherent, for all mappings of a frame:
 * nothing is done. All return 0. */
#ifndef ZEPHYR_CACHE_H
#define ZEPHYR_CACHE_H

#include <stddef.h>

static inline int sys_cache_data_flush_all(void)
{
        return 0;
}

static inline int sys_cache_data_invd_all(void)
{
        return 0;
}

static inline int sys_cache_data_flush_and_invd_all(void)
{
        return 0;
}

static inline int sys_cache_data_flush_range(void *address, size_t size)
{
        (void)address;
        (void)size;
        return 0;
}

static inline int sys_cache_data_invd_range(void *address, size_t size)
{
        (void)address;
        (void)size;
        return 0;
}

static inline int sys_cache_data_flush_and_invd_range(void *address, size_t size)
{
        (void)address;
        (void)size;
        return 0;
}

#endif
