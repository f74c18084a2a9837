/* SPDX-License-Identifier: MIT */
/*
 * probe.h - what an access does: the signal it raises, the events it costs, where its page is then.
 *
 * access_signal() performs one access with the program's own handlers for SIGSEGV and SIGBUS in
 * place, so a test sees what a program would see: 0, SIGSEGV, or SIGBUS for a poisoned page. In
 * signal delivery this goes through the library's handler first, as in any program.
 */
#ifndef PROBE_H
#define PROBE_H

#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <unpaged/statistics.h>
#include "support.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZER "address"
#elif defined(__SANITIZE_THREAD__)
#define SANITIZER "thread"
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZER "address"
#elif __has_feature(thread_sanitizer)
#define SANITIZER "thread"
#endif
#endif
#ifndef SANITIZER
#define SANITIZER ""
#endif

static __thread sigjmp_buf probe_return;
static __thread volatile sig_atomic_t probe_armed;

static inline void probe_on_signal(int sig)
{
        if (!probe_armed) {
                signal(sig, SIG_DFL); /* not an access of ours: let it end the test */
                return;
        }
        siglongjmp(probe_return, sig);
}

/* Once, before threads call access_signal(), and after the last pool was opened. */
static inline void probe_install(void)
{
        struct sigaction act = {.sa_handler = probe_on_signal, .sa_flags = SA_NODEFER};

        sigaction(SIGSEGV, &act, NULL);
        sigaction(SIGBUS, &act, NULL);
}

/* An access may race with the end of its mapping: that is what such a test is about, not a mistake
 * for ThreadSanitizer to report. */
#define MAY_RACE __attribute__((no_sanitize("thread")))

/* The signal that a read, or a write of the byte that is there, raises; 0: none. */
MAY_RACE static inline int access_signal(void *addr, bool write)
{
        char *at = addr;
        int sig = sigsetjmp(probe_return, 1);

        if (sig == 0) {
                char byte;

                probe_armed = 1;
                byte = __atomic_load_n(at, __ATOMIC_RELAXED);
                if (write)
                        __atomic_store_n(at, byte, __ATOMIC_RELAXED);
        }
        probe_armed = 0;
        return sig;
}

static inline bool is_resident(struct pg_pool *pool, const void *addr)
{
        pg_location location;
        int resident = pg_location_query(pool, addr, &location);

        ck_assert_int_ge(resident, 0);
        return resident == 1;
}

static inline size_t count_resident(struct pg_pool *pool, const char *addr, size_t npages)
{
        size_t n = 0;

        for (size_t i = 0; i < npages; i++)
                n += is_resident(pool, addr + i * PAGE);
        return n;
}

/* A counter that a handler may not have reached yet when the program runs on: give it a second. */
#define ck_assert_settles(condition)                                                               \
        do {                                                                                       \
                for (int ms_ = 0; ms_ < 1000 && !(condition); ms_++)                               \
                        usleep(1000);                                                              \
                ck_assert(condition);                                                              \
        } while (0)

/* Exactly n of the pages are resident, as soon as all handlers are done. */
static inline void check_resident(struct pg_pool *pool, const char *addr, size_t npages, size_t n)
{
        ck_assert_settles(count_resident(pool, addr, npages) == n);
}

/* Every page has its own content: the first word names it. */
static inline void fill_pages(void *addr, size_t npages, uint64_t seed)
{
        for (size_t i = 0; i < npages; i++)
                *(uint64_t *)(void *)((char *)addr + i * PAGE) = seed + i;
}

static inline void check_pages(const void *addr, size_t npages, uint64_t seed)
{
        for (size_t i = 0; i < npages; i++)
                ck_assert_uint_eq(*(const uint64_t *)(const void *)((const char *)addr + i * PAGE),
                                  seed + i);
}

static inline void touch_pages(const void *addr, size_t npages)
{
        for (size_t i = 0; i < npages; i++)
                touch((const char *)addr + i * PAGE);
}

static inline uint64_t samples_of(struct pg_pool *pool, enum pg_histogram_kind kind)
{
        struct pg_histogram h = {.size = sizeof(h)};
        uint64_t sum = 0;

        ck_assert_int_eq(pg_histogram_get(pool, kind, &h), 0);
        for (unsigned i = 0; i < PG_HISTOGRAM_BINS; i++)
                sum += h.counts[i];
        return sum;
}

/* A handler takes the time of a fault after it has woken the program: wait for the last one. */
static inline void check_samples(struct pg_pool *pool, enum pg_histogram_kind kind, uint64_t n)
{
        ck_assert_settles(samples_of(pool, kind) >= n);
        ck_assert_uint_eq(samples_of(pool, kind), n);
}

#endif
