/* SPDX-License-Identifier: MIT */
/*
 * demo_work.c - the work of the demonstration, and the same by other means.
 *
 * Whatever is computed through paged memory is computed again without it: by plain tools of the
 * system, or by an independent pass over the file with read(2).
 *
 * Keys are the first of every two 64-bit words of the input, which is what `od -w16` prints at the
 * beginning of its lines. They are sorted where they are, by radix, from the most significant byte:
 * each pass walks 256 streams forward, so it needs as many pages at once and no more, and a group
 * that fits into the budget is finished there. Tools sort a sample of them: those that end in one
 * certain byte.
 */
#include "demo.h"

#include <unpaged/stores.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK        ((size_t)64 << 10)
#define SAMPLE       0x65u
#define SMALL        32u /* keys that are sorted by insertion */
#define SHARED_BYTES (8 * MIB)

static uint64_t buffer[BUFFER_BYTES / sizeof(uint64_t)];

/* ---- plain tools --------------------------------------------------------------------------- */

/* The first line a command prints. */
static void ask(struct demo *demo, const char *what, const char *command, char *answer, size_t size)
{
        FILE *tool;

        tools_begin(demo, what);
        answer[0] = '\0';
        tool = popen(command, "r");
        if (!tool || !fgets(answer, (int)size, tool))
                snprintf(answer, size, "(no answer)");
        if (tool && pclose(tool) != 0)
                snprintf(answer, size, "(failed: %.40s)", command);
        answer[strcspn(answer, "\n")] = '\0';
        tools_end(demo);
}

/* ---- cksum --------------------------------------------------------------------------------- */

/* The checksum of POSIX cksum: a CRC over the bytes and then over their number. */
struct crc {
        uint32_t table[256];
        uint32_t value;
        uint64_t bytes;
};

static void crc_begin(struct crc *crc)
{
        *crc = (struct crc){0};
        for (uint32_t i = 0; i < 256; i++) {
                uint32_t c = i << 24;

                for (unsigned bit = 0; bit < 8; bit++)
                        c = c << 1 ^ (c >> 31 ? 0x04C11DB7u : 0);
                crc->table[i] = c;
        }
}

static void crc_add(struct crc *crc, const void *data, size_t size)
{
        const unsigned char *at = data;
        uint32_t value = crc->value;

        for (size_t i = 0; i < size; i++)
                value = value << 8 ^ crc->table[value >> 24 ^ at[i]];
        crc->value = value;
        crc->bytes += size;
}

/* As cksum prints it. */
static void crc_end(struct crc *crc, char *text, size_t size)
{
        uint64_t bytes = crc->bytes;

        for (uint64_t rest = bytes; rest > 0; rest >>= 8)
                crc_add(crc, &(unsigned char){(unsigned char)rest}, 1);
        snprintf(text, size, "%" PRIu32 " %" PRIu64, ~crc->value, bytes);
}

void work_checksum(struct demo *demo)
{
        char command[64], ours[64], theirs[64];
        struct crc crc;

        crc_begin(&crc);
        step_begin(demo, "checksum the mapped file", demo->size);
        for (size_t at = 0; at < demo->size; at += CHUNK) {
                crc_add(&crc, (const char *)demo->file + at,
                        demo->size - at < CHUNK ? demo->size - at : CHUNK);
                step_at(demo, at);
        }
        step_end(demo);
        crc_end(&crc, ours, sizeof(ours));

        snprintf(command, sizeof(command), "cksum <%s", demo->path);
        ask(demo, "plain tools: cksum", command, theirs, sizeof(theirs));
        check(demo, "checksum of the mapped file", strcmp(ours, theirs) == 0, "cksum says %s",
              theirs);
}

/* ---- keys ---------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t x)
{
        x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
        x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
        return x ^ x >> 31;
}

/* The same for the same keys in any order. */
static uint64_t bag_of_keys;

static void read_keys_back(struct demo *demo)
{
        size_t wrong = 0;

        bag_of_keys = 0;
        step_begin(demo, "read it back, against read(2) of the file",
                   demo->nkeys * sizeof(*demo->keys));
        for (size_t i = 0; i < demo->nkeys; i++) {
                size_t in_buffer = 2 * i % (BUFFER_BYTES / sizeof(*buffer));
                size_t offset = 2 * i * sizeof(*buffer);

                if (in_buffer == 0) {
                        size_t left = 2 * demo->nkeys * sizeof(*buffer) - offset;

                        read_all(demo->fd, buffer, left < BUFFER_BYTES ? left : BUFFER_BYTES,
                                 offset);
                        step_at(demo, i * sizeof(*demo->keys));
                }
                wrong += demo->keys[i] != buffer[in_buffer];
                bag_of_keys += mix(buffer[in_buffer]);
        }
        step_end(demo);
        check(demo, "anonymous memory, written and read", wrong == 0, "read(2): %zu of %zu differ",
              wrong, demo->nkeys);
}

void work_keys(struct demo *demo)
{
        step_begin(demo, "copy half of it into anonymous memory",
                   demo->nkeys * sizeof(*demo->keys));
        for (size_t i = 0; i < demo->nkeys; i++) {
                demo->keys[i] = demo->file[2 * i];
                if (i % CHUNK == 0)
                        step_at(demo, i * sizeof(*demo->keys));
        }
        step_end(demo);
        read_keys_back(demo);
}

/* ---- sort ---------------------------------------------------------------------------------- */

/* Half of the progress is the first pass, over all keys; half is finished keys. */
struct sorting {
        struct demo *demo;
        size_t moved, finished;
};

static void sorting_show(const struct sorting *s)
{
        step_at(s->demo, (s->moved + s->finished) * sizeof(uint64_t) / 2);
}

static void insertion_sort(uint64_t *keys, size_t n)
{
        for (size_t i = 1; i < n; i++) {
                uint64_t key = keys[i];
                size_t at = i;

                for (; at > 0 && keys[at - 1] > key; at--)
                        keys[at] = keys[at - 1];
                keys[at] = key;
        }
}

/* Every key goes into its group: group g lies in keys[start[g]] ... keys[start[g + 1] - 1]. */
static void spread(struct sorting *s, uint64_t *keys, const size_t *start, unsigned shift)
{
        size_t next[256];

        memcpy(next, start, sizeof(next));
        for (unsigned group = 0; group < 256; group++) {
                while (next[group] < start[group + 1]) {
                        uint64_t key = keys[next[group]];
                        unsigned home = key >> shift & 0xff;

                        keys[next[group]] = keys[next[home]];
                        keys[next[home]++] = key;
                        if (shift == 56 && s->moved++ % CHUNK == 0)
                                sorting_show(s);
                }
        }
}

static void radix_sort(struct sorting *s, uint64_t *keys, size_t n, unsigned shift)
{
        size_t start[257] = {0};

        if (n <= SMALL) {
                insertion_sort(keys, n);
                s->finished += n;
                return;
        }
        for (size_t i = 0; i < n; i++)
                start[(keys[i] >> shift & 0xff) + 1]++;
        for (unsigned group = 0; group < 256; group++)
                start[group + 1] += start[group];
        spread(s, keys, start, shift);
        for (unsigned group = 0; group < 256 && shift > 0; group++)
                radix_sort(s, keys + start[group], start[group + 1] - start[group], shift - 8);
        s->finished += shift == 0 ? n : 0;
        sorting_show(s);
}

/* The sample as the tools write it: 16 digits and a newline each. */
static void compare_sample(struct demo *demo, struct crc *crc, size_t count)
{
        char command[160], ours[64], theirs[64];

        crc_end(crc, ours, sizeof(ours));
        snprintf(command, sizeof(command),
                 "head -c %zu <%s | od -An -v -t x8 -w16 | cut -c 2-17 | grep '%02x$' | sort | "
                 "cksum",
                 2 * demo->nkeys * sizeof(*demo->keys), demo->path, SAMPLE);
        ask(demo, "plain tools: od, grep, sort, cksum", command, theirs, sizeof(theirs));
        check(demo, "sorted sample, by plain tools", strcmp(ours, theirs) == 0,
              "od, sort, cksum of %zu keys say %s", count, theirs);
}

static void check_sorted(struct demo *demo)
{
        uint64_t bag = 0, before = 0;
        size_t disordered = 0, count = 0;
        struct crc crc;
        char line[32];

        crc_begin(&crc);
        step_begin(demo, "check the order", demo->nkeys * sizeof(*demo->keys));
        for (size_t i = 0; i < demo->nkeys; i++) {
                uint64_t key = demo->keys[i];

                disordered += key < before;
                before = key;
                bag += mix(key);
                if ((key & 0xff) == SAMPLE) {
                        count++;
                        crc_add(&crc, line,
                                (size_t)snprintf(line, sizeof(line), "%016" PRIx64 "\n", key));
                }
                if (i % CHUNK == 0)
                        step_at(demo, i * sizeof(*demo->keys));
        }
        step_end(demo);
        check(demo, "sorted keys are in order", disordered == 0, "%zu of %zu out of order",
              disordered, demo->nkeys);
        check(demo, "sorted keys are the file's keys", bag == bag_of_keys,
              "sum %016" PRIx64 ", by read(2) %016" PRIx64, bag, bag_of_keys);
        compare_sample(demo, &crc, count);
}

void work_sort(struct demo *demo)
{
        struct sorting s = {.demo = demo};

        step_begin(demo, "sort the anonymous memory", demo->nkeys * sizeof(*demo->keys));
        radix_sort(&s, demo->keys, demo->nkeys, 56);
        step_end(demo);
        check_sorted(demo);
}

/* ---- shared -------------------------------------------------------------------------------- */

void work_shared(struct demo *demo)
{
        size_t size = demo->size < SHARED_BYTES ? demo->size : SHARED_BYTES;
        int fd = input_copy(demo, size), error;
        char command[160], theirs[64];
        const size_t page = 4096;
        char *text = pg_map_file(demo->pool, fd, 0, size, PG_MAP_SHARED);

        if (!text)
                fail("cannot map the second file: %s", pg_last_error());
        step_begin(demo, "change a shared mapping, and sync it", size);
        for (size_t i = 0; i < size; i++) {
                if (text[i] >= 'a' && text[i] <= 'z')
                        text[i] = (char)(text[i] - 'a' + 'A');
                if (i % CHUNK == 0)
                        step_at(demo, i);
        }
        /* A range of whole pages: the last one is partly beyond the end of the file. */
        error = pg_sync(demo->pool, text, (size + page - 1) & ~(page - 1));
        step_end(demo);

        snprintf(command, sizeof(command),
                 "head -c %zu <%s | tr a-z A-Z | cmp - /dev/fd/%d && echo the same", size,
                 demo->path, fd);
        ask(demo, "plain tools: tr, cmp", command, theirs, sizeof(theirs));
        check(demo, "shared mapping, changed and synced",
              error == 0 && strcmp(theirs, "the same") == 0, "tr and cmp of the file: %s", theirs);
        error = pg_unmap(demo->pool, text, size);
        check(demo, "second file let go", error == 0, "%s", error ? strerror(-error) : "no error");
        close(fd);
}
