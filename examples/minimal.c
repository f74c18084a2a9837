/* SPDX-License-Identifier: MIT */
/* minimal.c - 64 MiB of memory in a budget of 16 MiB. */
#include <unpaged/unpaged.h>

#include <stdio.h>

int main(void)
{
        const size_t size = 64 << 20;
        struct pg_config config = {
                .size = sizeof(config), .budget = 16 << 20, .delivery = PG_DELIVERY_SIGNAL};
        struct pg_stats stats;
        struct pg_pool *pool;
        unsigned long sum = 0;

        if (pg_open(&pool, &config) != 0)
                return 1;
        unsigned *memory = pg_map(pool, size, 0);
        if (!memory)
                return 1;
        for (unsigned i = 0; i < size / sizeof(*memory); i++)
                memory[i] = i;
        for (unsigned i = 0; i < size / sizeof(*memory); i++)
                sum += memory[i];
        pg_stats_get(pool, &stats, sizeof(stats));
        printf("sum %lu, faults %lu, at most %zu KiB resident\n", sum, stats.faults,
               (stats.frames_peak * stats.page_size + stats.buffer_bytes) >> 10);
        return pg_close(pool) != 0;
}
