/* SPDX-License-Identifier: MIT */
/*
 * event_ring.h - the recent history of pages, for the day an invariant breaks.
 *
 * Each pool keeps its last events in a ring, at the cost of a few nanoseconds each. When an
 * invariant is found broken, the history of the page concerned is printed and the process aborts:
 * a pager that goes on after that would lose data silently. Where <sys/sdt.h> is installed each
 * event is also a USDT probe, unpaged:page(address, event, word).
 */
#ifndef TRACE_H
#define TRACE_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

enum trace_event {
        TRACE_LOADED = 1, /* came in from a store */
        TRACE_RESCUED,    /* came back from the victim queue */
        TRACE_WRITTEN,    /* first write to a clean page */
        TRACE_QUEUED,     /* unmapped, into the victim queue */
        TRACE_EVICTED,    /* left its frame */
        TRACE_RETURNED,   /* could not go out, went back to the program */
        TRACE_PINNED,
        TRACE_UNPINNED,
        TRACE_POISONED,
        TRACE_DISCARDED,
        TRACE_SYNCED,
};

#define TRACE_RING 4096u

struct trace_entry {
        _Atomic uint64_t addr_event; /* address | event */
        _Atomic uint64_t word;       /* the page's word after it */
        _Atomic uint32_t tid;
};

struct trace {
        _Atomic uint64_t next;
        struct trace_entry *ring;
};

int trace_init(struct trace *t);
void trace_destroy(struct trace *t);
void trace_add(struct trace *t, const void *addr, enum trace_event event, uint64_t word, pid_t tid);

/* Prints what is known of the page at addr to standard error, and aborts. */
__attribute__((noreturn)) void trace_broken(struct trace *t, const void *addr, uint64_t word,
                                            const char *what);

#endif
