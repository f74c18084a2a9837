/* SPDX-License-Identifier: MIT */
/*
 * test_races.c - a page frozen in mid-transit, and everything another thread can do to it then.
 *
 * Races are made, not waited for: a gate in the store stops the thread that moves the page inside
 * page_in or page_out, and lets it go when the second thread has had time to run into the page. The
 * second thread must neither get through too early nor sleep for ever, and every byte must be
 * right in the end. {load, save} x {read, write, page_out, page_in, pin, unpin, discard, sync,
 * unmap, resize, close-by} x deliveries: a table, and one body.
 */
#include "flaky_store.h"
#include "sigbus.h"
#include "probe.h"
#include "support.h"

#include <semaphore.h>

#define PAGES  32u
#define FRAMES 16u
#define TARGET 5u

struct gate {
        _Atomic int *which; /* &fail_load or &fail_save: which operation is stopped */
        uint64_t offset;
        _Atomic bool armed;
        sem_t arrived, go;
};

static void gate_hook(struct flaky *f, _Atomic int *which, uint64_t offset)
{
        struct gate *g = f->hook_arg;

        if (!atomic_load(&g->armed) || which != g->which ||
            (g->offset != UINT64_MAX && offset != g->offset) || !atomic_exchange(&g->armed, false))
                return;
        sem_post(&g->arrived);
        while (sem_wait(&g->go) != 0)
                ;
}

struct rig {
        struct flaky *f;
        struct pg_pool *pool;
        struct gate gate;
        char *map, *page; /* page: the target */
        bool shared;
        pthread_t first, second;
        _Atomic bool second_done;
        int (*second_act)(struct rig *);
        int second_result;
};

static void rig_open(struct rig *r, int delivery, unsigned pool_flags, bool shared)
{
        pg_location base;

        *r = (struct rig){.f = flaky_new_parallel(4 * PAGES, PAGE), .shared = shared};
        sem_init(&r->gate.arrived, 0, 0);
        sem_init(&r->gate.go, 0, 0);
        hit_install();
        r->pool = open_swap(delivery, FRAMES, pool_flags, shared ? NULL : &r->f->store);
        ck_assert_int_eq(pg_attach(r->pool, &r->f->store, &base), 0);
        r->map = shared ? pg_map_unpaged(r->pool, base, PAGES * PAGE, PG_MAP_SHARED)
                        : pg_map(r->pool, PAGES * PAGE, 0);
        ck_assert_ptr_nonnull(r->map);
        r->page = r->map + TARGET * PAGE;
        ck_assert_int_eq(pg_advise(r->pool, r->map, PAGE, PG_ADVICE_RANDOM), 0);
        memset(r->page, 'a', PAGE);
        r->f->hook_arg = &r->gate;
        atomic_store(&r->f->hook, gate_hook);
}

static void gate_arm(struct rig *r, _Atomic int *which)
{
        r->gate.which = which;
        r->gate.offset = UINT64_MAX;
        atomic_store(&r->gate.armed, true);
}

static bool gate_arrived(struct rig *r)
{
        struct timespec ts;

        clock_gettime(CLOCK_REALTIME, &ts);
        ts.tv_sec += 5;
        return sem_timedwait(&r->gate.arrived, &ts) == 0;
}

/* ---- what the second thread does ----------------------------------------------------------- */

static int do_read(struct rig *r)
{
        struct hit hit = hit_touch(r->page + 7, false);

        return hit.sig ? -hit.sig : hit.value;
}

static int do_write(struct rig *r)
{
        return -hit_touch(r->page, true).sig;
}

static int do_page_out(struct rig *r)
{
        return pg_page_out(r->pool, r->page, PAGE);
}

static int do_page_in(struct rig *r)
{
        return pg_page_in(r->pool, r->page, PAGE);
}

static int do_pin(struct rig *r)
{
        return pg_pin(r->pool, r->page, PAGE);
}

static int do_unpin(struct rig *r)
{
        return pg_unpin(r->pool, r->page, PAGE);
}

static int do_discard(struct rig *r)
{
        return pg_advise(r->pool, r->page, PAGE, PG_ADVICE_DISCARD);
}

static int do_cold(struct rig *r)
{
        return pg_advise(r->pool, r->page, PAGE, PG_ADVICE_COLD);
}

static int do_sync(struct rig *r)
{
        return pg_sync(r->pool, r->page, PAGE);
}

static int do_unmap(struct rig *r)
{
        return pg_unmap(r->pool, r->map, PAGES * PAGE);
}

static int do_evict_all(struct rig *r)
{
        char *other = pg_map(r->pool, 2 * FRAMES * PAGE, 0);

        memset(other, 'z', 2 * FRAMES * PAGE);
        for (unsigned i = 0; i < 2 * FRAMES; i++)
                if (other[i * PAGE] != 'z')
                        return -1;
        return pg_unmap(r->pool, other, 2 * FRAMES * PAGE);
}

static int do_shrink(struct rig *r)
{
        return pg_resize(r->pool, 8 * PAGE);
}

static int do_grow(struct rig *r)
{
        return pg_resize(r->pool, 2 * FRAMES * PAGE);
}

enum end { END_SAME, END_WRITTEN, END_FORGOTTEN, END_UNMAPPED };

static const struct act {
        const char *name;
        int (*act)(struct rig *);
        int result;
        enum end end; /* the page, when all is over */
        int waits;    /* 1: it needs this very page, and must wait; 0: it must not; -1: either */
} acts[] = {
        {"read", do_read, 'a', END_SAME, 1},
        {"write", do_write, 0, END_WRITTEN, 1},
        {"page_out", do_page_out, 0, END_SAME, 1},
        {"page_in", do_page_in, 0, END_SAME, 1},
        {"pin", do_pin, 0, END_SAME, 1},
        {"unpin", do_unpin, 0, END_SAME, -1},
        {"discard", do_discard, 0, END_FORGOTTEN, 1},
        {"cold", do_cold, 0, END_SAME, -1}, /* a strict pool has no queue */
        {"sync", do_sync, 0, END_SAME, -1},
        {"unmap", do_unmap, 0, END_UNMAPPED, 1},
        {"evict all", do_evict_all, 0, END_SAME, 0},
        {"shrink", do_shrink, 0, END_SAME, -1},
        {"grow", do_grow, 0, END_SAME, 0},
};
#define ACTS ((int)(sizeof(acts) / sizeof(acts[0])))

static void *second_thread(void *arg)
{
        struct rig *r = arg;

        r->second_result = r->second_act(r);
        atomic_store(&r->second_done, true);
        return NULL;
}

/* Runs the act while the page is frozen, lets go, and returns when it is through. */
static void meet(struct rig *r, const struct act *a)
{
        r->second_act = a->act;
        ck_assert_msg(gate_arrived(r), "%s: the page never came to the gate", a->name);
        ck_assert_int_eq(pthread_create(&r->second, NULL, second_thread, r), 0);
        for (unsigned ms = 0; ms < (a->waits == 0 ? 3000 : 30) && !atomic_load(&r->second_done);
             ms++)
                usleep(1000);
        ck_assert_msg(a->waits != 1 || !atomic_load(&r->second_done),
                      "%s did not wait for the page", a->name);
        ck_assert_msg(a->waits != 0 || atomic_load(&r->second_done),
                      "%s waited for a page that is not its own", a->name);
        sem_post(&r->gate.go);
        pthread_join(r->second, NULL);
        ck_assert_msg(r->second_result == a->result, "%s: %d instead of %d", a->name,
                      r->second_result, a->result);
}

static void expect_end(struct rig *r, const struct act *a)
{
        char fresh = r->shared ? (char)TARGET : 0;
        struct hit hit;

        if (a->end == END_UNMAPPED)
                return;
        hit = hit_touch(r->page, false);
        ck_assert_msg(hit.sig == 0, "%s: signal %d at the end", a->name, hit.sig);
        if (a->end == END_FORGOTTEN && r->shared)
                ck_assert(hit.value == fresh || hit.value == 'a'); /* as the store has it */
        else
                ck_assert_msg(hit.value == (a->end == END_WRITTEN     ? 1
                                            : a->end == END_FORGOTTEN ? fresh
                                                                      : 'a'),
                              "%s: byte 0 is %d", a->name, hit.value);
        hit = hit_touch(r->page + PAGE - 1, false);
        if (a->end != END_FORGOTTEN)
                ck_assert_msg(hit.value == 'a', "%s: the last byte is %d", a->name, hit.value);
        pg_unpin(r->pool, r->page, PAGE);
}

static void rig_close(struct rig *r)
{
        atomic_store(&r->f->hook, NULL);
        close_pool(r->pool);
        ck_assert_int_eq(atomic_load(&r->f->gets), atomic_load(&r->f->frees));
        flaky_delete(r->f);
}

static void *first_reads(void *arg)
{
        struct rig *r = arg;
        struct hit hit = hit_touch(r->page + 9, false);

        return (void *)(intptr_t)(hit.sig ? -hit.sig : hit.value);
}

static void *first_pages_out(void *arg)
{
        return (void *)(intptr_t)do_page_out(arg);
}

static void *first_syncs(void *arg)
{
        return (void *)(intptr_t)do_sync(arg);
}

/* ---- the table ----------------------------------------------------------------------------- */

/* _i: act, delivery, strict or not, private or shared. */
#define CASES (ACTS * 8)

static void race_open(struct rig *r, int i)
{
        rig_open(r, i & 1, i & 2 ? PG_POOL_STRICT : 0, i & 4);
}

static void race_load(int i)
{
        const struct act *a = &acts[i >> 3];
        struct rig r;
        void *result;

        race_open(&r, i);
        ck_assert_int_eq(pg_page_out(r.pool, r.page, PAGE), 0);
        gate_arm(&r, &r.f->fail_load);
        pthread_create(&r.first, NULL, first_reads, &r);
        meet(&r, a);
        pthread_join(r.first, &result);
        /* Whoever is unmapped or forgotten meanwhile may be hit, but does not see zeros
         * elsewhere. */
        if (a->end != END_UNMAPPED && a->end != END_FORGOTTEN)
                ck_assert_int_eq((intptr_t)result, 'a');
        expect_end(&r, a);
        rig_close(&r);
}

START_TEST(page_frozen_while_it_is_loaded)
{
        race_load(_i);
}
END_TEST

static void race_save(int i, void *(*first)(void *))
{
        const struct act *a = &acts[i >> 3];
        struct rig r;
        void *result;

        race_open(&r, i);
        gate_arm(&r, &r.f->fail_save);
        pthread_create(&r.first, NULL, first, &r);
        meet(&r, a);
        pthread_join(r.first, &result);
        ck_assert_int_eq((intptr_t)result, 0);
        expect_end(&r, a);
        rig_close(&r);
}

START_TEST(page_frozen_while_it_is_saved)
{
        race_save(_i, first_pages_out);
}
END_TEST

START_TEST(page_frozen_while_it_is_synced)
{
        if (_i & 4)
                race_save(_i, first_syncs);
}
END_TEST

/* A load that fails while others wait for it: all get SIGBUS, nobody sleeps for ever. */
START_TEST(waiters_of_a_failed_load_are_all_woken)
{
        struct rig r;
        pthread_t more[4];
        void *result;

        rig_open(&r, _i, 0, false);
        ck_assert_int_eq(pg_page_out(r.pool, r.page, PAGE), 0);
        gate_arm(&r, &r.f->fail_load);
        atomic_store(&r.f->fail_load, EIO);
        pthread_create(&r.first, NULL, first_reads, &r);
        ck_assert(gate_arrived(&r));
        for (unsigned i = 0; i < 4; i++)
                pthread_create(&more[i], NULL, first_reads, &r);
        usleep(30000);
        sem_post(&r.gate.go);
        pthread_join(r.first, &result);
        ck_assert_int_eq((intptr_t)result, -SIGBUS);
        for (unsigned i = 0; i < 4; i++) {
                pthread_join(more[i], &result);
                ck_assert_int_eq((intptr_t)result, -SIGBUS);
        }
        ck_assert_uint_eq(stats_of(r.pool).errors_load, 1);
        atomic_store(&r.f->fail_load, 0);
        ck_assert_int_eq(pg_page_in(r.pool, r.page, PAGE), 0);
        expect_value(r.page, 'a');
        rig_close(&r);
}
END_TEST

/* A save that fails while others wait for the page: they get its bytes. */
START_TEST(waiters_of_a_failed_save_get_the_page_back)
{
        struct rig r;
        pthread_t more[4];
        void *result;

        rig_open(&r, _i & 1, 0, _i & 2);
        gate_arm(&r, &r.f->fail_save);
        atomic_store(&r.f->fail_save, EIO);
        pthread_create(&r.first, NULL, first_pages_out, &r);
        ck_assert(gate_arrived(&r));
        for (unsigned i = 0; i < 4; i++)
                pthread_create(&more[i], NULL, first_reads, &r);
        usleep(30000);
        sem_post(&r.gate.go);
        pthread_join(r.first, &result);
        ck_assert_int_eq((intptr_t)result, -EIO);
        for (unsigned i = 0; i < 4; i++) {
                pthread_join(more[i], &result);
                ck_assert_int_eq((intptr_t)result, 'a');
        }
        ck_assert_uint_gt(stats_of(r.pool).waits, 0);
        atomic_store(&r.f->fail_save, 0);
        rig_close(&r);
}
END_TEST

static void *writes_for_long(void *arg)
{
        struct rig *r = arg;
        volatile uint64_t *counter = (uint64_t *)(void *)r->page;
        uint64_t n = *counter = 0;

        while (!atomic_load(&r->second_done)) {
                if (*counter != n)
                        return (void *)1;
                *counter = ++n;
        }
        return NULL;
}

/* Rescue against everything else: the page goes to the queue and comes back while it is counted
 * on. */
START_TEST(page_that_is_queued_and_rescued_loses_no_write)
{
        static int (*const verbs[])(struct rig *) = {do_cold, do_page_out, do_page_in, do_sync};
        struct rig r;
        void *lost;

        rig_open(&r, _i & 1, 0, _i & 2);
        pthread_create(&r.first, NULL, writes_for_long, &r);
        for (unsigned i = 0; i < 2000; i++)
                ck_assert_int_eq(verbs[i % 4](&r), 0);
        atomic_store(&r.second_done, true);
        pthread_join(r.first, &lost);
        ck_assert_msg(!lost, "a write was lost");
        rig_close(&r);
}
END_TEST

static void *touches_until_unmapped(void *arg)
{
        struct rig *r = arg;

        while (!atomic_load(&r->second_done)) {
                for (unsigned i = 0; i < PAGES; i++) {
                        struct hit hit = hit_touch(r->map + i * PAGE, i & 1);

                        if (hit.sig)
                                return (void *)(intptr_t)hit.sig;
                }
        }
        return (void *)(intptr_t)(*SANITIZER ? SIGSEGV : 0); /* its runtime may map memory there */
}

/* Content or SIGSEGV, as promised, and never a hang. */
START_TEST(mapping_that_is_unmapped_under_readers_gives_content_or_sigsegv)
{
        struct rig r;
        pthread_t threads[4];
        void *sig;

        rig_open(&r, _i & 1, 0, _i & 2);
        for (unsigned i = 0; i < 4; i++)
                pthread_create(&threads[i], NULL, touches_until_unmapped, &r);
        usleep(20000);
        ck_assert_int_eq(do_unmap(&r), 0);
        usleep(50000);
        atomic_store(&r.second_done, true);
        for (unsigned i = 0; i < 4; i++) {
                pthread_join(threads[i], &sig);
                ck_assert_int_eq((intptr_t)sig, SIGSEGV);
        }
        rig_close(&r);
}
END_TEST

TESTS("races")
{
        tcase_add_loop_test(tc, page_frozen_while_it_is_loaded, 0, CASES);
        tcase_add_loop_test(tc, page_frozen_while_it_is_saved, 0, CASES);
        tcase_add_loop_test(tc, page_frozen_while_it_is_synced, 0, CASES);
        add_for_both(tc, waiters_of_a_failed_load_are_all_woken);
        tcase_add_loop_test(tc, waiters_of_a_failed_save_get_the_page_back, 0, 4);
        tcase_add_loop_test(tc, page_that_is_queued_and_rescued_loses_no_write, 0, 4);
        tcase_add_loop_test(tc, mapping_that_is_unmapped_under_readers_gives_content_or_sigsegv, 0,
                            4);
}
