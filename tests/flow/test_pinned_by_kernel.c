/* SPDX-License-Identifier: MIT */
/*
 * test_pinned_by_kernel.c - the kernel pins more pages at once than the pool has frames: the budget
 * is exceeded for as long as that lasts, and no access fails.
 */
#include "support.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unpaged/statistics.h>

#define FRAMES 64u
#define PAGES  256u

static char *map_written(struct pg_pool *pool)
{
        char *map = map_pages(pool, PAGES, 0);

        for (size_t i = 0; i < PAGES; i++)
                memset(map + i * PAGE, (int)i + 1, PAGE);
        return map;
}

static void expect_pages(const char *map)
{
        for (size_t i = 0; i < PAGES; i++) {
                ck_assert_int_eq(map[i * PAGE], (char)(i + 1));
                ck_assert_int_eq(map[i * PAGE + PAGE - 1], (char)(i + 1));
        }
}

/* The pool is within its budget again, once pages have come in and others gone out. */
static void expect_within_budget(struct pg_pool *pool, const char *map)
{
        struct pg_stats s;

        expect_pages(map);
        s = stats_of(pool);
        ck_assert_uint_le(s.frames_pinned + s.frames_queued + s.frames_busy, FRAMES);
        ck_assert_int_eq(pg_page_out(pool, map, PAGES * PAGE), 0);
        ck_assert_uint_eq(stats_of(pool).frames_free, FRAMES);
}

/* Where pages cannot be moved the pager does not see that they are pinned. */
static bool sees_pins(void)
{
        if (!is_masked("move"))
                return true;
        printf("skipped: without moves\n");
        return false;
}

/* process_vm_writev(2) pins what it writes to: here all of it, in one go. */
START_TEST(write_from_outside_into_more_pages_than_there_are_frames_succeeds)
{
        struct pg_pool *pool = open_frames(PG_DELIVERY_THREAD, FRAMES, 0);
        char *map = map_pages(pool, PAGES, 0);
        char *from = malloc(PAGES * PAGE);
        struct iovec here = {from, PAGES * PAGE}, there = {map, PAGES * PAGE};

        if (!sees_pins())
                return;
        for (size_t i = 0; i < PAGES; i++)
                memset(from + i * PAGE, (int)i + 1, PAGE);
        ck_assert_int_eq(process_vm_writev(getpid(), &here, 1, &there, 1, 0), PAGES * PAGE);
        ck_assert_uint_gt(stats_of(pool).above_budget, 0);
        ck_assert_uint_eq(stats_of(pool).errors_frames, 0);
        expect_within_budget(pool, map);
        free(from);
        close_pool(pool);
}
END_TEST

static int ring_with_buffer(void *buffer, size_t size)
{
        struct io_uring_params params = {0};
        struct iovec v = {buffer, size};
        int ring = (int)syscall(SYS_io_uring_setup, 4, &params);

        if (ring < 0)
                return -1;
        ck_assert_int_eq(syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &v, 1), 0);
        return ring;
}

/* An io_uring keeps its buffers pinned for as long as it lives. */
START_TEST(buffers_of_an_io_uring_larger_than_the_budget_leave_room_for_faults)
{
        struct pg_pool *pool = open_frames(PG_DELIVERY_THREAD, FRAMES, 0);
        char *map = map_written(pool), *other = map_written(pool);
        int ring = ring_with_buffer(map, PAGES * PAGE);

        if (!sees_pins())
                return;
        if (ring < 0) {
                printf("skipped: no io_uring here (%s)\n", strerror(errno));
                close_pool(pool);
                return;
        }
        for (unsigned round = 0; round < 2; round++) {
                expect_pages(other);
                expect_pages(map);
        }
        ck_assert_uint_gt(stats_of(pool).above_budget, 0);
        ck_assert_uint_eq(stats_of(pool).errors_frames, 0);
        close(ring);
        for (unsigned i = 0; i < 2000 && pg_page_out(pool, map, PAGES * PAGE) == -EBUSY; i++)
                usleep(1000); /* the kernel takes its time */
        expect_within_budget(pool, other);
        expect_pages(map);
        close_pool(pool);
}
END_TEST

TESTS("pinned_by_kernel")
{
        tcase_add_test(tc, write_from_outside_into_more_pages_than_there_are_frames_succeeds);
        tcase_add_test(tc, buffers_of_an_io_uring_larger_than_the_budget_leave_room_for_faults);
}
