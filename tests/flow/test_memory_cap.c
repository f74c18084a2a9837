/* SPDX-License-Identifier: MIT */
/*
 * test_memory_cap.c - a pool under one cap: frames, buffers, tables and swap store together.
 */
#include "child.h"
#include "pool.h"
#include "probe.h"
#include "support.h"
#include "bench_util.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>
#include <unpaged/stores.h>

#define MIB   ((size_t)1 << 20)
#define CAP   (8 * MIB)
#define PAGES (24 * MIB / PAGE) /* more than zram can hold beside frames */
#define FEWER (16 * MIB / PAGE)

/* What compresses well, or not at all: `noise` of eight words are random. */
static void fill_noisy(char *map, size_t npages, unsigned seed, unsigned noise)
{
        uint64_t state = seed;

        for (size_t i = 0; i < npages; i++) {
                uint64_t *words = (void *)(map + i * PAGE);

                for (size_t w = 0; w < PAGE / 8; w++)
                        words[w] = w % 8 < noise ? random_next(&state) : seed;
                words[PAGE / 8 - 1] = i * 1000 + seed;
        }
}

static void check_noisy(const char *map, size_t npages, unsigned seed, unsigned noise)
{
        uint64_t state = seed;

        for (size_t i = 0; i < npages; i++) {
                const uint64_t *words = (const void *)(map + i * PAGE);
                bool good = words[PAGE / 8 - 1] == i * 1000 + seed;

                for (size_t w = 0; w < PAGE / 8; w++) {
                        uint64_t expected = w % 8 < noise ? random_next(&state) : seed;

                        good = good && (w == PAGE / 8 - 1 || words[w] == expected);
                }
                if (!good)
                        ck_abort_msg("page %zu is wrong", i);
        }
}

static struct pg_store *zram_store(void)
{
        struct pg_zram_config config = {.size = sizeof(config)};
        struct pg_store *store = NULL;

        ck_assert_int_eq(pg_store_zram(&store, &config), 0);
        return store;
}

static struct pg_store *spilling_store(uint64_t bytes)
{
        char name[] = "./memory_cap.XXXXXX";
        struct pg_file_config file = {.size = sizeof(file), .fd = mkstemp(name)};
        struct pg_tiered_config config = {.size = sizeof(config), .upper = zram_store()};
        struct pg_store *store = NULL;

        ck_assert_int_ge(file.fd, 0);
        ck_assert_int_eq(unlink(name), 0);
        ck_assert_int_eq(ftruncate(file.fd, (off_t)bytes), 0);
        ck_assert_int_eq(pg_store_file(&config.lower, &file), 0);
        close(file.fd);
        ck_assert_int_eq(pg_store_tiered(&store, &config), 0);
        return store;
}

static struct pg_pool *open_capped(int delivery, size_t memory, struct pg_store *swap,
                                   unsigned flags)
{
        struct pg_config config = {.size = sizeof(config),
                                   .memory = memory,
                                   .flags = flags,
                                   .delivery = (enum pg_delivery)delivery,
                                   .swap = swap};
        struct pg_pool *pool = NULL;

        ck_assert_int_eq(pg_open(&pool, &config), 0);
        return pool;
}

static uint64_t memory_of(const struct pg_stats *s)
{
        return (uint64_t)(s->frames_total - s->frames_free) * s->page_size + s->buffer_bytes +
               s->swap_memory_bytes + s->table_bytes;
}

static void expect_within(struct pg_pool *pool, uint64_t cap)
{
        struct pg_stats s = stats_of(pool);

        ck_assert_uint_eq(s.memory, cap);
        ck_assert_uint_le(memory_of(&s), cap);
}

START_TEST(all_of_it_stays_below_the_cap)
{
        struct pg_pool *pool = open_capped(_i, CAP, NULL, 0);
        char *map = map_pages(pool, FEWER, 0);
        struct pg_stats s;
        uint32_t before = stats_of(pool).frames_total;

        for (size_t i = 0; i < FEWER; i += 64) {
                fill_noisy(map + i * PAGE, 64, (unsigned)i, 1);
                expect_within(pool, CAP);
        }
        s = stats_of(pool);
        ck_assert_uint_gt(s.swap_memory_bytes, CAP / 4);
        ck_assert_uint_lt(s.frames_total, before * 2 / 3); /* the store has taken the rest */
        for (size_t i = 0; i < FEWER; i += 64) {
                check_noisy(map + i * PAGE, 64, (unsigned)i, 1);
                expect_within(pool, CAP);
        }
        ck_assert_int_eq(pg_unmap(pool, map, FEWER * PAGE), 0);
        map = map_pages(pool, FEWER, 0);
        fill_noisy(map, 2 * CAP / PAGE, 3, 0); /* and the frames have it back */
        ck_assert_uint_gt(stats_of(pool).frames_total, before * 2 / 3);
        check_noisy(map, 2 * CAP / PAGE, 3, 0);
        close_pool(pool);
}
END_TEST

START_TEST(what_does_not_fit_goes_to_the_file)
{
        struct pg_store *store = spilling_store(64 * MIB);
        struct pg_pool *pool = open_capped(_i, CAP, store, 0);
        char *map = map_pages(pool, PAGES, 0);
        struct pg_stats s;

        for (size_t i = 0; i < PAGES; i += 64) { /* it does not compress */
                fill_noisy(map + i * PAGE, 64, (unsigned)i, 8);
                expect_within(pool, CAP);
        }
        s = stats_of(pool);
        ck_assert_uint_gt(s.swap_lower_pages, PAGES / 2);
        ck_assert_uint_gt(s.frames_total, CAP / PAGE / 4);
        for (size_t i = 0; i < PAGES; i += 64)
                check_noisy(map + i * PAGE, 64, (unsigned)i, 8);
        expect_within(pool, CAP);
        close_pool(pool);
        ck_assert_int_eq(pg_store_close(store), 0);
}
END_TEST

static volatile sig_atomic_t hit;
static sigjmp_buf back;

static void on_sigbus(int sig)
{
        (void)sig;
        hit = 1;
        siglongjmp(back, 1);
}

/* Nothing is lost: what was written before is there. */
START_TEST(store_that_cannot_take_more_is_full)
{
        struct pg_pool *pool = open_capped(_i, 2 * MIB, NULL, 0);
        char *map = map_pages(pool, PAGES, 0);
        volatile size_t filled = 0;

        signal(SIGBUS, on_sigbus);
        if (sigsetjmp(back, 1) == 0)
                for (; filled < PAGES; filled++)
                        fill_noisy(map + filled * PAGE, 1, (unsigned)filled, 8);
        ck_assert(hit);
        ck_assert_uint_gt(filled, MIB / PAGE);
        for (size_t i = 0; i < filled; i++)
                check_noisy(map + i * PAGE, 1, (unsigned)i, 8);
        ck_assert_uint_le(stats_of(pool).swap_memory_bytes, 2 * MIB);
        close_pool(pool);
}
END_TEST

START_TEST(resize_moves_the_cap)
{
        struct pg_store *store = spilling_store(64 * MIB);
        struct pg_pool *pool = open_capped(_i, 2 * CAP, store, 0);
        char *map = map_pages(pool, PAGES, 0);

        fill_noisy(map, PAGES, 1, 4);
        expect_within(pool, 2 * CAP);
        ck_assert_int_eq(pg_resize(pool, CAP / 2), 0);
        expect_within(pool, CAP / 2);
        ck_assert_uint_eq(stats_of(pool).budget_changes, 1);
        check_noisy(map, PAGES, 1, 4);
        expect_within(pool, CAP / 2);
        ck_assert_int_eq(pg_resize(pool, 2 * CAP), 0);
        check_noisy(map, PAGES, 1, 4);
        expect_within(pool, 2 * CAP);
        ck_assert_uint_gt(stats_of(pool).frames_total, CAP / PAGE / 2);
        ck_assert_int_eq(pg_resize(pool, 64 << 10), -EINVAL);
        ck_assert_ptr_nonnull(strstr(pg_last_error(), "KiB at least"));
        expect_within(pool, 2 * CAP);
        close_pool(pool);
        ck_assert_int_eq(pg_store_close(store), 0);
}
END_TEST

/* Pinned pages take more than what the store may have beside frames. */
START_TEST(resize_ends_where_many_pages_are_pinned)
{
        struct pg_store *store = spilling_store(64 * MIB);
        struct pg_pool *pool = open_capped(_i, 2 * CAP, store, 0);
        char *pinned = map_pages(pool, 11 * MIB / PAGE, 0), *map = map_pages(pool, PAGES, 0);
        int error;

        ck_assert_int_eq(pg_pin(pool, pinned, 11 * MIB), 0);
        fill_noisy(pinned, 11 * MIB / PAGE, 5, 8);
        fill_noisy(map, PAGES, 1, 8);
        for (size_t cap = 15 * MIB; cap > 11 * MIB; cap -= MIB / 2) {
                error = pg_resize(pool, cap);
                ck_assert(error == 0 || error == -ENOMEM || error == -ENOSPC);
                if (error)
                        break;
                expect_within(pool, cap);
        }
        ck_assert_int_ne(error, 0);
        check_noisy(map, PAGES, 1, 8);
        check_noisy(pinned, 11 * MIB / PAGE, 5, 8);
        close_pool(pool);
        ck_assert_int_eq(pg_store_close(store), 0);
}
END_TEST

START_TEST(tables_that_leave_nothing_are_told)
{
        struct pg_store *store = _i & 2 ? spilling_store(64 * MIB) : NULL;
        struct pg_pool *pool = open_capped(_i & 1, 2 * CAP, store, 0);
        size_t sparse = 1800 * 2 * MIB; /* 4 KiB of table for each page touched: 7 MiB of it */
        char *map = map_pages(pool, sparse / PAGE, 0);

        for (size_t i = 0; i < sparse; i += 2 * MIB)
                touch(map + i);
        ck_assert_int_eq(pg_resize(pool, CAP), -ENOMEM);
        ck_assert_ptr_nonnull(strstr(pg_last_error(), "tables"));
        expect_within(pool, 2 * CAP);
        close_pool(pool);
        ck_assert_int_eq(pg_store_close(store), 0);
}
END_TEST

/* Frames that pg_page_out frees are not given out beside what their pages take now. */
START_TEST(pages_sent_out_by_a_call_count)
{
        struct pg_store *store = spilling_store(64 * MIB);
        struct pg_pool *pool = open_capped(_i, CAP, store, 0);
        char *map = map_pages(pool, 2 * PAGES, 0);

        for (unsigned round = 0; round < 4; round++) {
                char *part = map + round * 6 * MIB;

                fill_noisy(part, 6 * MIB / PAGE, round, 8);
                ck_assert_int_eq(pg_page_out(pool, part, 6 * MIB), 0);
                expect_within(pool, CAP);
        }
        fill_noisy(map, 6 * MIB / PAGE, 9, 8);
        expect_within(pool, CAP);
        close_pool(pool);
        ck_assert_int_eq(pg_store_close(store), 0);
}
END_TEST

START_TEST(cap_ends_with_its_pool)
{
        struct pg_store *store = zram_store();
        struct pg_pool *pool = open_capped(_i, CAP, store, 0);
        char *map = map_pages(pool, FEWER, 0);

        fill_noisy(map, FEWER, 1, 1);
        ck_assert_int_eq(pg_unmap(pool, map, FEWER * PAGE), 0);
        ck_assert_uint_gt(pg_free_get(pool), CAP / 2);
        map = map_pages(pool, FEWER, 0);
        ck_assert_int_eq(pg_pin(pool, map, CAP / 2), 0);
        close_pool(pool);
        pool = open_config(&(struct pg_config){.size = sizeof(struct pg_config),
                                               .budget = MIB,
                                               .delivery = (enum pg_delivery)_i,
                                               .swap = store});
        map = map_pages(pool, PAGES, 0);
        fill_noisy(map, PAGES, 1, 8);
        check_noisy(map, PAGES, 1, 8);
        ck_assert_uint_gt(stats_of(pool).swap_memory_bytes, 2 * CAP);
        close_pool(pool);
        ck_assert_int_eq(pg_store_close(store), 0);
}
END_TEST

/* What the store holds has nowhere to go: the cap stays. */
START_TEST(cap_that_the_store_exceeds_is_refused)
{
        struct pg_pool *pool = open_capped(_i, CAP, NULL, 0);
        char *map = map_pages(pool, FEWER, 0);

        fill_noisy(map, FEWER, 1, 1);
        ck_assert_int_eq(pg_resize(pool, MIB), -ENOSPC);
        ck_assert_ptr_nonnull(strstr(pg_last_error(), "swap store"));
        ck_assert_uint_eq(stats_of(pool).budget_changes, 0);
        check_noisy(map, FEWER, 1, 1);
        expect_within(pool, CAP);
        close_pool(pool);
}
END_TEST

START_TEST(child_of_fork_has_the_same_cap)
{
        struct pg_store *store = spilling_store(64 * MIB);
        struct pg_pool *pool = open_capped(_i, CAP, store, INHERIT);
        char *map = map_pages(pool, PAGES, 0);
        pid_t child;

        fill_noisy(map, PAGES, 1, 4);
        child = fork();
        if (child == 0) {
                struct pg_stats s;

                check_noisy(map, PAGES, 1, 4);
                fill_noisy(map, PAGES, 2, 4);
                s = stats_of(pool);
                CHILD_CHECK(s.memory == CAP);
                CHILD_CHECK(memory_of(&s) <= CAP);
                check_noisy(map, PAGES, 2, 4);
                _exit(0);
        }
        expect_child(child, 0);
        check_noisy(map, PAGES, 1, 4);
        expect_within(pool, CAP);
        close_pool(pool);
        ck_assert_int_eq(pg_store_close(store), 0);
}
END_TEST

/* ---- what tables take ----------------------------------------------------------------------- */

/* Bytes that are there, by the kernel's count. */
static size_t there(const void *memory, size_t bytes)
{
        uintptr_t start = (uintptr_t)memory & ~(uintptr_t)(PAGE - 1);
        size_t n = ((uintptr_t)memory + bytes - start + PAGE - 1) / PAGE, sum = 0;
        unsigned char *in = malloc(n);

        ck_assert_int_eq(mincore((void *)start, n * PAGE, in), 0);
        for (size_t i = 0; i < n; i++)
                sum += in[i] & 1;
        free(in);
        return sum * PAGE;
}

START_TEST(tables_are_what_the_kernel_says)
{
        struct pg_pool *pool = open_capped(_i, 64 * MIB, NULL, 0);
        const size_t size = 128 * MIB;
        char *map = map_pages(pool, size / PAGE, 0);
        const struct mapping *m = pool->mappings;
        const struct frames *f = &pool->frames;
        size_t counted, by_kernel;

        for (size_t i = 0; i < size; i += PAGE)
                map[i] = 1;
        counted = stats_of(pool).table_bytes;
        by_kernel =
                there(f->table, f->capacity * sizeof(*f->table)) +
                there(pool->ghosts.table, pool->ghosts.bytes) +
                there(pool->policy.self, pool->policy.bytes) +
                there(pool->contexts.table, pool->contexts.count * sizeof(*pool->contexts.table)) +
                there(pool->ring.entries, RING_ENTRIES * sizeof(*pool->ring.entries)) +
                there(pool->stats.live, pool->stats.bytes) +
                there(m->pages, m->npages * sizeof(*m->pages));
        ck_assert_uint_le(by_kernel, counted);
        ck_assert_uint_ge(by_kernel + counted / 4, counted); /* and stacks */
        ck_assert_int_eq(pg_unmap(pool, map, size), 0);
        map = map_pages(pool, PAGES, 0);
        fill_noisy(map, PAGES, 1, 0);
        ck_assert_uint_le(stats_of(pool).table_bytes + size / PAGE * 4, counted);
        close_pool(pool);
}
END_TEST

START_TEST(what_cannot_be_is_refused)
{
        struct pg_config config = {.size = sizeof(config), .memory = CAP, .budget = CAP};
        struct pg_pool *pool = NULL;

        ck_assert_int_eq(pg_open(&pool, &config), -EINVAL);
        config.budget = 0;
        config.frames = 64;
        ck_assert_int_eq(pg_open(&pool, &config), -EINVAL);
        config.frames = 0;
        config.flags = PG_POOL_STRICT;
        ck_assert_int_eq(pg_open(&pool, &config), -EINVAL);
        config.flags = 0;
        config.memory = 100 << 10;
        ck_assert_int_eq(pg_open(&pool, &config), -EINVAL);
        ck_assert_ptr_nonnull(strstr(pg_last_error(), "KiB at least"));
        ck_assert_ptr_null(pool);
}
END_TEST

TESTS("memory_cap")
{
        add_for_both(tc, all_of_it_stays_below_the_cap);
        add_for_both(tc, what_does_not_fit_goes_to_the_file);
        add_for_both(tc, store_that_cannot_take_more_is_full);
        add_for_both(tc, resize_moves_the_cap);
        add_for_both(tc, resize_ends_where_many_pages_are_pinned);
        tcase_add_loop_test(tc, tables_that_leave_nothing_are_told, 0, 4);
        add_for_both(tc, pages_sent_out_by_a_call_count);
        add_for_both(tc, cap_ends_with_its_pool);
        add_for_both(tc, cap_that_the_store_exceeds_is_refused);
        if (*SANITIZER) {
                fprintf(stderr, "skipped: threads in a child, which sanitizers do not stand\n");
        } else {
                add_for_both(tc, child_of_fork_has_the_same_cap);
        }
        add_for_both(tc, tables_are_what_the_kernel_says);
        tcase_add_test(tc, what_cannot_be_is_refused);
}
