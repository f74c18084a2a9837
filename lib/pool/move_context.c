/* SPDX-License-Identifier: MIT */
/* move_context.c - what one thread needs while it moves pages. See move_context.h. */
#include "move_context.h"
#include "arena.h"
#include "futex_lock.h"

#include <errno.h>

static uint32_t all_workers(const struct workers *w)
{
        return (1u << w->count) - 1;
}

int workers_init(struct workers *w, unsigned count, unsigned run_pages, size_t page_size)
{
        *w = (struct workers){
                .count = count, .run_pages = run_pages, .bytes = count * run_pages * page_size};
        w->table = arena_reserve(count * sizeof(struct worker), "unpaged-workers");
        w->buffers = arena_reserve(w->bytes, "unpaged-buffers");
        if (!w->table || !w->buffers) {
                workers_destroy(w);
                return -ENOMEM;
        }
        for (unsigned i = 0; i < count; i++)
                w->table[i].buffer = w->buffers + i * run_pages * page_size;
        atomic_init(&w->free, all_workers(w));
        return 0;
}

void workers_destroy(struct workers *w)
{
        arena_release(w->table, w->count * sizeof(struct worker));
        arena_release(w->buffers, w->bytes);
        *w = (struct workers){0};
}

static struct worker *try_get(struct workers *w, _Atomic uint32_t *bits)
{
        uint32_t mask = atomic_load(bits);

        while ((mask & ~WORKERS_FROZEN) != 0) {
                if (atomic_compare_exchange_weak(bits, &mask, mask & (mask - 1)))
                        return &w->table[__builtin_ctz(mask)];
        }
        return NULL;
}

/* waiting is raised before the look that counts, and worker_put looks at it after it has set the
 * bit: one of the two sees the other. */
static struct worker *wait_for_one(struct workers *w, bool for_fault)
{
        struct worker *worker;

        atomic_fetch_add(&w->waiting, 1);
        while (!(worker = try_get(w, &w->free))) {
                uint32_t free = atomic_load(&w->free);

                if (for_fault && free == WORKERS_FROZEN)
                        break;
                if ((free & ~WORKERS_FROZEN) == 0)
                        futex_wait(&w->free, free, 0);
        }
        atomic_fetch_sub(&w->waiting, 1);
        return worker;
}

void worker_reset(struct worker *worker, struct stats *stats, pid_t tid)
{
        worker->tid = tid;
        worker->thread = stats_thread(stats, tid);
        worker->in.count = worker->out.count = 0;
        worker->avoid_saves = worker->all_dirty = false;
        worker->passed_over = worker->refused = worker->pins = 0;
}

static struct worker *get(struct workers *w, struct stats *stats, pid_t tid, bool for_fault)
{
        struct worker *worker = try_get(w, &w->free);

        lock_assert_none();
        if (!worker)
                worker = wait_for_one(w, for_fault);
        if (!worker)
                return NULL;
        worker_reset(worker, stats, tid);
        return worker;
}

struct worker *worker_get(struct workers *w, struct stats *stats, pid_t tid)
{
        return get(w, stats, tid, false);
}

struct worker *worker_get_for_fault(struct workers *w, struct stats *stats, pid_t tid)
{
        return get(w, stats, tid, true);
}

void worker_put(struct workers *w, struct worker *worker)
{
        atomic_fetch_or(&w->free, 1u << (worker - w->table));
        if (atomic_load(&w->waiting) != 0)
                futex_wake(&w->free, 1);
}

/* ---- while the process forks --------------------------------------------------------------- */

void workers_take_all(struct workers *w)
{
        for (unsigned have = 0; have < w->count; have++) {
                if (!try_get(w, &w->free))
                        wait_for_one(w, false);
        }
}

void workers_freeze(struct workers *w)
{
        atomic_store(&w->spare, all_workers(w));
        atomic_store(&w->free, WORKERS_FROZEN);
        futex_wake(&w->free, INT32_MAX);
}

void workers_thaw(struct workers *w)
{
        atomic_store(&w->free, all_workers(w));
        futex_wake(&w->free, INT32_MAX);
}

struct worker *worker_spare_get(struct workers *w)
{
        return try_get(w, &w->spare);
}

void worker_spare_put(struct workers *w, struct worker *worker)
{
        atomic_fetch_or(&w->spare, 1u << (worker - w->table));
}

void workers_spare_end(struct workers *w)
{
        const struct timespec pause = {.tv_nsec = 20000};

        for (unsigned have = 0; have < w->count; have += worker_spare_get(w) != NULL)
                if (atomic_load(&w->spare) == 0)
                        nanosleep(&pause, NULL);
}
