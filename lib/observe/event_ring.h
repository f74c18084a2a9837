/* SPDX-License-Identifier: MIT */
/*
 * event_ring.h - the recent history of pages, for the day an invariant breaks.
 *
 * Each pool keeps its last events in a ring, at the cost of a few nanoseconds each. When an
 * invariant is found broken, the history of the page concerned is printed and the process aborts:
 * a pager that goes on after that would lose data silently. Each event is also a USDT probe
 * (probes.h).
 */
#ifndef EVENT_RING_H
#define EVENT_RING_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

/* The manual page has these numbers, for scripts that listen to the probe. */
enum ring_event {
        RING_LOADED = 1, /* came in from a store */
        RING_RESCUED,    /* came back from the victim queue */
        RING_WRITTEN,    /* first write to a clean page */
        RING_QUEUED,     /* unmapped, into the victim queue */
        RING_EVICTED,    /* left its frame */
        RING_RETURNED,   /* could not go out, went back to the program */
        RING_PINNED,
        RING_UNPINNED,
        RING_POISONED,
        RING_DISCARDED,
        RING_SYNCED,
};

#define RING_ENTRIES 4096u

struct ring_entry {
        _Atomic uint64_t addr_event; /* address | event */
        _Atomic uint64_t word;       /* the page's word after it */
        _Atomic uint32_t tid;
};

struct event_ring {
        _Atomic uint64_t next;
        struct ring_entry *entries;
};

int event_ring_init(struct event_ring *t);
void event_ring_destroy(struct event_ring *t);
void event_ring_add(struct event_ring *t, const void *addr, enum ring_event event, uint64_t word,
                    pid_t tid);

/* Prints what is known of the page at addr to standard error, and aborts. */
__attribute__((noreturn)) void event_ring_abort(struct event_ring *t, const void *addr,
                                                uint64_t word, const char *what);

#endif
