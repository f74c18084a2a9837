/* SPDX-License-Identifier: MIT */
/*
 * page_state_support.h - a pool put together by hand, of the parts that transitions touch; no
 * memory is paged. The policy only counts what it hears of each frame; the store only counts
 * places.
 */
#ifndef PAGE_STATE_SUPPORT_H
#define PAGE_STATE_SUPPORT_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "frame.h"
#include "mapping.h"
#include "move_context.h"
#include "page.h"
#include "page_state.h"
#include "pool.h"
#include "trace_file.h"

#define FRAMES 64u
#define PAGES  16u
#define PAGE   4096ul

/* ---- a policy and a store that count --------------------------------------------------------- */

struct heard {
        unsigned added, ahead, returned, removed, accessed, queued;
};

static struct heard heard[FRAMES];

static size_t spy_footprint(uint32_t nframes)
{
        return nframes;
}

static void spy_init(void *self, uint32_t nframes)
{
        (void)self;
        (void)nframes;
        memset(heard, 0, sizeof(heard));
}

static void spy_add(void *self, uint32_t frame, uint64_t key, enum pg_add how)
{
        (void)self;
        (void)key;
        heard[frame].added += how == PG_ADD_DEMAND;
        heard[frame].ahead += how == PG_ADD_AHEAD;
        heard[frame].returned += how == PG_ADD_RETURNED;
}

static void spy_remove(void *self, uint32_t frame)
{
        (void)self;
        heard[frame].removed++;
}

static void spy_accessed(void *self, uint32_t frame)
{
        (void)self;
        heard[frame].accessed++;
}

static uint32_t spy_select(void *self)
{
        (void)self;
        return PG_NO_FRAME;
}

static void spy_queued(void *self, uint32_t frame)
{
        (void)self;
        heard[frame].queued++;
}

static const struct pg_policy_ops spy = {
        .size = sizeof(spy),
        .name = "spy",
        .footprint = spy_footprint,
        .init = spy_init,
        .add = spy_add,
        .remove = spy_remove,
        .accessed = spy_accessed,
        .select = spy_select,
        .queued = spy_queued,
};

static int places; /* that are reserved in the store */

static int place_get(struct pg_store *store, uint64_t *offset, bool for_fault)
{
        (void)store;
        (void)for_fault;
        *offset = PAGE * (uint64_t)++places;
        return 0;
}

static void place_free(struct pg_store *store, uint64_t offset)
{
        (void)store;
        (void)offset;
        places--;
}

static int page_in(struct pg_store *store, uint64_t offset, size_t npages, void *buf)
{
        (void)store;
        (void)offset;
        memset(buf, 0, npages * PAGE);
        return 0;
}

static int page_out(struct pg_store *store, uint64_t offset, size_t npages, const void *buf)
{
        (void)store;
        (void)offset;
        (void)npages;
        (void)buf;
        return 0;
}

static const struct pg_store_ops place_ops = {
        .size = sizeof(place_ops),
        .name = "places",
        .flags = PG_STORE_KEEPS | PG_STORE_PARALLEL,
        .location_get = place_get,
        .location_free = place_free,
        .page_in = page_in,
        .page_out = page_out,
};

/* ---- the pool -------------------------------------------------------------------------------- */

static char path[] = "/tmp/unpaged-state-XXXXXX";
static struct pg_pool pool;
static struct pg_store swap;
static struct mapping map;
static struct move_context *ctx;
static pg_location swap_base;
static page_word words[PAGES];

static void begin(void)
{
        static const struct pg_trace_header header = {.page_size = PAGE, .policy = "spy"};
        int fd;

        memset(&pool, 0, sizeof(pool));
        memset(&map, 0, sizeof(map));
        memset((void *)words, 0, sizeof(words));
        places = 0;
        pool.page_size = PAGE;
        pool.page_shift = 12;
        pool.delivery = PG_DELIVERY_SIGNAL; /* nobody is woken */
        pool.lock = (struct lock)LOCK_INIT(LOCK_POOL);
        pool.victim_queue.pct = VICTIM_QUEUE_PCT;
        ck_assert_int_eq(frames_init(&pool.frames, FRAMES, FRAMES, PAGE), 0);
        ck_assert_int_eq(policy_open(&pool.policy, &spy, FRAMES), 0);
        ck_assert_int_eq(ghosts_init(&pool.ghosts, FRAMES), 0);
        ck_assert_int_eq(stats_init(&pool.stats, 2, &(struct pg_live){0}), 0);
        ck_assert_int_eq(move_contexts_init(&pool.contexts, 2, 4, PAGE, &pool.stats), 0);
        ck_assert_int_eq(event_ring_init(&pool.ring), 0);
        stores_init(&pool.stores, PAGE);
        ck_assert_int_eq(pg_store_init(&swap, &place_ops, 0), 0);
        ck_assert_int_eq(store_attach(&pool.stores, &swap, &swap_base), 0);
        pool.stores.swap = (unsigned)(swap_base >> 56);

        memset(path + sizeof(path) - 7, 'X', 6);
        fd = mkstemp(path);
        ck_assert_int_ge(fd, 0);
        close(fd);
        ck_assert_int_eq(trace_writer_open(&pool.trace_writer, path, &header), 0);
        pool.has_observers = true;

        map.pool = &pool;
        map.start = (char *)0x10000000;
        map.npages = PAGES;
        map.page_shift = 12;
        map.location = PG_LOCATION_ANON_ZERO;
        map.pages = words;
        ctx = &pool.contexts.table[0];
        move_context_reset(ctx, &pool.stats, 0);
}

static void end(void)
{
        trace_writer_close(&pool.trace_writer);
        unlink(path);
        stores_close(&pool.stores);
        pg_store_close(&swap);
        event_ring_destroy(&pool.ring);
        stats_destroy(&pool.stats, false);
        move_contexts_destroy(&pool.contexts);
        ghosts_destroy(&pool.ghosts);
        policy_close(&pool.policy);
        frames_destroy(&pool.frames);
}

/* ---- pages in every state -------------------------------------------------------------------- */

static struct page_op *claim(uint64_t page)
{
        static struct page_op ops[PAGES];
        struct page_op *op = &ops[page];
        uint64_t word = page_word_read(&words[page]);

        ck_assert(page_claim(&words[page], word));
        *op = (struct page_op){
                .mapping = &map, .page = page, .word = word, .frame = page_frame(word)};
        return op;
}

/* Under the pool lock, as most transitions want it. */
#define LOCKED(call)                                                                               \
        do {                                                                                       \
                lock_take(&pool.lock);                                                             \
                call;                                                                              \
                lock_drop(&pool.lock);                                                             \
        } while (0)

static void publish(const struct page_op *op)
{
        page_publish(&pool, ctx, op, RING_LOADED);
}

static struct page_op *bring(uint64_t page, bool clean, enum pg_add how)
{
        struct page_op *op = claim(page);
        uint64_t offset = 0;

        op->clean = clean;
        if (clean) {
                ck_assert_int_eq(place_get(&swap, &offset, false), 0);
                op->location = swap_base + offset;
                op->owned = true;
        }
        LOCKED(op->frame = frame_take(&pool.frames));
        LOCKED(page_came_in(&pool, ctx, op, how));
        return op;
}

/* Mapped, and published. Returns its frame. */
static uint32_t make_mapped(uint64_t page, bool clean)
{
        struct page_op *op = bring(page, clean, PG_ADD_DEMAND);

        publish(op);
        return op->frame;
}

static struct page_op *take(uint64_t page)
{
        struct page_op *op = claim(page);

        LOCKED(page_taken(&pool, op));
        return op;
}

static uint32_t make_queued(uint64_t page, bool clean)
{
        struct page_op *op;

        make_mapped(page, clean);
        op = take(page);
        LOCKED(page_parked(&pool, op));
        publish(op);
        return op->frame;
}

static uint32_t make_pinned(uint64_t page)
{
        struct page_op *op;

        make_mapped(page, false);
        ck_assert(frames_promise_pins(&pool.frames, 1));
        ctx->pins = 1;
        op = claim(page);
        LOCKED(page_pinned(&pool, ctx, op));
        publish(op);
        return op->frame;
}

/* ---- what is asserted ------------------------------------------------------------------------ */

static void expect_frames(uint32_t selectable, uint32_t queued, uint32_t pinned, uint32_t used)
{
        ck_assert_uint_eq(pool.policy.count, selectable);
        ck_assert_uint_eq(pool.victim_queue.list.count, queued);
        ck_assert_uint_eq(pool.frames.pinned, pinned);
        ck_assert_uint_eq(pool.frames.promised, 0);
        ck_assert_uint_eq(pool.frames.live - pool.frames.free_list.count, used);
}

/* The last events of the trace, oldest first, as "kind" or "kind*" where modified. */
static void expect_events(const char *wanted)
{
        static const char *const names[] = {
                [PG_TRACE_FAULT] = "fault",         [PG_TRACE_AHEAD] = "ahead",
                [PG_TRACE_RESCUED] = "rescued",     [PG_TRACE_QUEUED] = "queued",
                [PG_TRACE_LEFT] = "left",           [PG_TRACE_RETURNED] = "returned",
                [PG_TRACE_FORGOTTEN] = "forgotten", [PG_TRACE_MOVED] = "moved",
        };
        char text[512] = "", why[TRACE_WHY];
        struct trace_reader *reader;
        struct pg_trace_event e;
        bool more;

        do {
                LOCKED(more = trace_writer_seal(&pool.trace_writer));
                ck_assert_int_eq(trace_writer_finish(&pool.trace_writer), 0);
        } while (more);
        ck_assert_int_eq(trace_file_open(path, &reader, why), 0);
        while (trace_file_next(reader, &e) == 1) {
                size_t n = strlen(text);

                if (e.kind < sizeof(names) / sizeof(names[0]) && names[e.kind])
                        snprintf(text + n, sizeof(text) - n, "%s%s%s", n ? " " : "", names[e.kind],
                                 e.dirty ? "*" : "");
        }
        trace_file_close(reader);
        ck_assert_str_eq(text, wanted);
}

#endif
