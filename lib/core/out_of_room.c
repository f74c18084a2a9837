/* SPDX-License-Identifier: MIT */
/*
 * out_of_room.c - which limit was reached when no frame could be had; and that the pager is cut off
 * from its userfaultfd.
 *
 * The access is about to get SIGBUS, and most programs end by it. So the application hears the
 * cause first, once for each pool, in the thread that serves the fault; no other one gets SIGBUS
 * before that. The line is put together without stdio: this may be a signal handler.
 *
 * A limit is a matter of the application's. That the pager is cut off is fatal for what it pages,
 * so where the application does not listen, standard error gets the line.
 */
#include "out_of_room.h"
#include "frame.h"
#include "futex_lock.h"
#include "pool.h"
#include "store_gate.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define TELLING_NS (1000u * 1000000)

enum { UNTOLD, TELLING, TOLD };

struct line {
        size_t len;
        char at[384];
};

static void line_add(struct line *l, const char *words)
{
        size_t n = strlen(words), room = sizeof(l->at) - 1 - l->len;

        n = n < room ? n : room;
        memcpy(l->at + l->len, words, n);
        l->len += n;
        l->at[l->len] = '\0';
}

static void line_add_number(struct line *l, uint64_t n)
{
        char digits[24], *at = digits + sizeof(digits);

        *--at = '\0';
        do
                *--at = (char)('0' + n % 10);
        while (n /= 10);
        line_add(l, at);
}

/* True for the first thread: it tells. When others return, it has told; or it does not get on, as
 * when nobody reads what it writes. */
static bool telling_begin(_Atomic uint32_t *told)
{
        uint32_t state = UNTOLD;
        uint64_t until = clock_now() + TELLING_NS;

        if (atomic_compare_exchange_strong(told, &state, TELLING))
                return true;
        while (atomic_load(told) == TELLING && clock_now() < until)
                futex_wait(told, TELLING, TELLING_NS);
        return false;
}

static void telling_end(_Atomic uint32_t *told)
{
        atomic_store(told, TOLD);
        futex_wake(told, INT_MAX);
}

static void name_full_store(struct line *l, struct pg_pool *pool)
{
        uint64_t ignored;
        struct pg_store *swap =
                store_find(&pool->stores, location_make(pool->stores.swap, 0), &ignored);
        uint64_t cap = atomic_load(&pool->cap.bytes);
        struct pg_store_stats stats;

        store_stats(swap, &stats);
        if (cap) {
                line_add(l, "the memory of ");
                line_add_number(l, cap);
                line_add(l, " bytes is full, and the swap store (");
                line_add(l, store_name(swap));
                line_add(l, store_flags(swap) & PG_STORE_SPILLS
                                    ? ") has no room below; give it some, or raise the memory"
                                    : ") has no other place; use one that spills to a file, or "
                                      "raise the memory");
                return;
        }
        if (store_flags(swap) & PG_STORE_SPILLS && stats.limit_hits) {
                line_add(l, "the swap store (");
                line_add(l, store_name(swap));
                line_add(l, ") is full, in memory and below: give it more room in either, or raise "
                            "the budget");
                return;
        }
        if (stats.limit_bytes == 0 || stats.limit_hits == 0) {
                line_add(l,
                         "a store is full: the memory, or the file system, that it writes to has "
                         "no room left; make room there, or raise the budget");
                return;
        }
        line_add(l, "the swap store (");
        line_add(l, store_name(swap));
        line_add(l, ") has reached its limit of ");
        line_add_number(l, stats.limit_bytes);
        line_add(l, " bytes; raise it, or the budget");
}

static void name_cause(struct line *l, struct pg_pool *pool, int error)
{
        switch (error) {
        case -ENOSPC:
                name_full_store(l, pool);
                break;
        case -ENOMEM:
                line_add(l, "all frames are pinned; unpin pages, or raise the budget");
                break;
        case -EBUSY:
                line_add(l,
                         "the kernel has pinned or locked every page that could go out; raise the "
                         "budget");
                break;
        case -EPROTO:
                line_add(l, "the policy (");
                line_add(l, pool->policy.ops.name ? pool->policy.ops.name : "without a name");
                line_add(l, ") names no page to go, although it has some: an error in the policy; "
                            "choose another one for the budget");
                break;
        default:
                line_add(l, "a store failed to save pages, with errno ");
                line_add_number(l, (uint64_t)-error);
        }
}

void out_of_room_report(struct pg_pool *pool, int error)
{
        struct line l = {.len = 0};
        uint32_t limit;

        if (!pool->out_of_room || !telling_begin(&pool->told_out_of_room))
                return;
        line_add(&l, "out of room: ");
        name_cause(&l, pool, error);
        line_add(&l, " of ");
        pool_lock(pool);
        limit = pool->frames.limit;
        pool_unlock(pool);
        line_add_number(&l, limit);
        line_add(&l, " frames. The access gets SIGBUS");
        pool->out_of_room(pool->message_arg, l.at);
        telling_end(&pool->told_out_of_room);
}

/* In one piece: the process may end at any moment. */
static void line_to_stderr(struct line *l)
{
        static const char begin[] = "unpaged: ";
        struct iovec parts[] = {{(void *)(uintptr_t)begin, sizeof(begin) - 1},
                                {l->at, l->len},
                                {l->at + l->len, 1}};

        l->at[l->len] = '\n';
        if (writev(STDERR_FILENO, parts, 3) < 0)
                return;
}

void cut_off_report(struct pg_pool *pool, int error)
{
        struct line l = {.len = 0};

        if (error == 0 || !telling_begin(&pool->told_cut_off))
                return;
        line_add(&l, "paged memory is lost: ");
        if (error == -EBADF || error == -ENOTTY) {
                line_add(&l, "the program has closed the pager's userfaultfd, or put another file "
                             "in its place; code that closes descriptors must spare those of "
                             "pg_fds()");
        } else {
                line_add(&l,
                         "a filter of system calls (seccomp) refuses the pager its calls on the "
                         "userfaultfd, with errno ");
                line_add_number(&l, (uint64_t)-error);
        }
        line_add(&l, ". The access gets SIGBUS");
        if (pool->out_of_room)
                pool->out_of_room(pool->message_arg, l.at);
        else
                line_to_stderr(&l);
        telling_end(&pool->told_cut_off);
}
