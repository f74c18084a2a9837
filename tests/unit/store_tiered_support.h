/* SPDX-License-Identifier: MIT */
/* store_tiered_support.h - what the tests of the tiered store share: the stores it is made of. */
#ifndef UNPAGED_TESTS_STORE_TIERED_SUPPORT_H
#define UNPAGED_TESTS_STORE_TIERED_SUPPORT_H

#include "../run_tests.h"
#include "store_conformance.h"

#include <unpaged/stores.h>

static inline struct pg_store *tiered(struct pg_store *upper, struct pg_store *lower)
{
        struct pg_tiered_config config = {.size = sizeof(config), .upper = upper, .lower = lower};
        struct pg_store *store = NULL;

        ck_assert_int_eq(pg_store_tiered(&store, &config), 0);
        return store;
}

static inline struct pg_store *zram(uint64_t limit)
{
        struct pg_zram_config config = {.size = sizeof(config), .limit_bytes = limit};
        struct pg_store *store = NULL;

        ck_assert_int_eq(pg_store_zram(&store, &config), 0);
        return store;
}

#endif
