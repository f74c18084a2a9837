/* SPDX-License-Identifier: MIT */
/*
 * test_policy_names_none.c - a policy that never names a frame ends in an error within a bounded
 * time; one that has no frame to name does not.
 */
#include "flaky_store.h"
#include "sigbus.h"
#include "support.h"

#include <pthread.h>

#define FRAMES 8u
#define NPAGES ((size_t)64)
#define LONG_S 60 /* on a busy machine, for what takes a tenth of a second */

/* ---- a policy that names frames in turn, when it likes --------------------------------------- */

static struct {
        _Atomic int refusals; /* that are still to come */
        bool has[2 * FRAMES];
        uint32_t turn;
} lazy;

static size_t lazy_footprint(uint32_t nframes)
{
        return nframes;
}

static void lazy_init(void *self, uint32_t nframes)
{
        (void)self;
        (void)nframes;
        memset(lazy.has, 0, sizeof(lazy.has));
}

static void lazy_add(void *self, uint32_t frame, uint64_t key, enum pg_add how)
{
        (void)self;
        (void)key;
        (void)how;
        lazy.has[frame] = true;
}

static void lazy_remove(void *self, uint32_t frame)
{
        (void)self;
        lazy.has[frame] = false;
}

static void lazy_accessed(void *self, uint32_t frame)
{
        (void)self;
        (void)frame;
}

static uint32_t lazy_select(void *self)
{
        (void)self;
        if (atomic_load(&lazy.refusals) > 0) {
                atomic_fetch_sub(&lazy.refusals, 1);
                return PG_NO_FRAME;
        }
        for (size_t i = 0; i < 2 * FRAMES; i++) {
                lazy.turn = (lazy.turn + 1) % (2 * FRAMES);
                if (lazy.has[lazy.turn])
                        return lazy.turn;
        }
        return PG_NO_FRAME;
}

static const struct pg_policy_ops lazy_ops = {
        .size = sizeof(lazy_ops),
        .name = "lazy",
        .footprint = lazy_footprint,
        .init = lazy_init,
        .add = lazy_add,
        .remove = lazy_remove,
        .accessed = lazy_accessed,
        .select = lazy_select,
};

/* ---- pools that have it ---------------------------------------------------------------------- */

static char heard[512];
static _Atomic unsigned lines;

static void hear(void *arg, const char *line)
{
        (void)arg;
        strncpy(heard, line, sizeof(heard) - 1);
        lines++;
}

static struct pg_pool *open_lazy(int delivery, int refusals, struct pg_store *swap)
{
        struct pg_config config = config_frames(delivery, FRAMES, 0);

        hit_install();
        atomic_store(&lazy.refusals, refusals);
        config.swap = swap;
        config.policy_ops = &lazy_ops;
        config.out_of_room = hear;
        return open_config(&config);
}

static char *map_random(struct pg_pool *pool)
{
        char *map = map_pages(pool, NPAGES, 0);

        ck_assert_int_eq(pg_advise(pool, map, NPAGES * PAGE, PG_ADVICE_RANDOM), 0);
        return map;
}

/* ---- never ----------------------------------------------------------------------------------- */

START_TEST(an_access_gets_sigbus_when_the_policy_never_names_a_frame)
{
        struct pg_pool *pool = open_lazy(_i, INT32_MAX, NULL);
        char *map = map_random(pool);

        for (size_t i = 0; i < FRAMES; i++)
                map[i * PAGE] = 1;
        expect_sigbus(map + FRAMES * PAGE, true);
        ck_assert_uint_eq(lines, 1);
        ck_assert_msg(strstr(heard, "policy (lazy)") && strstr(heard, "8 frames"), "it says: %s",
                      heard);
        ck_assert_uint_eq(stats_of(pool).errors_frames, 1);
        for (size_t i = 0; i < FRAMES; i++)
                expect_value(map + i * PAGE, 1);
        close_pool(pool);
}
END_TEST

START_TEST(calls_answer_an_error_when_the_policy_never_names_a_frame)
{
        struct pg_pool *pool = open_lazy(_i, INT32_MAX, NULL);
        char *map = map_random(pool);

        for (size_t i = 0; i < FRAMES; i++)
                map[i * PAGE] = 1;
        ck_assert_int_eq(pg_page_in(pool, map + FRAMES * PAGE, PAGE), -EPROTO);
        ck_assert_int_eq(pg_resize(pool, 4 * PAGE), -EPROTO);
        ck_assert_ptr_nonnull(strstr(pg_last_error(), "policy"));
        atomic_store(&lazy.refusals, 0);
        ck_assert_int_eq(pg_page_in(pool, map + FRAMES * PAGE, PAGE), 0);
        close_pool(pool);
}
END_TEST

static void *touch_one(void *arg)
{
        expect_sigbus(arg, false);
        return NULL;
}

START_TEST(no_thread_waits_for_another_when_the_policy_never_names_a_frame)
{
        struct pg_pool *pool = open_lazy(_i, INT32_MAX, NULL);
        char *map = map_random(pool);
        pthread_t threads[6];

        for (size_t i = 0; i < FRAMES; i++)
                map[i * PAGE] = 1;
        for (size_t i = 0; i < 6; i++)
                pthread_create(&threads[i], NULL, touch_one, map + (FRAMES + i) * PAGE);
        for (size_t i = 0; i < 6; i++)
                pthread_join(threads[i], NULL);
        close_pool(pool);
}
END_TEST

/* ---- no false alarm -------------------------------------------------------------------------- */

START_TEST(a_policy_may_hesitate)
{
        struct pg_pool *pool = open_lazy(_i, 0, NULL);
        char *map = map_random(pool);

        for (size_t i = 0; i < NPAGES; i++) {
                atomic_store(&lazy.refusals, 20);
                map[i * PAGE] = (char)(i + 1);
        }
        atomic_store(&lazy.refusals, 0);
        for (size_t i = 0; i < NPAGES; i++)
                expect_value(map + i * PAGE, (char)(i + 1));
        ck_assert_uint_eq(lines, 0);
        ck_assert_uint_eq(stats_of(pool).errors_frames, 0);
        close_pool(pool);
}
END_TEST

struct way_out {
        struct pg_pool *pool;
        char *map;
        size_t npages;
};

static void *page_out(void *arg)
{
        struct way_out *w = arg;

        ck_assert_int_eq(pg_page_out(w->pool, w->map, w->npages * PAGE), 0);
        return NULL;
}

/* While another thread takes longer to write pages than a fault is patient. */
static void touch_beside_pages_on_their_way_out(int delivery, size_t npages)
{
        struct flaky *swap = flaky_new(NPAGES, PAGE, true);
        struct pg_pool *pool = open_lazy(delivery, INT32_MAX, &swap->store);
        struct way_out w = {pool, map_random(pool), npages};
        pthread_t thread;

        for (size_t i = 0; i < FRAMES; i++)
                w.map[i * PAGE] = 1;
        atomic_store(&swap->sleep_us, 400000);
        pthread_create(&thread, NULL, page_out, &w);
        usleep(50000);
        expect_value(w.map + FRAMES * PAGE, 0);
        pthread_join(thread, NULL);
        ck_assert_int_gt(atomic_load(&swap->saves), 0);
        ck_assert_uint_eq(lines, 0);
        ck_assert_uint_eq(stats_of(pool).errors_frames, 0);
        close_pool(pool);
        flaky_delete(swap);
}

START_TEST(frames_that_another_thread_has_in_flight_are_waited_for)
{
        touch_beside_pages_on_their_way_out(_i, FRAMES / 2); /* it has some, and names none */
        touch_beside_pages_on_their_way_out(_i, FRAMES);     /* it has none */
}
END_TEST

TESTS("policy_names_none")
{
        tcase_set_timeout(tc, LONG_S);
        add_for_both(tc, an_access_gets_sigbus_when_the_policy_never_names_a_frame);
        add_for_both(tc, calls_answer_an_error_when_the_policy_never_names_a_frame);
        add_for_both(tc, no_thread_waits_for_another_when_the_policy_never_names_a_frame);
        add_for_both(tc, a_policy_may_hesitate);
        add_for_both(tc, frames_that_another_thread_has_in_flight_are_waited_for);
}
