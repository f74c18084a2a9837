/* SPDX-License-Identifier: MIT */
/*
 * format_oracle.c - the records that libCacheSim calls oracleGeneral.
 *
 * One for each access, 24 bytes without padding, little endian: the time in seconds (4 bytes), the
 * object (8), its size in bytes (4), and which access is the next one of the same object, counted
 * from 1 (8; -1: none). Objects are pages.
 *
 * Going there, touches remain: accesses, faults, rescues and first writes. What was forgotten or
 * moved is not known to such a file. The next access is found backwards, so touches are kept in
 * memory: 24 bytes for each, and the map of pages.
 *
 * Coming from there, every record is an access; the page size is the size of the first object (or
 * 4096 if that is 0), and other sizes are taken for it. The time stands still where the file lets
 * it go backwards.
 */
#include "formats.h"
#include "page_map.h"
#include "kernel_page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RECORD  24u
#define SECONDS 1000000u

/* ---- out ---------------------------------------------------------------------------------- */

struct touch {
        uint64_t page;
        int64_t next;
        uint32_t time;
};

struct touches {
        struct touch *all;
        size_t count, room;
};

static bool add(struct touches *t, uint64_t page, uint64_t time)
{
        if (t->count == t->room) {
                size_t room = t->room ? 2 * t->room : 4096;
                struct touch *larger = reallocarray(t->all, room, sizeof(*larger));

                if (!larger)
                        return false;
                t->all = larger;
                t->room = room;
        }
        t->all[t->count++] = (struct touch){.page = page, .time = (uint32_t)time};
        return true;
}

/* -ENOMEM, or what the reader said. */
static int read_touches(struct trace_reader *reader, struct touches *t)
{
        struct pg_trace_event e;
        uint64_t now = 0;
        int more;

        while ((more = trace_file_next(reader, &e)) > 0) {
                if (e.kind == PG_TRACE_TIME)
                        now += e.count;
                if ((e.kind <= PG_TRACE_WRITTEN && e.kind != PG_TRACE_AHEAD) &&
                    !add(t, e.page, now / SECONDS))
                        return -ENOMEM;
        }
        return more;
}

static bool find_next(struct touches *t)
{
        struct page_map last = {0};
        size_t i = t->count;

        while (i-- > 0) {
                struct page_entry *e = page_map_get(&last, t->all[i].page, UINT64_MAX);

                if (!e)
                        break;
                t->all[i].next = (int64_t)e->value;
                e->value = i + 1;
        }
        page_map_free(&last);
        return i == SIZE_MAX;
}

static int put(struct trace_reader *reader, FILE *out, char why[TRACE_WHY])
{
        struct touches t = {0};
        int error = read_touches(reader, &t);

        if (!error && !find_next(&t))
                error = -ENOMEM;
        for (size_t i = 0; i < t.count && !error; i++) {
                unsigned char record[RECORD];

                pg_trace_put(record, 4, t.all[i].time);
                pg_trace_put(record + 4, 8, t.all[i].page);
                pg_trace_put(record + 12, 4, trace_file_header(reader)->page_size);
                pg_trace_put(record + 16, 8, (uint64_t)t.all[i].next);
                if (fwrite(record, sizeof(record), 1, out) != 1)
                        break;
        }
        free(t.all);
        if (error == -ENOMEM)
                snprintf(why, TRACE_WHY, "no memory for so many accesses (24 bytes each)");
        else if (error)
                snprintf(why, TRACE_WHY, "%s", trace_file_note(reader));
        return error;
}

/* ---- in ----------------------------------------------------------------------------------- */

/* `first` has been read. */
static int take_records(FILE *in, const char *name, const unsigned char *first, const char *path,
                        char why[TRACE_WHY])
{
        struct pg_trace_header header = {.page_size = (uint32_t)pg_trace_get(first + 12, 4),
                                         .flags = PG_TRACE_EVERY_ACCESS,
                                         .origin = "imported"};
        struct trace_file_writer *writer;
        unsigned char record[RECORD];
        uint64_t now = 0;
        size_t n = RECORD;
        int error;

        header.page_size = header.page_size ? header.page_size : (uint32_t)KERNEL_PAGE_SIZE;
        error = trace_file_create(path, &header, &writer, why);
        if (error)
                return error;
        memcpy(record, first, RECORD);
        do {
                uint64_t then = pg_trace_get(record, 4);
                struct pg_trace_event time = {.kind = PG_TRACE_TIME,
                                              .count = (then - now) * SECONDS};
                struct pg_trace_event access = {.kind = PG_TRACE_ACCESS,
                                                .page = pg_trace_get(record + 4, 8)};

                if (then > now) {
                        trace_file_add(writer, &time);
                        now = then;
                }
                trace_file_add(writer, &access);
        } while ((n = fread(record, 1, RECORD, in)) == RECORD);
        if (n > 0 || ferror(in))
                trace_file_spoil(writer);
        error = trace_file_finish(writer, true, why);
        if (!error && (n > 0 || ferror(in))) {
                snprintf(why, TRACE_WHY, "%s: %s", name,
                         ferror(in) ? "cannot be read" : "ends inside a record of 24 bytes");
                error = -EINVAL;
        }
        return error;
}

static int get(FILE *in, const char *name, const char *path, char why[TRACE_WHY])
{
        unsigned char first[RECORD];

        if (fread(first, RECORD, 1, in) == 1)
                return take_records(in, name, first, path, why);
        snprintf(why, TRACE_WHY, "%s: %s", name,
                 ferror(in) ? "cannot be read" : "no record of 24 bytes is in it");
        return -EINVAL;
}

const struct trace_format format_oracle = {
        "oracle-general", "libCacheSim's records, 24 bytes for each touch", put, get};
