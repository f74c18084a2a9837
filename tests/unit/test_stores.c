/* SPDX-License-Identifier: MIT */
/*
 * test_stores.c - the stores in memory: zram, zero and uninit.
 *
 * Beside the conformance body: what a fault handler relies on (little stack, no malloc, no errno),
 * what a limit promises, and which configurations are refused.
 */
#include <unpaged/stores.h>

#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>
#include <zstd.h>

#include "backends/builtin.h"
#include "../run_tests.h"
#include "store_conformance.h"

/* Sanitizers use stack and memory of their own, and delay signals. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define SANITIZED 0
#endif

#define KIB 1024u
#define MIB (1024u * KIB)

static const size_t every_size[] = {4 * KIB, 16 * KIB, 64 * KIB, 128 * KIB, 2 * MIB};
#define SIZES(n) every_size, (n)

static struct pg_store *zram(const char *algorithm, int level, uint64_t limit)
{
        struct pg_zram_config config = {.size = sizeof(config),
                                        .algorithm = algorithm,
                                        .level = level,
                                        .limit_bytes = limit};
        struct pg_store *store = NULL;

        ck_assert_int_eq(pg_store_zram(&store, &config), 0);
        return store;
}

static struct pg_store *make_lz4(size_t page_size)
{
        (void)page_size;
        return zram("lz4", 0, 0);
}

static struct pg_store *make_words(size_t page_size)
{
        (void)page_size;
        return zram("words", 0, 0);
}

static struct pg_store *make_zstd(size_t page_size)
{
        (void)page_size;
        return zram("zstd", 0, 0);
}

/* Holds about half of what the body wants to store. */
static struct pg_store *make_small(size_t page_size)
{
        return zram(NULL, 0,
                    (page_size > 64 * KIB  ? 12
                     : page_size > 4 * KIB ? 64
                                           : 400) *
                                    (uint64_t)page_size +
                            128 * KIB);
}

START_TEST(lz4_conforms)
{
        store_conformance(make_lz4, SIZES(5));
}
END_TEST

START_TEST(words_conforms)
{
        store_conformance(make_words, SIZES(5));
}
END_TEST

START_TEST(zstd_conforms)
{
        store_conformance(make_zstd, SIZES(4));
}
END_TEST

START_TEST(a_limited_store_refuses_and_loses_nothing)
{
        for (size_t i = 0; i < 5; i++) {
                size_t most = every_size[i] > 64 * KIB ? 16 : every_size[i] > 4 * KIB ? 100 : 600;
                struct pg_store *store = make_small(every_size[i]);
                struct conform_rig rig;

                conform_rig_open(&rig, store, every_size[i], most);
                ck_assert(conform_refused_pages_keep_their_copy(&rig, most));
                ck_assert_uint_le(conform_stats(store).memory_bytes,
                                  conform_stats(store).limit_bytes);
                conform_rig_close(&rig);
                conform_threads_do_not_meet(store, every_size[i], 4, most / 2, most * 2);
                ck_assert_uint_le(conform_stats(store).memory_bytes,
                                  conform_stats(store).limit_bytes);
                ck_assert_int_eq(pg_store_close(store), 0);
        }
}
END_TEST

START_TEST(many_threads_share_few_contexts)
{
        struct pg_store *store = zram("zstd", 0, 2 * MIB);

        conform_threads_do_not_meet(store, 4 * KIB, 12, 60, 400);
        ck_assert_int_eq(pg_store_close(store), 0);
        store = zram("zstd", 0, 0);
        conform_threads_do_not_meet(store, 4 * KIB, 12, 60, 400);
        ck_assert_int_eq(pg_store_close(store), 0);
}
END_TEST

START_TEST(zero_reads_as_zeros)
{
        struct pg_store store = {.ops = &pg_zero_ops};
        const char *zeros = calloc(1, 4 * MIB);

        ck_assert_ptr_nonnull(zeros);
        store.page_size = 4 * KIB;
        store_conformance_reads(&store, 123 * 4 * KIB, 512, zeros);
        ck_assert_ptr_nonnull(pg_zero_ops.page_at(&store, 0, 512));
        ck_assert_ptr_null(pg_zero_ops.page_at(&store, 0, 513));
        store.page_size = 2 * MIB;
        store_conformance_reads(&store, 0, 2, zeros);
        ck_assert_ptr_nonnull(pg_zero_ops.page_at(&store, 0, 1));
        ck_assert_ptr_null(pg_zero_ops.page_at(&store, 0, 2));
        free((void *)zeros);
}
END_TEST

START_TEST(uninit_leaves_the_page_alone)
{
        struct pg_store store = {.ops = &pg_uninit_ops, .page_size = 4 * KIB};
        char page[4 * KIB], before[4 * KIB];

        memset(page, 0x37, sizeof(page));
        memcpy(before, page, sizeof(page));
        ck_assert_int_eq(pg_uninit_ops.page_in(&store, 0, 1, page), 0);
        ck_assert_mem_eq(page, before, sizeof(page));
        ck_assert_uint_eq((pg_uninit_ops.flags | pg_zero_ops.flags) & PG_STORE_KEEPS, 0);
}
END_TEST

START_TEST(a_configuration_that_makes_no_sense_is_refused)
{
        struct pg_zram_config config = {.size = sizeof(config)};
        struct pg_store *store = (struct pg_store *)0x1;
        struct rlimit space, none = {.rlim_cur = 1u << 30, .rlim_max = RLIM_INFINITY};

        config.algorithm = "lzo";
        ck_assert_int_eq(pg_store_zram(&store, &config), -EINVAL);
        config.algorithm = "lz4";
        config.level = -1;
        ck_assert_int_eq(pg_store_zram(&store, &config), -EINVAL);
        config.algorithm = "zstd";
        config.level = ZSTD_maxCLevel() + 1;
        ck_assert_int_eq(pg_store_zram(&store, &config), -EINVAL);
        ck_assert_ptr_eq(store, (struct pg_store *)0x1);

        ck_assert_int_eq(getrlimit(RLIMIT_AS, &space), 0);
        none.rlim_max = space.rlim_max;
        ck_assert_int_eq(setrlimit(RLIMIT_AS, &none), 0);
        ck_assert_int_eq(pg_store_zram(&store, NULL), -ENOMEM);
        ck_assert_int_eq(setrlimit(RLIMIT_AS, &space), 0);
        ck_assert_ptr_eq(store, (struct pg_store *)0x1);

        ck_assert_int_eq(pg_store_zram(&store, NULL), 0);
        ck_assert_int_eq(pg_store_close(store), 0);
}
END_TEST

START_TEST(a_place_without_content_cannot_be_read)
{
        struct pg_store *store = zram(NULL, 0, 0);
        static char page[4 * KIB];
        uint64_t offset;

        store->page_size = sizeof(page);
        ck_assert_int_eq(store->ops->page_in(store, 0, 1, page), -EIO);
        ck_assert_int_eq(store->ops->location_get(store, &offset, true), 0);
        ck_assert_int_eq(store->ops->page_in(store, offset, 1, page), -EIO);
        ck_assert_int_eq(store->ops->page_out(store, offset, 2, page), -EIO);
        ck_assert_int_eq(store->ops->page_in(store, offset, 1, page), 0);
        ck_assert_int_eq(store->ops->page_in(store, offset, 2, page), -EIO);
        store->ops->location_free(store, offset);
        ck_assert_int_eq(store->ops->page_in(store, offset, 1, page), -EIO);
        ck_assert_int_eq(store->ops->page_out(store, offset, 1, page), -EIO);
        ck_assert_int_eq(pg_store_close(store), 0);
}
END_TEST

/* --- what a fault handler relies on --- */

#define HANDLER_STACK (256 * KIB)
#define STACK_BUDGET  (4 * KIB)

static struct conform_rig handler_rig;
static char *handler_stack;
static size_t handler_depth;

/* One operation of each kind for every kind of content; then looks how far the stack was used. */
static void operate_in_handler(int signal)
{
        char *here = __builtin_frame_address(0);
        const struct pg_store_ops *ops = handler_rig.store->ops;
        char *paint = handler_stack;

        (void)signal;
        memset(handler_stack, 0x5a, (size_t)(here - handler_stack) - 1024);
        errno = 4711;
        for (size_t i = 0; i < handler_rig.count; i++) {
                ops->location_free(handler_rig.store, handler_rig.offsets[i]);
                ops->location_get(handler_rig.store, &handler_rig.offsets[i], true);
                conform_fill(handler_rig.page, handler_rig.page_size, i);
                ops->page_out(handler_rig.store, handler_rig.offsets[i], 1, handler_rig.page);
                ops->page_in(handler_rig.store, handler_rig.offsets[i], 1, handler_rig.got);
        }
        while (*paint == 0x5a)
                paint++;
        handler_depth = (size_t)(here - paint);
}

static size_t stack_used(struct pg_store *store, size_t page_size)
{
        stack_t stack = {.ss_size = HANDLER_STACK};
        struct sigaction action = {.sa_flags = SA_ONSTACK};
        size_t heap;
        int handler_errno;

        handler_stack = stack.ss_sp = malloc(HANDLER_STACK);
        ck_assert_ptr_nonnull(handler_stack);
        ck_assert_int_eq(sigaltstack(&stack, NULL), 0);
        action.sa_handler = operate_in_handler;
        sigfillset(&action.sa_mask);
        ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);

        conform_rig_open(&handler_rig, store, page_size, 21);
        while (handler_rig.count < 21)
                ck_assert(conform_get(&handler_rig));
        heap = mallinfo2().uordblks + mallinfo2().hblkhd;
        raise(SIGUSR1);
        handler_errno = errno;
        ck_assert(SANITIZED || handler_errno == 4711);
        ck_assert(SANITIZED || mallinfo2().uordblks + mallinfo2().hblkhd == heap);
        conform_rig_close(&handler_rig);
        stack.ss_flags = SS_DISABLE;
        sigaltstack(&stack, NULL);
        free(handler_stack);
        return handler_depth;
}

START_TEST(operations_need_little_stack_and_no_malloc)
{
        static const struct {
                const char *algorithm;
                int level;
                size_t page_size;
        } cases[] = {{"words", 0, 4 * KIB}, {"words", 0, 2 * MIB}, {"lz4", 0, 4 * KIB},
                     {"lz4", 0, 2 * MIB},   {"zstd", 0, 4 * KIB},  {"zstd", 0, 2 * MIB},
                     {"zstd", -5, 4 * KIB}, {"zstd", 9, 64 * KIB}, {"zstd", 19, 4 * KIB},
                     {"zstd", 22, 2 * MIB}};

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct pg_store *store = zram(cases[i].algorithm, cases[i].level, 0);
                size_t used = stack_used(store, cases[i].page_size);

                printf("stack: %s level %d, pages of %zu KiB: %zu bytes\n", cases[i].algorithm,
                       cases[i].level, cases[i].page_size / KIB, used);
                ck_assert_int_eq(pg_store_close(store), 0);
                ck_assert(SANITIZED || used <= STACK_BUDGET);
        }
}
END_TEST

TESTS("stores")
{
        setvbuf(stdout, NULL, _IOLBF, 0);
        tcase_set_timeout(tc, 300);
        tcase_add_test(tc, lz4_conforms);
        tcase_add_test(tc, words_conforms);
        tcase_add_test(tc, zstd_conforms);
        tcase_add_test(tc, a_limited_store_refuses_and_loses_nothing);
        tcase_add_test(tc, many_threads_share_few_contexts);
        tcase_add_test(tc, zero_reads_as_zeros);
        tcase_add_test(tc, uninit_leaves_the_page_alone);
        tcase_add_test(tc, a_configuration_that_makes_no_sense_is_refused);
        tcase_add_test(tc, a_place_without_content_cannot_be_read);
        tcase_add_test(tc, operations_need_little_stack_and_no_malloc);
}
