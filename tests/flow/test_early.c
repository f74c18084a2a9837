/* SPDX-License-Identifier: MIT */
/* A pool that is opened before the library's own constructors, and main(), have run. */
#include "support.h"

#define NPAGES ((size_t)64)

static size_t right;
static int error;

static void fill_and_look(char *memory)
{
        for (size_t i = 0; i < NPAGES; i++)
                *(uint64_t *)(void *)(memory + i * PAGE) = 7 + i;
        for (size_t i = 0; i < NPAGES; i++)
                right += *(volatile uint64_t *)(void *)(memory + i * PAGE) == 7 + i;
}

__attribute__((constructor(101))) static void open_early(void)
{
        struct pg_config config = config_frames(PG_DELIVERY_THREAD, NPAGES / 4, 0);
        struct pg_pool *pool;
        char *memory;

        error = pg_open(&pool, &config);
        if (error)
                return;
        memory = pg_map(pool, NPAGES * PAGE, 0);
        if (memory)
                fill_and_look(memory);
        pg_close(pool);
}

START_TEST(pool_opened_by_a_constructor_pages)
{
        ck_assert_int_eq(error, 0);
        ck_assert_uint_eq(right, NPAGES);
}
END_TEST

TESTS("early")
{
        tcase_add_test(tc, pool_opened_by_a_constructor_pages);
}
