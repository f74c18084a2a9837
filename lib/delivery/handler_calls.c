/* SPDX-License-Identifier: MIT */
/*
 * handler_calls.c - what a handler thread is to do beside faults.
 *
 * It is told by a message as well, for nothing else brings it out of read(). For that the caller
 * touches the call page. A thread that reads such a message ends, if the pool is closed; else the
 * caller's credentials have changed, and it takes them over, as it does when it reads any other
 * message. Which thread reads a call is chance, so the caller calls until all have come; a thread
 * that came rests for a while, and the next call finds another. No thread waits for all others: one
 * may be in a store that waits for the program. It comes when it is done with that. Faults are
 * served meanwhile, and the caller pauses now and then, so that they are not always served late.
 */
#include "handler_calls.h"
#include "arena.h"
#include "credentials.h"
#include "dispatch.h"
#include "kernel_page.h"
#include "pool.h"
#include "uffd.h"

#define CALL_REST_NS  (10 * TICK_NS)
#define CALL_PAUSE_NS (20 * TICK_NS)
#define LOST_WAIT_NS  (2000ull * 1000000)

/* One that starves would hold the caller up, so the first to come makes all followers ordinary
 * threads, while it still has the right to. */
void handler_follow(struct handler_threads *d, unsigned self)
{
        uint32_t bit = 1u << self;

        if (!(atomic_load(&d->behind) & bit))
                return;
        followers_raise(&d->followers);
        if (!credentials_take(d->credentials))
                atomic_store(&d->has_more, true);
        if (atomic_fetch_and(&d->behind, ~bit) != bit)
                return;
        if (!atomic_load(&d->paused))
                followers_lower(&d->followers);
        futex_wake(&d->behind, INT32_MAX);
}

bool handler_answer(struct handler_threads *d)
{
        struct uffd *u = &d->pool->uffd;
        bool goes_on = !atomic_exchange(&d->one_ends, false);
        uint32_t behind;
        size_t done;
        int error;

        uffd_copy(u, d->call_page, d->pool->ring.entries, KERNEL_PAGE_SIZE, false, &done);
        error = uffd_wake(u, d->call_page, KERNEL_PAGE_SIZE);
        if (error) {
                keeper_take_over(d->pool, error, 0);
                return false;
        }
        behind = atomic_load(&d->behind);
        if (behind)
                futex_wait(&d->behind, behind, CALL_REST_NS);
        return goes_on;
}

void handler_call(struct handler_threads *d)
{
        futex_wake(&d->paused, INT32_MAX);
        followers_call_in(&d->followers);
        arena_forget(d->call_page, KERNEL_PAGE_SIZE);
        (void)*(volatile char *)d->call_page;
}

bool handler_threads_take_credentials(struct pg_pool *pool, const struct credentials *to)
{
        struct handler_threads *d = pool->handlers;
        uint64_t began = clock_now();
        uint32_t behind;

        if (!d || d->followers.pid != getpid())
                return true; /* the threads of a parent, in a child that was not made by fork(3) */
        d->credentials = to;
        atomic_store(&d->has_more, false);
        atomic_store(&d->behind, (1u << d->started) - 1);
        atomic_fetch_and(&d->behind, atomic_load(&d->running));
        futex_wake(&d->behind, 1);
        for (unsigned calls = 1; atomic_load(&d->behind); calls++) {
                handler_call(d);
                behind = atomic_load(&d->behind);
                if (behind && calls % (2 * d->started) == 0)
                        futex_wait(&d->behind, behind, CALL_PAUSE_NS);
                /* It may wait for ever in a file that has taken the userfaultfd's number. */
                if (behind && keeper_serves(pool) && clock_now() - began > LOST_WAIT_NS)
                        return false;
        }
        return !atomic_load(&d->has_more);
}
