/* SPDX-License-Identifier: MIT */
/* test_live_decode.c - files of counters, as any user can lay them down. */
#include "../run_tests.h"
#include "live_view.h"

#include <string.h>

#define BLOCKS 3u

static struct {
        struct pg_live live;
        uint64_t gauges[PG_GAUGES];
        uint64_t counters[BLOCKS][PG_COUNTERS];
} file;

static void make_file(void)
{
        memset(&file, 0, sizeof(file));
        memcpy(file.live.magic, PG_LIVE_MAGIC, sizeof(file.live.magic));
        file.live.version = PG_LIVE_VERSION;
        file.live.bytes = sizeof(file);
        file.live.page_size = 4096;
        file.live.gauges = PG_GAUGES;
        file.live.counters = PG_COUNTERS;
        file.live.gauge_offset = (uint32_t)((char *)file.gauges - (char *)&file);
        file.live.block_offset = (uint32_t)((char *)file.counters - (char *)&file);
        file.live.block_bytes = sizeof(file.counters[0]);
        file.live.blocks = BLOCKS;
        strcpy(file.live.program, "program");
}

static bool decodes(struct live_view *v)
{
        return live_decode(v, (const char *)&file, sizeof(file));
}

START_TEST(blocks_are_added_up)
{
        struct live_view v;

        for (unsigned i = 0; i < BLOCKS; i++)
                file.counters[i][PG_COUNTER_FAULTS] = 5 + i;
        file.gauges[PG_GAUGE_FRAMES_TOTAL] = 100;
        ck_assert(decodes(&v));
        ck_assert_uint_eq(v.counters[PG_COUNTER_FAULTS], 5 + 6 + 7);
        ck_assert_uint_eq(live_budget(&v), 100 * 4096);
}
END_TEST

START_TEST(what_cannot_be_is_refused)
{
        static const uint64_t sizes[] = {0, 1, 4095, 5000, (uint64_t)1 << 40};
        struct live_view v;

        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
                file.live.page_size = sizes[i];
                ck_assert(!decodes(&v));
        }
        make_file();
        file.live.blocks = UINT32_MAX;
        ck_assert(!decodes(&v));
        file.live.block_bytes = 0;
        ck_assert(!decodes(&v));
        make_file();
        file.live.block_bytes = 0; /* each the same */
        ck_assert(!decodes(&v));
        make_file();
        file.live.block_offset = UINT32_MAX - 8;
        ck_assert(!decodes(&v));
        make_file();
        file.live.gauge_offset = sizeof(file) - 8;
        ck_assert(!decodes(&v));
        make_file();
        ck_assert(!live_decode(&v, (const char *)&file, sizeof(file) - 1));
        ck_assert(!live_decode(&v, (const char *)&file, 7));
        ck_assert(decodes(&v));
}
END_TEST

START_TEST(a_name_cannot_steer_the_terminal)
{
        struct live_view v;

        strcpy(file.live.program, "\033[31mr\xc3\xb6t\n");
        memset(file.live.policy, '\033', sizeof(file.live.policy)); /* and no end */
        ck_assert(decodes(&v));
        ck_assert_str_eq(v.live.program, "?[31mr\xc3\xb6t?");
        ck_assert_uint_eq(strlen(v.live.policy), sizeof(v.live.policy) - 1);
        ck_assert_ptr_null(strchr(v.live.policy, '\033'));
}
END_TEST

TESTS("live decode")
{
        tcase_add_checked_fixture(tc, make_file, NULL);
        tcase_add_test(tc, blocks_are_added_up);
        tcase_add_test(tc, what_cannot_be_is_refused);
        tcase_add_test(tc, a_name_cannot_steer_the_terminal);
}
