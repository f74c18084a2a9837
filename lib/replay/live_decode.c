/* SPDX-License-Identifier: MIT */
/*
 * live_decode.c - a file of counters that was read as a whole. Also for the preloaded library, when
 * a process ends: no allocation, no stdio.
 */
#include "live_view.h"

#include <string.h>

/* The first ones of `count` words at `at`, as far as both know them. False: they are not there. */
static bool add_words(uint64_t *to, size_t most, const char *file, size_t bytes, size_t at,
                      size_t count)
{
        uint64_t word;

        count = count < most ? count : most;
        if (at > bytes || count * sizeof(word) > bytes - at)
                return false;
        for (size_t i = 0; i < count; i++) {
                memcpy(&word, file + at + i * sizeof(word), sizeof(word));
                to[i] += word;
        }
        return true;
}

/* It may hold anything: a terminal gets no control characters. Bytes of UTF-8 stay. */
static void make_printable(char *text, size_t size)
{
        text[size - 1] = '\0';
        for (; *text; text++)
                if ((unsigned char)*text < ' ' || *text == 127)
                        *text = '?';
}

bool live_decode(struct live_view *v, const char *file, size_t bytes)
{
        const struct pg_live *live = &v->live;

        memset(v, 0, sizeof(*v));
        if (bytes < sizeof(*live))
                return false;
        memcpy(&v->live, file, sizeof(v->live));
        if (memcmp(live->magic, PG_LIVE_MAGIC, sizeof(live->magic)) != 0 ||
            live->version != PG_LIVE_VERSION ||
            !add_words(v->gauges, PG_GAUGES, file, bytes, live->gauge_offset, live->gauges))
                return false;
        /* Any user can lay down a file. */
        if (live->page_size < 4096 || live->page_size & (live->page_size - 1) ||
            live->page_size > 1 << 30 || live->block_bytes < live->counters * sizeof(uint64_t) ||
            live->counters == 0 || live->blocks > bytes / (live->counters * sizeof(uint64_t)))
                return false;
        for (uint32_t i = 0; i < live->blocks; i++)
                if (!add_words(v->counters, PG_COUNTERS, file, bytes,
                               live->block_offset + (size_t)i * live->block_bytes, live->counters))
                        return false;
        make_printable(v->live.program, sizeof(v->live.program));
        make_printable(v->live.policy, sizeof(v->live.policy));
        make_printable(v->live.swap, sizeof(v->live.swap));
        return true;
}

uint64_t live_budget(const struct live_view *v)
{
        if (v->gauges[PG_GAUGE_MEMORY])
                return v->gauges[PG_GAUGE_MEMORY];
        return v->gauges[PG_GAUGE_FRAMES_TOTAL] * v->live.page_size + v->live.buffer_bytes;
}
