/* SPDX-License-Identifier: MIT */
/* minimal.c - the program of the README: 64 MiB of memory in a budget of 16 MiB. */
#include <stdio.h>
#include <unpaged/statistics.h>
#include <unpaged/unpaged.h>

int main(void)
{
        struct pg_config config = {.size = sizeof(config), .budget = 16 << 20};
        struct pg_stats s = {.size = sizeof(s)};
        struct pg_pool *pool;
        size_t n = (64 << 20) / sizeof(long);
        long *v, sum = 0;

        if (pg_open(&pool, &config) != 0 || !(v = pg_map(pool, n * sizeof(long), 0))) {
                fprintf(stderr, "%s\n", pg_last_error());
                return 1;
        }
        for (size_t i = 0; i < n; i++)
                v[i] = (long)i; /* 64 MiB written, never more than 16 MiB resident */
        for (size_t i = 0; i < n; i++)
                sum += v[i];
        pg_stats_get(pool, &s);
        printf("sum %ld: %lu faults, %lu pages written out, compressed to %lu MiB\n", sum, s.faults,
               s.pages_out, s.swap_bytes >> 20);
        return pg_close(pool) != 0;
}
