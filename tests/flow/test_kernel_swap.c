/* SPDX-License-Identifier: MIT */
/*
 * test_kernel_swap.c - the kernel swaps pages of ours, as it does when a cgroup has less memory
 * than the pool's budget.
 *
 * A page that is swapped out while it is clean keeps its write protection in the entry of the page
 * table, and UFFDIO_MOVE takes the entry as it is. The test switches a swap file on, so it runs
 * alone, as root.
 */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/swap.h>
#include <unpaged/store.h>

#define SWAP_FILE  "kernel-swap.tmp"
#define SWAP_BYTES ((size_t)16 << 20)
#define PAGES      128u

/* What mkswap(8) writes: the first page of a swap area. */
struct swap_header {
        char boot[1024];
        uint32_t version, last_page, bad_pages;
        char rest[PAGE - 1024 - 12 - 10];
        char magic[10];
} __attribute__((packed));
_Static_assert(sizeof(struct swap_header) == PAGE, "the kernel reads one page");

static int swap_file_make(void)
{
        struct swap_header header = {.version = 1, .last_page = SWAP_BYTES / PAGE - 1};
        static const char zeros[1 << 16];
        int fd = open(SWAP_FILE, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        int error = 0;

        if (fd < 0)
                return errno;
        memcpy(header.magic, "SWAPSPACE2", sizeof(header.magic));
        for (size_t at = 0; at < SWAP_BYTES && !error; at += sizeof(zeros))
                error = write(fd, zeros, sizeof(zeros)) == (ssize_t)sizeof(zeros) ? 0 : errno;
        if (!error && pwrite(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header))
                error = errno;
        if (!error && fsync(fd) != 0)
                error = errno;
        close(fd);
        return error;
}

static unsigned swapped_kb(void)
{
        FILE *f = fopen("/proc/self/status", "re");
        char line[128];
        unsigned kb = 0;

        while (f && fgets(line, sizeof(line), f))
                sscanf(line, "VmSwap: %u", &kb);
        if (f)
                fclose(f);
        return kb;
}

/* All that is mapped there goes into the kernel's swap. */
static void swap_out(char *map)
{
        unsigned before = swapped_kb();

        ck_assert_int_eq(madvise(map, PAGES * PAGE, MADV_PAGEOUT), 0);
        ck_assert_uint_gt(swapped_kb(), before + PAGES * 2); /* half of it at least */
}

/* A mapping of clean pages, page i of the byte i. */
static char *map_clean(struct pg_pool *pool)
{
        char *map = map_pages(pool, PAGES, 0);

        for (size_t i = 0; i < PAGES; i++)
                memset(map + i * PAGE, (int)i + 1, PAGE);
        ck_assert_int_eq(pg_page_out(pool, map, PAGES * PAGE), 0);
        for (size_t i = 0; i < PAGES; i++)
                touch(map + i * PAGE);
        return map;
}

static void expect_written(const char *map)
{
        for (size_t i = 0; i < PAGES; i++) {
                ck_assert_int_eq(map[i * PAGE], 77);
                ck_assert_int_eq(map[i * PAGE + 1], (char)(i + 1));
        }
}

START_TEST(page_that_the_kernel_swapped_while_clean_can_be_written_after_its_rescue)
{
        struct pg_pool *pool = open_frames(_i, 640, 0);
        char *map = map_clean(pool);

        swap_out(map);
        ck_assert_int_eq(pg_advise(pool, map, PAGES * PAGE, PG_ADVICE_COLD), 0);
        ck_assert_uint_gt(stats_of(pool).frames_queued, PAGES / 2);
        for (size_t i = 0; i < PAGES; i++)
                ((volatile char *)map)[i * PAGE] = 77;
        expect_written(map);
        ck_assert_int_eq(pg_page_out(pool, map, PAGES * PAGE), 0);
        expect_written(map);
        close_pool(pool);
}
END_TEST

START_TEST(page_that_the_kernel_swapped_can_be_written_by_it_once_pinned)
{
        struct pg_pool *pool = open_frames(_i, 640, 0);
        char *map = map_clean(pool);
        int fd = memory_file(PAGES * PAGE);

        swap_out(map);
        ck_assert_int_eq(pg_advise(pool, map, PAGES * PAGE, PG_ADVICE_COLD), 0);
        ck_assert_int_eq(pg_pin(pool, map, PAGES * PAGE), 0);
        ck_assert_int_eq(pread(fd, map, PAGES * PAGE, 0), PAGES * PAGE);
        for (size_t i = 0; i < PAGES * PAGE; i++)
                ck_assert_int_eq(map[i], 0);
        close(fd);
        close_pool(pool);
}
END_TEST

/* With every way in and out: clean and modified, mapped and queued, in memory and swapped. */
START_TEST(no_write_is_lost_while_the_kernel_swaps)
{
        struct pg_pool *pool = open_frames(_i, 64, 0);
        unsigned char expected[PAGES] = {0};
        uint64_t seed = 7;
        char *map = map_pages(pool, PAGES, 0);
        bool swapped = false;

        for (unsigned round = 0; round < 4000; round++) {
                size_t page = random_below(&seed, PAGES);

                ck_assert_uint_eq((unsigned char)map[page * PAGE + 9], expected[page]);
                if (random_below(&seed, 2))
                        map[page * PAGE + 9] = (char)++expected[page];
                if (round % 100 != 0)
                        continue;
                madvise(map, PAGES * PAGE, MADV_PAGEOUT);
                swapped = swapped || swapped_kb() > 0;
        }
        ck_assert(swapped);
        close_pool(pool);
}
END_TEST

static void add_all(TCase *tc)
{
        add_for_both(tc, page_that_the_kernel_swapped_while_clean_can_be_written_after_its_rescue);
        add_for_both(tc, page_that_the_kernel_swapped_can_be_written_by_it_once_pinned);
        add_for_both(tc, no_write_is_lost_while_the_kernel_swaps);
}

int main(void)
{
        int error = swap_file_make(), failed;

        if (!error && swapon(SWAP_FILE, 0) != 0)
                error = errno;
        if (error) {
                printf("skipped: no swap file can be switched on here (%s)\n", strerror(error));
                unlink(SWAP_FILE);
                return 77;
        }
        failed = run_tests("kernel_swap", add_all);
        swapoff(SWAP_FILE);
        unlink(SWAP_FILE);
        return failed;
}
