/* SPDX-License-Identifier: MIT */
/*
 * pool_counters.c - what other processes see of a pool, from when it opens until it closes or the
 * process ends.
 */
#include "pool_counters.h"
#include "atfork.h"
#include "live_file.h"
#include "pool.h"
#include "stats.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <unpaged/internals.h>

static pid_t run;
static uint64_t run_start_ticks;

void pg_live_run(pid_t first, uint64_t start_ticks)
{
        run = first;
        run_start_ticks = start_ticks;
}

/* Before the C library has begun (the preloaded library is as early), it does not know the name. */
static void program_name_copy(char name[64])
{
        if (program_invocation_short_name && program_invocation_short_name[0])
                strncpy(name, program_invocation_short_name, 63);
        else
                prctl(PR_GET_NAME, name);
}

int pool_counters_open(struct pg_pool *pool, unsigned contexts, unsigned buffer_pages)
{
        static _Atomic uint32_t opened;
        struct pg_live first = {.pool = atomic_fetch_add(&opened, 1),
                                .delivery = pool->delivery,
                                .page_size = pool->page_size,
                                .run = run,
                                .run_start_ticks = run_start_ticks,
                                .buffer_bytes = buffer_pages * pool->page_size};

        live_places_read();
        if (first.pool == 0)
                live_files_prune();
        program_name_copy(first.program);
        return stats_init(&pool->stats, contexts, &first);
}

void pool_counters_name(struct pg_pool *pool)
{
        struct pg_live *live = pool->stats.live;
        uint64_t ignored;
        struct pg_store *swap =
                store_find(&pool->stores, location_make(pool->stores.swap, 0), &ignored);

        strncpy(live->policy, pool->policy.ops.name ? pool->policy.ops.name : "",
                sizeof(live->policy) - 1);
        strncpy(live->swap, store_name(swap), sizeof(live->swap) - 1);
        pool_lock(pool);
        pool_unlock(pool); /* shows the frames */
        pool_show_swap(pool);
}

void pg_live_mark(enum pg_live_state state)
{
        struct pools_section section;

        if (!pools_are_ours())
                return;
        pools_enter(&section);
        for (struct pg_pool *pool = pools_first(); pool; pool = pool->next)
                stats_mark(&pool->stats, state, pool->flags & PG_POOL_KEEPS_COUNTERS);
        pools_leave(&section);
}

__attribute__((destructor)) static void process_ends_here(void)
{
        pg_live_mark(PG_LIVE_CLOSED);
}
