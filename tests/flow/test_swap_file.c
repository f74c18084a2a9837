/* SPDX-License-Identifier: MIT */
/*
 * test_swap_file.c - a pool swaps to a file: not to one that holds something, which may be mapped
 * as before.
 */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define FRAMES 32u
#define NPAGES ((size_t)256)

static char name[32];

static int named_file(size_t size)
{
        int fd;

        strcpy(name, "./swap.XXXXXX");
        fd = mkstemp(name);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
        return fd;
}

static struct pg_store *store_of(int fd, unsigned flags)
{
        struct pg_file_config config = {.size = sizeof(config), .fd = fd, .flags = flags};
        struct pg_store *store = NULL;

        ck_assert_int_eq(pg_store_file(&store, &config), 0);
        return store;
}

static int try_open(struct pg_pool **pool, int delivery, struct pg_store *swap)
{
        struct pg_config config = config_frames(delivery, FRAMES, 0);

        config.swap = swap;
        config.message = NULL;
        return pg_open(pool, &config);
}

START_TEST(a_file_with_content_is_mapped_but_not_swapped_to)
{
        int fd = named_file(NPAGES * PAGE);
        struct pg_store *store;
        struct pg_pool *pool = NULL, *other;
        char *addr;

        ck_assert_int_eq(pwrite(fd, "mine", 4, 8 * PAGE), 4);
        store = store_of(fd, 0);
        ck_assert_int_eq(try_open(&pool, _i, store), -EEXIST);
        ck_assert_ptr_null(pool);
        ck_assert_ptr_nonnull(strstr(pg_last_error(), "PG_FILE_FORCE"));
        other = open_frames(_i, FRAMES, 0);
        addr = pg_map_file(other, fd, 0, 0, PG_MAP_SHARED);
        ck_assert_ptr_nonnull(addr);
        ck_assert_int_eq(memcmp(addr + 8 * PAGE, "mine", 4), 0);
        memcpy(addr, "more", 4);
        close_pool(other);
        ck_assert_int_eq(pg_store_close(store), 0);

        store = store_of(fd, PG_FILE_FORCE);
        ck_assert_int_eq(try_open(&pool, _i, store), 0);
        close_pool(pool);
        ck_assert_int_eq(pg_store_close(store), 0);
        close(fd);
        unlink(name);
}
END_TEST

static void use(struct pg_pool *pool, uint64_t seed)
{
        uint64_t *words = map_pages(pool, NPAGES, 0);

        for (size_t i = 0; i < NPAGES; i++)
                words[i * PAGE / 8] = seed + i;
        for (size_t i = 0; i < NPAGES; i++)
                ck_assert_uint_eq(words[i * PAGE / 8], seed + i);
}

START_TEST(a_named_file_serves_one_pool_after_the_other)
{
        int fd = named_file((NPAGES + 1) * PAGE);

        for (uint64_t round = 0; round < 3; round++) {
                struct pg_store *store = store_of(fd, 0);
                struct pg_pool *pool;

                ck_assert_int_eq(try_open(&pool, _i, store), 0);
                use(pool, 1 + (round << 32));
                ck_assert_uint_gt(stats_of(pool).pages_out, NPAGES - FRAMES - 1);
                close_pool(pool);
                ck_assert_int_eq(pg_store_close(store), 0);
        }
        close(fd);
        unlink(name);
}
END_TEST

TESTS("swap_file")
{
        add_for_both(tc, a_file_with_content_is_mapped_but_not_swapped_to);
        add_for_both(tc, a_named_file_serves_one_pool_after_the_other);
}
