/* SPDX-License-Identifier: MIT */
/*
 * uffd_floor.h - the least a fault can cost: the kernel's calls and nothing else.
 *
 * A floor is a range of anonymous memory whose faults are served by the shortest possible loop, in
 * either delivery. It holds no budget, finds no mapping, keeps no state: what the library costs
 * more than this is the library.
 *
 *      signal  a SIGBUS handler: one ioctl. The kernel's disposition is set directly, for as long
 *              as a floor is measured, since the library keeps its own behind sigaction().
 *      thread  a SCHED_IDLE thread on the CPU of the thread that faults: read, one ioctl.
 *
 * The definitions of the kernel's interface are here because headers of distributions lack some.
 */
#ifndef UFFD_FLOOR_H
#define UFFD_FLOOR_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE ((size_t)4096)

#define FLOOR_API               0xAAu
#define FLOOR_FEATURE_WP        (1ull << 0)
#define FLOOR_FEATURE_SIGBUS    (1ull << 7)
#define FLOOR_MODE_MISSING      (1ull << 0)
#define FLOOR_MODE_WP           (1ull << 1)
#define FLOOR_COPY_MODE_WP      (1ull << 1)
#define FLOOR_EVENT_FAULT       0x12
#define FLOOR_SYSCALL_USER_ONLY 1

struct floor_range {
        uint64_t start, len;
};
struct floor_api {
        uint64_t api, features, ioctls;
};
struct floor_register {
        struct floor_range range;
        uint64_t mode, ioctls;
};
struct floor_copy {
        uint64_t dst, src, len, mode;
        int64_t copy;
};
struct floor_protect {
        struct floor_range range;
        uint64_t mode;
};
struct floor_message {
        uint8_t event, reserved[7];
        uint64_t flags, address, thread;
};

#define FLOOR_UFFDIO_API      _IOWR(FLOOR_API, 0x3F, struct floor_api)
#define FLOOR_UFFDIO_REGISTER _IOWR(FLOOR_API, 0x00, struct floor_register)
#define FLOOR_UFFDIO_COPY     _IOWR(FLOOR_API, 0x03, struct floor_copy)
#define FLOOR_UFFDIO_PROTECT  _IOWR(FLOOR_API, 0x06, struct floor_protect)

/* The kernel's own layout, on the machines the library knows. */
struct floor_sigaction {
        void (*handler)(int, siginfo_t *, void *);
        unsigned long flags;
        void (*restorer)(void);
        uint64_t mask;
};

struct floor_pages {
        int fd;
        bool by_signal;
        char *start;
        size_t size;
        char *source;         /* a page to copy from: zeros */
        _Atomic bool present; /* the pages are there, protected: a fault is a first write */
        pthread_t thread;
        struct floor_sigaction others; /* the disposition while no floor is measured */
};

static struct floor_pages *floor_current; /* of the SIGBUS handler */

static inline void floor_check(bool ok, const char *what)
{
        if (!ok) {
                perror(what);
                exit(EXIT_FAILURE);
        }
}

static inline void floor_copy(const struct floor_pages *f, uintptr_t page, uint64_t mode)
{
        struct floor_copy c = {.dst = page, .src = (uintptr_t)f->source, .len = PAGE, .mode = mode};

        ioctl(f->fd, FLOOR_UFFDIO_COPY, &c);
}

static inline void floor_serve(const struct floor_pages *f, uintptr_t address)
{
        uintptr_t page = address & ~(PAGE - 1);
        struct floor_protect none = {.range = {page, PAGE}};

        if (f->present)
                ioctl(f->fd, FLOOR_UFFDIO_PROTECT, &none);
        else
                floor_copy(f, page, 0);
}

static inline void floor_on_sigbus(int sig, siginfo_t *info, void *context)
{
        (void)sig;
        (void)context;
        floor_serve(floor_current, (uintptr_t)info->si_addr);
}

static inline void *floor_thread(void *arg)
{
        struct floor_pages *f = arg;
        struct sched_param none = {0};
        struct floor_message m;

        sched_setscheduler(0, SCHED_IDLE, &none);
        while (read(f->fd, &m, sizeof(m)) == (ssize_t)sizeof(m))
                if (m.event == FLOOR_EVENT_FAULT)
                        floor_serve(f, m.address);
        return NULL;
}

static inline int floor_open(bool by_signal)
{
        int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

        if (fd < 0 && by_signal)
                fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | FLOOR_SYSCALL_USER_ONLY);
        return fd;
}

static inline void floor_start(struct floor_pages *f, bool by_signal, size_t npages)
{
        struct floor_api api = {.api = FLOOR_API, .features = FLOOR_FEATURE_WP};
        struct floor_register r;

        *f = (struct floor_pages){.by_signal = by_signal, .size = npages * PAGE};
        f->fd = floor_open(by_signal);
        floor_check(f->fd >= 0, "userfaultfd");
        api.features |= by_signal ? FLOOR_FEATURE_SIGBUS : 0;
        floor_check(ioctl(f->fd, FLOOR_UFFDIO_API, &api) == 0, "UFFDIO_API");
        f->source = mmap(NULL, f->size + PAGE, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        floor_check(f->source != MAP_FAILED, "mmap");
        memset(f->source, 0, PAGE);
        f->start = f->source + PAGE;
        madvise(f->start, f->size, MADV_NOHUGEPAGE);
        r = (struct floor_register){.range = {(uintptr_t)f->start, f->size},
                                    .mode = FLOOR_MODE_MISSING | FLOOR_MODE_WP};
        floor_check(ioctl(f->fd, FLOOR_UFFDIO_REGISTER, &r) == 0, "UFFDIO_REGISTER");
        if (!by_signal)
                floor_check(pthread_create(&f->thread, NULL, floor_thread, f) == 0, "a thread");
}

/* The handler thread moves to a CPU, once. */
static inline void floor_follow(const struct floor_pages *f, const cpu_set_t *cpu)
{
        if (!f->by_signal)
                pthread_setaffinity_np(f->thread, sizeof(*cpu), cpu);
}

static inline void floor_empty(struct floor_pages *f)
{
        madvise(f->start, f->size, MADV_DONTNEED);
        f->present = false;
}

/* All pages there, write-protected, without a fault. */
static inline void floor_fill_protected(struct floor_pages *f)
{
        floor_empty(f);
        for (size_t at = 0; at < f->size; at += PAGE)
                floor_copy(f, (uintptr_t)f->start + at, FLOOR_COPY_MODE_WP);
        f->present = true;
}

/* Between the two, SIGBUS is the floor's. */
static inline void floor_enter(struct floor_pages *f)
{
        struct floor_sigaction ours;

        if (!f->by_signal)
                return;
        floor_current = f;
        floor_check(syscall(SYS_rt_sigaction, SIGBUS, NULL, &f->others, sizeof(uint64_t)) == 0,
                    "rt_sigaction");
        ours = f->others; /* with the C library's restorer, once the library has set SIGBUS */
        ours.handler = floor_on_sigbus;
        syscall(SYS_rt_sigaction, SIGBUS, &ours, NULL, sizeof(uint64_t));
}

static inline void floor_leave(struct floor_pages *f)
{
        if (f->by_signal)
                syscall(SYS_rt_sigaction, SIGBUS, &f->others, NULL, sizeof(uint64_t));
}

#endif
