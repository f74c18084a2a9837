/* SPDX-License-Identifier: MIT */
/* page_events.h - reports what happens to pages to the pool's observers. See page_events.c. */
#ifndef PAGE_EVENTS_H
#define PAGE_EVENTS_H

#include <stdbool.h>
#include <stdint.h>
#include <unpaged/trace.h>
#include "futex_lock.h"
#include "mapping.h"
#include "page.h"
#include "pool.h"

/* Under the lock, where there are observers: the trace, the curve, or both hear of it. `word` is
 * the page's, as it still stands in its table. */
void observers_report(struct pg_pool *pool, const struct pg_trace_event *event, uint64_t word);
/* The same where nothing else is done under the lock, and nothing if there are no observers. */
void observers_report_locking(struct pg_pool *pool, const struct pg_trace_event *event,
                              uint64_t word);

/* Under the lock, with the page owned. */
static inline void page_event(struct pg_pool *pool, enum pg_trace_kind kind,
                              const struct mapping *m, uint64_t page, bool dirty)
{
        if (__builtin_expect(pool->has_observers && !(m->flags & MAPPING_UNOBSERVED), false))
                observers_report(pool,
                                 &(struct pg_trace_event){.kind = kind,
                                                          .page = page_key(m, page),
                                                          .count = 1,
                                                          .dirty = dirty},
                                 page_word_read(&m->pages[page]));
}

/* With the page owned, without the lock. */
static inline void page_event_locking(struct pg_pool *pool, enum pg_trace_kind kind,
                                      const struct mapping *m, uint64_t page, bool dirty)
{
        if (!pool->has_observers)
                return;
        pool_lock(pool);
        page_event(pool, kind, m, page, dirty);
        pool_unlock(pool);
}

#endif
