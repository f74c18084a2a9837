/* SPDX-License-Identifier: MIT */
/*
 * trace.c - with UNPAGED_ZEPHYR_TRACE=FILE, what happens to pages is written as a trace of the
 * library's own format (unpaged/trace.h), which `unpaged trace` and the simulator read.
 *
 *      came in, or was mapped with a frame      fault
 *      dirty trap                               written
 *      made inaccessible by the algorithm       queued: unmapped, its frame kept
 *      touched then                             rescued
 *      gave up its frame                        left
 *      unmapped                                 forgotten
 *
 * Pages are counted from the start of the virtual memory, so that a run's trace does not depend on
 * where the host has put it. Pinning is no event.
 *
 * Locking: with interrupts locked; a full buffer is written there and then, as order is all that
 * counts for a test program. A file that cannot be written ends the trace, not the program.
 */
#include "machine.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <unpaged/trace.h>

static int file = -1;
static struct pg_trace_coder coder;
static uint64_t nevents;
static unsigned char buffer[1 << 16];
static size_t used;

/* Once, when writing has failed: the header says so, the program goes on. */
static void give_up(int error)
{
        unsigned char code[2];

        pg_trace_put(code, sizeof(code), (uint64_t)error);
        printk("the trace ends here: %s\n", strerror(error));
        if (pwrite(file, code, sizeof(code), PG_TRACE_ERROR_AT) < 0)
                printk("nor can it be marked as one that ended early\n");
        close(file);
        file = -1;
}

static void flush(void)
{
        for (size_t done = 0; done < used && file >= 0;) {
                ssize_t n = write(file, buffer + done, used - done);

                if (n >= 0)
                        done += (size_t)n;
                else if (errno != EINTR)
                        give_up(errno);
        }
        used = 0;
}

static void append(const struct pg_trace_event *event)
{
        if (sizeof(buffer) - used < PG_TRACE_EVENT_MAX)
                flush();
        used += pg_trace_encode(&coder, event, buffer + used);
}

void unpaged_trace_page(enum traced what, const void *address, bool dirty)
{
        static const enum pg_trace_kind kinds[] = {
                [TRACED_IN] = PG_TRACE_FAULT,      [TRACED_WRITTEN] = PG_TRACE_WRITTEN,
                [TRACED_HIDDEN] = PG_TRACE_QUEUED, [TRACED_TOUCHED] = PG_TRACE_RESCUED,
                [TRACED_OUT] = PG_TRACE_LEFT,      [TRACED_UNMAPPED] = PG_TRACE_FORGOTTEN,
        };
        struct pg_trace_event event = {.kind = kinds[what], .count = 1, .dirty = dirty};

        if (file < 0)
                return;
        event.page = (uint64_t)((const uint8_t *)address - K_MEM_VIRT_RAM_START) / PAGE_SIZE;
        append(&event);
        nevents++;
}

static const char *algorithm(void)
{
#if defined(CONFIG_EVICTION_UNPAGED)
        return CONFIG_UNPAGED_POLICY;
#elif defined(CONFIG_EVICTION_LRU)
        return "zephyr-lru";
#elif defined(CONFIG_EVICTION_NRU)
        return "zephyr-nru";
#else
        return "custom";
#endif
}

void unpaged_trace_start(size_t frames)
{
        const char *path = secure_getenv("UNPAGED_ZEPHYR_TRACE");
        struct pg_trace_header header = {
                .page_size = PAGE_SIZE, .frames = (uint32_t)frames, .flags = PG_TRACE_STRICT};

        if (!path)
                return;
        file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (file < 0)
                unpaged_start_refuse("UNPAGED_ZEPHYR_TRACE=%s: %s", path, strerror(errno));
        snprintf(header.policy, sizeof(header.policy), "%s", algorithm());
        snprintf(header.origin, sizeof(header.origin), "%s", program_invocation_short_name);
        pg_trace_header_encode(&header, buffer);
        used = PG_TRACE_HEADER_SIZE;
}

void unpaged_trace_end(void)
{
        struct pg_trace_event event = {.kind = PG_TRACE_END, .count = nevents};

        if (file < 0)
                return;
        append(&event);
        flush();
        if (file >= 0)
                close(file);
        file = -1;
}

__attribute__((destructor)) static void at_exit(void)
{
        unsigned int key = irq_lock();

        unpaged_trace_end();
        irq_unlock(key);
}
