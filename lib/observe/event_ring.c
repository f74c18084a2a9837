/* SPDX-License-Identifier: MIT */
/* event_ring.c - the recent history of pages. See event_ring.h. */
#include "event_ring.h"
#include "arena.h"
#include "kernel_page.h"
#include "probes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const names[] = {
        [RING_LOADED] = "loaded",       [RING_RESCUED] = "rescued",   [RING_WRITTEN] = "written",
        [RING_QUEUED] = "queued",       [RING_EVICTED] = "evicted",   [RING_RETURNED] = "returned",
        [RING_PINNED] = "pinned",       [RING_UNPINNED] = "unpinned", [RING_POISONED] = "poisoned",
        [RING_DISCARDED] = "discarded", [RING_SYNCED] = "synced",
};

int event_ring_init(struct event_ring *t)
{
        atomic_init(&t->next, 0);
        t->entries = arena_reserve(RING_ENTRIES * sizeof(*t->entries), "unpaged-event-ring");
        return t->entries ? 0 : -ENOMEM;
}

void event_ring_destroy(struct event_ring *t)
{
        arena_release(t->entries, RING_ENTRIES * sizeof(*t->entries));
        t->entries = NULL;
}

void event_ring_add(struct event_ring *t, const void *addr, enum ring_event event, uint64_t word,
                    pid_t tid)
{
        uint64_t at = atomic_fetch_add_explicit(&t->next, 1, memory_order_relaxed) % RING_ENTRIES;
        struct ring_entry *e = &t->entries[at];

        PROBE_PAGE(addr, (int)event, word);
        atomic_store_explicit(&e->addr_event, (uint64_t)(uintptr_t)addr | event,
                              memory_order_relaxed);
        atomic_store_explicit(&e->word, word, memory_order_relaxed);
        atomic_store_explicit(&e->tid, (uint32_t)tid, memory_order_relaxed);
}

static void print_entry(const char *text, int len)
{
        ssize_t ignored = write(STDERR_FILENO, text, (size_t)len);

        (void)ignored;
}

void event_ring_abort(struct event_ring *t, const void *addr, uint64_t word, const char *what)
{
        uint64_t end = atomic_load_explicit(&t->next, memory_order_relaxed);
        uint64_t start = end > RING_ENTRIES ? end - RING_ENTRIES : 0;
        char line[160];

        print_entry(
                line,
                snprintf(line, sizeof(line),
                         "unpaged: %s: page %p, word %#llx. Its recent history, oldest first:\n",
                         what, addr, (unsigned long long)word));
        for (uint64_t i = start; i < end; i++) {
                struct ring_entry *e = &t->entries[i % RING_ENTRIES];
                uint64_t addr_event = atomic_load_explicit(&e->addr_event, memory_order_relaxed);
                unsigned event = addr_event & (KERNEL_PAGE_SIZE - 1);

                if ((addr_event & ~(uint64_t)(KERNEL_PAGE_SIZE - 1)) != (uintptr_t)addr)
                        continue;
                print_entry(line,
                            snprintf(line, sizeof(line), "  %8llu  thread %u  %-9s  word %#llx\n",
                                     (unsigned long long)i,
                                     atomic_load_explicit(&e->tid, memory_order_relaxed),
                                     event < sizeof(names) / sizeof(names[0]) ? names[event] : "?",
                                     (unsigned long long)atomic_load_explicit(
                                             &e->word, memory_order_relaxed)));
        }
        abort();
}
