/* SPDX-License-Identifier: MIT */
/* worker.c - what one thread needs while it moves pages. See worker.h. */
#include "worker.h"
#include "arena.h"
#include "lock.h"

#include <errno.h>

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
        arena_not_for_child(w->buffers, w->bytes);
        for (unsigned i = 0; i < count; i++)
                w->table[i].buffer = w->buffers + i * run_pages * page_size;
        atomic_init(&w->free, (1u << count) - 1);
        return 0;
}

void workers_destroy(struct workers *w)
{
        arena_release(w->table, w->count * sizeof(struct worker));
        arena_release(w->buffers, w->bytes);
        *w = (struct workers){0};
}

static struct worker *try_get(struct workers *w)
{
        uint32_t mask = atomic_load(&w->free);

        while (mask != 0) {
                if (atomic_compare_exchange_weak(&w->free, &mask, mask & (mask - 1)))
                        return &w->table[__builtin_ctz(mask)];
        }
        return NULL;
}

struct worker *worker_get(struct workers *w, struct stats *stats, pid_t tid)
{
        struct worker *worker = try_get(w);

        lock_assert_none();
        if (!worker) {
                /* waiting is raised before the look that counts, and worker_put looks at it after
                 * it has set the bit: one of the two sees the other. */
                atomic_fetch_add(&w->waiting, 1);
                while (!(worker = try_get(w)))
                        futex_wait(&w->free, 0, 0);
                atomic_fetch_sub(&w->waiting, 1);
        }
        worker->tid = tid;
        worker->thread = stats_thread(stats, tid);
        worker->in.count = worker->out.count = 0;
        worker->avoid_saves = worker->all_dirty = false;
        worker->passed_over = worker->refused = worker->pins = 0;
        return worker;
}

void worker_put(struct workers *w, struct worker *worker)
{
        atomic_fetch_or(&w->free, 1u << (worker - w->table));
        if (atomic_load(&w->waiting) != 0)
                futex_wake(&w->free, 1);
}
