/* SPDX-License-Identifier: MIT */
/* The what-if curve of a running pool: exact where the theory says so, the same as that of the
 * pool's trace, and out of the way of everything else. */
#include "child.h"
#include "curve_trace.h"
#include "probe.h"
#include "support.h"

#include <errno.h>
#include <unpaged/statistics.h>

#define PAGES    200u
#define FRAMES   32u
#define ACCESSES 3000u

static uint64_t state;

static void begin(void)
{
        state = 1;
}

static unsigned below(unsigned n)
{
        return (unsigned)random_below(&state, n);
}

static struct pg_config config_curve(int delivery, uint32_t frames, unsigned flags, uint32_t pages)
{
        struct pg_config config = config_frames(delivery, frames, flags);

        config.curve_pages = pages;
        return config;
}

static struct pg_curve read_curve(struct pg_pool *pool)
{
        struct pg_curve curve = {.size = sizeof(curve)};

        ck_assert_int_eq(pg_curve_get(pool, &curve, NULL, 0), 0);
        return curve;
}

static uint64_t misses_with(struct pg_pool *pool, uint64_t frames)
{
        struct pg_curve_point point = {.frames = frames};

        ck_assert_int_eq(pg_curve_get(pool, NULL, &point, 1), 0);
        return point.misses;
}

/* ---- a model: FRAMES mapped pages and a queue behind them, both first in, first out ------------ */

struct touch {
        unsigned page;
        bool discards;
};

/* Oldest first. Where the page is in it; the count, if it is not. */
static unsigned index_of(const unsigned *pages, unsigned count, unsigned page)
{
        unsigned i = 0;

        while (i < count && pages[i] != page)
                i++;
        return i;
}

static void take_out(unsigned *pages, unsigned *count, unsigned index)
{
        memmove(&pages[index], &pages[index + 1], (*count - index - 1) * sizeof(*pages));
        --*count;
}

static uint64_t model(const struct touch *touches, unsigned n, unsigned queue)
{
        unsigned mapped[PAGES], waiting[PAGES + 1], nmapped = 0, nwaiting = 0;
        uint64_t misses = 0;

        for (unsigned i = 0; i < n; i++) {
                unsigned page = touches[i].page, in = index_of(mapped, nmapped, page);
                unsigned in_queue = index_of(waiting, nwaiting, page);

                if (touches[i].discards) {
                        if (in < nmapped)
                                take_out(mapped, &nmapped, in);
                        if (in_queue < nwaiting)
                                take_out(waiting, &nwaiting, in_queue);
                        continue;
                }
                if (in < nmapped)
                        continue;
                misses += in_queue == nwaiting;
                if (in_queue < nwaiting)
                        take_out(waiting, &nwaiting, in_queue);
                if (nmapped == FRAMES) {
                        waiting[nwaiting++] = mapped[0];
                        take_out(mapped, &nmapped, 0);
                        if (nwaiting > queue)
                                take_out(waiting, &nwaiting, 0);
                }
                mapped[nmapped++] = page;
        }
        return misses;
}

/* ---- tests ------------------------------------------------------------------------------------- */

START_TEST(is_exact_where_pages_leave_in_the_order_they_came)
{
        static struct touch touches[ACCESSES];
        struct pg_config config = config_curve(_i, FRAMES, PG_POOL_STRICT, 4 * PAGES);
        struct pg_pool *pool;
        struct pg_stats s;
        char *v;

        config.policy = "fifo";
        pool = open_config(&config);
        v = map_pages(pool, PAGES, 0);
        for (unsigned i = 0; i < ACCESSES; i++) {
                unsigned page = below(4) ? below(PAGES / 3) : below(PAGES);

                touches[i] = (struct touch){page, below(100) == 0};
                if (touches[i].discards)
                        ck_assert_int_eq(pg_advise(pool, v + page * PAGE, PAGE, PG_ADVICE_DISCARD),
                                         0);
                else
                        v[page * PAGE] += 1;
        }
        s = stats_of(pool);
        for (unsigned frames = FRAMES; frames < PAGES + 10; frames++)
                ck_assert_msg(misses_with(pool, frames) ==
                                      model(touches, ACCESSES, frames - FRAMES),
                              "with %u frames %lu misses, the curve says %lu", frames,
                              model(touches, ACCESSES, frames - FRAMES), misses_with(pool, frames));
        ck_assert_uint_eq(misses_with(pool, FRAMES), s.faults);
        ck_assert_uint_eq(misses_with(pool, FRAMES - 1), s.faults);
        ck_assert_uint_eq(read_curve(pool).faults, s.faults);
        ck_assert_uint_eq(read_curve(pool).least, FRAMES);
        ck_assert_uint_eq(read_curve(pool).sample, 1);
        ck_assert_uint_eq(misses_with(pool, read_curve(pool).enough), read_curve(pool).first);
        ck_assert_uint_gt(misses_with(pool, read_curve(pool).enough - 1), read_curve(pool).first);
        close_pool(pool);
}
END_TEST

/* What pools do besides: readahead, batches, a queue, pages that go straight on, that are written,
 * moved, discarded, pinned, paged out. */
static void do_everything(struct pg_pool *pool, char *v)
{
        for (unsigned i = 0; i < 4 * ACCESSES; i++) {
                char *at = v + below(4 * PAGES) * PAGE;
                unsigned what = below(400);

                if (what == 0)
                        pg_advise(pool, at, PAGE, PG_ADVICE_DISCARD);
                else if (what == 1)
                        pg_page_out(pool, at, PAGE);
                else if (what == 2)
                        pg_advise(pool, at, PAGE, PG_ADVICE_COLD);
                else if (what == 3 && pg_pin(pool, at, PAGE) == 0)
                        pg_unpin(pool, at, PAGE);
                else if (what == 4)
                        ck_assert_int_le(pg_move(pool, at, v + below(4 * PAGES) * PAGE, PAGE), 0);
                else if (what < 10)
                        for (unsigned page = 0; page < 30; page++)
                                touch(v + page * PAGE);
                else if (what < 100)
                        at[what] = (char)what;
                else
                        touch(at);
        }
}

START_TEST(is_the_same_as_that_of_the_trace)
{
        char path[] = "/tmp/unpaged-curve-XXXXXX", why[TRACE_WHY];
        struct pg_config config = config_curve(_i, 4 * FRAMES, 0, 8 * PAGES);
        struct curve_trace t;
        struct pg_pool *pool;
        struct pg_curve curve;
        char *v, *w;

        close(mkstemp(path));
        config.trace = path;
        pool = open_config(&config);
        v = map_pages(pool, 4 * PAGES, 0);
        w = map_pages(pool, PAGES, 0);
        memset(w, 1, PAGES * PAGE);
        do_everything(pool, v);
        ck_assert_int_eq(pg_unmap(pool, w, PAGES * PAGE), 0);
        do_everything(pool, v);
        ck_assert_int_eq(pg_resize(pool, 3 * FRAMES * PAGE), 0);
        do_everything(pool, v);
        expect_idle(pool);
        curve = read_curve(pool);
        ck_assert_int_eq(pg_trace_sync(pool), 0);
        ck_assert_msg(curve_trace_read(&t, path, why) == 0, "%s", why);
        ck_assert_uint_eq(t.lost, 0);
        ck_assert_uint_eq(t.touches, curve.faults);
        ck_assert_uint_eq(miss_curve_first(&t.curve), curve.first);
        ck_assert_uint_eq(miss_curve_primary(&t.curve), curve.least);
        ck_assert_uint_eq(miss_curve_enough(&t.curve), curve.enough);
        for (unsigned frames = 1; frames < 6 * PAGES; frames += 7)
                ck_assert_uint_eq(miss_curve_misses(&t.curve, frames), misses_with(pool, frames));
        ck_assert_uint_lt(curve.least, 4 * FRAMES);
        ck_assert_uint_gt(curve.enough, 4 * FRAMES);
        curve_trace_free(&t);
        unlink(path);
        close_pool(pool);
}
END_TEST

START_TEST(follows_a_sample_where_there_are_too_many)
{
        struct pg_config config = config_curve(_i, 4 * FRAMES, 0, 100);
        struct pg_pool *pool = open_config(&config);
        char *v = map_pages(pool, 10 * PAGES, 0);
        struct pg_curve curve;
        struct pg_stats s;

        pg_advise(pool, v, 10 * PAGES * PAGE, PG_ADVICE_RANDOM);
        for (unsigned i = 0; i < 5 * ACCESSES; i++) {
                char *at = v + below(10 * PAGES) * PAGE;

                *at = 1;
                if (i >= 4 * ACCESSES && i % 4 == 0) /* most of them are not followed */
                        pg_advise(pool, at, PAGE, PG_ADVICE_DISCARD);
        }
        s = stats_of(pool);
        curve = read_curve(pool);
        ck_assert_uint_eq(curve.faults, s.faults);
        ck_assert_uint_gt(curve.sample, 1);
        /* 2000 pages are touched first, and half of the 750 that were discarded, again. 40 to 100 pages are
         * followed: three times what chance makes of that. */
        ck_assert_uint_gt(curve.first, 2350 / 2);
        ck_assert_uint_lt(curve.first, 2350 * 3 / 2);
        ck_assert_uint_gt(curve.least, 2 * FRAMES);
        ck_assert_uint_lt(curve.least, 4 * FRAMES);
        ck_assert_uint_le(misses_with(pool, 4 * FRAMES), s.faults);
        close_pool(pool);
}
END_TEST

START_TEST(counts_begin_again_in_a_child)
{
        struct pg_config config = config_curve(_i, FRAMES, PG_POOL_INHERIT, 4 * PAGES);
        struct pg_pool *pool = open_config(&config);
        char *v = map_pages(pool, PAGES, 0);
        struct pg_curve curve = {.size = sizeof(curve)};
        pid_t child;

        memset(v, 1, PAGES * PAGE);
        pg_advise(pool, v, PAGES * PAGE, PG_ADVICE_RANDOM);
        ck_assert_uint_gt(read_curve(pool).faults, 0);
        child = fork();
        if (child == 0) {
                CHILD_CHECK(pg_curve_get(pool, &curve, NULL, 0) == 0);
                CHILD_CHECK(curve.faults == 0);
                for (unsigned page = 0; page < PAGES; page++)
                        CHILD_CHECK(touch(&v[page * PAGE]) == 1);
                CHILD_CHECK(pg_curve_get(pool, &curve, NULL, 0) == 0);
                CHILD_CHECK(curve.faults > PAGES / 4 && curve.first == 0);
                _exit(0);
        }
        expect_child(child, 0);
        close_pool(pool);
}
END_TEST

START_TEST(is_refused_in_words)
{
        struct pg_config config = config_curve(_i, FRAMES, 0, UINT32_MAX);
        struct pg_pool *pool = NULL;
        struct pg_curve curve = {.size = sizeof(curve)};

        ck_assert_int_eq(pg_open(&pool, &config), -EINVAL);
        pool = open_frames(_i, FRAMES, 0);
        ck_assert_int_eq(pg_curve_get(pool, &curve, NULL, 0), -ENOENT);
        close_pool(pool);
}
END_TEST

TESTS("curve")
{
        /* Sanitizers do not know the threads that a child starts. */
        int first = *SANITIZER ? PG_DELIVERY_SIGNAL : PG_DELIVERY_THREAD;

        tcase_add_checked_fixture(tc, begin, NULL);
        add_for_both(tc, is_exact_where_pages_leave_in_the_order_they_came);
        add_for_both(tc, is_the_same_as_that_of_the_trace);
        add_for_both(tc, follows_a_sample_where_there_are_too_many);
        tcase_add_loop_test(tc, counts_begin_again_in_a_child, first, PG_DELIVERY_SIGNAL + 1);
        add_for_both(tc, is_refused_in_words);
}
