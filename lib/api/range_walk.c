/* SPDX-License-Identifier: MIT */
/*
 * range_walk.c - walks over a range of a mapping, for the calls that move pages without a fault.
 *
 * A walk holds its mapping by mapping_get, so it cannot be unmapped meanwhile. It waits for a BUSY
 * page only when it owns none and holds no move context (page.h, rule 3).
 */
#include "range_walk.h"
#include "mapping.h"
#include "move_context.h"
#include "page.h"
#include "pager_section.h"
#include "pool.h"
#include "stats.h"

#include <errno.h>

int walk_begin(struct walk *k, struct pg_pool *pool, const void *addr, size_t size)
{
        bool dying;
        uintptr_t at = (uintptr_t)addr;

        if (pool->is_orphan)
                return -ECHILD;
        if (size == 0 || (at | size) & (pool->page_size - 1))
                return -EINVAL;
        *k = (struct walk){.pool = pool, .mapping = mapping_get(at, &dying)};
        if (!k->mapping)
                return -EINVAL;
        k->page = mapping_page(k->mapping, at);
        k->end = k->page + (size >> pool->page_shift);
        if (k->mapping->pool == pool && k->end <= k->mapping->npages)
                return 0;
        mapping_put(k->mapping);
        return -EINVAL;
}

int walk_end(struct walk *k)
{
        walk_rest(k);
        mapping_put(k->mapping);
        if (k->entered)
                pager_section_leave(&k->caller);
        return k->error;
}

struct walk walk_all(struct mapping *m)
{
        return (struct walk){.pool = m->pool, .mapping = m, .end = m->npages};
}

void walk_stop(struct walk *k)
{
        walk_rest(k);
        if (k->entered)
                pager_section_leave(&k->caller);
}

void walk_work(struct walk *k)
{
        if (!k->entered) {
                pager_section_enter(&k->caller);
                k->entered = true;
        }
        if (!k->ctx)
                k->ctx = move_context_get(&k->pool->contexts, &k->pool->stats, stats_self());
}

void walk_rest(struct walk *k)
{
        if (k->ctx) {
                pool_show_swap(k->pool);
                pool_context_put(k->pool, k->ctx);
                k->ctx = NULL;
        }
}

bool walk_claim(struct walk *k, uint64_t *word)
{
        page_word *p = mapping_word(k->mapping, k->page);

        *word = page_word_read(p);
        if (!(*word & PAGE_BUSY) && page_claim(p, *word))
                return true;
        walk_rest(k);
        stats_add(&k->pool->stats, PG_COUNTER_WAITS, 1);
        page_wait(p);
        return false;
}

bool walk_next_touched(struct walk *k)
{
        k->page = mapping_next_touched(k->mapping, k->page);
        return k->page < k->end;
}

void walk_error(struct walk *k, int error)
{
        if (k->error == 0)
                k->error = error;
}
