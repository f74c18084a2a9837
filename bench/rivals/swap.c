/* SPDX-License-Identifier: MIT */
/*
 * swap.c - a swap device of our own, on zram with lz4, preferred to what else swaps.
 *
 * /proc/swaps tells whether it is still in use: only then is it switched off.
 */
#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define PRIORITY 32767

static struct {
        bool added, swapping, node_made;
        char number[16], node[32];
        char reason[256];
} swap;

static const char *refuse(const char *what, int error)
{
        snprintf(swap.reason, sizeof(swap.reason), "zram: %s: %s", what, strerror(error));
        swap_put_back();
        return swap.reason;
}

static int put(const char *file, const char *text)
{
        char path[128];

        snprintf(path, sizeof(path), "/sys/block/zram%s/%s", swap.number, file);
        return file_put(path, text);
}

/* Where nobody makes device nodes, as in some containers. */
static int make_node(void)
{
        unsigned major_number, minor_number;
        char path[64], text[32];

        if (access(swap.node, F_OK) == 0)
                return 0;
        snprintf(path, sizeof(path), "/sys/block/zram%s/dev", swap.number);
        if (!file_get(path, text, sizeof(text)) ||
            sscanf(text, "%u:%u", &major_number, &minor_number) != 2)
                return ENODEV;
        if (mknod(swap.node, S_IFBLK | 0600, makedev(major_number, minor_number)) != 0)
                return errno;
        swap.node_made = true;
        return 0;
}

/* What mkswap(8) writes: version 1, the number of the last page, and a signature at the end. */
static int write_header(size_t size)
{
        static union {
                char bytes[4096];
                uint32_t words[1024];
        } header;
        int fd = open(swap.node, O_WRONLY | O_CLOEXEC), error = 0;

        if (fd < 0)
                return errno;
        header.words[256] = 1;
        header.words[257] = (uint32_t)(size / sizeof(header) - 1);
        memcpy(header.bytes + sizeof(header) - 10, "SWAPSPACE2", 10);
        if (pwrite(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header) || fsync(fd) != 0)
                error = errno ? errno : EIO;
        close(fd);
        return error;
}

/* The kernel would use both in turn. */
static void warn_of_another(void)
{
        FILE *swaps = fopen("/proc/swaps", "re");
        char line[256], name[128];
        int priority;

        while (swaps && fgets(line, sizeof(line), swaps))
                if (sscanf(line, "%127s %*s %*s %*s %d", name, &priority) == 2 &&
                    priority >= PRIORITY)
                        fprintf(stderr,
                                "rivals: %s is as preferred as our swap device will be: figures of "
                                "the kernel are its, too; swapoff it, or wait for who made it\n",
                                name);
        if (swaps)
                fclose(swaps);
}

const char *swap_begin(void)
{
        size_t size = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
        const char *control = "/sys/class/zram-control/hot_add";
        char bytes[32];
        int error;

        if (swap.swapping)
                return NULL;
        if (access(control, F_OK) != 0 && system("modprobe -q zram 2>/dev/null") != 0)
                return "this kernel has no zram";
        if (!file_get(control, swap.number, sizeof(swap.number)))
                return refuse("no device can be added", errno);
        swap.added = true;
        warn_of_another();
        snprintf(swap.node, sizeof(swap.node), "/dev/zram%s", swap.number);
        snprintf(bytes, sizeof(bytes), "%zu", size);
        if ((error = make_node()) != 0)
                return refuse("no device node", error);
        if ((error = put("comp_algorithm", "lz4")) != 0)
                return refuse("no lz4", error);
        if ((error = put("disksize", bytes)) != 0)
                return refuse("disksize", error);
        if ((error = write_header(size)) != 0)
                return refuse("the header of the swap space", error);
        if (swapon(swap.node, SWAP_FLAG_PREFER | PRIORITY) != 0)
                return refuse("swapon", errno);
        swap.swapping = true;
        return NULL;
}

void swap_put_back(void)
{
        if (!swap.added)
                return;
        if (swap.swapping && swapoff(swap.node) != 0)
                fprintf(stderr, "rivals: swapoff %s: %s; switch it off by hand\n", swap.node,
                        strerror(errno));
        swap.swapping = false;
        put("reset", "1");
        if (file_put("/sys/class/zram-control/hot_remove", swap.number) != 0)
                fprintf(stderr,
                        "rivals: %s could not be removed: echo %s "
                        ">/sys/class/zram-control/hot_remove\n",
                        swap.node, swap.number);
        if (swap.node_made)
                unlink(swap.node);
        swap.added = false;
}
