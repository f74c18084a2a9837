/* SPDX-License-Identifier: MIT */
/*
 * What the pager needs beside its budget: at most 16 bytes a touched page and 64 bytes a frame, and
 * nothing for pages and frames that were never used. Measured on resident memory, with a few pages
 * for what is rounded up.
 */
#include "probe.h"
#include "ranges.h"

#define FRAMES ((size_t)1024)
#define NPAGES ((size_t)4096)
#define FEW    (4 * PAGE)

START_TEST(tables_cost_16_bytes_a_page_and_64_a_frame)
{
        const struct pg_policy_ops *ops;

        for (unsigned p = 0; (ops = pg_policy_at(p)) != NULL; p++) {
                struct pg_config config = config_frames(_i, FRAMES, 0);
                size_t tables, per_frame;
                struct pg_pool *pool;
                char *addr;

                config.policy = ops->name;
                ranges_forget();
                pool = open_config(&config);
                addr = map_pages(pool, NPAGES * 1024, 0); /* most of it is never touched */
                per_frame = resident_of("unpaged-frames") + resident_of("unpaged-policy");
                ck_assert_uint_le(per_frame, FEW);
                ck_assert_uint_eq(resident_of("unpaged-table"), 0);

                /* Half of the frames: they cost no more than their share. */
                touch_pages(addr, FRAMES / 2);
                per_frame = resident_of("unpaged-frames") + resident_of("unpaged-policy");
                ck_assert_uint_le(per_frame, 64 * (FRAMES / 2) + FEW);

                touch_pages(addr, NPAGES);
                tables = resident_of("unpaged-table");
                per_frame = resident_of("unpaged-frames") + resident_of("unpaged-policy");
                ck_assert_msg(tables <= 16 * NPAGES + FEW, "%zu bytes for %zu pages", tables,
                              NPAGES);
                ck_assert_msg(per_frame <= 64 * FRAMES + FEW, "%s: %zu bytes for %zu frames",
                              ops->name, per_frame, FRAMES);
                ck_assert_uint_ge(tables, 8 * NPAGES); /* the measure measures */
                ck_assert_uint_ge(per_frame, 16 * FRAMES);
                close_pool(pool);
        }
}
END_TEST

START_TEST(a_pool_that_does_nothing_costs_little)
{
        static const char *const names[] = {
                "unpaged-frames",   "unpaged-policy",   "unpaged-slots",      "unpaged-buffers",
                "unpaged-stats",    "unpaged-contexts", "unpaged-ghosts",     "unpaged-call-page",
                "unpaged-handlers", "unpaged-trace",    "unpaged-event-ring",
        };
        struct pg_pool *pool = open_frames(_i, FRAMES, 0);
        size_t bytes = 0;

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                bytes += resident_of(names[i]);
        ck_assert_uint_le(bytes, 128 << 10);
        close_pool(pool);
}
END_TEST

TESTS("metadata")
{
        add_for_both(tc, tables_cost_16_bytes_a_page_and_64_a_frame);
        add_for_both(tc, a_pool_that_does_nothing_costs_little);
}
