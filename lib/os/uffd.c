/* SPDX-License-Identifier: MIT */
/*
 * uffd.c - the only door to the kernel's userfaultfd and to the page tables.
 *
 * Every quirk of the kernel that the pager must know stays behind these calls:
 *  - Permission. /dev/userfaultfd (Linux 6.1) asks for file permissions, the system call for
 *    CAP_SYS_PTRACE or vm.unprivileged_userfaultfd = 1. The device is tried first; any failure of
 *    it leads to the call. Signal delivery handles faults of user mode only, so it may fall back on
 *    UFFD_USER_MODE_ONLY (5.11), which nobody is refused.
 *  - Features are negotiated in two steps, with a throw-away descriptor: the first UFFDIO_API tells
 *    what there is, the second must not ask for more.
 *  - A copy or a move can stop half-way with EAGAIN (the address space was changing): go on.
 *  - A move needs source and target both private anonymous, both readable and writable, and the
 *    target registered with this very descriptor. Hence the slots are registered too, but only for
 *    write protection: that satisfies the move, and a missing slot is filled by the kernel as in
 *    any memory instead of faulting to us, where we would wait for ourselves.
 *  - A moved page is always writable where it lands, so nothing here moves and protects.
 */
#include "uffd.h"
#include "arena.h"
#include "fd_keep.h"
#include "futex_lock.h"
#include "kernel_page.h"
#include "last_error.h"
#include "mask.h"
#include "refusal.h"
#include "uffd_abi.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif
#ifndef PIDFD_SELF
#define PIDFD_SELF (-10000) /* Linux 6.14; older kernels answer EBADF and get plain madvise */
#endif

#define PRESENT_MAX ((size_t)64)

static int descriptor_new(int device, bool user_mode_is_enough)
{
        int fd = -1;

        if (device >= 0)
                fd = ioctl(device, USERFAULTFD_IOC_NEW, O_CLOEXEC);
        if (fd < 0)
                fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
        if (fd < 0 && errno == EPERM && user_mode_is_enough)
                fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
        return fd < 0 ? -errno : fd;
}

static int explain_refusal(int error)
{
        if (error < 0 && refusal_is_by_filter(-error))
                return last_error(
                        -EPERM,
                        "userfaultfd(2) is refused by a filter of system calls (seccomp), as "
                        "containers and services have one. Give this process the device instead "
                        "(docker, podman: --device /dev/userfaultfd; systemd: "
                        "DeviceAllow=/dev/userfaultfd rw), or a filter that permits the call; "
                        "`unpaged check` has the rest.");
        if (error == -EPERM || error == -EACCES)
                return last_error(
                        -EPERM,
                        "userfaultfd is not permitted to this process. Any one of these permits "
                        "it: access to /dev/userfaultfd, best by a group (`unpaged check` has the "
                        "commands); the setting vm.unprivileged_userfaultfd, to all users (as "
                        "root: sysctl -w vm.unprivileged_userfaultfd=1); the capability "
                        "CAP_SYS_PTRACE. Signal delivery needs none of them.");
        if (error == -ENOSYS)
                return last_error(error, "this kernel has no userfaultfd (CONFIG_USERFAULTFD is "
                                         "off): use another kernel");
        return last_error(error, "userfaultfd could not be opened: %s", strerror(-error));
}

static int negotiate(int fd, uint64_t wanted, uint64_t *offered)
{
        struct uffdio_api api = {.api = UFFD_API, .features = wanted};

        if (ioctl(fd, UFFDIO_API, &api) != 0)
                return -errno;
        *offered = api.features;
        return 0;
}

static int uffd_probe_features(int device, bool sigbus, uint64_t *features)
{
        int fd = descriptor_new(device, sigbus);
        int error;

        if (fd < 0)
                return fd;
        error = negotiate(fd, 0, features);
        close(fd);
        return error;
}

/* The descriptors that belong to this process. */
static int open_own(struct uffd *u)
{
        uint64_t granted;
        int error;

        u->pagemap = feature_is_masked("pagemap")
                             ? -1
                             : fd_keep(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
        u->memory = fd_keep(open("/proc/self/mem", O_RDONLY | O_CLOEXEC));
        u->fd = fd_keep(descriptor_new(u->device, u->sigbus));
        if (u->fd < 0)
                return u->fd;
        error = negotiate(u->fd, u->features, &granted);
        if (error) {
                fd_keep_close(u->fd);
                u->fd = -1;
        }
        return error;
}

static void close_own(struct uffd *u)
{
        fd_keep_close(u->fd);
        fd_keep_close(u->pagemap);
        fd_keep_close(u->memory);
        u->fd = u->pagemap = u->memory = -1;
}

int uffd_open(struct uffd *u, bool sigbus)
{
        uint64_t needed = UFFD_FEATURE_PAGEFAULT_FLAG_WP | (sigbus ? UFFD_FEATURE_SIGBUS : 0);
        uint64_t useful = needed;
        uint64_t features = 0;
        int error;

        bool inherit = u->inherit;

        uffd_none(u);
        u->sigbus = sigbus;
        u->inherit = inherit;
        u->device = fd_keep(open("/dev/userfaultfd", O_RDWR | O_CLOEXEC));
        error = uffd_probe_features(u->device, sigbus, &features);
        if (error) {
                uffd_close(u);
                return explain_refusal(error);
        }
        if ((features & needed) != needed) {
                uffd_close(u);
                return last_error(-ENOTSUP,
                                  "this kernel's userfaultfd cannot write-protect anonymous "
                                  "memory; Linux 5.7 or newer on this architecture can");
        }
        useful |= feature_is_masked("move") ? 0 : UFFD_FEATURE_MOVE;
        useful |= feature_is_masked("poison") ? 0 : UFFD_FEATURE_POISON;
        useful |= feature_is_masked("thread_id") || sigbus ? 0 : UFFD_FEATURE_THREAD_ID;
        u->features = features & useful;
        u->can_move = u->features & UFFD_FEATURE_MOVE;
        u->can_poison = u->features & UFFD_FEATURE_POISON;
        u->has_thread = u->features & UFFD_FEATURE_THREAD_ID;
        atomic_store(&u->can_ask, !feature_is_masked("presence"));
        error = open_own(u);
        if (error) {
                uffd_close(u);
                return explain_refusal(error);
        }
        return 0;
}

int uffd_reopen(struct uffd *u)
{
        close_own(u);
        return open_own(u);
}

void uffd_none(struct uffd *u)
{
        *u = (struct uffd){.fd = -1, .device = -1, .pagemap = -1, .memory = -1};
}

void uffd_close(struct uffd *u)
{
        close_own(u);
        fd_keep_close(u->device);
        u->device = -1;
}

static int register_range(const struct uffd *u, void *addr, size_t len, uint64_t mode)
{
        struct uffdio_register r = {.range = {(uintptr_t)addr, len}, .mode = mode};

        return ioctl(u->fd, UFFDIO_REGISTER, &r) ? -errno : 0;
}

int uffd_register(const struct uffd *u, void *addr, size_t len)
{
        return register_range(u, addr, len, UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP);
}

int uffd_register_slots(const struct uffd *u, void *addr, size_t len)
{
        return register_range(u, addr, len, UFFDIO_REGISTER_MODE_WP);
}

int uffd_copy(const struct uffd *u, void *dst, const void *src, size_t len, bool protect,
              size_t *done)
{
        size_t most = len;

        lock_assert_none();
        *done = 0;
        while (*done < len) {
                struct uffdio_copy c = {.dst = (uintptr_t)dst + *done,
                                        .src = (uintptr_t)src + *done,
                                        .len = len - *done < most ? len - *done : most,
                                        .mode = UFFDIO_COPY_MODE_DONTWAKE |
                                                (protect ? UFFDIO_COPY_MODE_WP : 0)};
                int rc = ioctl(u->fd, UFFDIO_COPY, &c);

                if (c.copy > 0)
                        *done += (size_t)c.copy;
                if (rc != 0 && errno == ENOENT && c.len > KERNEL_PAGE_SIZE)
                        most = KERNEL_PAGE_SIZE; /* the program has split the mapping by mprotect */
                else if (rc != 0 && errno != EAGAIN)
                        return -errno;
        }
        return 0;
}

/* A move that stops half-way may have moved more than it says: on Linux 6.18 one that meets the
 * migration of a page (compaction) moves all of a batch, counts fewer, and answers EEXIST. So
 * after an error the page tables are asked. */
static size_t moved_uncounted(const struct uffd *u, char *dst, char *src, size_t len)
{
        size_t at = 0;

        while (at < len && uffd_present(u, dst + at, KERNEL_PAGE_SIZE) == UFFD_ALL &&
               uffd_present(u, src + at, KERNEL_PAGE_SIZE) == UFFD_NOTHING)
                at += KERNEL_PAGE_SIZE;
        return at;
}

int uffd_move(const struct uffd *u, void *dst, void *src, size_t len, size_t *done)
{
        lock_assert_none();
        *done = 0;
        while (*done < len) {
                struct uffdio_move m = {.dst = (uintptr_t)dst + *done,
                                        .src = (uintptr_t)src + *done,
                                        .len = len - *done,
                                        .mode = UFFDIO_MOVE_MODE_DONTWAKE};
                int rc = ioctl(u->fd, UFFDIO_MOVE, &m);

                if (m.move > 0)
                        *done += (size_t)m.move;
                if (rc != 0) {
                        int error = errno;
                        size_t more = moved_uncounted(u, (char *)dst + *done, (char *)src + *done,
                                                      len - *done);

                        *done += more;
                        if (error != EAGAIN && more == 0)
                                return -error;
                }
        }
        return 0;
}

static int writeprotect(const struct uffd *u, void *addr, size_t len, uint64_t mode)
{
        struct uffdio_writeprotect w = {.range = {(uintptr_t)addr, len}, .mode = mode};

        lock_assert_none();
        while (ioctl(u->fd, UFFDIO_WRITEPROTECT, &w) != 0)
                if (errno != EAGAIN)
                        return -errno;
        return 0;
}

int uffd_protect(const struct uffd *u, void *addr, size_t len)
{
        return writeprotect(u, addr, len, UFFDIO_WRITEPROTECT_MODE_WP);
}

int uffd_unprotect(const struct uffd *u, void *addr, size_t len)
{
        return writeprotect(u, addr, len, UFFDIO_WRITEPROTECT_MODE_DONTWAKE);
}

int uffd_wake(const struct uffd *u, void *addr, size_t len)
{
        struct uffdio_range r = {(uintptr_t)addr, len};

        return ioctl(u->fd, UFFDIO_WAKE, &r) ? -errno : 0;
}

/* Without the kernel's marker: a mapping of an empty file raises SIGBUS as well. */
static int sigbus_mapping_create(void *addr, size_t len, bool inherit)
{
        int fd = memfd_create("unpaged-poison", MFD_CLOEXEC);
        void *p = MAP_FAILED;

        if (fd < 0)
                return -errno;
        p = mmap(addr, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
        close(fd);
        if (p == MAP_FAILED)
                return -errno;
        if (!inherit)
                madvise(addr, len, MADV_DONTFORK);
        return 0;
}

static int poison_mark(const struct uffd *u, void *addr, size_t len)
{
        struct uffdio_poison p = {.range = {(uintptr_t)addr, len}};

        while (p.range.len > 0) {
                p.updated = 0;
                if (ioctl(u->fd, UFFDIO_POISON, &p) != 0 && errno != EAGAIN)
                        return -errno;
                if (p.updated > 0) {
                        p.range.start += (uint64_t)p.updated;
                        p.range.len -= (uint64_t)p.updated;
                }
        }
        return 0;
}

int uffd_poison(const struct uffd *u, void *addr, size_t len)
{
        int error = -ENOTSUP;

        lock_assert_none();
        if (u->can_poison)
                error = poison_mark(u, addr, len);
        if (error)
                error = sigbus_mapping_create(addr, len, u->inherit);
        uffd_wake(u, addr, len);
        return error;
}

int uffd_replace(const struct uffd *u, void *addr, const void *data, size_t len, int prot)
{
        char *spare = mmap(NULL, len, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        int error = 0;

        if (spare == MAP_FAILED)
                return -errno;
        munlock(spare, len);
        madvise(spare, len, MADV_NOHUGEPAGE);
        if (!u->inherit)
                madvise(spare, len, MADV_DONTFORK);
        memcpy(spare, data, len);
        if (mprotect(spare, len, prot) != 0 ||
            mremap(spare, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, addr) == MAP_FAILED) {
                error = -errno;
                munmap(spare, len);
                return error;
        }
        /* Every page of it is there, so nothing is missed before this. */
        return uffd_register(u, addr, len);
}

void uffd_refuse_writes(void *addr, size_t len)
{
        mprotect(addr, len, PROT_READ);
}

/* If the program has put another file under the number: that ends long before such an offset. */
int uffd_peek(const struct uffd *u, void *dst, const void *src, size_t len)
{
        ssize_t n;

        for (size_t done = 0; done < len; done += (size_t)n) {
                n = pread(u->memory, (char *)dst + done, len - done,
                          (off_t)((uintptr_t)src + done));
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
        }
        return 0;
}

int uffd_unshare(void *addr, size_t len)
{
        lock_assert_none();
        return madvise(addr, len, MADV_POPULATE_WRITE) == 0 ? 0 : -errno;
}

int uffd_drop(void *addr, size_t len)
{
        lock_assert_none();
        return madvise(addr, len, MADV_DONTNEED) == 0 ? 0 : -errno;
}

void uffd_forget(void *addr, size_t len)
{
        lock_assert_none();
        arena_forget(addr, len);
}

/* How many of at most PRESENT_MAX kernel pages are there. */
static size_t count_present(const struct uffd *u, uintptr_t addr, size_t n)
{
        uint64_t entries[PRESENT_MAX];
        size_t present = 0;
        ssize_t got = pread(u->pagemap, entries, n * sizeof(*entries),
                            (off_t)(addr / KERNEL_PAGE_SIZE * sizeof(*entries)));

        for (size_t i = 0; i < n; i++) {
                unsigned char core = 1;

                /* pagemap also knows what the kernel has swapped out; mincore does not. */
                if (got == (ssize_t)(n * sizeof(*entries)))
                        present += entries[i] >> 62 != 0;
                else
                        present += mincore((void *)(addr + i * KERNEL_PAGE_SIZE), KERNEL_PAGE_SIZE,
                                           &core) != 0 ||
                                   core & 1;
        }
        return present;
}

enum uffd_presence uffd_present(const struct uffd *u, const void *addr, size_t len)
{
        size_t present = 0, pages = len / KERNEL_PAGE_SIZE;

        for (size_t at = 0; at < pages; at += PRESENT_MAX)
                present += count_present(u, (uintptr_t)addr + at * KERNEL_PAGE_SIZE,
                                         pages - at < PRESENT_MAX ? pages - at : PRESENT_MAX);
        return present == 0 ? UFFD_NOTHING : present == pages ? UFFD_ALL : UFFD_SOME;
}

/* move_pages() asks for many at a time: 0.35 us each, where pagemap and mincore take 1.5. */
bool uffd_find_present(struct uffd *u, void **addrs, int *there, unsigned n)
{
        if (!atomic_load_explicit(&u->can_ask, memory_order_relaxed))
                return false;
        if (syscall(SYS_move_pages, 0, (unsigned long)n, addrs, NULL, there, 0) == 0)
                return true;
        /* a kernel without NUMA, or a filter of system calls */
        atomic_store_explicit(&u->can_ask, false, memory_order_relaxed);
        return false;
}

bool uffd_in_core(const void *addr, size_t len)
{
        unsigned char core;

        for (size_t at = 0; at < len; at += KERNEL_PAGE_SIZE) {
                core = 1;
                if (mincore((char *)(uintptr_t)addr + at, KERNEL_PAGE_SIZE, &core) != 0 || core & 1)
                        return true;
        }
        return false;
}

int uffd_drop_ranges(const struct iovec *ranges, size_t n)
{
        static _Atomic int vectored = 1; /* until the kernel says otherwise */
        bool refused = false;
        int error = 0;

        lock_assert_none();
        if (n > 1 && atomic_load_explicit(&vectored, memory_order_relaxed)) {
                ssize_t dropped =
                        syscall(SYS_process_madvise, PIDFD_SELF, ranges, n, MADV_DONTNEED, 0);

                refused = dropped < 0 && errno != EINTR;
                /* Short only where a range is refused; the rest is dropped singly. */
                for (; dropped > 0 && n > 0 && (size_t)dropped >= ranges->iov_len; n--)
                        dropped -= (ssize_t)(ranges++)->iov_len;
        }
        for (; n > 0; n--, ranges++)
                if (madvise(ranges->iov_base, ranges->iov_len, MADV_DONTNEED) != 0)
                        error = -errno;
        if (refused && !error)
                atomic_store_explicit(&vectored, 0, memory_order_relaxed);
        return error;
}

int uffd_read(const struct uffd *u, struct uffd_msg *message)
{
        /* One at a time: a thread that has read two messages holds one up while it serves the
         * other. And not by read(): that is a cancellation point, with the work this brings. */
        long n = syscall(SYS_read, u->fd, message, sizeof(*message));

        return n < 0 ? -errno : n == (long)sizeof(*message);
}
