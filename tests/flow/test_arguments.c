/* SPDX-License-Identifier: MIT */
/*
 * test_arguments.c - wrong arguments: every call, every error its header names.
 *
 * Mostly a table of lines; each names the call and what it must answer. After all of them the pool
 * must still page.
 */
#include "flaky_store.h"
#include "support.h"

#include <errno.h>
#include <stddef.h>
#include <unpaged/statistics.h>

#define PAGES 16u

static unsigned messages;

static void count_message(void *arg, const char *text)
{
        (void)arg;
        ck_assert_uint_gt(strlen(text), 10);
        messages++;
}

static size_t footprint_too_big(uint32_t nframes)
{
        return (size_t)33 * nframes + 8192;
}

START_TEST(pg_open_refuses_what_it_cannot_do)
{
        struct pg_policy_ops greedy = *pg_policy_find("fifo"), empty = {.size = sizeof(empty)};
        struct flaky *f = flaky_new(PAGES, 2 * PAGE, true);
        static const struct pg_store_ops no_places = {.size = sizeof(no_places),
                                                      .name = "no places",
                                                      .page_in = flaky_in,
                                                      .page_out = flaky_out};
        struct pg_store swapless;
        struct {
                const char *what;
                struct pg_config c;
                int error;
        } lines[] = {
                {"neither", {.frames = 0}, -EINVAL},
                {"both", {.frames = 8, .budget = 1 << 20}, -EINVAL},
                {"3 frames", {.frames = 3}, -EINVAL},
                {"tiny budget", {.budget = 4 * PAGE}, -EINVAL},
                {"budget of one byte", {.budget = 1}, -EINVAL},
                {"more than the machine", {.budget = SIZE_MAX & ~(PAGE - 1)}, -EINVAL},
                {"page size 3 KiB", {.frames = 8, .page_size = 3072}, -EINVAL},
                {"page size 2 KiB", {.frames = 8, .page_size = 2048}, -EINVAL},
                {"page size 4 MiB", {.frames = 8, .page_size = 4 << 20}, -EINVAL},
                {"flags", {.frames = 8, .flags = 1u << 31}, -EINVAL},
                {"delivery", {.frames = 8, .delivery = (enum pg_delivery)7}, -EINVAL},
                {"queue", {.frames = 8, .queue_pct = 51}, -EINVAL},
                {"policy", {.frames = 8, .policy = "clairvoyant"}, -EINVAL},
                {"empty policy name", {.frames = 8, .policy = ""}, -EINVAL},
                {"greedy policy", {.frames = 8, .policy_ops = &greedy}, -EINVAL},
                {"policy without members", {.frames = 8, .policy_ops = &empty}, -EINVAL},
                {"store without places", {.frames = 8, .swap = &swapless}, -EINVAL},
                {"store of another page size", {.frames = 8, .swap = &f->store}, -EINVAL},
        };
        struct pg_pool *untouched = (struct pg_pool *)&lines, *pool = untouched;

        greedy.footprint = footprint_too_big;
        f->store.page_size = 2 * PAGE;
        ck_assert_int_eq(pg_store_init(&swapless, &no_places, 0), 0);
        for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
                int error;

                lines[i].c.size = sizeof(struct pg_config);
                lines[i].c.message = count_message;
                if (lines[i].c.delivery == 0)
                        lines[i].c.delivery = (enum pg_delivery)_i;
                messages = 0;
                error = pg_open(&pool, &lines[i].c);
                ck_assert_msg(error == lines[i].error, "%s: %d", lines[i].what, error);
                ck_assert_msg(messages == 1, "%s: %u messages", lines[i].what, messages);
                ck_assert_msg(pool == untouched, "%s: *pool was changed", lines[i].what);
        }
        ck_assert_int_eq(pg_open(NULL, &lines[0].c), -EINVAL);
        ck_assert_int_eq(pg_open(&pool, NULL), -EINVAL);
        lines[0].c = (struct pg_config){.frames = 8};
        ck_assert_int_eq(pg_open(&pool, &lines[0].c), -EINVAL); /* size 0 */
        ck_assert_int_eq(pg_store_close(&swapless), 0);
        flaky_delete(f);
}
END_TEST

#define EXPECT_NULL(call, error)                                                                   \
        do {                                                                                       \
                errno = 0;                                                                         \
                ck_assert_msg((call) == NULL, "%s", #call);                                        \
                ck_assert_msg(errno == (error), "%s: %s", #call, strerror(errno));                 \
        } while (0)

static void keep_words(void *words, const char *text)
{
        snprintf(words, 128, "%s", text);
}

START_TEST(a_kernel_whose_pages_are_not_4_kib_is_refused)
{
        char words[128] = "";
        struct pg_config c = {
                .size = sizeof(c), .frames = 8, .message = keep_words, .message_arg = words};
        struct pg_pool *pool = NULL;

        setenv("UNPAGED_MASK_FEATURES", "page_4k", 1);
        ck_assert_int_eq(pg_open(&pool, &c), -ENOTSUP);
        unsetenv("UNPAGED_MASK_FEATURES");
        ck_assert_ptr_null(pool);
        ck_assert_ptr_nonnull(strstr(words, "4 KiB"));
}
END_TEST

START_TEST(mapping_calls_refuse_what_they_cannot_do)
{
        struct flaky *f = flaky_new(PAGES, PAGE, true);
        static const struct pg_store_ops read_only = {.size = sizeof(read_only),
                                                      .name = "read only",
                                                      .flags = PG_STORE_READONLY | PG_STORE_KEEPS,
                                                      .page_in = flaky_in};
        struct pg_pool *pool = open_frames(_i, 8, 0);
        struct pg_store constant;
        pg_location base, fixed;
        char *map;

        ck_assert_int_eq(pg_store_init(&constant, &read_only, PAGES * PAGE), 0);
        ck_assert_int_eq(pg_attach(pool, &f->store, &base), 0);
        ck_assert_int_eq(pg_attach(pool, &constant, &fixed), 0);
        EXPECT_NULL(pg_map(pool, 0, 0), EINVAL);
        EXPECT_NULL(pg_map(pool, PAGE + 1, 0), EINVAL);
        EXPECT_NULL(pg_map(pool, PAGE, PG_MAP_SHARED), EINVAL);
        EXPECT_NULL(pg_map(pool, PAGE, 1u << 31), EINVAL);
        EXPECT_NULL(pg_map(pool, (size_t)1 << 62, 0), ENOMEM);
        EXPECT_NULL(pg_map(pool, SIZE_MAX & ~(PAGE - 1), 0), ENOMEM);
        EXPECT_NULL(pg_map(pool, 16 * PAGE, PG_MAP_LOCK), ENOMEM);
        EXPECT_NULL(pg_map_unpaged(pool, base, 0, 0), EINVAL);
        EXPECT_NULL(pg_map_unpaged(pool, base, SIZE_MAX, 0), EINVAL);
        EXPECT_NULL(pg_map_unpaged(pool, base + 1, PAGE, 0), EINVAL);
        EXPECT_NULL(pg_map_unpaged(pool, PG_LOCATION_NONE, PAGE, 0), EINVAL);
        EXPECT_NULL(pg_map_unpaged(pool, (pg_location)77 << 56, PAGE, 0), EINVAL);
        EXPECT_NULL(pg_map_unpaged(pool, (pg_location)254 << 56, PAGE, 0), EINVAL);
        EXPECT_NULL(pg_map_unpaged(pool, (pg_location)255 << 56, PAGE, 0), EINVAL);
        EXPECT_NULL(pg_map_unpaged(pool, base + PAGE, PAGES * PAGE, 0), EINVAL);
        EXPECT_NULL(pg_map_unpaged(pool, base + (PAGES + 1) * PAGE, PAGE, 0), EINVAL);
        EXPECT_NULL(pg_map_unpaged(pool, base + PAGE, SIZE_MAX - PAGE, 0), EINVAL);
        EXPECT_NULL(pg_map_unpaged(pool, base, PAGE, 1u << 30), EINVAL);
        EXPECT_NULL(pg_map_unpaged(pool, fixed, PAGE, PG_MAP_SHARED), EINVAL);
        EXPECT_NULL(pg_map_unpaged(pool, PG_LOCATION_ANON_ZERO, PAGE, PG_MAP_SHARED), EINVAL);
        EXPECT_NULL(pg_map_unpaged(pool, PG_LOCATION_ANON_UNINIT, PAGE, PG_MAP_SHARED), EINVAL);
        EXPECT_NULL(pg_map_unpaged(pool, PG_LOCATION_ANON_ZERO + 8, PAGE, 0), EINVAL);
        map = pg_map_unpaged(pool, fixed, PAGE, PG_MAP_SHARED | PG_MAP_READONLY);
        ck_assert_ptr_nonnull(map);
        ck_assert_int_eq(pg_unmap(pool, map, 2 * PAGE), -EINVAL);
        ck_assert_int_eq(pg_unmap(pool, map, 0), -EINVAL);
        ck_assert_int_eq(pg_unmap(pool, map + 1, PAGE), -EINVAL);
        ck_assert_int_eq(pg_unmap(pool, map + PAGE, PAGE), -EINVAL);
        ck_assert_int_eq(pg_unmap(pool, NULL, PAGE), -EINVAL);
        ck_assert_int_eq(pg_unmap(pool, &pool, PAGE), -EINVAL);
        ck_assert_int_eq(pg_detach(pool, &constant), -EBUSY);
        ck_assert_int_eq(pg_store_close(&constant), -EBUSY);
        ck_assert_int_eq(pg_unmap(pool, map, PAGE), 0);
        ck_assert_int_eq(pg_unmap(pool, map, PAGE), -EINVAL);
        ck_assert_int_eq(pg_detach(pool, &constant), 0);
        ck_assert_int_eq(pg_detach(pool, &constant), -ENOENT);
        ck_assert_int_eq(pg_detach(pool, NULL), -ENOENT);
        EXPECT_NULL(pg_map_unpaged(pool, fixed, PAGE, 0), EINVAL);
        ck_assert_int_eq(pg_store_close(&constant), 0);
        map = map_pages(pool, 16, 0);
        memset(map, 1, 16 * PAGE);
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

typedef int range_call(struct pg_pool *pool, const void *addr, size_t size);

static int discard(struct pg_pool *pool, const void *addr, size_t size)
{
        return pg_advise(pool, (void *)(uintptr_t)addr, size, PG_ADVICE_DISCARD);
}

START_TEST(calls_on_ranges_refuse_what_is_no_range_of_one_mapping)
{
        static range_call *const calls[] = {pg_page_in, pg_page_out, pg_pin,
                                            pg_unpin,   pg_sync,     discard};
        struct pg_pool *pool = open_frames(_i, 8, 0), *other = open_frames(_i, 8, 0);
        char *map = map_pages(pool, PAGES, 0), *foreign = map_pages(other, PAGES, 0);

        for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
                range_call *call = calls[i];

                ck_assert_int_eq(call(pool, map, 0), -EINVAL);
                ck_assert_int_eq(call(pool, map, 100), -EINVAL);
                ck_assert_int_eq(call(pool, map + 100, PAGE), -EINVAL);
                ck_assert_int_eq(call(pool, map, (PAGES + 1) * PAGE), -EINVAL);
                ck_assert_int_eq(call(pool, map + PAGE, PAGES * PAGE), -EINVAL);
                ck_assert_int_eq(call(pool, map, SIZE_MAX & ~(PAGE - 1)), -EINVAL);
                ck_assert_int_eq(call(pool, map - PAGE, PAGE), -EINVAL);
                ck_assert_int_eq(call(pool, map + PAGES * PAGE, PAGE), -EINVAL);
                ck_assert_int_eq(call(pool, NULL, PAGE), -EINVAL);
                ck_assert_int_eq(call(pool, foreign, PAGE), -EINVAL);
                ck_assert_int_eq(call(pool, map, PAGE), 0);
        }
        ck_assert_int_eq(pg_unpin(pool, map, PAGES * PAGE), 0);
        ck_assert_int_eq(pg_advise(pool, map, PAGE, (enum pg_advice)99), -EINVAL);
        ck_assert_int_eq(pg_advise(pool, map, PAGE, (enum pg_advice) - 1), -EINVAL);
        ck_assert_int_eq(pg_unmap(pool, foreign, PAGES * PAGE), -EINVAL);
        memset(map, 1, PAGES * PAGE);
        close_pool(other);
        close_pool(pool);
}
END_TEST

START_TEST(other_calls_refuse_what_they_cannot_do)
{
        struct flaky *f = flaky_new(PAGES, 2 * PAGE, true);
        struct pg_pool *pool = open_frames(_i, 16, 0);
        char *map = map_pages(pool, PAGES, 0);
        struct pg_thread_stats thread_stats = {.size = sizeof(thread_stats)};
        struct pg_histogram histogram = {.size = sizeof(histogram)};
        pg_location location = 42;
        int error;

        ck_assert_int_eq(pg_location_query(pool, map - 1, &location), -EINVAL);
        ck_assert_int_eq(pg_location_query(pool, &pool, &location), -EINVAL);
        ck_assert_uint_eq(location, 42);
        ck_assert_int_eq(pg_location_query(pool, map + 5, &location), 0);
        ck_assert_uint_eq(location, PG_LOCATION_ANON_ZERO);
        ck_assert_int_eq(pg_resize(pool, 3 * PAGE), -EINVAL);
        ck_assert_int_eq(pg_resize(pool, 0), -EINVAL);
        ck_assert_int_eq(pg_resize(pool, SIZE_MAX), -EINVAL);
        ck_assert_int_eq(pg_histogram_get(pool, (enum pg_histogram_kind)4, &histogram), -EINVAL);
        error = pg_thread_stats_get(pool, 1, &thread_stats);
        ck_assert_int_eq(error,
                         _i == PG_DELIVERY_THREAD && is_masked("thread_id") ? -ENOTSUP : -ENOENT);
        f->store.page_size = 2 * PAGE;
        ck_assert_int_eq(pg_attach(pool, &f->store, &location), -EINVAL);
        ck_assert_int_eq(pg_detach(pool, &f->store), -ENOENT);
        ck_assert_int_eq(pg_store_close(NULL), 0);
        ck_assert_ptr_null(pg_policy_find("none"));
        ck_assert_ptr_null(pg_policy_at(1000));
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

START_TEST(pool_takes_254_stores_and_no_more)
{
        struct pg_pool *pool = open_frames(_i, 8, 0);
        struct flaky *stores[254];
        pg_location base, first = 0, again;

        for (unsigned i = 0; i < 254; i++)
                stores[i] = flaky_new(2, PAGE, true);
        for (unsigned i = 0; i < 253; i++) { /* and its swap store */
                ck_assert_int_eq(pg_attach(pool, &stores[i]->store, &base), 0);
                first = i ? first : base;
        }
        ck_assert_int_eq(pg_attach(pool, &stores[253]->store, &base), -ENOSPC);
        ck_assert_int_eq(pg_attach(pool, &stores[0]->store, &again), 0);
        ck_assert_uint_eq(again, first);
        close_pool(pool);
        for (unsigned i = 0; i < 254; i++)
                flaky_delete(stores[i]);
}
END_TEST

/* ---- tables of stores ---------------------------------------------------------------------- */

static int never(struct pg_store *store)
{
        (void)store;
        abort();
}

static const void *never_at(struct pg_store *store, uint64_t offset, size_t npages)
{
        (void)offset, (void)npages;
        never(store);
        return NULL;
}

static void never_stats(struct pg_store *store, struct pg_store_stats *stats)
{
        (void)stats;
        never(store);
}

static void never_close(struct pg_store *store)
{
        never(store);
}

START_TEST(store_table_without_a_required_member_is_refused)
{
        struct pg_store_ops ops = {.size = sizeof(ops),
                                   .name = "half",
                                   .page_in = flaky_in,
                                   .page_out = flaky_out,
                                   .location_get = flaky_get,
                                   .location_free = flaky_free};
        struct pg_store store;

        ops.page_in = NULL;
        ck_assert_int_eq(pg_store_init(&store, &ops, 0), -EINVAL);
        ops.page_in = flaky_in;
        ops.page_out = NULL;
        ck_assert_int_eq(pg_store_init(&store, &ops, 0), -EINVAL);
        ops.flags = PG_STORE_READONLY;
        ck_assert_int_eq(pg_store_init(&store, &ops, 0), 0);
        ck_assert_int_eq(pg_store_close(&store), 0);
        ops.page_out = flaky_out;
        ops.location_free = NULL;
        ck_assert_int_eq(pg_store_init(&store, &ops, 0), -EINVAL);
        ops.location_free = flaky_free;
        ops.size = offsetof(struct pg_store_ops, page_in); /* page_in lies beyond the table */
        ck_assert_int_eq(pg_store_init(&store, &ops, 0), -EINVAL);
}
END_TEST

START_TEST(members_beyond_the_size_of_a_store_table_count_as_absent)
{
        static const struct pg_store_ops old = {.size = offsetof(struct pg_store_ops, sync),
                                                .name = "old",
                                                .flags = PG_STORE_KEEPS,
                                                .location_get = flaky_get,
                                                .location_free = flaky_free,
                                                .page_in = flaky_in,
                                                .page_out = flaky_out,
                                                .sync = never,
                                                .close = never_close,
                                                .page_at = never_at,
                                                .stats = never_stats};
        struct flaky *f = flaky_new(64, PAGE, true);
        struct pg_config config = config_frames(_i, 8, 0);
        struct pg_pool *pool;
        char *map;

        ck_assert_int_eq(pg_store_close(&f->store), 0);
        ck_assert_int_eq(pg_store_init(&f->store, &old, 64 * PAGE), 0);
        pool = open_frames(_i, 8, 0);
        map = map_store(pool, &f->store, 64, PG_MAP_SHARED);
        for (unsigned i = 0; i < 64; i++) {
                ck_assert_int_eq(map[i * PAGE], (char)i);
                map[i * PAGE] = 1;
        }
        ck_assert_int_eq(pg_sync(pool, map, 64 * PAGE), 0);
        close_pool(pool);
        config.swap = &f->store; /* a range holds one or the other, but this one is done */
        pool = open_config(&config);
        map = map_pages(pool, 32, 0);
        memset(map, 7, 32 * PAGE);
        ck_assert_uint_eq(stats_of(pool).swap_pages, 0);
        ck_assert_int_eq(map[31 * PAGE], 7);
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

/* Read-only mappings of a store that cannot be written, whatever it says of its copies. */
START_TEST(read_only_store_is_never_written)
{
        struct pg_store_ops ops = {.size = sizeof(ops),
                                   .name = "read only",
                                   .flags = PG_STORE_READONLY,
                                   .page_in = flaky_in};
        struct flaky *f = flaky_new(64, PAGE, true);
        struct pg_pool *pool = open_frames(_i & 1, 8, PG_POOL_STRICT);
        pg_location base;
        char *map;

        ops.flags |= _i & 2 ? PG_STORE_KEEPS : 0;
        ck_assert_int_eq(pg_store_close(&f->store), 0);
        ck_assert_int_eq(pg_store_init(&f->store, &ops, 64 * PAGE), 0);
        ck_assert_int_eq(pg_attach(pool, &f->store, &base), 0);
        map = pg_map_unpaged(pool, base, 64 * PAGE,
                             _i & 4 ? PG_MAP_READONLY : PG_MAP_SHARED | PG_MAP_READONLY);
        ck_assert_ptr_nonnull(map);
        for (unsigned i = 0; i < 128; i++)
                ck_assert_int_eq(map[i % 64 * PAGE], (char)(i % 64));
        ck_assert_int_eq(pg_sync(pool, map, 64 * PAGE), 0);
        ck_assert_int_eq(pg_page_out(pool, map, 64 * PAGE), 0);
        ck_assert_int_eq(map[5 * PAGE], 5);
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

TESTS("arguments")
{
        add_for_both(tc, pg_open_refuses_what_it_cannot_do);
        add_for_both(tc, a_kernel_whose_pages_are_not_4_kib_is_refused);
        add_for_both(tc, mapping_calls_refuse_what_they_cannot_do);
        add_for_both(tc, calls_on_ranges_refuse_what_is_no_range_of_one_mapping);
        add_for_both(tc, other_calls_refuse_what_they_cannot_do);
        add_for_both(tc, pool_takes_254_stores_and_no_more);
        tcase_add_test(tc, store_table_without_a_required_member_is_refused);
        add_for_both(tc, members_beyond_the_size_of_a_store_table_count_as_absent);
        tcase_add_loop_test(tc, read_only_store_is_never_written, 0, 8);
}
