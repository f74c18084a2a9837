/* SPDX-License-Identifier: MIT */
/*
 * page_lives.h - which pages of a trace are alive, and where: resident in a frame, or out.
 *
 * A page is alive from its first touch on, or from when it was read ahead, until it is forgotten.
 * It is out between giving up its frame and coming in again. Memory: that of a page_map.
 */
#ifndef PAGE_LIVES_H
#define PAGE_LIVES_H

#include "page_map.h"

#include <unpaged/trace.h>

/* All zeros: no page. */
struct page_lives {
        struct page_map pages;
        uint64_t resident, out; /* pages: both are alive */
        bool born;              /* by the last event a page came to life */
        uint64_t concerned;     /* pages that were alive in the range of the last event */
};

/* Takes an event of any kind. False: no memory. */
bool page_lives_take(struct page_lives *l, const struct pg_trace_event *event);
void page_lives_free(struct page_lives *l);

#endif
