/* SPDX-License-Identifier: MIT */
/*
 * cost_meter.c - what faults and evictions cost, measured while the program runs.
 *
 * The clock of a thread's CPU time is a system call, at a tenth or a fifth of the price of a fault.
 * So one fault in EVERY is measured, and the others count as much as these do on average: counters
 * say how often each kind happened, how many were measured, and what those took. At the beginning
 * more are measured, so that short programs have figures, too.
 *
 * The distance from one to the next is random: a program that faults in a rhythm would show one
 * kind of fault only.
 *
 * An eviction is part of a fault, and has its own account. It frees several frames, so most faults
 * have none: what it cost is taken off the fault's.
 */
#include "cost_meter.h"
#include "stats.h"

#include <time.h>

#define EVERY 64u
#define FIRST 4u /* at the beginning, one fault in this number is measured */

static uint64_t cpu_now(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
        return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* What looking at that clock adds to what is between two looks: the least of some. */
static uint64_t look_ns(void)
{
        static _Atomic uint64_t known;
        uint64_t least = atomic_load_explicit(&known, memory_order_relaxed), began, took;

        for (unsigned i = 0; least == 0 || (i > 0 && i < 8); i++) {
                began = cpu_now();
                took = cpu_now() - began;
                least = i == 0 || took < least ? took + (took == 0) : least;
        }
        atomic_store_explicit(&known, least, memory_order_relaxed);
        return least;
}

static uint64_t less(uint64_t a, uint64_t b)
{
        return a > b ? a - b : 0;
}

static void plan_measured(struct cost_meter *m, const struct tally *t)
{
        uint64_t most = 0;

        for (unsigned i = 0; i < PG_COSTS; i++)
                most += stats_load(&t->counters[PG_COUNTER_COST_MEASURED + i]);
        most = FIRST + most / FIRST < EVERY ? FIRST + most / FIRST : EVERY;
        m->random = m->random * 1664525u + 1013904223u;
        m->until_next = 1 + (m->random >> 8) % (2 * (uint32_t)most - 1);
}

static void add(struct tally *t, enum pg_cost_kind kind, uint64_t n, uint64_t cpu_ns, uint64_t ns)
{
        tally_add(t, PG_COUNTER_COST_MEASURED + kind, n);
        tally_add(t, PG_COUNTER_COST_CPU_NS + kind, cpu_ns);
        tally_add(t, PG_COUNTER_COST_WAIT_NS + kind, less(ns, cpu_ns));
}

void cost_fault_begin(struct cost_meter *m)
{
        m->kind = PG_COSTS;
        m->is_on = m->until_next <= 1;
        m->until_next -= !m->is_on;
        if (!m->is_on)
                return;
        look_ns();
        m->evicting_cpu_ns = m->evicting_ns = 0;
        m->cpu_began = cpu_now();
}

void cost_fault_end(struct cost_meter *m, struct tally *t, uint64_t took_ns)
{
        uint64_t cpu_ns;

        if (m->kind < PG_COSTS)
                tally_add(t, PG_COUNTER_COST_EVENTS + m->kind, 1);
        if (!m->is_on)
                return;
        cpu_ns = less(cpu_now() - m->cpu_began, look_ns() + m->evicting_cpu_ns);
        m->is_on = false;
        if (m->kind < PG_COSTS)
                add(t, m->kind, 1, cpu_ns, less(took_ns, look_ns() + m->evicting_ns));
        plan_measured(m, t);
}

uint64_t cost_eviction_begin(const struct cost_meter *m)
{
        return m->is_on ? cpu_now() : 0;
}

void cost_eviction_end(struct cost_meter *m, struct tally *t, uint64_t cpu_began, uint64_t took_ns,
                       unsigned pages)
{
        uint64_t cpu_ns;

        tally_add(t, PG_COUNTER_COST_EVENTS + PG_COST_EVICTION, pages);
        if (!m->is_on)
                return;
        cpu_ns = cpu_now() - cpu_began;
        m->evicting_cpu_ns += cpu_ns + look_ns();
        m->evicting_ns += took_ns + look_ns();
        add(t, PG_COST_EVICTION, pages, less(cpu_ns, look_ns()), less(took_ns, look_ns()));
}
