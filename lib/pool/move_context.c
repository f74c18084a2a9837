/* SPDX-License-Identifier: MIT */
/* move_context.c - what one thread needs while it moves pages. See move_context.h. */
#include "move_context.h"
#include "arena.h"
#include "futex_lock.h"
#include "stats.h"

#include <errno.h>

static uint32_t all_contexts(const struct move_contexts *all)
{
        return (1u << all->count) - 1;
}

int move_contexts_init(struct move_contexts *all, unsigned count, unsigned run_pages,
                       size_t page_size, const struct stats *stats)
{
        *all = (struct move_contexts){
                .count = count, .run_pages = run_pages, .bytes = count * run_pages * page_size};
        all->table = arena_reserve(count * sizeof(struct move_context), "unpaged-contexts");
        all->buffers = arena_reserve(all->bytes, "unpaged-buffers");
        if (!all->table || !all->buffers) {
                move_contexts_destroy(all);
                return -ENOMEM;
        }
        for (unsigned i = 0; i < count; i++) {
                all->table[i].buffer = all->buffers + i * run_pages * page_size;
                all->table[i].tally = &stats->tallies[i];
        }
        atomic_init(&all->free, all_contexts(all));
        return 0;
}

void move_contexts_destroy(struct move_contexts *all)
{
        arena_release(all->table, all->count * sizeof(struct move_context));
        arena_release(all->buffers, all->bytes);
        *all = (struct move_contexts){0};
}

static struct move_context *try_get(struct move_contexts *all, _Atomic uint32_t *bits)
{
        uint32_t mask = atomic_load(bits);

        while ((mask & ~MOVE_CONTEXTS_FROZEN) != 0) {
                if (atomic_compare_exchange_weak(bits, &mask, mask & (mask - 1)))
                        return &all->table[__builtin_ctz(mask)];
        }
        return NULL;
}

/* waiting is raised before the look that counts, and move_context_put looks at it after it has
 * set the bit: one of the two sees the other. */
static struct move_context *wait_for_one(struct move_contexts *all, bool for_fault)
{
        struct move_context *ctx;

        atomic_fetch_add(&all->waiting, 1);
        while (!(ctx = try_get(all, &all->free))) {
                uint32_t free = atomic_load(&all->free);

                if (for_fault && free == MOVE_CONTEXTS_FROZEN)
                        break;
                if ((free & ~MOVE_CONTEXTS_FROZEN) == 0)
                        futex_wait(&all->free, free, 0);
        }
        atomic_fetch_sub(&all->waiting, 1);
        return ctx;
}

void move_context_reset(struct move_context *ctx, struct stats *stats, pid_t tid)
{
        ctx->tid = tid;
        ctx->thread = stats_thread(stats, tid);
        ctx->in.count = ctx->out.count = 0;
        ctx->refusals = (struct refusals){0};
        ctx->pins = 0;
}

static struct move_context *context_get(struct move_contexts *all, struct stats *stats, pid_t tid,
                                        bool for_fault)
{
        struct move_context *ctx = try_get(all, &all->free);

        lock_assert_none();
        if (!ctx)
                ctx = wait_for_one(all, for_fault);
        if (!ctx)
                return NULL;
        move_context_reset(ctx, stats, tid);
        return ctx;
}

struct move_context *move_context_get(struct move_contexts *all, struct stats *stats, pid_t tid)
{
        return context_get(all, stats, tid, false);
}

struct move_context *move_context_get_for_fault(struct move_contexts *all, struct stats *stats,
                                                pid_t tid)
{
        return context_get(all, stats, tid, true);
}

void move_context_put(struct move_contexts *all, struct move_context *ctx)
{
        atomic_fetch_or(&all->free, 1u << (ctx - all->table));
        if (atomic_load(&all->waiting) != 0)
                futex_wake(&all->free, 1);
}

/* ---- while the process forks --------------------------------------------------------------- */

void move_contexts_take_all(struct move_contexts *all)
{
        for (unsigned have = 0; have < all->count; have++) {
                if (!try_get(all, &all->free))
                        wait_for_one(all, false);
        }
}

void move_contexts_freeze(struct move_contexts *all)
{
        atomic_store(&all->spare, all_contexts(all));
        atomic_store(&all->free, MOVE_CONTEXTS_FROZEN);
        futex_wake(&all->free, INT32_MAX);
}

void move_contexts_thaw(struct move_contexts *all)
{
        atomic_store(&all->free, all_contexts(all));
        futex_wake(&all->free, INT32_MAX);
}

struct move_context *move_context_spare_get(struct move_contexts *all)
{
        return try_get(all, &all->spare);
}

void move_context_spare_put(struct move_contexts *all, struct move_context *ctx)
{
        atomic_fetch_or(&all->spare, 1u << (ctx - all->table));
}

void move_contexts_spare_end(struct move_contexts *all)
{
        const struct timespec pause = {.tv_nsec = 20000};

        for (unsigned have = 0; have < all->count; have += move_context_spare_get(all) != NULL)
                if (atomic_load(&all->spare) == 0)
                        nanosleep(&pause, NULL);
}
