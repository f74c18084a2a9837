/* SPDX-License-Identifier: MIT */
/*
 * support.h - what the tests with real faults share.
 *
 * Tests run once for each delivery: they are added as loop tests over DELIVERIES, and _i is the
 * delivery. Counts of events are asserted on strict pools, which give exact ones, and evict
 * in the order of arrival here, whatever the default policy is.
 */
#ifndef SUPPORT_H
#define SUPPORT_H

#include "bench_util.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <unpaged/policy.h>
#include <unpaged/store.h>
#include <unpaged/stores.h>
#include <unpaged/unpaged.h>

#define PAGE       ((size_t)4096)
#define DELIVERIES PG_DELIVERY_THREAD, PG_DELIVERY_SIGNAL + 1 /* for tcase_add_loop_test */

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

static inline struct pg_stats stats_of(struct pg_pool *pool)
{
        struct pg_stats stats = {.size = sizeof(stats)};

        ck_assert_int_eq(pg_stats_get(pool, &stats), 0);
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

/* True when the kernel (as far as UNPAGED_MASK_FEATURES shows it) lacks the feature. */
static inline int is_masked(const char *feature)
{
        const char *list = getenv("UNPAGED_MASK_FEATURES");

        return list && strstr(list, feature) != NULL;
}

static inline int run_suite(Suite *suite)
{
        SRunner *runner = srunner_create(suite);
        int failed;

        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
