/* SPDX-License-Identifier: MIT */
/*
 * range_walk.c - walks over a range of a mapping, for the calls that move pages without a fault.
 *
 * A walk holds its mapping by region_get, so it cannot be unmapped meanwhile. It waits for a BUSY
 * page only when it owns none and holds no worker (page.h, rule 3).
 */
#include "range_walk.h"

#include <errno.h>

int walk_begin(struct walk *k, struct pg_pool *pool, void *addr, size_t size)
{
        bool dying;
        uintptr_t at = (uintptr_t)addr;

        if (pool->orphan)
                return -ECHILD;
        if (size == 0 || (at | size) & (pool->page_size - 1))
                return -EINVAL;
        *k = (struct walk){.pool = pool, .region = region_get(at, &dying)};
        if (!k->region)
                return -EINVAL;
        k->page = region_page(k->region, at);
        k->end = k->page + (size >> pool->page_shift);
        if (k->region->pool == pool && k->end <= k->region->npages)
                return 0;
        region_put(k->region);
        return -EINVAL;
}

int walk_end(struct walk *k)
{
        walk_rest(k);
        region_put(k->region);
        if (k->entered)
                caller_leave(&k->caller);
        return k->error;
}

struct walk walk_all(struct region *r)
{
        return (struct walk){.pool = r->pool, .region = r, .end = r->npages};
}

void walk_stop(struct walk *k)
{
        walk_rest(k);
        if (k->entered)
                caller_leave(&k->caller);
}

void walk_work(struct walk *k)
{
        if (!k->entered) {
                caller_enter(&k->caller);
                k->entered = true;
        }
        if (!k->w)
                k->w = worker_get(&k->pool->workers, &k->pool->stats, stats_self());
}

void walk_rest(struct walk *k)
{
        if (k->w) {
                pool_worker_put(k->pool, k->w);
                k->w = NULL;
        }
}

bool walk_claim(struct walk *k, uint64_t *word)
{
        page_word *p = region_word(k->region, k->page);

        *word = page_load(p);
        if (!(*word & PAGE_BUSY) && page_claim(p, *word))
                return true;
        walk_rest(k);
        stats_add(&k->pool->stats, STAT_WAITS, 1);
        page_wait(p);
        return false;
}

bool walk_next_touched(struct walk *k)
{
        k->page = region_next_touched(k->region, k->page);
        return k->page < k->end;
}

void walk_error(struct walk *k, int error)
{
        if (k->error == 0)
                k->error = error;
}
