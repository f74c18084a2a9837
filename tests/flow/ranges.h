/* SPDX-License-Identifier: MIT */
/*
 * ranges.h - which memory is whose, and how much of it is resident.
 *
 * The library names its areas by prctl(PR_SET_VMA). Not every kernel keeps such names, and areas
 * without one merge in /proc/self/smaps, so the names are caught on the way: this file defines
 * prctl() for the test program, notes name and range, and passes the call on. mincore() then tells
 * the resident pages of a range exactly. Include it in one file of a program only.
 */
#ifndef RANGES_H
#define RANGES_H

#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RANGES_MAX       256
#define RANGES_SET_VMA   0x53564d41
#define RANGES_ANON_NAME 0UL

static struct range {
        uintptr_t start, end;
        const char *name;
} ranges[RANGES_MAX];
static size_t nranges;

static void range_note(uintptr_t start, size_t bytes, const char *name)
{
        size_t kept = 0;

        /* Areas come and go; the last name of an address counts. */
        for (size_t i = 0; i < nranges; i++)
                if (ranges[i].end <= start || ranges[i].start >= start + bytes)
                        ranges[kept++] = ranges[i];
        if (kept < RANGES_MAX)
                ranges[kept++] = (struct range){start, start + bytes, name};
        nranges = kept;
}

int prctl(int option, ...)
{
        unsigned long arg[4];
        va_list args;

        va_start(args, option);
        for (int i = 0; i < 4; i++)
                arg[i] = va_arg(args, unsigned long);
        va_end(args);
        if (option == RANGES_SET_VMA && arg[0] == RANGES_ANON_NAME)
                range_note(arg[1], arg[2], (const char *)arg[3]); /* a string literal */
        return (int)syscall(SYS_prctl, option, arg[0], arg[1], arg[2], arg[3]);
}

static size_t resident_between(uintptr_t start, uintptr_t end)
{
        static unsigned char present[1 << 16];
        size_t n = 0;

        for (uintptr_t at = start; at < end;) {
                size_t pages = (end - at + 4095) / 4096;

                pages = pages < sizeof(present) ? pages : sizeof(present);
                if (mincore((void *)at, pages * 4096, present) != 0)
                        return n; /* it is gone */
                for (size_t i = 0; i < pages; i++)
                        n += present[i] & 1;
                at += pages * 4096;
        }
        return n * 4096;
}

/* Before a pool is opened: the areas of those before it are gone, and their addresses anybody's. */
static inline void ranges_forget(void)
{
        nranges = 0;
}

/* Resident bytes of all areas of that name. */
static size_t resident_of(const char *name)
{
        size_t bytes = 0;

        for (size_t i = 0; i < nranges; i++)
                if (strcmp(ranges[i].name, name) == 0)
                        bytes += resident_between(ranges[i].start, ranges[i].end);
        return bytes;
}

#endif
