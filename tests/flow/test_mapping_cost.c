/* SPDX-License-Identifier: MIT */
/* A mapping costs what is touched of it, whatever its size: 1 TiB in a millisecond, no memory. */
#include "probe.h"

#include <time.h>

#define TIB ((size_t)1 << 40)

/* Bytes of anonymous memory of this process. */
static size_t anonymous_bytes(void)
{
        char text[4096];
        FILE *status = fopen("/proc/self/status", "r");
        size_t kib = 0;

        ck_assert_ptr_nonnull(status);
        while (fgets(text, sizeof(text), status))
                if (sscanf(text, "RssAnon: %zu kB", &kib) == 1)
                        break;
        fclose(status);
        return kib << 10;
}

START_TEST(a_tebibyte_is_mapped_in_no_time_and_no_memory)
{
        struct pg_pool *pool = open_frames(_i, 64, 0);
        uint64_t best = UINT64_MAX;
        size_t before, grown;
        char *addr = map_pages(pool, 1, 0); /* whatever is made once is made now */
        touch(addr);

        addr = pg_map(pool, TIB, 0);
        if (!addr && *SANITIZER) {
                fprintf(stderr, "skipped: no 1 TiB of address space beside the %s sanitizer\n",
                        SANITIZER);
                close_pool(pool);
                return;
        }
        ck_assert_ptr_nonnull(addr);
        ck_assert_int_eq(pg_unmap(pool, addr, TIB), 0);
        before = anonymous_bytes();
        for (int i = 0; i < 10; i++) {
                uint64_t began = now_ns(), took;

                addr = pg_map(pool, TIB, 0);
                took = now_ns() - began;
                best = took < best ? took : best;
                ck_assert_ptr_nonnull(addr);
                ck_assert_int_eq(pg_unmap(pool, addr, TIB), 0);
        }
        addr = pg_map(pool, TIB, 0);
        grown = anonymous_bytes() > before ? anonymous_bytes() - before : 0;
        ck_assert_uint_lt(best, 1000000);
        if (!*SANITIZER)
                ck_assert_uint_le(grown, 64 << 10);
        for (size_t at = 0; at < TIB; at += TIB / 64)
                addr[at] = (char)(at >> 34);
        for (size_t at = 0; at < TIB; at += TIB / 64)
                ck_assert_int_eq(addr[at], (char)(at >> 34));
        /* A page, a page of the table, and a page of page tables of the kernel's for each. */
        grown = anonymous_bytes() > before ? anonymous_bytes() - before : 0;
        if (!*SANITIZER)
                ck_assert_uint_le(grown, (64 + 64 + 16 + 64) * PAGE);
        ck_assert_int_eq(pg_unmap(pool, addr, TIB), 0);
        /* The page of the first mapping may have stayed: which goes is the policy's choice. */
        ck_assert_uint_ge(stats_of(pool).frames_free, 63);
        close_pool(pool);
}
END_TEST

TESTS("mapping_cost")
{
        add_for_both(tc, a_tebibyte_is_mapped_in_no_time_and_no_memory);
}
