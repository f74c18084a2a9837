/* SPDX-License-Identifier: MIT */
/*
 * test_address_space.c - what mprotect does to pages, and pg_move, pg_exclude, pg_include.
 *
 * Pages of every kind: born, mapped dirty, mapped clean, queued, out, zero, poisoned.
 */
#include "flaky_store.h"
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unpaged/internals.h>

#define PAGES  ((size_t)64)
#define FRAMES 256u

/* 0..7 born, 8..23 dirty, 24..31 clean, 32..39 queued, 40..55 out, 56..63 zero and out. */
static void make_kinds(struct pg_pool *pool, char *map)
{
        fill_pages(map + 8 * PAGE, 48, 1008);
        memset(map + 56 * PAGE, 0, 8 * PAGE);
        ck_assert_int_eq(pg_page_out(pool, map + 24 * PAGE, 40 * PAGE), 0);
        pg_advise(pool, map, PAGES * PAGE, PG_ADVICE_RANDOM);
        check_pages(map + 24 * PAGE, 8, 1024);
        fill_pages(map + 32 * PAGE, 8, 1032);
        ck_assert_int_eq(pg_advise(pool, map + 32 * PAGE, 8 * PAGE, PG_ADVICE_COLD), 0);
        check_resident(pool, map, PAGES, 32);
}

static void check_kinds(const char *map)
{
        for (size_t i = 0; i < PAGES; i++)
                ck_assert_uint_eq(*(const uint64_t *)(const void *)(map + i * PAGE),
                                  i >= 8 && i < 56 ? 1000 + i : 0);
}

static void check_zeros(const char *map)
{
        for (size_t i = 0; i < PAGES; i++)
                ck_assert_uint_eq(*(const uint64_t *)(const void *)(map + i * PAGE), 0);
}

START_TEST(pages_of_every_kind_move)
{
        struct pg_pool *pool = open_frames(_i, FRAMES, 0);
        char *from = map_pages(pool, PAGES, 0), *to = map_pages(pool, PAGES, 0);

        make_kinds(pool, from);
        fill_pages(to, PAGES, 77);
        ck_assert_int_eq(pg_move(pool, to, from, PAGES * PAGE), 0);
        check_resident(pool, to, PAGES, 32);
        ck_assert_uint_eq(count_resident(pool, from, PAGES), 0);
        check_kinds(to);
        check_zeros(from);
        fill_pages(to, PAGES, 3000); /* writes to what was clean are noticed there */
        ck_assert_int_eq(pg_page_out(pool, to, PAGES * PAGE), 0);
        check_pages(to, PAGES, 3000);
        ck_assert_uint_eq(stats_of(pool).frames_busy, 0);
        close_pool(pool);
}
END_TEST

START_TEST(a_range_moves_within_its_mapping)
{
        struct pg_pool *pool = open_frames(_i, 16, 0);
        char *map = map_pages(pool, 4 * PAGES, 0);

        fill_pages(map, PAGES, 1000);
        ck_assert_int_eq(pg_move(pool, map + 2 * PAGES * PAGE, map, PAGES * PAGE), 0);
        check_pages(map + 2 * PAGES * PAGE, PAGES, 1000);
        check_zeros(map);
        ck_assert_int_eq(pg_move(pool, map + PAGE, map, PAGES * PAGE), -EINVAL);
        close_pool(pool);
}
END_TEST

START_TEST(pinned_and_foreign_pages_do_not_move)
{
        struct pg_pool *pool = open_frames(_i, FRAMES, 0);
        struct flaky *f = flaky_new(PAGES, PAGE, true);
        char *from = map_pages(pool, PAGES, 0), *to = map_pages(pool, PAGES, 0);
        char *of_store;

        fill_pages(from, PAGES, 1000);
        ck_assert_int_eq(pg_pin(pool, from + 4 * PAGE, PAGE), 0);
        ck_assert_int_eq(pg_move(pool, to, from, PAGES * PAGE), -EBUSY);
        check_pages(to, 4, 1000);
        check_pages(from + 4 * PAGE, PAGES - 4, 1004);
        ck_assert_int_eq(pg_pin(pool, to + 32 * PAGE, PAGE), 0);
        ck_assert_int_eq(pg_move(pool, to + 32 * PAGE, from + 32 * PAGE, PAGE), -EBUSY);
        check_pages(from + 32 * PAGE, 1, 1032);
        of_store = map_store(pool, &f->store, PAGES, 0);
        ck_assert_int_eq(pg_move(pool, to, of_store, PAGE), -EINVAL);
        ck_assert_int_eq(pg_move(pool, of_store, from, PAGE), -EINVAL);
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

static void *write_on(void *arg)
{
        _Atomic uint64_t *words = arg;

        for (unsigned round = 0; round < 50; round++)
                for (size_t i = 0; i < PAGES; i++)
                        atomic_fetch_add(&words[i * PAGE / 8 + 1], 1);
        return NULL;
}

/* Neighbours are written and evicted meanwhile, and nobody's write is lost. */
START_TEST(moving_disturbs_nobody)
{
        struct pg_pool *pool = open_frames(_i, 24, 0);
        char *a = map_pages(pool, PAGES, 0), *b = map_pages(pool, PAGES, 0);
        char *other = map_pages(pool, PAGES, 0);
        pthread_t thread;

        fill_pages(a, PAGES, 500);
        ck_assert_int_eq(pthread_create(&thread, NULL, write_on, other), 0);
        for (unsigned round = 0; round < 8; round++) {
                ck_assert_int_eq(pg_move(pool, b, a, PAGES * PAGE), 0);
                check_pages(b, PAGES, 500);
                ck_assert_int_eq(pg_move(pool, a, b, PAGES * PAGE), 0);
                check_pages(a, PAGES, 500);
        }
        pthread_join(thread, NULL);
        for (size_t i = 0; i < PAGES; i++)
                ck_assert_uint_eq(((uint64_t *)(void *)(other + i * PAGE))[1], 50);
        close_pool(pool);
}
END_TEST

START_TEST(excluded_addresses_are_the_callers)
{
        struct pg_pool *pool = open_frames(_i, FRAMES, 0);
        char *map = map_pages(pool, PAGES, 0);
        char *part = map + 16 * PAGE, *there;
        uint64_t faults;

        make_kinds(pool, map);
        ck_assert_int_eq(pg_pin(pool, part, PAGE), 0);
        ck_assert_int_eq(pg_exclude(pool, part, 32 * PAGE), 0);
        ck_assert_uint_eq(stats_of(pool).frames_pinned, 0);
        probe_install();
        ck_assert_int_eq(access_signal(part, false), SIGSEGV);
        ck_assert_int_eq(access_signal(map, false), 0);

        there = mmap(part, 32 * PAGE, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        ck_assert_ptr_eq(there, part);
        faults = faults_of(pool);
        fill_pages(there, 32, 9000);
        ck_assert_uint_eq(faults_of(pool), faults);
        ck_assert_int_eq(pg_advise(pool, map, PAGES * PAGE, PG_ADVICE_DISCARD), 0);
        ck_assert_int_eq(pg_page_out(pool, map, PAGES * PAGE), 0);
        ck_assert_int_eq(pg_page_in(pool, map, PAGES * PAGE), -EINVAL);
        ck_assert_int_eq(pg_pin(pool, part, PAGE), -EINVAL);
        ck_assert_int_eq(pg_include(pool, map, PAGES * PAGE), -EINVAL);
        check_pages(there, 32, 9000);

        ck_assert_int_eq(pg_include(pool, part, 32 * PAGE), 0);
        faults = faults_of(pool);
        check_zeros(map);
        ck_assert_uint_gt(faults_of(pool), faults);
        fill_pages(map, PAGES, 100);
        ck_assert_int_eq(pg_page_out(pool, map, PAGES * PAGE), 0);
        check_pages(map, PAGES, 100);
        close_pool(pool);
}
END_TEST

/* The content survives any change of protection, and eviction under each of them. */
START_TEST(pages_of_any_protection_are_evicted)
{
        static const int prots[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_EXEC,
                                    PROT_READ | PROT_WRITE | PROT_EXEC};
        struct pg_pool *pool = open_frames(_i, FRAMES, 0);
        char *map = map_pages(pool, PAGES, 0);

        for (size_t i = 0; i < sizeof(prots) / sizeof(prots[0]); i++) {
                uint64_t busy = stats_of(pool).busy_pages;

                fill_pages(map, PAGES, 1000 * (i + 1));
                ck_assert_int_eq(mprotect(map, PAGES / 2 * PAGE, prots[i]), 0);
                ck_assert_int_eq(pg_page_out(pool, map, PAGES * PAGE), 0);
                ck_assert_uint_eq(count_resident(pool, map, PAGES), 0);
                ck_assert_uint_eq(stats_of(pool).busy_pages, busy);
                ck_assert_int_eq(mprotect(map, PAGES * PAGE, PROT_READ | PROT_WRITE), 0);
                check_pages(map, PAGES, 1000 * (i + 1));
                /* Clean now; and protected while clean. */
                ck_assert_int_eq(mprotect(map, PAGES * PAGE, prots[i]), 0);
                ck_assert_int_eq(pg_page_out(pool, map, PAGES * PAGE), 0);
                ck_assert_int_eq(mprotect(map, PAGES * PAGE, PROT_READ | PROT_WRITE), 0);
                check_pages(map, PAGES, 1000 * (i + 1));
                fill_pages(map, PAGES, 7);
                ck_assert_int_eq(pg_page_out(pool, map, PAGES * PAGE), 0);
                check_pages(map, PAGES, 7);
        }
        close_pool(pool);
}
END_TEST

/* Pages of 64 KiB, of which the program protects pieces. */
START_TEST(a_large_page_may_have_several_protections)
{
        struct pg_config config = config_frames(_i, 16, 0);
        const size_t large = 16 * PAGE;
        struct pg_pool *pool;
        char *map;

        config.page_size = large;
        pool = open_config(&config);
        map = map_pages(pool, 8 * 16, 0);
        for (unsigned round = 1; round < 4; round++) {
                fill_pages(map, 8 * 16, round * 1000);
                for (size_t at = 0; at < 8 * large; at += large) {
                        ck_assert_int_eq(mprotect(map + at + 3 * PAGE, PAGE, PROT_READ), 0);
                        ck_assert_int_eq(mprotect(map + at + 9 * PAGE, PAGE, PROT_NONE), 0);
                }
                ck_assert_int_eq(pg_page_out(pool, map, 8 * large), 0);
                ck_assert_int_eq(mprotect(map + 9 * PAGE, PAGE, PROT_READ), 0);
                check_pages(map, 16, round * 1000);
                ck_assert_int_eq(mprotect(map, 8 * large, PROT_READ | PROT_WRITE), 0);
                check_pages(map, 8 * 16, round * 1000);
        }
        close_pool(pool);
}
END_TEST

START_TEST(descriptors_are_out_of_the_way)
{
        struct pg_pool *pool;
        int fds[64], n, before, after;

        before = open("/dev/null", O_RDONLY);
        pool = open_frames(_i, FRAMES, 0);
        after = open("/dev/null", O_RDONLY);
        ck_assert_int_eq(after, before + 1);
        n = pg_fds(fds, 64);
        ck_assert_int_gt(n, 0);
        for (int i = 0; i < n; i++)
                ck_assert_int_gt(fcntl(fds[i], F_GETFD), 0); /* open, and close-on-exec */
        close_pool(pool);
        ck_assert_int_eq(pg_fds(fds, 64), 0);
}
END_TEST

TESTS("space")
{
        add_for_both(tc, pages_of_every_kind_move);
        add_for_both(tc, a_range_moves_within_its_mapping);
        add_for_both(tc, pinned_and_foreign_pages_do_not_move);
        add_for_both(tc, moving_disturbs_nobody);
        add_for_both(tc, excluded_addresses_are_the_callers);
        add_for_both(tc, pages_of_any_protection_are_evicted);
        add_for_both(tc, a_large_page_may_have_several_protections);
        add_for_both(tc, descriptors_are_out_of_the_way);
}
