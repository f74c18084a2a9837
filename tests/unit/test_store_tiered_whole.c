/* SPDX-License-Identifier: MIT */
/*
 * test_store_tiered_whole.c - zram above and a file below, as any store, and as that of a pool.
 */
#include "../flow/child.h"
#include "../flow/probe.h"
#include "store_tiered_support.h"

#include <fcntl.h>
#include <unistd.h>

static struct pg_store *file(uint64_t bytes)
{
        char name[] = "./store_tiered.XXXXXX";
        struct pg_file_config config = {
                .size = sizeof(config), .fd = mkstemp(name), .flags = PG_FILE_SWAP};
        struct pg_store *store = NULL;

        ck_assert_int_ge(config.fd, 0);
        ck_assert_int_eq(unlink(name), 0);
        ck_assert_int_eq(ftruncate(config.fd, (off_t)bytes), 0);
        ck_assert_int_eq(pg_store_file(&store, &config), 0);
        close(config.fd);
        return store;
}

static struct pg_store *make_roomy(size_t page_size)
{
        return tiered(zram(12 * page_size + (256u << 10)), file(1000 * page_size));
}

static struct pg_store *make_full_soon(size_t page_size)
{
        return tiered(zram(12 * page_size + (256u << 10)),
                      file(page_size > 4096 ? 90 * page_size : 500 * page_size));
}

static const size_t sizes[] = {4u << 10, 16u << 10, 128u << 10};

START_TEST(conforms)
{
        store_conformance(make_roomy, sizes, 3);
}
END_TEST

START_TEST(conforms_when_the_lower_store_fills)
{
        store_conformance(make_full_soon, sizes, 2);
}
END_TEST

/* In a pool: through a zram of 64 pages or so, with a child that goes its own way. */
START_TEST(child_of_fork_has_its_own_copy)
{
        const size_t pages = 1500;
        struct pg_store *store = tiered(zram(600u << 10), file(4000 * PAGE));
        struct pg_config config = config_frames(_i, 32, INHERIT);
        struct pg_store_stats stats = {.size = sizeof(stats)};
        struct pg_pool *pool;
        pid_t child;
        char *map;

        config.swap = store;
        pool = open_config(&config);
        map = map_pages(pool, pages, 0);
        for (size_t i = 0; i < pages; i++)
                conform_fill(map + i * PAGE, PAGE, 6 + 7 * i);
        store->ops->stats(store, &stats);
        ck_assert_uint_gt(stats.lower_pages, pages / 2);
        ck_assert_uint_le(stats.memory_bytes, stats.limit_bytes);
        child = fork();
        for (size_t i = 0; i < pages; i++) {
                char page[PAGE];

                conform_fill(page, PAGE, 6 + 7 * i);
                if (child == 0)
                        CHILD_CHECK(memcmp(map + i * PAGE, page, PAGE) == 0);
                else
                        conform_expect(memcmp(map + i * PAGE, page, PAGE) == 0, "page %zu", i);
                memset(map + i * PAGE, child == 0 ? 1 : 2, PAGE);
        }
        for (size_t i = 0; child == 0 && i < pages * PAGE; i++)
                CHILD_CHECK(map[i] == 1);
        if (child == 0)
                _exit(0);
        expect_child(child, 0);
        for (size_t i = 0; i < pages * PAGE; i++)
                conform_expect(map[i] == 2, "byte %zu", i);
        close_pool(pool);
        ck_assert_int_eq(pg_store_close(store), 0);
}
END_TEST

TESTS("store_tiered_whole")
{
        tcase_add_test(tc, conforms);
        tcase_add_test(tc, conforms_when_the_lower_store_fills);
        if (*SANITIZER)
                fprintf(stderr, "skipped: threads in a child, which sanitizers do not stand\n");
        else
                add_for_both(tc, child_of_fork_has_its_own_copy);
}
