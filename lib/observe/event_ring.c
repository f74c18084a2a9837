/* SPDX-License-Identifier: MIT */
/* event_ring.c - the recent history of pages. See event_ring.h. */
#include "event_ring.h"
#include "arena.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#if __has_include(<sys/sdt.h>)
#include <sys/sdt.h>
#else
#define DTRACE_PROBE3(provider, probe, a, b, c) ((void)0)
#endif

static const char *const names[] = {
        [TRACE_LOADED] = "loaded",     [TRACE_RESCUED] = "rescued",
        [TRACE_WRITTEN] = "written",   [TRACE_QUEUED] = "queued",
        [TRACE_EVICTED] = "evicted",   [TRACE_RETURNED] = "returned",
        [TRACE_PINNED] = "pinned",     [TRACE_UNPINNED] = "unpinned",
        [TRACE_POISONED] = "poisoned", [TRACE_DISCARDED] = "discarded",
        [TRACE_SYNCED] = "synced",
};

int trace_init(struct trace *t)
{
        atomic_init(&t->next, 0);
        t->ring = arena_reserve(TRACE_RING * sizeof(*t->ring), "unpaged-trace");
        return t->ring ? 0 : -ENOMEM;
}

void trace_destroy(struct trace *t)
{
        arena_release(t->ring, TRACE_RING * sizeof(*t->ring));
        t->ring = NULL;
}

void trace_add(struct trace *t, const void *addr, enum trace_event event, uint64_t word, pid_t tid)
{
        uint64_t at = atomic_fetch_add_explicit(&t->next, 1, memory_order_relaxed) % TRACE_RING;
        struct trace_entry *e = &t->ring[at];

        DTRACE_PROBE3(unpaged, page, addr, (int)event, word);
        atomic_store_explicit(&e->addr_event, (uint64_t)(uintptr_t)addr | event,
                              memory_order_relaxed);
        atomic_store_explicit(&e->word, word, memory_order_relaxed);
        atomic_store_explicit(&e->tid, (uint32_t)tid, memory_order_relaxed);
}

static void say(const char *text, int len)
{
        ssize_t ignored = write(STDERR_FILENO, text, (size_t)len);

        (void)ignored;
}

void trace_broken(struct trace *t, const void *addr, uint64_t word, const char *what)
{
        uint64_t end = atomic_load_explicit(&t->next, memory_order_relaxed);
        uint64_t start = end > TRACE_RING ? end - TRACE_RING : 0;
        char line[160];

        say(line, snprintf(line, sizeof(line),
                           "unpaged: %s: page %p, word %#llx. Its recent history, oldest first:\n",
                           what, addr, (unsigned long long)word));
        for (uint64_t i = start; i < end; i++) {
                struct trace_entry *e = &t->ring[i % TRACE_RING];
                uint64_t addr_event = atomic_load_explicit(&e->addr_event, memory_order_relaxed);
                unsigned event = addr_event & 0xfff;

                if ((addr_event & ~(uint64_t)0xfff) != (uintptr_t)addr)
                        continue;
                say(line, snprintf(line, sizeof(line), "  %8llu  thread %u  %-9s  word %#llx\n",
                                   (unsigned long long)i,
                                   atomic_load_explicit(&e->tid, memory_order_relaxed),
                                   event < sizeof(names) / sizeof(names[0]) ? names[event] : "?",
                                   (unsigned long long)atomic_load_explicit(&e->word,
                                                                            memory_order_relaxed)));
        }
        abort();
}
