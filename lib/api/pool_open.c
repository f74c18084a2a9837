/* SPDX-License-Identifier: MIT */
/*
 * pool_open.c - opens and closes a pool: checks arguments, makes what the pool owns, and takes it
 * down in order.
 *
 * The budget. Opened by bytes, a pool's budget covers its frames and its move contexts' buffers,
 * which get a sixty-fourth, and of a tiny budget a sixteenth at most. Tables are reserved for as
 * many frames as the machine has memory, so that growing moves nothing; they cost only what is
 * touched.
 */
#include "arena.h"
#include "atfork.h"
#include "credential_calls.h"
#include "debug.h"
#include "dispatch.h"
#include "event_ring.h"
#include "frame.h"
#include "futex_lock.h"
#include "ghost.h"
#include "kernel_page.h"
#include "last_error.h"
#include "mapping.h"
#include "mask.h"
#include "memory_cap.h"
#include "miss_curve.h"
#include "move_context.h"
#include "page_events.h"
#include "pager_section.h"
#include "policy_gate.h"
#include "pool.h"
#include "pool_check.h"
#include "pool_budget.h"
#include "pool_counters.h"
#include "pool_trace.h"
#include "replacement.h"
#include "sized.h"
#include "stats.h"
#include "store_gate.h"
#include "trace_writer.h"
#include "uffd.h"
#include "victim_queue.h"

#include <errno.h>
#include <string.h>
#include <unpaged/internals.h>
#include <unpaged/stores.h>

/* All of them are looked at under the pool lock when the curve is asked for. */
#define CURVE_PAGES_MAX 65536u
#define RUN_BYTES_MAX   ((size_t)256 << 10)

/* ---- open ---------------------------------------------------------------------------------- */

struct plan {
        uint32_t frames;
        unsigned contexts, run_pages;
        const struct pg_policy_ops *policy; /* NULL: the default */
        uint32_t curve_pages, sample_every;
};

static uint64_t machine_pages(void)
{
        return (uint64_t)sysconf(_SC_PHYS_PAGES);
}

static uint32_t capacity_frames(size_t page_size, uint32_t frames)
{
        uint64_t all = machine_pages() / (page_size / KERNEL_PAGE_SIZE);

        return all < frames ? frames : all > UINT32_MAX - 1 ? UINT32_MAX - 1 : (uint32_t)all;
}

/* Divides `total` pages into frames and buffers; with `exact`, the buffers come on top. */
static void plan_buffers(struct plan *p, uint64_t total, size_t page_size, bool exact)
{
        long cpus = sysconf(_SC_NPROCESSORS_ONLN);
        size_t run_most = RUN_BYTES_MAX / page_size;
        uint64_t spare = total / 16;

        run_most = run_most < 1 ? 1 : run_most > BATCH_MAX ? BATCH_MAX : run_most;
        p->contexts = cpus < 2                             ? 4
                      : cpus > (long)MOVE_CONTEXTS_MAX - 2 ? MOVE_CONTEXTS_MAX
                                                           : (unsigned)cpus + 2;
        if (p->contexts > spare)
                p->contexts = spare < 2 ? (exact ? 2 : 1) : (unsigned)spare;
        p->run_pages = (unsigned)((exact ? spare : total / 64) / p->contexts);
        p->run_pages = p->run_pages < 1          ? 1
                       : p->run_pages > run_most ? (unsigned)run_most
                                                 : p->run_pages;
        p->frames = (uint32_t)(exact ? total : total - p->contexts * p->run_pages);
}

static int plan_policy(const struct pg_config *c, struct plan *p)
{
        p->policy = c->policy_ops;
        if (p->policy || !c->policy)
                return 0;
        p->policy = pg_policy_find(c->policy);
        return p->policy ? 0
                         : last_error(-EINVAL,
                                      "the policy %s is unknown: see pg_policy_at() for the list",
                                      c->policy);
}

static int plan_budget(const struct pg_config *c, struct plan *p)
{
        uint64_t total = c->frames ? c->frames : (c->budget | c->memory) / c->page_size;

        if ((c->budget != 0) + (c->frames != 0) + (c->memory != 0) != 1)
                return last_error(-EINVAL, "set one of budget, frames and memory, and one only");
        if (c->memory && c->flags & PG_POOL_STRICT)
                return last_error(-EINVAL, "the frames of a strict pool do not change: set budget "
                                           "or frames, not memory");
        if (total > machine_pages() / (c->page_size / KERNEL_PAGE_SIZE))
                return last_error(-EINVAL, "the budget is larger than the memory of this machine");
        if (total >= PG_FRAMES_MIN)
                plan_buffers(p, total, c->page_size, c->frames != 0);
        if (p->frames < PG_FRAMES_MIN)
                return last_error(-EINVAL, "the budget is too small: at least 4 frames beside the "
                                           "buffers (with 4 KiB pages, 20 KiB)");
        return 0;
}

static int config_check(const struct pg_config *c, struct plan *p)
{
        int error;

        *p = (struct plan){.curve_pages = c->curve_pages, .sample_every = c->sample_every};
        if (!kernel_page_fits())
                return last_error(-ENOTSUP, KERNEL_PAGE_REFUSAL);
        if (c->page_size < KERNEL_PAGE_SIZE || c->page_size > 2u << 20 ||
            c->page_size & (c->page_size - 1))
                return last_error(-EINVAL,
                                  "the page size must be a power of two from 4 KiB to 2 MiB");
        error = plan_policy(c, p);
        if (!error)
                error = plan_budget(c, p);
        if (error)
                return error;
        if (c->curve_pages > CURVE_PAGES_MAX)
                return last_error(-EINVAL, "the curve can follow 65536 pages at most; of more it "
                                           "follows a sample");
        if (c->queue_pct > 50)
                return last_error(-EINVAL,
                                  "the share of the victim queue must be at most 50 percent");
        if (c->flags & ~(PG_POOL_STRICT | PG_POOL_INHERIT | PG_POOL_SPARES_FDS |
                         PG_POOL_KEEPS_COUNTERS) ||
            c->delivery > PG_DELIVERY_SIGNAL)
                return last_error(-EINVAL, "unknown flags of a pool (%#x), or delivery (%u)",
                                  c->flags, (unsigned)c->delivery);
        return 0;
}

static int check_swap_store(const struct pg_pool *pool, struct pg_store *swap)
{
        if (!store_can_swap(swap))
                return last_error(-EINVAL, "the swap store cannot hand out places: it has no "
                                           "location_get, or is read-only");
        if (pool_inherits(pool) && !store_can_follow(swap))
                return last_error(-EINVAL, "the swap store cannot follow into a child of fork: "
                                           "leave PG_POOL_INHERIT out, or use zram or a file");
        return 0;
}

static int open_swap(struct pg_pool *pool, struct pg_store *swap)
{
        pg_location base;
        int error = swap ? check_swap_store(pool, swap) : pg_store_zram(&pool->own_swap, NULL);

        if (!error)
                error = store_attach(&pool->stores, swap ? swap : pool->own_swap, &base);
        if (!error && swap)
                error = store_swap_begin(swap);
        if (!error)
                pool->stores.swap = (unsigned)(base >> 56);
        return error;
}

/* Where pages cannot be moved, what the kernel writes into a page after it was evicted, because it
 * had pinned it for a read in flight, is lost. Those are pages that came in just now, and sieve
 * sends some newcomers away at once. */
static const struct pg_policy_ops *default_policy(const struct pg_pool *pool)
{
        return pg_policy_find(pool->uffd.can_move ? "sieve" : "clock");
}

static int open_tables(struct pg_pool *pool, const struct plan *p)
{
        uint32_t capacity = capacity_frames(pool->page_size, p->frames);
        int error = frames_init(&pool->frames, capacity, p->frames, pool->page_size);

        if (error) /* perhaps address space is limited: then the pool cannot grow */
                error = frames_init(&pool->frames, capacity = p->frames + FRAMES_SPARE, p->frames,
                                    pool->page_size);
        if (!error)
                error = ghosts_init(&pool->ghosts, capacity);
        if (!error && p->curve_pages)
                error = miss_curve_init(&pool->miss_curve, p->curve_pages);
        if (!error)
                error = pool_counters_open(pool, p->contexts, p->contexts * p->run_pages);
        if (!error)
                error = move_contexts_init(&pool->contexts, p->contexts, p->run_pages,
                                           pool->page_size, &pool->stats);
        if (!error)
                error = event_ring_init(&pool->ring);
        if (!error)
                error = fault_sampler_init(&pool->sampler, p->sample_every);
        if (!error)
                error = uffd_register_slots(&pool->uffd, pool->frames.slots - ARENA_HEAD,
                                            frames_slots_bytes(&pool->frames) + ARENA_HEAD);
        if (!error && !pool_inherits(pool)) {
                arena_not_for_child(pool->frames.slots, frames_slots_bytes(&pool->frames));
                arena_not_for_child(pool->contexts.buffers, pool->contexts.bytes);
        }
        return error;
}

static void pool_destroy(struct pg_pool *pool)
{
        uffd_close(&pool->uffd);
        memory_unlimit(pool);
        stores_close(&pool->stores);
        pg_store_close(pool->own_swap);
        trace_writer_close(&pool->trace_writer);
        miss_curve_destroy(&pool->miss_curve);
        fault_sampler_destroy(&pool->sampler);
        event_ring_destroy(&pool->ring);
        stats_destroy(&pool->stats, pool->flags & PG_POOL_KEEPS_COUNTERS);
        move_contexts_destroy(&pool->contexts);
        ghosts_destroy(&pool->ghosts);
        policy_close(&pool->policy);
        frames_destroy(&pool->frames);
        free(pool);
}

static void configure(struct pg_pool *pool, const struct pg_config *c, const struct plan *plan)
{
        pool->page_size = c->page_size;
        pool->page_shift = (unsigned)__builtin_ctzl(c->page_size);
        pool->flags = c->flags;
        pool->delivery = c->delivery;
        pool->frames_exact = c->frames != 0;
        pool->lock = (struct lock)LOCK_INIT(LOCK_POOL);
        pool->mappings_lock = (struct lock)LOCK_INIT(LOCK_TABLES);
        pool->batch_pages =
                replacement_batch(c->memory ? memory_floor_frames(plan->frames) : plan->frames);
        pool->victim_queue.pct = c->queue_pct ? c->queue_pct : VICTIM_QUEUE_PCT;
        pool->reads_ahead = !pool_is_strict(pool) && !feature_is_masked("readahead");
        pool->predicts_by_mapping = !pool_is_strict(pool) && !feature_is_masked("predict");
        /* A larger page takes longer to load than a fault does. */
        pool->drops_near = c->page_size == KERNEL_PAGE_SIZE && !feature_is_masked("near");
        if (pool_is_strict(pool)) {
                pool->victim_queue.pct = 0;
                pool->batch_pages = 1;
        }
}

static void threads_stop(struct pg_pool *pool)
{
        resizer_stop(pool);
        handler_threads_stop(pool);
        keeper_stop(pool);
}

static int threads_start(struct pg_pool *pool)
{
        int error = keeper_start(pool);

        if (!error)
                error = pool->delivery == PG_DELIVERY_SIGNAL ? sigbus_handler_install()
                                                             : handler_threads_start(pool);
        if (error)
                last_error(error,
                           "the pool's threads could not be started (%s): RLIMIT_NPROC (ulimit "
                           "-u) or memory may be short",
                           strerror(-error));
        else
                resizer_start(pool);
        return error;
}

/* When all parts are there. */
static int set_memory(struct pg_pool *pool, const struct pg_config *c)
{
        int error;

        memory_count_tables(pool, c->trace);
        if (!c->memory)
                return 0;
        error = budget_check_memory(pool, c->memory);
        if (error)
                return error;
        atomic_store(&pool->cap.bytes, c->memory);
        memory_fit(pool);
        return 0;
}

/* The threads, and whom they must hear of. */
static int open_delivery(struct pg_pool *pool)
{
        struct unlisted_section section;
        int error = pg_fork_handlers();

        if (error)
                return last_error(error, "no memory to register handlers of fork");
        credential_calls_find();
        credentials_unlisted_begin(&section);
        error = threads_start(pool);
        if (error)
                threads_stop(pool);
        else
                pools_add(pool);
        credentials_unlisted_end(&section);
        return error;
}

static void close_delivery(struct pg_pool *pool)
{
        struct unlisted_section section;

        credentials_unlisted_begin(&section);
        pools_remove(pool);
        threads_stop(pool);
        credentials_unlisted_end(&section);
}

/* What the pool needs of the machine, in order. The kernel's own errors are put into words here. */
static int pool_start(struct pg_pool *pool, const struct pg_config *c, const struct plan *plan)
{
        int error = uffd_open(&pool->uffd, c->delivery == PG_DELIVERY_SIGNAL);

        if (error)
                return error;
        error = open_tables(pool, plan);
        if (error)
                return last_error(error,
                                  "no address space or memory for the pool's tables (%s): raise "
                                  "RLIMIT_AS (ulimit -v), or RLIMIT_MEMLOCK after "
                                  "mlockall(MCL_FUTURE), or set vm.overcommit_memory to 0",
                                  strerror(-error));
        error = policy_open(&pool->policy, plan->policy ? plan->policy : default_policy(pool),
                            pool->frames.capacity);
        if (!error)
                error = open_swap(pool, c->swap);
        if (!error)
                pool_counters_name(pool);
        pool->has_observers = c->trace || c->curve_pages;
        if (!error)
                error = set_memory(pool, c);
        if (!error)
                error = pool_trace_open(pool, c);
        if (error)
                return error;
        return open_delivery(pool);
}

static int open_checked(struct pg_pool **out, const struct pg_config *c)
{
        struct plan plan;
        struct pg_pool *pool;
        int error = config_check(c, &plan);

        if (error)
                return error;
        pool = calloc(1, sizeof(*pool));
        if (!pool)
                return last_error(-ENOMEM, "no memory for a pool");
        configure(pool, c, &plan);
        uffd_none(&pool->uffd);
        pool->uffd.inherit = pool_inherits(pool);
        stores_init(&pool->stores, c->page_size);
        error = pool_start(pool, c, &plan);
        if (error)
                pool_destroy(pool);
        else
                *out = pool;
        return error;
}

int pg_open(struct pg_pool **out, const struct pg_config *config)
{
        struct pg_config c;
        int error;

        if (!out || !config)
                return last_error(-EINVAL, "pg_open wants a place for the pool, and a config: one "
                                           "is NULL");
        error = sized_read(&c, sizeof(c), config, "pg_config");
        if (error)
                return error;
        c.page_size = c.page_size ? c.page_size : KERNEL_PAGE_SIZE;
        error = open_checked(out, &c);
        if (error && c.message)
                c.message(c.message_arg, pg_last_error());
        return error;
}

/* With no mapping left, every frame must be free, and nobody may know a page. */
static void assert_empty(struct pg_pool *pool)
{
        const struct frames *f = &pool->frames;
        struct pager_section saved;

        if (!DEBUG_ASSERTS)
                return;
        pager_section_enter(&saved);
        futex_lock_take(&pool->resize.changing); /* another process may be changing the budget */
        if (f->live != f->free_list.count || f->pinned || pool->victim_queue.list.count ||
            pool->policy.count)
                event_ring_abort(&pool->ring, NULL, f->live - f->free_list.count,
                                 "frames were lost");
        if (pool->policy.ops.check && !pool->policy.ops.check(pool->policy.self))
                event_ring_abort(&pool->ring, NULL, 0, "the policy's structures are broken");
        pool_assert_whole(pool);
        futex_lock_drop(&pool->resize.changing);
        pager_section_leave(&saved);
}

int pg_close(struct pg_pool *pool)
{
        int error;

        if (pool->is_orphan)
                return -ECHILD;
        error = pool_cut_off(pool);
        while (!error && pool->mappings)
                error = pg_unmap(pool, pool->mappings->start,
                                 pool->mappings->npages << pool->page_shift);
        if (error)
                return error;
        assert_empty(pool);
        pool_trace_end(pool);
        close_delivery(pool);
        pool_destroy(pool);
        return 0;
}
