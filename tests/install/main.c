/* SPDX-License-Identifier: MIT */
/*
 * main.c - a user's program: more memory than frames, every byte right.
 *
 * Where userfaultfd is refused there is nothing to page, but the library has been found, linked and
 * called, which is what tests/install asks.
 *
 * frame_get is a name the library uses inside: linking this program proves that it does not leak
 * out of the static library.
 */
#include <stdio.h>
#include <stdlib.h>

#include <unpaged/policy.h>
#include <unpaged/stores.h>
#include <unpaged/unpaged.h>

#define SIZE ((size_t)64 * 4096)

int frame_get(void);

int frame_get(void)
{
        return 0;
}

static void tell(void *arg, const char *text)
{
        (void)arg;
        fprintf(stderr, "%s\n", text);
}

int main(void)
{
        struct pg_config config = {.size = sizeof(config), .frames = 8, .message = tell};
        struct pg_store *store = NULL;
        struct pg_pool *pool = NULL;

        if (!pg_policy_find("sieve") || pg_store_zram(&store, NULL) != 0)
                return EXIT_FAILURE;
        config.swap = store;
        if (pg_open(&pool, &config) != 0)
                return pg_store_close(store) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;

        unsigned *numbers = pg_map(pool, SIZE, 0);
        if (!numbers)
                return EXIT_FAILURE;
        const size_t count = SIZE / sizeof(*numbers);
        for (size_t i = 0; i < count; i++)
                numbers[i] = (unsigned)i;
        for (size_t i = 0; i < count; i++)
                if (numbers[i] != (unsigned)i)
                        return EXIT_FAILURE;

        if (pg_close(pool) != 0 || pg_store_close(store) != 0)
                return EXIT_FAILURE;
        return frame_get();
}
