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
 *         prepare    everything is still: fork_freeze_begin, and all locks of the pool are taken
 *         parent     the locks are dropped, fork_freeze_end, fork_freeze_shrink
 *         child      the same, with a userfaultfd, threads and counters of its own in between
 *
 * Order. Handlers of prepare run last registered first, those after the fork in order: so code that
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
#include "arena.h"
#include "atfork.h"
#include "credential_calls.h"
#include "dispatch.h"
#include "fork_freeze.h"
#include "frame.h"
#include "futex_lock.h"
#include "mapping.h"
#include "miss_curve.h"
#include "page.h"
#include "page_state.h"
#include "page_transfer.h"
#include "pager_section.h"
#include "pool.h"
#include "pool_trace.h"
#include "resize.h"
#include "stats.h"
#include "store_gate.h"
#include "thread.h"
#include "trace_writer.h"
#include "uffd.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unpaged/internals.h>

static struct {
        pthread_mutex_t lock;
        struct pg_pool *first;
        _Atomic pid_t pid;    /* of the process that they belong to */
        _Atomic pid_t forker; /* the thread that has the lock for a fork */
        bool handlers;
        sigset_t signals; /* of the thread that forks */
} pools = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- for a range of a mapping that is paged ------------------------------------------------- */

typedef int range_fn(struct pg_pool *pool, char *addr, size_t len);

/* Does it for each run of pages that are not excluded. */
static int for_paged(struct pg_pool *pool, struct mapping *m, range_fn *fn)
{
        uint64_t from = 0, page = 0;
        int error = 0;

        while (!error && page < m->npages) {
                page = mapping_next_touched(m, page);
                if (page < m->npages && !(page_word_read(mapping_word(m, page)) & PAGE_EXCLUDED)) {
                        page++;
                        continue;
                }
                if (page > from)
                        error = fn(pool, mapping_addr(m, from), (page - from) << m->page_shift);
                from = ++page;
        }
        if (!error && from < m->npages)
                error = fn(pool, mapping_addr(m, from), (m->npages - from) << m->page_shift);
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

static bool stays_with_parent(const struct mapping *m)
{
        return m->flags & PG_MAP_SHARED && mapping_is_writable(m);
}

/* Does it for all mappings that a child gets. */
static int for_inherited(struct pg_pool *pool, range_fn *fn)
{
        int error = 0;

        for (struct mapping *m = pool->mappings; m && !error; m = m->next)
                if (!stays_with_parent(m))
                        error = for_paged(pool, m, fn);
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
        lock_take_for_fork(&pool->mappings_lock);
        lock_take_for_fork(&pool->lock);
}

static void locks_drop(struct pg_pool *pool)
{
        lock_drop_for_fork(&pool->lock);
        lock_drop_for_fork(&pool->mappings_lock);
}

static void before_fork(void)
{
        sigset_t blocked, signals;

        /* A handler of the program's must not call us now; but a fault of this thread may be
         * delivered by SIGBUS. */
        sigfillset(&blocked);
        sigdelset(&blocked, SIGBUS);
        sigdelset(&blocked, SIGSEGV);
        pthread_sigmask(SIG_SETMASK, &blocked, &signals);
        pthread_mutex_lock(&pools.lock);
        atomic_store(&pools.forker, gettid());
        pools.signals = signals;
        /* Fork takes it as well. Its holder may wait for a thread that we are about to stop: so
         * wait for it now. */
        if (has_streams())
                _IO_list_lock();

        for (struct pg_pool *pool = pools.first; pool; pool = pool->next)
                if (pool_inherits(pool))
                        resize_hold_for_fork(pool);
        for (struct pg_pool *pool = pools.first; pool; pool = pool->next) {
                if (!pool_inherits(pool))
                        continue;
                fork_freeze_begin(pool);
                atomic_store(&pool->has_forked, true);
        }
        /* From prepare until parent or child nobody attaches, detaches or closes a store: pg_unmap
         * closes that of a mapped file, and needs no move context for it. */
        for (struct pg_pool *pool = pools.first; pool; pool = pool->next) {
                if (!pool_inherits(pool))
                        continue;
                lock_take_for_fork(&pool->stores.lock);
                pool->fork_refused = stores_fork_prepare(&pool->stores) != 0;
        }
        touch_streams();
        mapping_index_lock_for_fork();
        for (struct pg_pool *pool = pools.first; pool; pool = pool->next) {
                if (!pool_inherits(pool))
                        continue;
                locks_take(pool);
                if (!pool->fork_refused)
                        for_inherited(pool, show_to_child);
        }
}

/* ---- after --------------------------------------------------------------------------------- */

static void after_fork(void)
{
        sigset_t signals = pools.signals;

        atomic_store(&pools.forker, 0);
        pthread_mutex_unlock(&pools.lock);
        credentials_after_fork();
        pthread_sigmask(SIG_SETMASK, &signals, NULL);
}

static void in_parent(void)
{
        for (struct pg_pool *pool = pools.first; pool; pool = pool->next) {
                if (!pool_inherits(pool))
                        continue;
                if (!pool->fork_refused)
                        for_inherited(pool, hide_from_child);
                locks_drop(pool);
        }
        mapping_index_unlock_for_fork();
        for (struct pg_pool *pool = pools.first; pool; pool = pool->next) {
                if (!pool_inherits(pool))
                        continue;
                stores_fork_parent(&pool->stores);
                lock_drop_for_fork(&pool->stores.lock);
                fork_freeze_end(pool, false);
        }
        if (has_streams())
                _IO_list_unlock();
        for (struct pg_pool *pool = pools.first; pool; pool = pool->next)
                if (pool_inherits(pool)) {
                        fork_freeze_shrink(pool);
                        resize_go_on_after_fork(pool);
                }
        after_fork();
}

/* ---- the child ----------------------------------------------------------------------------- */

/* A thread that touches what this process does not have gets SIGSEGV. */
static void make_orphan(struct pg_pool *pool)
{
        pool->is_orphan = true;
        trace_writer_child(&pool->trace_writer, false, NULL);
        uffd_close(&pool->uffd);
        if (pool_inherits(pool))
                for (struct mapping *m = pool->mappings; m; m = m->next)
                        mapping_seal(m);
        mapping_withdraw_all(pool);
}

/* Clean pages are write-protected, always; but the child's copies of them are not yet. */
static int protect_clean(struct pg_pool *pool, struct mapping *m)
{
        int error = 0;

        for (uint64_t page = mapping_next_touched(m, 0); page < m->npages && !error;
             page = mapping_next_touched(m, page + 1)) {
                uint64_t word = page_word_read(mapping_word(m, page));

                if (page_is_mapped(word) && !(word & PAGE_DIRTY))
                        error = uffd_protect(&pool->uffd, mapping_addr(m, page), pool->page_size);
        }
        return error;
}

/* The pages of a mapping that the child does not get no longer hold frames. */
static void leave_behind(struct pg_pool *pool, struct mapping *m)
{
        struct page_batch *gone = &pool->contexts.table[0].out; /* nobody has it yet */

        for (uint64_t page = mapping_next_touched(m, 0); page < m->npages;
             page = mapping_next_touched(m, page + 1)) {
                uint64_t word = page_word_read(mapping_word(m, page));

                if (!(word & PAGE_RESIDENT))
                        continue;
                if (word & PAGE_QUEUED)
                        slot_discard(pool, frame_slot(&pool->frames, page_frame(word)),
                                     pool->page_size);
                gone->count = 0;
                page_gone(pool, page_batch_add(gone, m, page, word));
        }
        gone->count = 0;
        mapping_withdraw(m, &pool->mappings_lock, &pool->mappings);
        store_release(&pool->stores, m->location);
}

/* Threads of the parent may have been anywhere in the library, but owned no page and no lock. */
static int mappings_adopt(struct pg_pool *pool)
{
        struct mapping *next;
        int error = 0;

        for (struct mapping *m = pool->mappings; m; m = next) {
                next = m->next;
                atomic_store(&m->state, MAPPING_LIVE);
                if (stays_with_parent(m))
                        leave_behind(pool, m);
        }
        error = for_inherited(pool, register_anew);
        for (struct mapping *m = pool->mappings; m && !error; m = m->next)
                error = protect_clean(pool, m);
        if (!error)
                error = uffd_register_slots(&pool->uffd, pool->frames.slots - ARENA_HEAD,
                                            frames_slots_bytes(&pool->frames) + ARENA_HEAD);
        return error;
}

static void trace_anew(struct pg_pool *pool)
{
        if (pool->trace_writer.output)
                trace_writer_child(&pool->trace_writer, true,
                                   (struct pg_trace_header[]){pool_trace_header(pool)});
}

static int adopt(struct pg_pool *pool)
{
        int error = stats_restart(&pool->stats); /* first: before, it counts in its parent's file */
        bool has_keeper;

        if (!error)
                error = uffd_reopen(&pool->uffd);
        atomic_store(&pool->told_out_of_room, 0);
        atomic_store(&pool->told_cut_off, 0);
        fault_sampler_restart(&pool->sampler);
        fork_freeze_reset_in_child(pool);
        resize_in_child(pool);
        if (!error)
                error = mappings_adopt(pool);
        if (error)
                return error;
        trace_anew(pool); /* without what the child does not get */
        miss_curve_restart(&pool->miss_curve);
        error = stores_fork_child(&pool->stores);
        if (error)
                return error;
        /* Promised to threads that are not here. */
        frames_withdraw_pins(&pool->frames, pool->frames.promised);
        for_inherited(pool, hide_from_child);
        error = keeper_restart(pool);
        has_keeper = !error;
        if (has_keeper)
                error = handler_threads_restart(pool);
        if (!error)
                resizer_restart(pool);
        fork_freeze_end(pool, true);
        if (error && has_keeper) { /* no thread may be left that setuid() does not reach */
                handler_threads_stop(pool);
                keeper_stop(pool);
        }
        return error;
}

/* The child may be about to execute something, and need none of it: so it is not ended here. */
static void report_loss(int error)
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
        threads_forget();
        sigbus_handler_child();
        mapping_index_in_child();
        if (has_streams())
                _IO_list_resetlock();
        while (*at) {
                struct pg_pool *pool = *at;
                int error = -ECHILD;

                locks_drop(pool);
                lock_drop_for_fork(&pool->stores.lock);
                if (pool_inherits(pool))
                        error = pool->fork_refused ? -EIO : adopt(pool);
                if (error && pool_inherits(pool))
                        report_loss(error);
                if (error) {
                        make_orphan(pool);
                        *at = pool->next;
                } else {
                        at = &pool->next;
                }
        }
        atomic_store(&pools.pid, getpid());
        credentials_in_child();
        pthread_mutex_init(&pools.lock, NULL);
        pthread_mutex_lock(&pools.lock);
        for (struct pg_pool *pool = pools.first; pool; pool = pool->next)
                fork_freeze_shrink(pool);
        after_fork();
}

/* ---- the list ------------------------------------------------------------------------------ */

/* Under the lock. */
static int register_handlers(void)
{
        int error = pools.handlers ? 0 : pthread_atfork(before_fork, in_parent, in_child);

        pools.handlers = !error;
        if (!error)
                atomic_store(&pools.pid, getpid());
        return -error;
}

int pg_fork_handlers(void)
{
        struct pager_section saved;
        int error;

        pager_section_enter(&saved);
        pthread_mutex_lock(&pools.lock);
        error = register_handlers();
        pthread_mutex_unlock(&pools.lock);
        pager_section_leave(&saved);
        return error;
}

void pools_add(struct pg_pool *pool)
{
        struct pools_section section;

        pools_enter(&section);
        pool->next = pools.first;
        pools.first = pool;
        pools_leave(&section);
}

void pools_remove(struct pg_pool *pool)
{
        struct pg_pool **at = &pools.first;
        struct pools_section section;

        pools_enter(&section);
        while (*at && *at != pool)
                at = &(*at)->next;
        if (*at)
                *at = pool->next;
        pools_leave(&section);
}

bool pools_are_ours(void)
{
        return atomic_load(&pools.pid) == getpid();
}

bool pools_in_fork(void)
{
        return atomic_load(&pools.forker) == gettid();
}

void pools_enter(struct pools_section *s)
{
        s->in_fork = pools_in_fork();
        pager_section_enter(&s->caller);
        if (!s->in_fork)
                pthread_mutex_lock(&pools.lock);
}

void pools_leave(const struct pools_section *s)
{
        if (!s->in_fork)
                pthread_mutex_unlock(&pools.lock);
        pager_section_leave(&s->caller);
}

struct pg_pool *pools_first(void)
{
        return pools.first;
}
