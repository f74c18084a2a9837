/* SPDX-License-Identifier: MIT */
/* fault_sampler.h - where in the program one fault in N comes from. See fault_sampler.c. */
#ifndef FAULT_SAMPLER_H
#define FAULT_SAMPLER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <unpaged/internals.h>

struct uffd;

#define SAMPLES_MOST   1024u
#define SAMPLE_SPARES  32u /* as many threads can take one at the same time */
#define SAMPLE_BUFFERS (SAMPLES_MOST + SAMPLE_SPARES)
#define SAMPLE_STACK   ((size_t)16 << 10)

struct fault_sampler {
        uint32_t every; /* 0: off */
        _Atomic int64_t until_next;
        _Atomic uint64_t random;
        _Atomic uint64_t kept; /* loads that were sampled, those included that made place since */
        struct sampler_table *table; /* NULL: off */
        char *stacks;
};

/* every: one fault in so many; 0: none, and nothing is reserved. 0 or -ENOMEM. */
int fault_sampler_init(struct fault_sampler *s, uint32_t every);
void fault_sampler_destroy(struct fault_sampler *s);
/* What it takes in memory, at most. */
size_t fault_sampler_bytes(const struct fault_sampler *s);
/* In a child of fork: it has none yet. */
void fault_sampler_restart(struct fault_sampler *s);

/* Notes where thread tid is, which has touched a page and waits. context: its registers, in its own
 * signal handler; NULL: it is blocked, and another thread asks. A number for the next call, or 0:
 * there is nothing to note it in, or it cannot be known. */
unsigned fault_sampler_take(struct fault_sampler *s, const struct uffd *u, pid_t tid,
                            const void *context);
/* The fault is over. is_load: a page had to come in; else the sample is dropped. */
void fault_sampler_end(struct fault_sampler *s, unsigned sample, uintptr_t addr, bool is_load);

/* As pg_fault_samples(). */
int fault_sampler_read(struct fault_sampler *s,
                       void (*each)(void *arg, const struct pg_fault_sample *sample), void *arg,
                       uint64_t *loads);

/* Is it this fault's turn? Where another thread faults before the next turn is planned, it is its
 * turn as well; the next but one then is as much later. */
static inline bool fault_sampler_is_due(struct fault_sampler *s)
{
        return __builtin_expect(s->every != 0, false) &&
               atomic_fetch_sub_explicit(&s->until_next, 1, memory_order_relaxed) <= 1;
}

#endif
