/* SPDX-License-Identifier: MIT */
/* pool_budget.c - a pool gets another budget, and says what is free of it. */
#include "pool_budget.h"
#include "budget_words.h"
#include "frame.h"
#include "futex_lock.h"
#include "last_error.h"
#include "memory_cap.h"
#include "pager_section.h"
#include "pool.h"
#include "pool_check.h"
#include "resize.h"

#include <errno.h>
#include <string.h>

int budget_check_memory(struct pg_pool *pool, uint64_t bytes)
{
        uint64_t least = memory_least(pool, false);

        return bytes >= least ? 0
                              : last_error(-EINVAL,
                                           "the memory is too small: a pool like this one needs "
                                           "%llu KiB at least, for its tables, its buffers and a "
                                           "few frames",
                                           (unsigned long long)(least + 1023) >> 10);
}

static int explain_resize(int error)
{
        const char *words = budget_words(error);

        if (words)
                return last_error(error == -ERANGE ? -EINVAL : error, "%s", words);
        return error ? last_error(error,
                                  "pages beyond the new budget could not be written to their "
                                  "stores (%s): give the swap store more room, or the pool more",
                                  strerror(-error))
                     : 0;
}

int pg_resize(struct pg_pool *pool, size_t budget)
{
        uint64_t frames = budget / pool->page_size;
        uint64_t buffers = pool->frames_exact ? 0 : pool->contexts.bytes / pool->page_size;
        bool is_capped = atomic_load(&pool->cap.bytes) != 0;
        struct pager_section saved;
        int error;

        if (pool->is_orphan)
                return pool_orphan_error();
        if (!is_capped && frames < buffers + PG_FRAMES_MIN)
                return last_error(-EINVAL,
                                  "the budget is too small: at least %llu pages of %zu bytes",
                                  (unsigned long long)(buffers + PG_FRAMES_MIN), pool->page_size);
        pager_section_enter(&saved);
        error = is_capped ? budget_check_memory(pool, budget) : 0;
        if (!error)
                error = explain_resize(resize_to(pool, is_capped ? budget : frames - buffers));
        pool_assert_whole(pool);
        pager_section_leave(&saved);
        return error;
}

size_t pg_free_get(struct pg_pool *pool)
{
        struct frames *f = &pool->frames;
        uint32_t free, reserve;
        struct pager_section saved;

        if (pool->is_orphan)
                return 0;
        pager_section_enter(&saved);
        memory_fit(pool);
        pool_lock(pool);
        free = f->limit > f->live ? f->free_list.count + f->limit - f->live : f->free_list.count;
        reserve = frames_reserve(f->limit);
        pool_unlock(pool);
        pager_section_leave(&saved);
        return free > reserve ? (free - reserve) * pool->page_size : 0;
}
