/* SPDX-License-Identifier: MIT */
/*
 * What the kernel asked of the eviction algorithm and of the backing store, in order: tests assert
 * these events beside the bytes. The linker wraps the calls (see CMakeLists.txt), so that any
 * algorithm and any store can be traced as they are.
 */
#ifndef TRACE_H
#define TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum trace_kind {
        TRACE_SELECT,       /* page: the victim's, NULL if none was found; detail: told dirty */
        TRACE_ADD,          /* page: of the frame that became evictable */
        TRACE_REMOVE,       /* page: of the frame that no longer is */
        TRACE_ACCESSED,     /* page: that a trap found in use */
        TRACE_LOCATION_GET, /* page, location; detail: for a page fault */
        TRACE_REFUSED,      /* page: for which the store had no location; detail as above */
        TRACE_LOCATION_FREE,
        TRACE_PAGE_OUT, /* page: the last one for which this location was got */
        TRACE_PAGE_IN,  /* location; the page is not known yet */
        TRACE_FINALIZE, /* page, location: also of pages that no store was asked for */
        TRACE_KINDS
};

struct trace_event {
        enum trace_kind kind;
        bool detail;
        void *page;
        uintptr_t location;
};

/* Forgets all events. */
void trace_clear(void);

/* How many events there were since the last trace_clear(), all of them or those of one kind. */
size_t trace_length(void);
size_t trace_count(enum trace_kind kind);

/* Event `index` of all, or the one of its kind; NULL behind the last one. */
const struct trace_event *trace_event(size_t index);
const struct trace_event *trace_nth(enum trace_kind kind, size_t index);

#endif
