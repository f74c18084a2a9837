/* SPDX-License-Identifier: MIT */
/*
 * budget.h - the memory that a store in RAM has touched, and the limit it must not pass.
 *
 * Reserved address space is free, so memory is charged when it is first touched and credited when
 * it is given back to the system: always whole pages of the system. Charging comes before touching,
 * so nothing is touched beyond the limit at any moment, not only in the end.
 */
#ifndef BACKENDS_BUDGET_H
#define BACKENDS_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct budget {
        _Atomic uint64_t used;  /* bytes */
        _Atomic uint64_t limit; /* bytes; 0: none. May become less than what is used. */
        size_t system_page;     /* bytes. Constant. */
};

/* A table that only grows: how much of its reservation has been charged. */
struct budget_table {
        char *base;
        size_t bytes;   /* reserved. Constant. */
        size_t touched; /* bytes charged, from the base; guarded by the owner of the table */
};

static inline size_t budget_round(const struct budget *budget, size_t bytes)
{
        return (bytes + budget->system_page - 1) & ~(budget->system_page - 1);
}

static inline uint64_t budget_used(struct budget *budget)
{
        return atomic_load_explicit(&budget->used, memory_order_relaxed);
}

static inline uint64_t budget_limit(struct budget *budget)
{
        return atomic_load_explicit(&budget->limit, memory_order_relaxed);
}

/* Would the limit allow it now? */
static inline bool budget_has(struct budget *budget, uint64_t bytes)
{
        uint64_t limit = budget_limit(budget);

        return limit == 0 || (bytes <= limit && budget_used(budget) <= limit - bytes);
}

/* False: the limit refuses, and nothing is charged. */
static inline bool budget_charge(struct budget *budget, uint64_t bytes)
{
        uint64_t used = budget_used(budget), limit = budget_limit(budget);

        do {
                if (limit && (bytes > limit || used > limit - bytes))
                        return false;
        } while (!atomic_compare_exchange_weak_explicit(
                &budget->used, &used, used + bytes, memory_order_relaxed, memory_order_relaxed));
        return true;
}

static inline void budget_credit(struct budget *budget, uint64_t bytes)
{
        atomic_fetch_sub_explicit(&budget->used, bytes, memory_order_relaxed);
}

/* Makes the first `bytes` of the table usable. */
static inline bool budget_grow(struct budget *budget, struct budget_table *table, size_t bytes)
{
        size_t upto = budget_round(budget, bytes);

        if (upto <= table->touched)
                return true;
        if (bytes > table->bytes || !budget_charge(budget, upto - table->touched))
                return false;
        table->touched = upto;
        return true;
}

#endif
