/* SPDX-License-Identifier: MIT */
/* wiped.c - calls that touch what is out themselves: they wipe, or copy, the part of a page that is
 * larger than the kernel's. */
#include "case.h"

#define CHUNK (8 * PAGE)         /* half a page of 64 KiB */
#define BYTES ((size_t)12 << 20) /* several of the budgets that such pages want */

static unsigned char *numbered(void)
{
        unsigned char *data =
                mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        must(data != MAP_FAILED);
        for (size_t i = 0; i < BYTES; i += PAGE)
                memset(data + i, (int)(i / PAGE % 250) + 1, PAGE);
        return data;
}

static bool is_of(const unsigned char *page, size_t number)
{
        return page[0] == number % 250 + 1 && page[PAGE - 1] == number % 250 + 1;
}

/* Every second chunk is dropped: the front part of a page of 64 KiB, and then the other stays. */
static int parts_dropped(void)
{
        unsigned char *data = numbered();

        for (size_t at = 0; at + CHUNK <= BYTES; at += 2 * CHUNK)
                must(madvise(data + at, CHUNK, MADV_DONTNEED) == 0);
        for (size_t at = 0; at < BYTES; at += PAGE)
                must(at / CHUNK % 2 ? is_of(data + at, at / PAGE) : data[at] == 0);
        return 0;
}

/* Moved by less than a page of 64 KiB, to and fro. */
static int parts_moved(void)
{
        unsigned char *data = numbered();
        size_t size = 20 * PAGE;

        for (size_t at = 0; at + 4 * size < BYTES; at += 4 * size) {
                unsigned char *to = mremap(data + at, size, size, MREMAP_MAYMOVE | MREMAP_FIXED,
                                           data + at + 2 * size + PAGE);

                must(to == data + at + 2 * size + PAGE);
                for (size_t i = 0; i < size; i += PAGE)
                        must(is_of(to + i, (at + i) / PAGE));
        }
        return 0;
}

static const struct test_case cases[] = {
        {"parts_dropped", parts_dropped},
        {"parts_moved", parts_moved},
        {NULL, NULL},
};

int main(int argc, char **argv)
{
        return cases_run(argc, argv, cases);
}
