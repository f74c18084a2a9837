/* SPDX-License-Identifier: MIT */
/* mapping_check.c - a walk over the index of mappings (debug.h, tier 2). */
#include "mapping.h"

const char *mapping_slots_check(const struct mapping_slot *slots, size_t count)
{
        uintptr_t last = 0;

        for (size_t i = 0; i < count; i++) {
                uintptr_t start = atomic_load_explicit(&slots[i].start, memory_order_relaxed);
                uintptr_t end = atomic_load_explicit(&slots[i].end, memory_order_relaxed);
                const struct mapping *m =
                        atomic_load_explicit(&slots[i].mapping, memory_order_relaxed);

                if (start >= end)
                        return "index of mappings: one has no length";
                if (start < last)
                        return "index of mappings: it is not sorted, or two overlap";
                if ((uintptr_t)m->start != start || end - start != m->npages << m->page_shift)
                        return "index of mappings: it and a mapping disagree";
                last = end;
        }
        return NULL;
}
