/* SPDX-License-Identifier: MIT */
/* pg_last_error: the cause and the remedy of what failed, for the thread whose call it was. */
#include "child.h"
#include "flaky_store.h"
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

#define STALE "no call has failed since"

/* Makes the text a known one. */
static void make_stale(void)
{
        struct pg_zram_config config = {.size = sizeof(config), .algorithm = STALE};
        struct pg_store *store;

        ck_assert_int_eq(pg_store_zram(&store, &config), -EINVAL);
        ck_assert_ptr_nonnull(strstr(pg_last_error(), STALE));
}

/* It is of the last call, a sentence, and names the word. */
static void expect_text(const char *word)
{
        ck_assert_msg(!strstr(pg_last_error(), STALE), "nothing was said of: %s", word);
        ck_assert_msg(strstr(pg_last_error(), word), "\"%s\" lacks: %s", pg_last_error(), word);
        ck_assert_uint_gt(strlen(pg_last_error()), 25);
        make_stale();
}

static char heard[1024];

static void hear(void *arg, const char *text)
{
        (void)arg;
        snprintf(heard, sizeof(heard), "%s", text);
}

static void open_fails(struct pg_config config, int error, const char *word)
{
        struct pg_pool *pool;

        config.message = hear;
        heard[0] = '\0';
        ck_assert_int_eq(pg_open(&pool, &config), error);
        ck_assert_str_eq(heard, pg_last_error());
        expect_text(word);
}

#define OPEN_FAILS(member, value, word)                                                            \
        do {                                                                                       \
                struct pg_config c_ = config_frames(_i, 8, 0);                                     \
                c_.member = (value);                                                               \
                open_fails(c_, -EINVAL, word);                                                     \
        } while (0)

START_TEST(there_is_no_text_before_the_first_failure)
{
        ck_assert_str_eq(pg_last_error(), "");
        close_pool(open_frames(_i, 8, 0));
        ck_assert_str_eq(pg_last_error(), "");
}
END_TEST

START_TEST(every_failure_of_pg_open_has_a_text_and_the_callback_gets_it)
{
        static const struct pg_policy_ops empty = {.size = sizeof(empty), .name = "empty"};
        struct {
                struct pg_config config;
                long unknown;
        } newer = {config_frames(_i, 8, 0), 1};
        struct pg_pool *pool;

        make_stale();
        OPEN_FAILS(budget, 1 << 20, "one of budget, frames and memory");
        OPEN_FAILS(frames, 0, "one of budget, frames and memory");
        OPEN_FAILS(frames, 3, "at least 4 frames");
        OPEN_FAILS(frames, UINT32_MAX, "memory of this machine");
        OPEN_FAILS(flags, 1u << 7, "flags");
        OPEN_FAILS(page_size, 2048, "power of two");
        OPEN_FAILS(queue_pct, 51, "50 percent");
        OPEN_FAILS(policy, "mru", "policy mru");
        OPEN_FAILS(policy_ops, &empty, "policy");
        OPEN_FAILS(delivery, (enum pg_delivery)2, "delivery");
        OPEN_FAILS(curve_pages, 65537, "65536");
        newer.config = config_frames(_i, 8, 0);
        newer.config.trace = "/nonexistent/trace";
        open_fails(newer.config, -ENOENT, "/nonexistent/trace");

        newer.config = config_frames(_i, 8, 0);
        newer.config.size = 0;
        ck_assert_int_eq(pg_open(&pool, &newer.config), -EINVAL);
        expect_text("sizeof(struct pg_config)");
        newer.config.size = sizeof(newer);
        ck_assert_int_eq(pg_open(&pool, &newer.config), -EINVAL);
        expect_text("does not know");
        ck_assert_int_eq(pg_open(&pool, NULL), -EINVAL);
        expect_text("NULL");
}
END_TEST

START_TEST(every_failure_to_map_has_a_text)
{
        struct pg_pool *pool = open_frames(_i, 8, 0);
        struct flaky *f = flaky_new(8, PAGE, true), *large = flaky_new(8, 2 * PAGE, true);
        pg_location base;

        make_stale();
        ck_assert_ptr_null(pg_map(pool, 100, 0));
        expect_text("multiple of the page size");
        ck_assert_ptr_null(pg_map(pool, 0, 0));
        expect_text("size");
        ck_assert_ptr_null(pg_map(pool, PAGE, 1u << 9));
        expect_text("unknown flags");
        ck_assert_ptr_null(pg_map(pool, PAGE, PG_MAP_SHARED));
        expect_text("PG_MAP_SHARED");
        ck_assert_ptr_null(pg_map(pool, 16 * PAGE, PG_MAP_LOCK));
        expect_text("not enough frames");
        ck_assert_ptr_null(pg_map(pool, (size_t)1 << 62, 0));
        expect_text("address space");
        ck_assert_int_eq(pg_attach(pool, &f->store, &base), 0);
        ck_assert_ptr_null(pg_map_unpaged(pool, base + 1, PAGE, 0));
        expect_text("multiple");
        ck_assert_ptr_null(pg_map_unpaged(pool, base, 9 * PAGE, 0));
        expect_text("beyond the end");
        ck_assert_ptr_null(pg_map_unpaged(pool, (pg_location)200 << 56, PAGE, 0));
        expect_text("pg_attach");
        large->store.page_size = 2 * PAGE;
        ck_assert_int_eq(pg_attach(pool, &large->store, &base), -EINVAL);
        expect_text("8192");
        ck_assert_int_eq(pg_resize(pool, PAGE), -EINVAL);
        expect_text("too small");
        ck_assert_int_eq(pg_resize(pool, SIZE_MAX), -EINVAL);
        expect_text("machine");
        close_pool(pool);
        flaky_delete(f);
        flaky_delete(large);
}
END_TEST

START_TEST(every_failure_of_a_store_has_a_text)
{
        struct pg_zram_config zram = {.size = sizeof(zram), .algorithm = "lz4", .level = -5};
        struct pg_file_config file = {.size = sizeof(file), .fd = -1};
        struct pg_store *store;

        make_stale();
        ck_assert_int_eq(pg_store_zram(&store, &zram), -EINVAL);
        expect_text("level -5");
        zram.size = 0;
        ck_assert_int_eq(pg_store_zram(&store, &zram), -EINVAL);
        expect_text("sizeof(struct pg_zram_config)");
        ck_assert_int_eq(pg_store_file(&store, &file), -EBADF);
        expect_text("-1");
        file.fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        ck_assert_int_eq(pg_store_file(&store, &file), -EINVAL);
        expect_text("regular file");
        close(file.fd);
        file.fd = memfd_create("empty", MFD_CLOEXEC);
        ck_assert_int_eq(pg_store_file(&store, &file), -EINVAL);
        expect_text("empty");
        file.start = 512;
        ck_assert_int_eq(pg_store_file(&store, &file), -EINVAL);
        expect_text("4096");
        file.size = 0;
        ck_assert_int_eq(pg_store_file(&store, &file), -EINVAL);
        expect_text("sizeof(struct pg_file_config)");
        close(file.fd);
}
END_TEST

static void *fail_elsewhere(void *pool)
{
        ck_assert_str_eq(pg_last_error(), "");
        ck_assert_ptr_null(pg_map(pool, 0, 0));
        ck_assert_str_ne(pg_last_error(), "");
        return NULL;
}

START_TEST(each_thread_has_its_own_text_and_a_success_leaves_it)
{
        struct pg_pool *pool = open_frames(_i, 8, 0);
        pthread_t thread;

        make_stale();
        ck_assert_int_eq(pthread_create(&thread, NULL, fail_elsewhere, pool), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        ck_assert_ptr_nonnull(pg_map(pool, PAGE, 0));
        ck_assert_ptr_nonnull(strstr(pg_last_error(), STALE));
        close_pool(pool);
}
END_TEST

START_TEST(where_userfaultfd_is_refused_the_text_names_three_ways)
{
        pid_t child = fork();

        if (child == 0) {
                struct pg_config config = config_frames(PG_DELIVERY_THREAD, 8, 0);
                struct pg_pool *pool;

                config.message = NULL;
                if (setgid(65534) != 0 || setuid(65534) != 0 || pg_open(&pool, &config) != -EPERM)
                        _exit(0); /* permitted to all here */
                CHILD_CHECK(strstr(pg_last_error(), "/dev/userfaultfd"));
                CHILD_CHECK(strstr(pg_last_error(), "vm.unprivileged_userfaultfd=1"));
                CHILD_CHECK(strstr(pg_last_error(), "CAP_SYS_PTRACE"));
                _exit(0);
        }
        expect_child(child, 0);
}
END_TEST

TESTS("last_error")
{
        add_for_both(tc, there_is_no_text_before_the_first_failure);
        add_for_both(tc, every_failure_of_pg_open_has_a_text_and_the_callback_gets_it);
        add_for_both(tc, every_failure_to_map_has_a_text);
        add_for_both(tc, each_thread_has_its_own_text_and_a_success_leaves_it);
        tcase_add_test(tc, every_failure_of_a_store_has_a_text);
        tcase_add_test(tc, where_userfaultfd_is_refused_the_text_names_three_ways);
}
