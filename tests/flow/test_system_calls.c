/* SPDX-License-Identifier: MIT */
/*
 * System calls on paged memory: in thread delivery they just work, in signal delivery they fail
 * with EFAULT on a page that is out, or on a clean page they would write; pinned pages work in
 * both.
 */
#include "flaky_store.h"
#include "probe.h"

#include <linux/futex.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define NPAGES ((size_t)6)

struct world {
        struct pg_pool *pool;
        char *addr;
        int pipe[2], socket[2];
};

static struct world world_new(int delivery)
{
        struct world w = {.pool = open_frames(delivery, 16, PG_POOL_STRICT)};

        w.addr = map_pages(w.pool, NPAGES, 0);
        ck_assert_int_eq(pipe(w.pipe), 0);
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, w.socket), 0);
        return w;
}

static void world_end(struct world *w)
{
        for (int i = 0; i < 2; i++) {
                close(w->pipe[i]);
                close(w->socket[i]);
        }
        close_pool(w->pool);
}

static void go_out(struct world *w)
{
        ck_assert_int_eq(pg_page_out(w->pool, w->addr, NPAGES * PAGE), 0);
}

/* Each of these returns what its call returned, or -errno. */

static long call_write(struct world *w)
{
        char back[8];
        long n = write(w->pipe[1], w->addr, 8);

        if (n < 0)
                return -errno;
        ck_assert_int_eq(read(w->pipe[0], back, 8), 8);
        ck_assert_int_eq(memcmp(back, w->addr, 8), 0);
        return n;
}

static long call_read(struct world *w)
{
        char back[8];
        long n;

        ck_assert_int_eq(write(w->pipe[1], "content", 8), 8);
        n = read(w->pipe[0], w->addr + PAGE, 8);
        if (n < 0) {
                n = -errno;
                ck_assert_int_eq(read(w->pipe[0], back, 8), 8);
                return n;
        }
        ck_assert_str_eq(w->addr + PAGE, "content");
        return n;
}

static long call_readv(struct world *w)
{
        struct iovec into[2] = {{w->addr + 2 * PAGE, 3}, {w->addr + 3 * PAGE, 5}};
        char back[8];
        long n;

        ck_assert_int_eq(write(w->pipe[1], "abcdefg", 8), 8);
        n = readv(w->pipe[0], into, 2);
        if (n < 0) {
                n = -errno;
                ck_assert_int_eq(read(w->pipe[0], back, 8), 8);
                return n;
        }
        ck_assert_int_eq(memcmp(w->addr + 2 * PAGE, "abc", 3), 0);
        ck_assert_str_eq(w->addr + 3 * PAGE, "defg");
        return n;
}

static long call_recv(struct world *w)
{
        long n;

        ck_assert_int_eq(send(w->socket[0], "message", 8, 0), 8);
        n = recv(w->socket[1], w->addr + 4 * PAGE, 8, 0);
        if (n < 0)
                return -errno;
        ck_assert_str_eq(w->addr + 4 * PAGE, "message");
        return n;
}

/* Compares the word with a value that it has not: EAGAIN when it could be read at all. */
static long call_futex(struct world *w)
{
        return syscall(SYS_futex, w->addr + 5 * PAGE, FUTEX_WAIT_PRIVATE, 12345, NULL, NULL, 0) < 0
                       ? -errno
                       : 0;
}

static const struct {
        long (*call)(struct world *);
        long works;
} calls[] = {
        {call_write, 8}, {call_read, 8}, {call_readv, 8}, {call_recv, 8}, {call_futex, -EAGAIN},
};

#define NCALLS (sizeof(calls) / sizeof(calls[0]))

START_TEST(pages_that_are_out_work_in_thread_delivery_only)
{
        struct world w = world_new(_i);

        for (size_t i = 0; i < NCALLS; i++) {
                uint64_t before;

                fill_pages(w.addr, NPAGES, 1);
                go_out(&w);
                before = faults_of(w.pool);
                ck_assert_int_eq(calls[i].call(&w),
                                 _i == PG_DELIVERY_THREAD ? calls[i].works : -EFAULT);
                if (_i == PG_DELIVERY_THREAD)
                        ck_assert_uint_gt(faults_of(w.pool), before);
                else
                        ck_assert_uint_eq(faults_of(w.pool), before);
        }
        world_end(&w);
}
END_TEST

START_TEST(pages_never_touched_work_in_thread_delivery_only)
{
        struct world w = world_new(_i);

        for (size_t i = 0; i < NCALLS; i++)
                ck_assert_int_eq(calls[i].call(&w),
                                 _i == PG_DELIVERY_THREAD ? calls[i].works : -EFAULT);
        world_end(&w);
}
END_TEST

START_TEST(resident_dirty_pages_work)
{
        struct world w = world_new(_i);

        fill_pages(w.addr, NPAGES, 1);
        for (size_t i = 0; i < NCALLS; i++)
                ck_assert_int_eq(calls[i].call(&w), calls[i].works);
        world_end(&w);
}
END_TEST

/* Clean pages are write-protected: the kernel may read them, but not write them. */
START_TEST(clean_pages_can_be_read_but_not_written_in_signal_delivery)
{
        struct world w = world_new(_i);
        bool works = _i == PG_DELIVERY_THREAD;

        fill_pages(w.addr, NPAGES, 1);
        go_out(&w);
        check_pages(w.addr, NPAGES, 1);
        ck_assert_int_eq(call_write(&w), 8);
        ck_assert_int_eq(call_futex(&w), -EAGAIN);
        ck_assert_int_eq(call_read(&w), works ? 8 : -EFAULT);
        ck_assert_int_eq(call_readv(&w), works ? 8 : -EFAULT);
        ck_assert_int_eq(call_recv(&w), works ? 8 : -EFAULT);
        ck_assert_settles(stats_of(w.pool).protect_faults == (works ? 4 : 0));
        world_end(&w);
}
END_TEST

START_TEST(pinned_pages_work)
{
        struct world w = world_new(_i);

        fill_pages(w.addr, NPAGES, 1);
        go_out(&w);
        check_pages(w.addr, NPAGES / 2, 1); /* half of them are clean, half are out */
        ck_assert_int_eq(pg_pin(w.pool, w.addr, NPAGES * PAGE), 0);
        for (size_t i = 0; i < NCALLS; i++)
                ck_assert_int_eq(calls[i].call(&w), calls[i].works);
        ck_assert_int_eq(pg_unpin(w.pool, w.addr, NPAGES * PAGE), 0);
        world_end(&w);
}
END_TEST

/* What the kernel wrote is a modification like any other. */
START_TEST(what_a_system_call_wrote_survives_eviction)
{
        struct world w = world_new(_i);

        if (_i == PG_DELIVERY_SIGNAL)
                ck_assert_int_eq(pg_pin(w.pool, w.addr, NPAGES * PAGE), 0);
        ck_assert_int_eq(call_read(&w), 8);
        ck_assert_int_eq(pg_unpin(w.pool, w.addr, NPAGES * PAGE), 0);
        go_out(&w);
        ck_assert_str_eq(w.addr + PAGE, "content"); /* clean now */
        if (_i == PG_DELIVERY_SIGNAL)
                ck_assert_int_eq(pg_pin(w.pool, w.addr, NPAGES * PAGE), 0);
        ck_assert_int_eq(write(w.pipe[1], "changed", 8), 8);
        ck_assert_int_eq(read(w.pipe[0], w.addr + PAGE, 8), 8);
        ck_assert_int_eq(pg_unpin(w.pool, w.addr, NPAGES * PAGE), 0);
        go_out(&w);
        ck_assert_str_eq(w.addr + PAGE, "changed");
        world_end(&w);
}
END_TEST

TESTS("system_calls")
{
        add_for_both(tc, pages_that_are_out_work_in_thread_delivery_only);
        add_for_both(tc, pages_never_touched_work_in_thread_delivery_only);
        add_for_both(tc, resident_dirty_pages_work);
        add_for_both(tc, clean_pages_can_be_read_but_not_written_in_signal_delivery);
        add_for_both(tc, pinned_pages_work);
        add_for_both(tc, what_a_system_call_wrote_survives_eviction);
}
