/* SPDX-License-Identifier: MIT */
/*
 * atfork.c - all pools of the process, and what becomes of them in a child.
 *
 * A child of fork has a copy of the pager's memory, of the pages that were mapped and of the victim
 * queue, all of it private. What it lacks is registration and threads: its mappings are registered
 * with no userfaultfd any more, so a page that is out would silently read as zeros, and a write to
 * a clean page would go unnoticed. The handler of the child, which runs while no other code of the
 * program does, opens its own userfaultfd, registers what the pool has, protects the clean pages
 * again, and starts the handler threads.
 *
 *         prepare    everything is still: forking_begin, and all locks of the pool are taken
 *         parent     the locks are dropped, forking_end, forking_shrink
 *         child      the same, with a userfaultfd, threads and counters of its own in between
 *
 * Order. Handlers of prepare run last registered first, those after the fork in order: so whoever
 * registers after us (a malloc, with its locks) is ready before we begin, and goes on after we end.
 *
 * What the C library itself touches in a child before our handler runs must be in memory, and not
 * be a clean page: it resets the locks of all stdio streams, which may lie in paged memory. From
 * the freeze on nothing is evicted; so touching them then is enough. (It touches more where a
 * thread uses more than 32 pthread keys: see the README's limits.)
 *
 * Mappings are kept from children that are not made by fork(3) (MADV_DONTFORK, lifted for the time
 * of a fork), for in such a child nobody would stand in for the missing pages.
 *
 * Pools without PG_POOL_INHERIT end in the child: their copy of the userfaultfd is closed, so that
 * the parent's end does not depend on it, and every call answers -ECHILD.
 */
#include "atfork.h"
#include "dispatch.h"
#include "evict.h"
#include "fork_freeze.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

static struct {
        pthread_mutex_t lock;
        struct pg_pool *first;
        bool handlers;
        sigset_t signals; /* of the thread that forks */
} pools = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- for a range of a mapping that is paged ------------------------------------------------- */

typedef int range_fn(struct pg_pool *pool, char *addr, size_t len);

/* Does it for each run of pages that are not excluded. */
static int for_paged(struct pg_pool *pool, struct region *r, range_fn *fn)
{
        uint64_t from = 0, page = 0;
        int error = 0;

        while (!error && page < r->npages) {
                page = region_next_touched(r, page);
                if (page < r->npages && !(page_load(region_word(r, page)) & PAGE_EXCLUDED)) {
                        page++;
                        continue;
                }
                if (page > from)
                        error = fn(pool, region_addr(r, from), (page - from) << r->page_shift);
                from = ++page;
        }
        if (!error && from < r->npages)
                error = fn(pool, region_addr(r, from), (r->npages - from) << r->page_shift);
        return error;
}

static int show_to_child(struct pg_pool *pool, char *addr, size_t len)
{
        (void)pool;
        return madvise(addr, len, MADV_DOFORK) ? -errno : 0;
}

static int hide_from_child(struct pg_pool *pool, char *addr, size_t len)
{
        (void)pool;
        return madvise(addr, len, MADV_DONTFORK) ? -errno : 0;
}

static int register_anew(struct pg_pool *pool, char *addr, size_t len)
{
        return uffd_register(&pool->uffd, addr, len);
}

static bool stays_with_parent(const struct region *r)
{
        return r->flags & PG_MAP_SHARED && region_is_writable(r);
}

/* Does it for all mappings that a child gets. */
static int for_inherited(struct pg_pool *pool, range_fn *fn)
{
        int error = 0;

        for (struct region *r = pool->regions; r && !error; r = r->next)
                if (!stays_with_parent(r))
                        error = for_paged(pool, r, fn);
        return error;
}

/* ---- prepare ------------------------------------------------------------------------------- */

/* Ours are named by the C library; absent elsewhere. */
extern void _IO_list_lock(void) __attribute__((weak));
extern void _IO_list_unlock(void) __attribute__((weak));
extern void _IO_list_resetlock(void) __attribute__((weak));
extern struct _IO_FILE *_IO_list_all __attribute__((weak));

static void touch_written(void *at)
{
        atomic_fetch_or_explicit((_Atomic char *)at, 0, memory_order_relaxed);
}

static bool has_streams(void)
{
        return _IO_list_lock && _IO_list_unlock && _IO_list_resetlock && &_IO_list_all;
}

static void touch_streams(void)
{
        if (!has_streams())
                return;
        for (struct _IO_FILE *file = _IO_list_all; file; file = file->_chain) {
                touch_written(file);
                touch_written((char *)file + sizeof(*file) - 1);
                if (file->_lock) {
                        touch_written(file->_lock);
                        touch_written((char *)file->_lock + 15);
                }
        }
}

static void locks_take(struct pg_pool *pool)
{
        lock_take_for_fork(&pool->regions_lock);
        lock_take_for_fork(&pool->stores.lock);
        lock_take_for_fork(&pool->lock);
}

static void locks_drop(struct pg_pool *pool)
{
        lock_drop_for_fork(&pool->lock);
        lock_drop_for_fork(&pool->stores.lock);
        lock_drop_for_fork(&pool->regions_lock);
}

static void before(void)
{
        sigset_t blocked, signals;

        /* A handler of the program's must not call us now; but a fault of this thread may be
         * delivered by SIGBUS. */
        sigfillset(&blocked);
        sigdelset(&blocked, SIGBUS);
        sigdelset(&blocked, SIGSEGV);
        pthread_sigmask(SIG_SETMASK, &blocked, &signals);
        pthread_mutex_lock(&pools.lock);
        pools.signals = signals;
        /* Fork takes it as well. Its holder may wait for a thread that we are about to stop: so
         * wait for it now. */
        if (has_streams())
                _IO_list_lock();

        for (struct pg_pool *pool = pools.first; pool; pool = pool->next)
                if (pool_inherits(pool))
                        pthread_mutex_lock(&pool->resizing);
        for (struct pg_pool *pool = pools.first; pool; pool = pool->next) {
                if (!pool_inherits(pool))
                        continue;
                forking_begin(pool);
                pool->cannot_follow = stores_fork_prepare(&pool->stores) != 0;
                atomic_store(&pool->has_forked, true);
        }
        touch_streams();
        region_index_lock_for_fork();
        for (struct pg_pool *pool = pools.first; pool; pool = pool->next) {
                if (!pool_inherits(pool))
                        continue;
                locks_take(pool);
                if (!pool->cannot_follow)
                        for_inherited(pool, show_to_child);
        }
}

/* ---- after --------------------------------------------------------------------------------- */

static void after(void)
{
        sigset_t signals = pools.signals;

        for (struct pg_pool *pool = pools.first; pool; pool = pool->next)
                if (pool_inherits(pool))
                        pthread_mutex_unlock(&pool->resizing);
        pthread_mutex_unlock(&pools.lock);
        pthread_sigmask(SIG_SETMASK, &signals, NULL);
}

static void in_parent(void)
{
        for (struct pg_pool *pool = pools.first; pool; pool = pool->next) {
                if (!pool_inherits(pool))
                        continue;
                if (!pool->cannot_follow)
                        for_inherited(pool, hide_from_child);
                locks_drop(pool);
        }
        region_index_unlock_for_fork();
        for (struct pg_pool *pool = pools.first; pool; pool = pool->next) {
                if (!pool_inherits(pool))
                        continue;
                stores_fork_parent(&pool->stores);
                forking_end(pool);
        }
        if (has_streams())
                _IO_list_unlock();
        for (struct pg_pool *pool = pools.first; pool; pool = pool->next)
                if (pool_inherits(pool))
                        forking_shrink(pool);
        after();
}

/* ---- the child ----------------------------------------------------------------------------- */

/* Whoever touches what this process does not have gets SIGSEGV. */
static void orphan(struct pg_pool *pool)
{
        pool->orphan = true;
        recorder_child(&pool->recorder, false, NULL);
        uffd_close(&pool->uffd);
        if (pool_inherits(pool))
                for (struct region *r = pool->regions; r; r = r->next)
                        region_seal(r);
        region_withdraw_all(pool);
}

/* Clean pages are write-protected, always; but the child's copies of them are not yet. */
static int protect_clean(struct pg_pool *pool, struct region *r)
{
        int error = 0;

        for (uint64_t page = region_next_touched(r, 0); page < r->npages && !error;
             page = region_next_touched(r, page + 1)) {
                uint64_t word = page_load(region_word(r, page));

                if (page_is_mapped(word) && !(word & PAGE_DIRTY))
                        error = uffd_protect(&pool->uffd, region_addr(r, page), pool->page_size);
        }
        return error;
}

/* The pages of a mapping that the child does not get no longer hold frames. */
static void leave_behind(struct pg_pool *pool, struct region *r)
{
        for (uint64_t page = region_next_touched(r, 0); page < r->npages;
             page = region_next_touched(r, page + 1)) {
                uint64_t word = page_load(region_word(r, page));

                if (!(word & PAGE_RESIDENT))
                        continue;
                if (word & PAGE_QUEUED) {
                        victim_remove(&pool->victims, &pool->frames, page_frame(word));
                        policy_forget_queued(&pool->policy, page_frame(word));
                        uffd_drop(frame_slot(&pool->frames, page_frame(word)), pool->page_size);
                } else if (word & PAGE_PINNED) {
                        pool->frames.pinned--;
                } else {
                        policy_remove(&pool->policy, page_frame(word));
                }
                frame_put(&pool->frames, page_frame(word));
        }
        frames_judge(&pool->frames);
        region_withdraw(r, &pool->regions_lock, &pool->regions);
        store_release(&pool->stores, r->location);
}

/* Threads of the parent may have been anywhere in the library, but owned no page and no lock. */
static int regions_adopt(struct pg_pool *pool)
{
        struct region *next;
        int error = 0;

        for (struct region *r = pool->regions; r; r = next) {
                next = r->next;
                atomic_store(&r->users, 0);
                atomic_store(&r->state, REGION_LIVE);
                if (stays_with_parent(r))
                        leave_behind(pool, r);
        }
        error = for_inherited(pool, register_anew);
        for (struct region *r = pool->regions; r && !error; r = r->next)
                error = protect_clean(pool, r);
        if (!error)
                error = uffd_register_slots(&pool->uffd, pool->frames.slots,
                                            (size_t)pool->frames.capacity * pool->page_size);
        return error;
}

static void trace_anew(struct pg_pool *pool)
{
        struct pg_trace_header header;

        if (!pool->recorder.recording)
                return;
        header = pool_trace_header(pool);
        recorder_child(&pool->recorder, true, &header);
}

static int adopt(struct pg_pool *pool)
{
        int error = uffd_reopen(&pool->uffd);

        trace_anew(pool);
        forking_abandon(pool);
        if (!error)
                error = regions_adopt(pool);
        if (error)
                return error;
        stats_restart(&pool->stats);
        curve_restart(&pool->curve);
        for (unsigned i = 0; i < pool->workers.count; i++)
                memset(&pool->workers.table[i].tally, 0, sizeof(struct tally));
        error = stores_fork_child(&pool->stores);
        if (error)
                return error;
        pool->frames.pinned -= pool->frames.promised; /* by threads that are not here */
        pool->frames.promised = 0;
        frames_judge(&pool->frames);
        for_inherited(pool, hide_from_child);
        if (pool->how == PG_DELIVERY_THREAD)
                error = delivery_thread_restart(pool);
        forking_end(pool);
        return error;
}

/* The child may be about to execute something, and need none of it: so it is not ended here. */
static void complain(int error)
{
        char text[160];
        int n = snprintf(text, sizeof(text),
                         "unpaged: a child of fork (process %d) could not get its copy of paged "
                         "memory: %s\n",
                         (int)getpid(), strerror(-error));

        if (write(STDERR_FILENO, text, (size_t)n) < 0)
                return;
}

static void in_child(void)
{
        struct pg_pool **at = &pools.first;

        stats_self_forget();
        delivery_signal_child();
        region_index_unlock_for_fork();
        if (has_streams())
                _IO_list_resetlock();
        while (*at) {
                struct pg_pool *pool = *at;
                int error = -ECHILD;

                locks_drop(pool);
                pthread_mutex_init(&pool->resizing, NULL);
                if (pool_inherits(pool))
                        error = pool->cannot_follow ? -EIO : adopt(pool);
                if (error && pool_inherits(pool))
                        complain(error);
                if (error) {
                        orphan(pool);
                        *at = pool->next;
                } else {
                        pthread_mutex_lock(&pool->resizing); /* for after() */
                        at = &pool->next;
                }
        }
        pthread_mutex_init(&pools.lock, NULL);
        pthread_mutex_lock(&pools.lock);
        for (struct pg_pool *pool = pools.first; pool; pool = pool->next)
                forking_shrink(pool);
        after();
}

/* ---- the list ------------------------------------------------------------------------------ */

/* Under the lock. */
static int handlers(void)
{
        int error = pools.handlers ? 0 : pthread_atfork(before, in_parent, in_child);

        pools.handlers = !error;
        return -error;
}

int pg_fork_handlers(void)
{
        struct caller saved;
        int error;

        caller_enter(&saved);
        pthread_mutex_lock(&pools.lock);
        error = handlers();
        pthread_mutex_unlock(&pools.lock);
        caller_leave(&saved);
        return error;
}

int pools_add(struct pg_pool *pool)
{
        struct caller saved;
        int error;

        caller_enter(&saved);
        pthread_mutex_lock(&pools.lock);
        error = handlers();
        if (!error) {
                pool->next = pools.first;
                pools.first = pool;
        }
        pthread_mutex_unlock(&pools.lock);
        caller_leave(&saved);
        return error;
}

void pools_remove(struct pg_pool *pool)
{
        struct pg_pool **at = &pools.first;
        struct caller saved;

        caller_enter(&saved);
        pthread_mutex_lock(&pools.lock);
        while (*at && *at != pool)
                at = &(*at)->next;
        if (*at)
                *at = pool->next;
        pthread_mutex_unlock(&pools.lock);
        caller_leave(&saved);
}
