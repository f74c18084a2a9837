/* SPDX-License-Identifier: MIT */
/* subjects.c - who runs: ours, the kernel's own paging, reads without paging, and floors. */
#include "run.h"

#include <unpaged/unpaged.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define CHUNK_PAGES 32u /* 128 KiB: what a sequential pread asks for */

/* ---- the kernel ---------------------------------------------------------------------------- */

static void map(struct place *place, int protection, int flags, int fd)
{
        size_t size = place->run->pages * PAGE_BYTES;
        void *start = mmap(NULL, size, protection, flags, fd, 0);

        if (start == MAP_FAILED)
                fail(OUTCOME_FAILED, "mmap of %zu MiB: %s", size >> 20, strerror(errno));
        if (fd < 0)
                madvise(start, size, MADV_NOHUGEPAGE);
        place->start = start;
}

static void anonymous_open(struct place *place)
{
        map(place, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
}

static void mmap_open(struct place *place)
{
        map(place, PROT_READ, MAP_SHARED, place->fd);
        /* Else the kernel reads 128 KiB for every page, and throws the rest away. */
        if (place->run->workload->order != ORDER_SEQUENTIAL)
                madvise(place->start, place->run->pages * PAGE_BYTES, MADV_RANDOM);
}

/* Those for which a device was read. */
static uint64_t major_faults(struct place *place)
{
        struct rusage usage;

        (void)place;
        getrusage(RUSAGE_SELF, &usage);
        return (uint64_t)usage.ru_majflt;
}

/* ---- pread --------------------------------------------------------------------------------- */

static const uint64_t *pread_fetch(struct place *place, unsigned thread, uint32_t page)
{
        struct window *w = &place->windows[thread];
        uint32_t most = place->run->workload->order == ORDER_SEQUENTIAL ? CHUNK_PAGES : 1;

        if (page < w->first || page >= w->first + w->count) {
                uint32_t left = place->run->pages - page, n = most < left ? most : left;

                if (pread(place->fd, w->buffer, n * PAGE_BYTES, (off_t)(page * PAGE_BYTES)) !=
                    (ssize_t)(n * PAGE_BYTES))
                        fail(OUTCOME_FAILED, "pread of page %u: %s", page, strerror(errno));
                w->first = page;
                w->count = n;
                w->calls++;
        }
        return (const uint64_t *)(const void *)(w->buffer + (page - w->first) * PAGE_BYTES);
}

void pread_open(struct place *place)
{
        char path[40];

        snprintf(path, sizeof(path), "/proc/self/fd/%d", place->fd);
        if (place->run->subject->direct &&
            (place->fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC)) < 0)
                fail(OUTCOME_SKIPPED, "the file's file system has no O_DIRECT: %s",
                     strerror(errno));
        for (unsigned i = 0; i < place->run->threads; i++)
                place->windows[i].buffer = ordinary_memory(CHUNK_PAGES * PAGE_BYTES);
        place->fetch = pread_fetch;
}

uint64_t pread_faults(struct place *place)
{
        uint64_t calls = 0;

        for (unsigned i = 0; i < place->run->threads; i++)
                calls += place->windows[i].calls;
        return calls;
}

/* ---- the table ----------------------------------------------------------------------------- */

const struct subject subjects[] = {
        {.name = "signal",
         .about = "unpaged, delivery by signal",
         .unpaged = true,
         .delivery = PG_DELIVERY_SIGNAL,
         .rivals = {"kernel"},
         .open = unpaged_open,
         .faults = unpaged_faults},
        {.name = "thread",
         .about = "unpaged, delivery by thread",
         .unpaged = true,
         .delivery = PG_DELIVERY_THREAD,
         .rivals = {"kernel"},
         .open = unpaged_open,
         .faults = unpaged_faults},
        {.name = "kernel",
         .about = "anonymous memory in a memory cgroup, swapped to zram",
         .limited = true,
         .open = anonymous_open,
         .faults = major_faults},
        {.name = "file-signal",
         .about = "unpaged on a file in the page cache, by signal",
         .family = FAMILY_FILE,
         .unpaged = true,
         .delivery = PG_DELIVERY_SIGNAL,
         .rivals = {"mmap", "pread"},
         .open = unpaged_file_open,
         .faults = unpaged_faults},
        {.name = "file-thread",
         .about = "likewise, by thread",
         .family = FAMILY_FILE,
         .unpaged = true,
         .delivery = PG_DELIVERY_THREAD,
         .rivals = {"mmap", "pread"},
         .open = unpaged_file_open,
         .faults = unpaged_faults},
        {.name = "file-direct",
         .about = "unpaged on a file past the page cache, by signal",
         .family = FAMILY_FILE,
         .unpaged = true,
         .direct = true,
         .delivery = PG_DELIVERY_SIGNAL,
         .rivals = {"pread-direct"},
         .open = unpaged_file_open,
         .faults = unpaged_faults},
        {.name = "mmap",
         .about = "the file mapped, its cache charged to a memory cgroup",
         .family = FAMILY_FILE,
         .limited = true,
         .cold = true,
         .open = mmap_open,
         .faults = major_faults},
        {.name = "mmap-warm",
         .about = "the file mapped and in the page cache, no limit",
         .family = FAMILY_FILE,
         .open = mmap_open,
         .faults = major_faults},
        {.name = "pread",
         .about = "read() from the page cache: 128 KiB in order, 4 KiB else",
         .family = FAMILY_FILE,
         .open = pread_open,
         .faults = pread_faults},
        {.name = "pread-direct",
         .about = "likewise, with O_DIRECT",
         .family = FAMILY_FILE,
         .direct = true,
         .open = pread_open,
         .faults = pread_faults},
        {.name = "codec",
         .about = "LZ4 alone: a page expanded, and for writes compressed, too",
         .family = FAMILY_FLOOR,
         .floor = codec_floor},
        {.name = "memcpy", .about = "a page copied", .family = FAMILY_FLOOR, .floor = memcpy_floor},
        {.name = "faults-signal",
         .about = "a fault by SIGBUS and one UFFDIO_COPY",
         .family = FAMILY_FLOOR,
         .delivery = PG_DELIVERY_SIGNAL,
         .floor = fault_floor},
        {.name = "faults-thread",
         .about = "a fault through a thread and one UFFDIO_COPY",
         .family = FAMILY_FLOOR,
         .delivery = PG_DELIVERY_THREAD,
         .floor = fault_floor},
        {.name = "moves",
         .about = "a page moved out and back, 16 at a time by UFFDIO_MOVE",
         .family = FAMILY_FLOOR,
         .floor = moves_floor},
        {0},
};

const struct subject *subject_find(const char *name)
{
        for (const struct subject *s = subjects; s->name; s++)
                if (strcmp(s->name, name) == 0)
                        return s;
        return NULL;
}
