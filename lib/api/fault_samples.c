/* SPDX-License-Identifier: MIT */
/* fault_samples.c - hands out where faults came from. See pg_fault_samples(). */
#include "fault_sampler.h"
#include "pool.h"

#include <errno.h>
#include <unpaged/internals.h>

int pg_fault_samples(struct pg_pool *pool,
                     void (*each)(void *arg, const struct pg_fault_sample *sample), void *arg,
                     uint64_t *loads)
{
        if (pool->is_orphan)
                return -ECHILD;
        return pool->sampler.every ? fault_sampler_read(&pool->sampler, each, arg, loads) : -ENOENT;
}
