/* SPDX-License-Identifier: MIT */
/* floors.c - parts of the work, each alone in a loop: ns a page. */
#include "machine.h"
#include "run.h"
#include "bench_util.h"
#include "uffd_floor.h"

#include <lz4.h>

#define FLOOR_PAGES        1024u
#define MOVE_PAGES         16u
#define FLOOR_FEATURE_MOVE (1ull << 16)

struct floor_move {
        uint64_t dst, src, len, mode;
        int64_t move;
};
#define FLOOR_UFFDIO_MOVE _IOWR(FLOOR_API, 0x05, struct floor_move)

static uint64_t *make_pages(const struct run *run, uint32_t n)
{
        uint64_t *pages = ordinary_memory(n * PAGE_BYTES);

        for (uint32_t i = 0; i < n; i++)
                data_page(run->data, run->seed, i, i, pages + i * PAGE_WORDS);
        return pages;
}

double codec_floor(const struct run *run)
{
        bool write = run->workload->touch == TOUCH_WRITE || run->workload->touch == TOUCH_RMW;
        const uint64_t *pages = make_pages(run, FLOOR_PAGES);
        char *packed = ordinary_memory(FLOOR_PAGES * 2 * PAGE_BYTES), *page = ordinary_memory(PAGE);
        void *state = ordinary_memory((size_t)LZ4_sizeofState());
        int *bytes = ordinary_memory(FLOOR_PAGES * sizeof(*bytes));
        uint64_t began = 0;

        for (unsigned round = 0; round < 3; round++) {
                began = round == 1 ? now_ns() : began; /* the first one warms up */
                for (uint32_t i = 0; i < FLOOR_PAGES; i++) {
                        char *to = packed + i * 2 * PAGE_BYTES;

                        if (write || round == 0)
                                bytes[i] = LZ4_compress_fast_extState(
                                        state, (const char *)(pages + i * PAGE_WORDS), to,
                                        PAGE_BYTES, 2 * PAGE_BYTES, 1);
                        if (LZ4_decompress_safe(to, page, bytes[i], PAGE_BYTES) != PAGE_BYTES)
                                fail(OUTCOME_FAILED, "LZ4 did not expand what it compressed");
                }
        }
        return (double)(now_ns() - began) / (2.0 * FLOOR_PAGES);
}

double memcpy_floor(const struct run *run)
{
        const uint64_t *pages = make_pages(run, FLOOR_PAGES);
        char *copy = ordinary_memory(FLOOR_PAGES * PAGE_BYTES);
        uint64_t began = 0;

        for (unsigned round = 0; round < 9; round++) {
                began = round == 1 ? now_ns() : began;
                for (uint32_t i = 0; i < FLOOR_PAGES; i++)
                        memcpy(copy + i * PAGE_BYTES, pages + i * PAGE_WORDS, PAGE_BYTES);
                __asm__ volatile("" : : "r"(copy) : "memory");
        }
        return (double)(now_ns() - began) / (8.0 * FLOOR_PAGES);
}

static bool open_uffd(bool by_signal)
{
        int fd = floor_open(by_signal);

        if (fd >= 0)
                close(fd);
        return fd >= 0;
}

/* One thread on one CPU: what the delivery itself costs, with nobody to wake elsewhere. */
double fault_floor(const struct run *run)
{
        /* floor_enter() keeps flags and restorer: in a fresh process there are none yet. */
        const struct sigaction as_ours = {.sa_sigaction = floor_on_sigbus, .sa_flags = SA_SIGINFO};
        static struct floor_pages f;
        bool by_signal = run->subject->delivery != 0;
        uint64_t began, ns = 0;
        cpu_set_t here;

        if (!open_uffd(by_signal))
                fail(OUTCOME_SKIPPED, "userfaultfd: %s (unpaged check says what would permit it)",
                     strerror(errno));
        sigaction(SIGBUS, &as_ours, NULL);
        floor_start(&f, by_signal, FLOOR_PAGES);
        CPU_ZERO(&here);
        CPU_SET((size_t)sched_getcpu(), &here);
        sched_setaffinity(0, sizeof(here), &here);
        floor_follow(&f, &here);
        floor_enter(&f);
        for (unsigned round = 0; round < 5; round++) {
                floor_empty(&f);
                began = now_ns();
                for (uint32_t i = 0; i < FLOOR_PAGES; i++)
                        (void)*(volatile char *)(f.start + i * PAGE_BYTES);
                ns += round ? now_ns() - began : 0;
        }
        floor_leave(&f);
        return (double)ns / (4.0 * FLOOR_PAGES);
}

static int open_move(char *start, size_t size)
{
        struct floor_api api = {.api = FLOOR_API, .features = FLOOR_FEATURE_MOVE};
        struct floor_register r = {.range = {(uintptr_t)start, size}, .mode = FLOOR_MODE_MISSING};
        int fd = floor_open(true);

        if (fd < 0 || ioctl(fd, FLOOR_UFFDIO_API, &api) != 0)
                fail(OUTCOME_SKIPPED, "no UFFDIO_MOVE here (Linux 6.8 has it): %s",
                     strerror(errno));
        if (ioctl(fd, FLOOR_UFFDIO_REGISTER, &r) != 0)
                fail(OUTCOME_FAILED, "UFFDIO_REGISTER: %s", strerror(errno));
        return fd;
}

double moves_floor(const struct run *run)
{
        const size_t size = FLOOR_PAGES * PAGE_BYTES, step = MOVE_PAGES * PAGE_BYTES;
        char *from = ordinary_memory(2 * size), *to = from + size;
        int fd;
        uint64_t began = 0;

        (void)run;
        madvise(from, 2 * size, MADV_NOHUGEPAGE);
        madvise(from, 2 * size, MADV_DONTNEED);
        memset(from, 1, size);
        fd = open_move(from, 2 * size);
        for (unsigned round = 0; round < 9; round++) {
                began = round == 1 ? now_ns() : began;
                for (size_t at = 0; at < size; at += step) {
                        struct floor_move out = {(uintptr_t)to + at, (uintptr_t)from + at, step, 0,
                                                 0};
                        struct floor_move in = {(uintptr_t)from + at, (uintptr_t)to + at, step, 0,
                                                0};

                        if (ioctl(fd, FLOOR_UFFDIO_MOVE, &out) != 0 ||
                            ioctl(fd, FLOOR_UFFDIO_MOVE, &in) != 0)
                                fail(OUTCOME_FAILED, "UFFDIO_MOVE: %s", strerror(errno));
                }
        }
        return (double)(now_ns() - began) / (8.0 * FLOOR_PAGES);
}
