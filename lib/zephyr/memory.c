/* SPDX-License-Identifier: MIT */
/*
 * memory.c - physical memory: one memfd, of which frame i is page i.
 *
 * Because it is a file, a page of it can be mapped in several places, and stays what it is while it
 * is mapped nowhere.
 *
 * The program's image is physical memory, too, as on a board: the last frames are its pages, so
 * that the address of a static buffer has a physical address which can be mapped again. Writable
 * segments are copied into the memfd and mapped from there before main(), while there is one
 * thread; the others, whose content does not change, when somebody first maps them again, as a
 * debugger can set breakpoints in code only while it is the file's. What follows from it: a child
 * of fork() would share the program's variables; programs of this kind must not fork without exec.
 */
#include "machine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SEGMENTS_MAX 32

/* Pages of the image that have the same protection. */
struct segment {
        uint8_t *start, *end;
        int protection;
        bool moved; /* into the memfd */
};

static int memory_fd;
static struct segment segments[SEGMENTS_MAX];
static size_t nsegments;
static size_t image_first, image_frames;

size_t unpaged_memory_image_frames(size_t *first)
{
        *first = image_first;
        return image_frames;
}

static off_t offset_of_image(const uint8_t *address)
{
        return (off_t)(image_first * PAGE_SIZE) + (address - K_MEM_KERNEL_VIRT_START);
}

static int segment_move(struct segment *s)
{
        size_t size = (size_t)(s->end - s->start);

        for (size_t done = 0; done < size;) {
                /* Not pwrite(): sanitizers keep it from the gaps between variables. */
                ssize_t n = syscall(SYS_pwrite64, memory_fd, s->start + done, size - done,
                                    offset_of_image(s->start) + (off_t)done);

                if (n <= 0)
                        return -ENOMEM;
                done += (size_t)n;
        }
        if (mmap(s->start, size, s->protection, MAP_SHARED | MAP_FIXED, memory_fd,
                 offset_of_image(s->start)) == MAP_FAILED)
                return -ENOMEM;
        s->moved = true;
        return 0;
}

/* Moves what is not there yet of the image's pages between two offsets of the memfd. */
static int image_move(off_t from, off_t to)
{
        for (struct segment *s = segments; s < segments + nsegments; s++)
                if (!s->moved && offset_of_image(s->start) < to && offset_of_image(s->end) > from &&
                    segment_move(s) != 0)
                        return -ENOMEM;
        return 0;
}

int unpaged_memory_map(void *virt, uintptr_t phys, size_t size, int protection)
{
        off_t from = (off_t)(phys - K_MEM_PHYS_RAM_START);

        if (phys < K_MEM_PHYS_RAM_START || phys >= K_MEM_PHYS_RAM_END ||
            size > K_MEM_PHYS_RAM_END - phys)
                return -EINVAL;
        if (image_move(from, from + (off_t)size) != 0 ||
            mmap(virt, size, protection, MAP_SHARED | MAP_FIXED, memory_fd, from) == MAP_FAILED)
                return -ENOMEM;
        return 0;
}

/* ---- at start-up --------------------------------------------------------------------------- */

/* A line of /proc/self/maps; pages that nobody may read are gaps and not listed. */
static void segment_read(const char *line)
{
        uintptr_t start, end;
        char allowed[5];
        struct segment *s = &segments[nsegments];

        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &start, &end, allowed) != 3)
                return;
        s->start = (uint8_t *)MAX(start, (uintptr_t)K_MEM_KERNEL_VIRT_START);
        s->end = (uint8_t *)MIN(end, (uintptr_t)K_MEM_KERNEL_VIRT_END);
        s->protection = (allowed[0] == 'r' ? PROT_READ : 0) | (allowed[1] == 'w' ? PROT_WRITE : 0) |
                        (allowed[2] == 'x' ? PROT_EXEC : 0);
        if (s->start < s->end && s->protection & PROT_READ && nsegments < SEGMENTS_MAX - 1)
                nsegments++;
}

static void image_find(void)
{
        FILE *maps = fopen("/proc/self/maps", "re");
        char *line = NULL;
        size_t size = 0;

        if (!maps)
                unpaged_start_refuse(
                        "/proc is needed to find the program's image, and cannot be read");
        while (getline(&line, &size, maps) > 0)
                segment_read(line);
        free(line);
        fclose(maps);
}

void unpaged_memory_start(size_t frames)
{
        size_t wanted = K_MEM_KERNEL_VIRT_SIZE / PAGE_SIZE;

        memory_fd = memfd_create("zephyr physical memory", MFD_CLOEXEC);
        if (memory_fd < 0 || ftruncate(memory_fd, (off_t)K_MEM_PHYS_RAM_SIZE) != 0)
                unpaged_start_refuse("no memory for %zu frames: %s", frames, strerror(errno));
        image_first = K_MEM_NUM_PAGE_FRAMES;
        if (wanted > K_MEM_NUM_PAGE_FRAMES - frames)
                return; /* a sanitizer's runtime is in it, say: it has no physical addresses then */
        image_frames = wanted;
        image_first -= wanted;
        image_find();
        for (struct segment *s = segments; s < segments + nsegments; s++)
                if (s->protection & PROT_WRITE && segment_move(s) != 0)
                        unpaged_start_refuse("no memory for the program's own data: %s",
                                             strerror(errno));
}
