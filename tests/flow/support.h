/* SPDX-License-Identifier: MIT */
/*
 * support.h - what the tests with real faults share.
 *
 * Tests run once for each delivery: add_for_both() adds them, and _i is the delivery. Counts of
 * events are asserted on strict pools, which give exact ones, and evict
 * in the order of arrival here, whatever the default policy is.
 */
#ifndef SUPPORT_H
#define SUPPORT_H

#include "../run_tests.h"
#include "bench_util.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <unpaged/policy.h>
#include <unpaged/store.h>
#include <unpaged/stores.h>
#include <unpaged/statistics.h>
#include <unpaged/unpaged.h>

#define PAGE ((size_t)4096)

#define add_for_both(tcase, test)                                                                  \
        tcase_add_loop_test(tcase, test, PG_DELIVERY_THREAD, PG_DELIVERY_SIGNAL + 1)

static inline void print_message(void *arg, const char *text)
{
        (void)arg;
        fprintf(stderr, "pg_open: %s\n", text);
}

/* Strict pools, whose events are counted, go by order of arrival. */
static inline struct pg_config config_frames(int delivery, uint32_t frames, unsigned flags)
{
        return (struct pg_config){
                .size = sizeof(struct pg_config),
                .frames = frames,
                .flags = flags,
                .delivery = (enum pg_delivery)delivery,
                .policy = flags & PG_POOL_STRICT ? "fifo" : NULL,
                .message = print_message,
        };
}

static inline struct pg_pool *open_config(const struct pg_config *config)
{
        struct pg_pool *pool = NULL;
        int error = pg_open(&pool, config);

        ck_assert_msg(error == 0, "pg_open: %s", strerror(-error));
        return pool;
}

static inline struct pg_pool *open_frames(int delivery, uint32_t frames, unsigned flags)
{
        struct pg_config config = config_frames(delivery, frames, flags);

        return open_config(&config);
}

/* With a swap store of the test's. */
static inline struct pg_pool *open_swap(int delivery, uint32_t frames, unsigned flags,
                                        struct pg_store *swap)
{
        struct pg_config config = config_frames(delivery, frames, flags);

        config.swap = swap;
        return open_config(&config);
}

static inline void close_pool(struct pg_pool *pool)
{
        ck_assert_int_eq(pg_close(pool), 0);
}

/* For calls that may be refused; else stats_of(). */
static inline int stats_get(struct pg_pool *pool, struct pg_stats *stats)
{
        return pg_stats_get(pool, stats);
}

static inline struct pg_stats stats_of(struct pg_pool *pool)
{
        struct pg_stats stats = {.size = sizeof(stats)};

        ck_assert_int_eq(stats_get(pool, &stats), 0);
        return stats;
}

/* A handler may still be busy with pages read ahead when the faulting thread goes on. */
static inline void expect_idle(struct pg_pool *pool)
{
        for (unsigned i = 0; i < 1000 && stats_of(pool).frames_busy != 0; i++)
                usleep(1000);
        ck_assert_uint_eq(stats_of(pool).frames_busy, 0);
}

static inline uint64_t faults_of(struct pg_pool *pool)
{
        return stats_of(pool).faults;
}

static inline char touch(const volatile char *addr)
{
        return *addr;
}

static inline void *map_pages(struct pg_pool *pool, size_t npages, unsigned flags)
{
        void *addr = pg_map(pool, npages * PAGE, flags);

        ck_assert_ptr_nonnull(addr);
        return addr;
}

/* The first pages of a store. */
static inline char *map_store(struct pg_pool *pool, struct pg_store *store, size_t npages,
                              unsigned flags)
{
        pg_location base;
        char *addr;

        ck_assert_int_eq(pg_attach(pool, store, &base), 0);
        addr = pg_map_unpaged(pool, base, npages * PAGE, flags);
        ck_assert_ptr_nonnull(addr);
        return addr;
}

/* A file in memory, all holes. */
static inline int memory_file(size_t size)
{
        int fd = memfd_create("memory", MFD_CLOEXEC);

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
        return fd;
}

/* Page i of it begins with the word i. */
static inline int numbered_file(size_t npages)
{
        int fd = memory_file(npages * PAGE);

        for (uint64_t i = 0; i < npages; i++)
                ck_assert_int_eq(pwrite(fd, &i, sizeof(i), (off_t)(i * PAGE)), sizeof(i));
        return fd;
}

static inline struct pg_store *file_store(int fd)
{
        struct pg_file_config config = {.size = sizeof(config), .fd = fd};
        struct pg_store *store = NULL;

        ck_assert_int_eq(pg_store_file(&store, &config), 0);
        return store;
}

/* The same for a file that nobody else needs. */
static inline struct pg_store *file_store_only(int fd)
{
        struct pg_store *store = file_store(fd);

        close(fd);
        return store;
}

/* True when the kernel (as far as UNPAGED_MASK_FEATURES shows it) lacks the feature. */
static inline int is_masked(const char *feature)
{
        const char *list = getenv("UNPAGED_MASK_FEATURES");

        return list && strstr(list, feature) != NULL;
}

#endif
