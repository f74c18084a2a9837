/* SPDX-License-Identifier: MIT */
/*
 * resizer.c - the thread of a pool that changes its budget when another process asks
 * (include/unpaged/live.h).
 *
 * It sleeps on a word of the live file, which the other process counts up; so do a change of
 * credentials and the end of the pool. The keeper cannot do it, as it does not have the stores'
 * descriptors, nor can handler threads, which wait in read(2); so this thread is one more, and a
 * fault costs what it did.
 *
 * Where a pool is to have no thread (signal delivery, PG_POOL_SPARES_FDS), there is none here
 * either: a thread of the program does it at its next fault (sigbus.c). If the pool has no file,
 * nobody can ask, and there is no thread.
 */
#include "arena.h"
#include "credentials.h"
#include "dispatch.h"
#include "futex_lock.h"
#include "pager_section.h"
#include "pool.h"
#include "resize.h"
#include "stats.h"
#include "thread.h"

#include <errno.h>
#include <sys/prctl.h>

struct resizer {
        struct pg_pool *pool;
        struct thread thread;
        _Atomic bool stopping;
        _Atomic pid_t pid; /* of its process */
        struct credentials_call credentials;
};

/* It may be mapped anew in a child of fork, at the same address, before the thread runs there. */
static _Atomic uint32_t *calls_of(const struct pg_pool *pool)
{
        return (_Atomic uint32_t *)&pool->stats.live->calls;
}

static void resizer_call(struct pg_pool *pool)
{
        atomic_fetch_add(calls_of(pool), 1);
        futex_wake_shared(calls_of(pool), INT32_MAX);
}

static void answer_credentials(void *arg)
{
        credentials_answer(arg);
}

static void resizer_run(void *arg)
{
        struct resizer *r = arg;
        const struct resize_pauses pauses = {answer_credentials, &r->credentials};
        struct pg_pool *pool = r->pool;

        stats_self_forget();
        prctl(PR_SET_NAME, "unpaged-resize");
        for (;;) {
                uint32_t calls = atomic_load(calls_of(pool)); /* before it looks what for */

                credentials_answer(&r->credentials);
                if (atomic_load(&r->stopping))
                        break;
                if (resize_is_asked(pool))
                        resize_answer(pool, &pauses);
                futex_wait_shared(calls_of(pool), calls, 0);
        }
}

static void serves_by(struct pg_pool *pool, enum pg_live_server server)
{
        atomic_store((_Atomic uint32_t *)&pool->stats.live->server, server);
}

static bool has_no_threads(const struct pg_pool *pool)
{
        return pool->delivery == PG_DELIVERY_SIGNAL && pool->flags & PG_POOL_SPARES_FDS;
}

/* Without the thread the pool does all else: then `resizer` is NULL. */
static void resizer_begin(struct pg_pool *pool, struct resizer *r, bool again)
{
        struct pager_section saved;
        int error;

        atomic_store(&r->credentials.behind, 0);
        atomic_store(&r->pid, getpid());
        pager_section_enter(&saved); /* inherited by the thread, for good */
        error = again ? thread_restart(&r->thread) : thread_start(&r->thread, resizer_run, r);
        pager_section_leave(&saved);
        pool->resizer = error ? NULL : r;
        if (!error)
                serves_by(pool, PG_LIVE_SERVES_BY_THREAD);
}

void resizer_start(struct pg_pool *pool)
{
        struct resizer *r = NULL;

        if (has_no_threads(pool))
                serves_by(pool, PG_LIVE_SERVES_AT_FAULTS);
        else if (pool->stats.file.path[0] != '\0')
                r = arena_reserve(sizeof(*r), "unpaged-resizer");
        if (!r)
                return;
        r->pool = pool;
        resizer_begin(pool, r, false);
        if (!pool->resizer)
                arena_release(r, sizeof(*r));
}

void resizer_restart(struct pg_pool *pool)
{
        if (has_no_threads(pool))
                serves_by(pool, PG_LIVE_SERVES_AT_FAULTS);
        else if (pool->resizer)
                resizer_begin(pool, pool->resizer, true);
}

void resizer_stop(struct pg_pool *pool)
{
        struct resizer *r = pool->resizer;

        if (!r)
                return;
        atomic_store(&r->stopping, true);
        resizer_call(pool);
        thread_join(&r->thread);
        arena_release(r, sizeof(*r));
        pool->resizer = NULL;
}

bool resizer_take_credentials(struct pg_pool *pool, const struct credentials *to)
{
        struct resizer *r = pool->resizer;

        if (!r || atomic_load(&r->pid) != getpid())
                return true;
        r->credentials.to = to;
        atomic_store(&r->credentials.behind, 1);
        resizer_call(pool);
        while (atomic_load(&r->credentials.behind))
                futex_wait(&r->credentials.behind, 1, 0);
        return !r->credentials.has_more;
}
