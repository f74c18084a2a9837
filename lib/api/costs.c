/* SPDX-License-Identifier: MIT */
/*
 * costs.c - what paging costs: the figures of lib/observe/cost_meter.c, extrapolated; the CPU time
 * of the program and of the pager; and what an access that faults costs its own thread.
 *
 * The last is not in any account: exceptions, and switching to another thread and back, count as
 * the program's own time; and nobody sees how long the thread waits before the pager hears of the
 * fault, and after the wake-up until it runs. So a thread has a page of its own go out, and touches
 * it. What that took beyond what the pager counts for this thread is the rest. The mean of many
 * counts, but for a tenth that took longest: these were interrupted.
 */
#include "costs.h"
#include "futex_lock.h"
#include "mapping.h"
#include "pool.h"
#include "stats.h"
#include "thread.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unpaged/statistics.h>
#include <unpaged/unpaged.h>

#define TRIALS_MOST  128u              /* of each time, on a page of its own; */
#define TRIALS_BYTES ((size_t)1 << 20) /* of large pages fewer: so much in all */

/* ---- reading ------------------------------------------------------------------------------- */

static uint64_t of_all(uint64_t measured_ns, uint64_t measured, uint64_t events)
{
        return measured ? (uint64_t)((double)measured_ns * (double)events / (double)measured) : 0;
}

static uint64_t cpu_ns(clockid_t clock)
{
        struct timespec ts;

        clock_gettime(clock, &ts);
        return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void costs_read(struct pg_pool *pool, struct pg_stats *out)
{
        uint64_t served = 0, process = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);

        for (unsigned i = 0; i < PG_COSTS; i++) {
                struct pg_cost *c = &out->costs[i];
                uint64_t measured = stats_sum(&pool->stats, PG_COUNTER_COST_MEASURED + i);

                c->events = stats_sum(&pool->stats, PG_COUNTER_COST_EVENTS + i);
                c->cpu_ns = of_all(stats_sum(&pool->stats, PG_COUNTER_COST_CPU_NS + i), measured,
                                   c->events);
                c->wait_ns = of_all(stats_sum(&pool->stats, PG_COUNTER_COST_WAIT_NS + i), measured,
                                    c->events);
                served += c->cpu_ns;
        }
        out->cpu_pager_ns = threads_cpu_ns();
        if (pool->delivery == PG_DELIVERY_SIGNAL)
                out->cpu_pager_ns += served; /* by the threads that fault */
        out->cpu_program_ns = process > out->cpu_pager_ns ? process - out->cpu_pager_ns : 0;
}

/* ---- measuring ----------------------------------------------------------------------------- */

/* Spoils v. Without qsort(3), which allocates: a handler may call us while its thread allocates. */
static uint64_t mean(uint64_t *v, unsigned count)
{
        const unsigned left_out = count / 10;
        uint64_t sum = 0;

        for (unsigned i = 0; i < left_out; i++) {
                unsigned greatest = 0;

                for (unsigned j = 1; j < count; j++)
                        if (v[j] > v[greatest])
                                greatest = j;
                v[greatest] = 0;
        }
        for (unsigned i = 0; i < count; i++)
                sum += v[i];
        return sum / (count - left_out);
}

static unsigned trials_of(const struct pg_pool *pool)
{
        size_t n = TRIALS_BYTES / pool->page_size;

        return n > TRIALS_MOST ? TRIALS_MOST : n < 4 ? 4 : (unsigned)n;
}

/* What the pager has counted for the calling thread, in nanoseconds. */
static uint64_t served_ns(struct pg_pool *pool)
{
        const struct thread_counters *t = stats_thread_find(&pool->stats, stats_self());

        return t ? atomic_load_explicit(&t->wait_ns, memory_order_relaxed) : 0;
}

/* The handler counts when the page is there: the thread may run before it has. */
static uint64_t served_since(struct pg_pool *pool, uint64_t before)
{
        uint64_t now = served_ns(pool);

        for (unsigned i = 0; i < 1000 && now == before; i++)
                now = served_ns(pool);
        return now - before;
}

/* Far from each other, and in no order: neighbours share tables, which makes them cheaper. */
#define SPREAD 4096u
static unsigned far_page(unsigned i)
{
        return i * 2654435761u % SPREAD;
}

/* Looking at the CPU's clock is a system call: it would add to the other time. So each page is for
 * one of them. In signal delivery all that the thread does takes the CPU. */
static void touch_all(struct pg_pool *pool, volatile char *pages, unsigned trials, uint64_t *cpu,
                      uint64_t *wall)
{
        uint64_t began, took, served;

        for (unsigned i = 0; i < trials; i++) {
                served = served_ns(pool);
                began = clock_now();
                pages[far_page(2 * i) * pool->page_size]++;
                took = clock_now() - began;
                served = served_since(pool, served);
                wall[i] = took > served ? took - served : 0;

                began = cpu_ns(CLOCK_THREAD_CPUTIME_ID);
                pages[far_page(2 * i + 1) * pool->page_size]++;
                cpu[i] = cpu_ns(CLOCK_THREAD_CPUTIME_ID) - began;
        }
}

/* Of pages that are there, and that no thread has touched. */
static uint64_t measure_ahead(struct pg_pool *pool, const volatile char *pages, unsigned trials)
{
        uint64_t took[TRIALS_MOST], began;

        for (unsigned i = 0; i < trials; i++) {
                const volatile char *page = pages + far_page(i) * pool->page_size;

                if (pg_page_in(pool, (const void *)page, pool->page_size) != 0)
                        return 0;
                began = clock_now();
                (void)*page;
                took[i] = clock_now() - began;
        }
        return mean(took, trials);
}

static uint64_t mean_look_ns(void)
{
        uint64_t took[TRIALS_MOST], began;

        for (unsigned i = 0; i < TRIALS_MOST; i++) {
                began = cpu_ns(CLOCK_THREAD_CPUTIME_ID);
                took[i] = cpu_ns(CLOCK_THREAD_CPUTIME_ID) - began;
        }
        return mean(took, TRIALS_MOST);
}

static int measure_access_rest(struct pg_pool *pool, char *pages)
{
        uint64_t cpu[TRIALS_MOST], wall[TRIALS_MOST], look, of_cpu, of_wall;
        unsigned trials = trials_of(pool);
        int error;

        for (unsigned i = 0; i < 2 * trials; i++) {
                error = pg_page_in(pool, pages + far_page(i) * pool->page_size, pool->page_size);
                if (error)
                        return error;
                pages[far_page(i) * pool->page_size] = (char)i;
        }
        error = pg_page_out(pool, pages, SPREAD * pool->page_size);
        if (error)
                return error;
        stats_set(&pool->stats, PG_GAUGE_AHEAD_CPU_NS, measure_ahead(pool, pages, trials));
        error = pg_page_out(pool, pages, SPREAD * pool->page_size);
        if (error)
                return error;
        touch_all(pool, pages, trials, cpu, wall);
        look = mean_look_ns();
        of_cpu = mean(cpu, trials);
        of_cpu = of_cpu > look ? of_cpu - look : 0;
        of_wall = mean(wall, trials);
        if (pool->delivery == PG_DELIVERY_SIGNAL)
                of_cpu = of_wall;
        stats_set(&pool->stats, PG_GAUGE_ACCESS_CPU_NS, of_cpu);
        stats_set(&pool->stats, PG_GAUGE_ACCESS_WAIT_NS, of_wall > of_cpu ? of_wall - of_cpu : 0);
        return 0;
}

/* What is measured is not what the program does. */
static void unobserved(const char *pages)
{
        bool dying;
        struct mapping *m = mapping_get((uintptr_t)pages, &dying);

        m->flags |= MAPPING_UNOBSERVED;
        mapping_put(m);
}

int pg_cost_measure(struct pg_pool *pool)
{
        sigset_t bus, old;
        char *pages;
        int error;

        if (pool->is_orphan)
                return -ECHILD;
        pages = pg_map(pool, SPREAD * pool->page_size, 0);
        if (!pages)
                return -errno;
        unobserved(pages);
        sigemptyset(&bus);
        sigaddset(&bus, SIGBUS);
        pthread_sigmask(SIG_UNBLOCK, &bus, &old);
        error = measure_access_rest(pool, pages);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        pg_unmap(pool, pages, SPREAD * pool->page_size);
        return error;
}
