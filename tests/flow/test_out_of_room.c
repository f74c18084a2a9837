/* SPDX-License-Identifier: MIT */
/*
 * test_out_of_room.c - before an access fails for want of a frame, the application hears which
 * limit was reached: once, and in time.
 */
#include "support.h"
#include "sigbus.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

#define FRAMES 64u
#define NPAGES ((size_t)1024)

static struct {
        char line[512];
        unsigned lines;
} heard;

static void hear(void *arg, const char *line)
{
        size_t len = strlen(line);

        ck_assert_ptr_eq(arg, &heard);
        ck_assert_uint_lt(len, sizeof(heard.line));
        memcpy(heard.line, line, len + 1);
        heard.lines++;
}

static struct pg_pool *open_heard(int delivery, struct pg_store *swap)
{
        struct pg_config config = config_frames(delivery, FRAMES, 0);

        memset(&heard, 0, sizeof(heard));
        hit_install();
        config.swap = swap;
        config.out_of_room = hear;
        config.message_arg = &heard;
        config.message = NULL;
        return open_config(&config);
}

/* Fills pages with noise. Returns how many accesses have failed; no other one is tried after
 * two. */
static unsigned fill_until_failure(char *addr)
{
        uint64_t random = 1;
        unsigned failures = 0;

        for (size_t i = 0; i < NPAGES && failures < 2; i++) {
                uint64_t *words = (uint64_t *)(void *)(addr + i * PAGE);

                if (hit_touch(words, true).sig == SIGBUS) {
                        /* It was told before. */
                        ck_assert_uint_eq(heard.lines, 1);
                        failures++;
                        continue;
                }
                for (size_t k = 0; k < PAGE / 8; k++)
                        words[k] = random_next(&random);
        }
        return failures;
}

static void expect_words(const char *name, const char *limit)
{
        ck_assert_msg(strstr(heard.line, name) && strstr(heard.line, limit) &&
                              strstr(heard.line, "64 frames") && !strchr(heard.line, '\n'),
                      "it says: %s", heard.line);
}

START_TEST(the_limit_of_compressed_memory_is_named_before_the_access_fails)
{
        struct pg_zram_config config = {.size = sizeof(config), .limit_bytes = 1 << 20};
        struct pg_store *store = NULL;
        struct pg_pool *pool;

        ck_assert_int_eq(pg_store_zram(&store, &config), 0);
        pool = open_heard(_i, store);
        ck_assert_uint_eq(fill_until_failure(map_pages(pool, NPAGES, 0)), 2);
        expect_words("(zram)", "1048576 bytes");
        ck_assert_uint_ge(stats_of(pool).errors_frames, 2);
        ck_assert_uint_ge(stats_of(pool).errors_full, 1);
        close_pool(pool);
        ck_assert_int_eq(pg_store_close(store), 0);
}
END_TEST

START_TEST(the_size_of_a_full_swap_file_is_named_before_the_access_fails)
{
        struct pg_file_config config = {.size = sizeof(config), .fd = memory_file(100 * PAGE)};
        struct pg_store *store = NULL;
        struct pg_pool *pool;

        ck_assert_int_eq(pg_store_file(&store, &config), 0);
        pool = open_heard(_i, store);
        ck_assert_uint_eq(fill_until_failure(map_pages(pool, NPAGES, 0)), 2);
        expect_words("(file)", "409600 bytes");
        close_pool(pool);
        ck_assert_int_eq(pg_store_close(store), 0);
        close(config.fd);
}
END_TEST

START_TEST(nothing_is_said_while_there_is_room)
{
        struct pg_pool *pool = open_heard(_i, NULL);

        ck_assert_uint_eq(fill_until_failure(map_pages(pool, NPAGES, 0)), 0);
        ck_assert_uint_eq(heard.lines, 0);
        close_pool(pool);
}
END_TEST

TESTS("out_of_room")
{
        add_for_both(tc, the_limit_of_compressed_memory_is_named_before_the_access_fails);
        add_for_both(tc, the_size_of_a_full_swap_file_is_named_before_the_access_fails);
        add_for_both(tc, nothing_is_said_while_there_is_room);
}
