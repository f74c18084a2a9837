/* SPDX-License-Identifier: MIT */
/*
 * test_store_file_swap.c - a file becomes swap: what may be overwritten, what is marked, what is
 * wiped.
 */
#include "store_file_support.h"

#include <unpaged/unpaged.h>

#define NPAGES 16u

/* A file with a name, of the directory of the test. */
static int named_file(char name[32], off_t size)
{
        int fd;

        strcpy(name, "./swap_file.XXXXXX");
        fd = mkstemp(name);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(ftruncate(fd, size), 0);
        return fd;
}

static int as_swap(struct pg_store **store, int fd, unsigned flags)
{
        *store = NULL;
        return try_store(store, CACHED,
                         (struct pg_file_config){.fd = fd, .flags = flags | PG_FILE_SWAP});
}

static struct pg_store_stats stats_of(struct pg_store *store)
{
        struct pg_store_stats stats = {.size = sizeof(stats)};

        store->ops->stats(store, &stats);
        return stats;
}

static void put(int fd, off_t at, const char *text)
{
        ck_assert_int_eq(pwrite(fd, text, strlen(text), at), (ssize_t)strlen(text));
}

START_TEST(content_anywhere_keeps_a_file_from_being_swap)
{
        const off_t size = 256 << 20;
        const off_t places[] = {0, 1024, 5 << 20, (100 << 20) + 777, size - 5};
        struct pg_store *store;

        for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
                char text[8] = "";
                int fd = scratch_file(size);

                put(fd, places[i], "mine");
                ck_assert_int_eq(lseek(fd, 77, SEEK_SET), 77);
                ck_assert_int_eq(as_swap(&store, fd, 0), -EEXIST);
                ck_assert_ptr_null(store);
                ck_assert_ptr_nonnull(strstr(pg_last_error(), "PG_FILE_FORCE"));
                ck_assert_int_eq(pread(fd, text, 4, places[i]), 4);
                ck_assert_str_eq(text, "mine");
                ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 77);
                ck_assert_int_eq(as_swap(&store, fd, PG_FILE_FORCE), 0);
                close_store(store);
                close(fd);
        }
}
END_TEST

/* What is in front of the range or behind it is nobody's business. */
START_TEST(only_the_range_must_be_empty)
{
        int fd = scratch_file(NPAGES * PAGE);
        struct pg_file_config config = {
                .fd = fd, .start = PAGE, .length = 4 * PAGE, .flags = PG_FILE_SWAP};
        struct pg_store *store = NULL;

        put(fd, 100, "before");
        put(fd, 5 * PAGE, "behind");
        ck_assert_int_eq(try_store(&store, CACHED, config), 0);
        close_store(store);
        put(fd, 5 * PAGE - 1, "in");
        ck_assert_int_eq(try_store(&store, CACHED, config), -EEXIST);
}
END_TEST

START_TEST(zeros_that_were_written_are_no_content)
{
        int fd = scratch_file(0);
        char *zeros = pages_new(256);
        struct pg_store *store;

        for (int i = 0; i < 80; i++)
                ck_assert_int_eq(write(fd, zeros, 256 * PAGE), 256 * PAGE);
        ck_assert_int_eq(as_swap(&store, fd, 0), 0);
        close_store(store);
        put(fd, 1 << 20, "x");
        ck_assert_int_eq(as_swap(&store, fd, 0), -EEXIST);
}
END_TEST

/* Takes all places; returns how many there are. */
static unsigned take_all(struct pg_store *store, uint64_t *first)
{
        unsigned n = 0;
        uint64_t offset;

        while (store->ops->location_get(store, &offset, true) == 0)
                if (n++ == 0)
                        *first = offset;
        return n;
}

START_TEST(a_named_file_is_marked_and_so_is_ours_the_next_time)
{
        char name[32], text[8] = "";
        int fd = named_file(name, NPAGES * PAGE);
        char *page = pages_new(1);
        struct pg_store *store;
        uint64_t first = 0;

        ck_assert_int_eq(as_swap(&store, fd, 0), 0);
        ck_assert_uint_eq(stats_of(store).stored_pages, 0);
        ck_assert_uint_eq(take_all(store, &first), NPAGES - 1);
        ck_assert_uint_eq(first, PAGE);
        ck_assert_uint_eq(stats_of(store).stored_pages, NPAGES - 1);
        ck_assert_uint_eq(stats_of(store).limit_bytes, (NPAGES - 1) * PAGE);
        memset(page, 5, PAGE);
        for (unsigned i = 1; i < NPAGES; i++)
                ck_assert_int_eq(store->ops->page_out(store, i * PAGE, 1, page), 0);
        close_store(store);
        ck_assert_int_eq(pread(fd, text, 7, 0), 7);
        ck_assert_str_eq(text, "unpaged");
        ck_assert_int_eq(as_swap(&store, fd, 0), 0);
        close_store(store);
        /* As a file system leaves it that begins at byte 1024. */
        put(fd, 1024, "superblock");
        ck_assert_int_eq(as_swap(&store, fd, 0), -EEXIST);
        unlink(name);
}
END_TEST

START_TEST(a_file_without_a_name_is_not_marked)
{
        struct pg_store *store;
        uint64_t first = 1;
        int fd = scratch_file(NPAGES * PAGE);

        ck_assert_int_eq(as_swap(&store, fd, 0), 0);
        ck_assert_uint_eq(take_all(store, &first), NPAGES);
        ck_assert_uint_eq(first, 0);
        close_store(store);
}
END_TEST

START_TEST(swap_needs_a_file_that_can_hold_a_page)
{
        char name[32];
        int fd = named_file(name, PAGE);
        struct pg_store *store;

        ck_assert_int_eq(as_swap(&store, fd, 0), -EINVAL);
        ck_assert_int_eq(as_swap(&store, fd, PG_FILE_READONLY), -EINVAL);
        unlink(name);
}
END_TEST

/* Does a file have this word anywhere? */
static bool file_has(int fd, const char *word)
{
        static char content[NPAGES * PAGE];

        ck_assert_int_eq(pread(fd, content, sizeof(content), 0), sizeof(content));
        return memmem(content, sizeof(content), word, strlen(word)) != NULL;
}

/* _i: the way, and whether it is wiped. */
START_TEST(what_is_freed_is_wiped_on_request_and_the_rest_at_the_end)
{
        bool wipe = _i / WAYS;
        int fd = scratch_file(NPAGES * PAGE);
        struct pg_store *store =
                store_or_skip(__func__, (enum way)(_i % WAYS),
                              (struct pg_file_config){
                                      .fd = fd, .flags = PG_FILE_SWAP | (wipe ? PG_FILE_WIPE : 0)});
        char *page = pages_new(1);
        uint64_t freed, kept;

        if (store == NULL)
                return;
        ck_assert_int_eq(store->ops->location_get(store, &freed, true), 0);
        ck_assert_int_eq(store->ops->location_get(store, &kept, true), 0);
        strcpy(page + 100, "a secret that is freed");
        ck_assert_int_eq(store->ops->page_out(store, freed, 1, page), 0);
        strcpy(page + 100, "a secret that is kept");
        ck_assert_int_eq(store->ops->page_out(store, kept, 1, page), 0);
        ck_assert(file_has(fd, "a secret that is freed"));
        store->ops->location_free(store, freed);
        ck_assert_int_eq(file_has(fd, "a secret that is freed"), !wipe);
        ck_assert(file_has(fd, "a secret that is kept"));
        close_store(store);
        ck_assert_int_eq(file_has(fd, "a secret that is kept"), !wipe);
}
END_TEST

TESTS("store_file_swap")
{
        tcase_add_test(tc, content_anywhere_keeps_a_file_from_being_swap);
        tcase_add_test(tc, only_the_range_must_be_empty);
        tcase_add_test(tc, zeros_that_were_written_are_no_content);
        tcase_add_test(tc, a_named_file_is_marked_and_so_is_ours_the_next_time);
        tcase_add_test(tc, a_file_without_a_name_is_not_marked);
        tcase_add_test(tc, swap_needs_a_file_that_can_hold_a_page);
        tcase_add_loop_test(tc, what_is_freed_is_wiped_on_request_and_the_rest_at_the_end, 0,
                            2 * WAYS);
}
