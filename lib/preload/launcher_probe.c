/* SPDX-License-Identifier: MIT */
/*
 * launcher_probe.c - the questions of `unpaged check` to the kernel: each is put by trying, since
 * versions, capabilities and sandboxes tell less than the answer of a system call.
 *
 * Distributions' headers are older than their kernels, so the few numbers needed are written here.
 */
#include "launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <unpaged/unpaged.h>

#define UFFD_API            0xAAu
#define UFFD_USER_MODE_ONLY 1 /* serves faults of user mode alone: nobody is refused */

struct uffd_api {
        uint64_t api, features, ioctls;
};

#define UFFD_IOCTL_API _IOWR(UFFD_API, 0x3F, struct uffd_api)
#define UFFD_IOCTL_NEW _IO(UFFD_API, 0x00) /* on the device */

/* ---- pools ---------------------------------------------------------------------------------- */

static int open_pool(struct pg_pool **pool, bool signal_delivery, char *why, size_t size)
{
        struct pg_config config = {
                .size = sizeof(config),
                .budget = 1 << 20,
                .delivery = signal_delivery ? PG_DELIVERY_SIGNAL : PG_DELIVERY_THREAD,
        };
        int error = pg_open(pool, &config);

        snprintf(why, size, "%s", error ? pg_last_error() : "");
        return error;
}

int probe_pool(bool signal_delivery, char *why, size_t size)
{
        struct pg_pool *pool;
        int error = open_pool(&pool, signal_delivery, why, size);

        if (!error)
                pg_close(pool);
        return error;
}

bool probe_mapping(uint64_t size)
{
        struct pg_pool *pool;
        char why[512];
        bool mapped;

        if (open_pool(&pool, false, why, sizeof(why)) != 0)
                return false;
        mapped = pg_map(pool, size, 0) != NULL;
        pg_close(pool);
        return mapped;
}

/* ---- the kernel ----------------------------------------------------------------------------- */

/* A descriptor, or a negative errno. */
static int device_open(void)
{
        int device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC), fd;

        if (device < 0)
                return -errno;
        fd = ioctl(device, UFFD_IOCTL_NEW, O_CLOEXEC);
        fd = fd < 0 ? -errno : fd;
        close(device);
        return fd;
}

static int call_open(int flags)
{
        int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | flags);

        return fd < 0 ? -errno : fd;
}

static int closed(int fd)
{
        if (fd >= 0)
                close(fd);
        return fd < 0 ? -fd : 0;
}

int probe_device(void)
{
        return closed(device_open());
}

int probe_system_call(void)
{
        return closed(call_open(0));
}

uint64_t probe_features(void)
{
        struct uffd_api api = {.api = UFFD_API};
        int fd = device_open(), rc;

        if (fd < 0)
                fd = call_open(0);
        if (fd < 0)
                fd = call_open(UFFD_USER_MODE_ONLY);
        if (fd < 0)
                return UINT64_MAX;
        rc = ioctl(fd, UFFD_IOCTL_API, &api);
        close(fd);
        return rc == 0 ? api.features : UINT64_MAX;
}

bool probe_capability(unsigned capability)
{
        struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
        struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

        return syscall(SYS_capget, &head, data) == 0 &&
               data[capability / 32].effective & 1u << capability % 32;
}

/* Only a process that may have a ring is told that this request makes no sense. */
int probe_io_uring(void)
{
        return syscall(SYS_io_uring_setup, 0, NULL) < 0 && (errno == EPERM || errno == ENOSYS)
                       ? errno
                       : 0;
}

long probe_number(const char *path, const char *key)
{
        FILE *file = fopen(path, "re");
        char line[256];
        long number = -1;

        while (file && number < 0 && fgets(line, sizeof(line), file))
                if (strncmp(line, key, strlen(key)) == 0)
                        number = strtol(line + strlen(key), NULL, 10);
        if (file)
                fclose(file);
        return number;
}
