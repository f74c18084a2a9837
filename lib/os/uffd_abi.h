/* SPDX-License-Identifier: MIT */
/*
 * uffd_abi.h - what the kernel's userfaultfd speaks, as far as this library needs it.
 *
 * Distributions ship headers older than their kernels (Debian 12 knows no MOVE and no POISON), so
 * building must not depend on <linux/userfaultfd.h>. Names and layouts follow the kernel's; what
 * the running kernel supports is probed (see uffd.c).
 */
#ifndef UFFD_ABI_H
#define UFFD_ABI_H

#include <stdint.h>
#include <sys/ioctl.h>

#define UFFD_API 0xAAu

#define UFFD_USER_MODE_ONLY 1 /* flag of the system call, Linux 5.11 */

/* Features, by the Linux version that brought them. */
#define UFFD_FEATURE_PAGEFAULT_FLAG_WP (1ull << 0)  /* 5.7 */
#define UFFD_FEATURE_SIGBUS            (1ull << 7)  /* 4.14 */
#define UFFD_FEATURE_THREAD_ID         (1ull << 8)  /* 4.14 */
#define UFFD_FEATURE_POISON            (1ull << 14) /* 6.6 */
#define UFFD_FEATURE_MOVE              (1ull << 16) /* 6.8 */

#define UFFD_EVENT_PAGEFAULT      0x12
#define UFFD_PAGEFAULT_FLAG_WRITE (1ull << 0)
#define UFFD_PAGEFAULT_FLAG_WP    (1ull << 1)

struct uffd_msg {
        uint8_t event;
        uint8_t reserved1;
        uint16_t reserved2;
        uint32_t reserved3;
        uint64_t flags;
        uint64_t address;
        uint32_t ptid;
        uint32_t reserved4;
};
_Static_assert(sizeof(struct uffd_msg) == 32, "the kernel's message is 32 bytes");

struct uffdio_range {
        uint64_t start;
        uint64_t len;
};

struct uffdio_api {
        uint64_t api;
        uint64_t features;
        uint64_t ioctls;
};

#define UFFDIO_REGISTER_MODE_MISSING (1ull << 0)
#define UFFDIO_REGISTER_MODE_WP      (1ull << 1)
struct uffdio_register {
        struct uffdio_range range;
        uint64_t mode;
        uint64_t ioctls;
};

#define UFFDIO_COPY_MODE_DONTWAKE (1ull << 0)
#define UFFDIO_COPY_MODE_WP       (1ull << 1)
struct uffdio_copy {
        uint64_t dst;
        uint64_t src;
        uint64_t len;
        uint64_t mode;
        int64_t copy; /* bytes copied, or a negative errno */
};

#define UFFDIO_MOVE_MODE_DONTWAKE (1ull << 0)
struct uffdio_move {
        uint64_t dst;
        uint64_t src;
        uint64_t len;
        uint64_t mode;
        int64_t move; /* bytes moved, or a negative errno */
};

#define UFFDIO_WRITEPROTECT_MODE_WP       (1ull << 0)
#define UFFDIO_WRITEPROTECT_MODE_DONTWAKE (1ull << 1)
struct uffdio_writeprotect {
        struct uffdio_range range;
        uint64_t mode;
};

struct uffdio_poison {
        struct uffdio_range range;
        uint64_t mode;
        int64_t updated;
};

#define UFFDIO_API          _IOWR(UFFD_API, 0x3F, struct uffdio_api)
#define UFFDIO_REGISTER     _IOWR(UFFD_API, 0x00, struct uffdio_register)
#define UFFDIO_WAKE         _IOR(UFFD_API, 0x02, struct uffdio_range)
#define UFFDIO_COPY         _IOWR(UFFD_API, 0x03, struct uffdio_copy)
#define UFFDIO_MOVE         _IOWR(UFFD_API, 0x05, struct uffdio_move)
#define UFFDIO_WRITEPROTECT _IOWR(UFFD_API, 0x06, struct uffdio_writeprotect)
#define UFFDIO_POISON       _IOWR(UFFD_API, 0x08, struct uffdio_poison)

#define USERFAULTFD_IOC_NEW _IO(UFFD_API, 0x00) /* on /dev/userfaultfd, Linux 6.1 */

#endif
