/* SPDX-License-Identifier: MIT */
/*
 * trace_info.c - `unpaged trace info`: what is in a trace.
 *
 * Its footprint is the most pages that were alive at once: a page is from its first touch on, or
 * from when it was read ahead, until it is forgotten. So a fault is a first touch if its page was
 * not alive: the others are those that more memory would have avoided.
 */
#include "trace_info.h"
#include "command.h"
#include "json.h"
#include "page_lives.h"
#include "trace_file.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const names[PG_TRACE_KINDS] = {
        [PG_TRACE_ACCESS] = "accesses",        [PG_TRACE_FAULT] = "faults",
        [PG_TRACE_AHEAD] = "read ahead",       [PG_TRACE_RESCUED] = "rescued",
        [PG_TRACE_WRITTEN] = "first writes",   [PG_TRACE_QUEUED] = "queued",
        [PG_TRACE_LEFT] = "left their frames", [PG_TRACE_RETURNED] = "returned",
        [PG_TRACE_FORGOTTEN] = "forgotten",    [PG_TRACE_MOVED] = "moved",
        [PG_TRACE_GAP] = "lost events",        [PG_TRACE_FRAMES] = "budget changed",
};

/* The same as members of JSON. */
static const char *const keys[PG_TRACE_KINDS] = {
        [PG_TRACE_ACCESS] = "accesses",
        [PG_TRACE_FAULT] = "faults",
        [PG_TRACE_AHEAD] = "read_ahead",
        [PG_TRACE_RESCUED] = "rescued",
        [PG_TRACE_WRITTEN] = "first_writes",
        [PG_TRACE_QUEUED] = "queued",
        [PG_TRACE_LEFT] = "left",
        [PG_TRACE_RETURNED] = "returned",
        [PG_TRACE_FORGOTTEN] = "forgotten",
        [PG_TRACE_MOVED] = "moved",
        [PG_TRACE_GAP] = "lost",
        [PG_TRACE_FRAMES] = "budget_changes",
};

struct census {
        uint64_t counts[PG_TRACE_KINDS]; /* events; of ranges, their pages that were alive */
        uint64_t dirty[PG_TRACE_KINDS];
        uint64_t births[PG_TRACE_KINDS]; /* of pages that were not alive */
        uint64_t events, microseconds;
        uint64_t peak; /* pages alive */
        struct page_lives lives;
};

static bool is_range(enum pg_trace_kind kind)
{
        return kind == PG_TRACE_FORGOTTEN || kind == PG_TRACE_MOVED;
}

/* False: no memory. */
static bool take(struct census *c, const struct pg_trace_event *e)
{
        bool room = page_lives_take(&c->lives, e);
        uint64_t alive = c->lives.resident + c->lives.out;

        c->events += e->kind != PG_TRACE_TIME && e->kind != PG_TRACE_END;
        c->microseconds += e->kind == PG_TRACE_TIME ? e->count : 0;
        c->counts[e->kind] += is_range(e->kind)         ? c->lives.concerned
                              : e->kind == PG_TRACE_GAP ? e->count
                                                        : 1;
        c->dirty[e->kind] += e->dirty;
        c->births[e->kind] += c->lives.born;
        c->peak = alive > c->peak ? alive : c->peak;
        return room;
}

static void print_header(const char *path, const struct pg_trace_header *h)
{
        printf("%s%s%s\n", path, h->origin[0] ? ": " : "", h->origin);
        if (h->flags & PG_TRACE_EVERY_ACCESS)
                printf("  every access, to pages of %" PRIu32 " bytes\n", h->page_size);
        else
                printf("  recorded from a %spool of %" PRIu32 " frames of %" PRIu32
                       " bytes, policy %s, %u %% victim queue\n",
                       h->flags & PG_TRACE_STRICT ? "strict " : "", h->frames, h->page_size,
                       h->policy, h->queue_pct);
}

static void print_census(const struct census *c, const struct pg_trace_header *h, uint64_t bytes)
{
        printf("  %-18s %12" PRIu64 "  in %" PRIu64 " bytes, %.2f each\n", "events", c->events,
               bytes, c->events ? (double)bytes / (double)c->events : 0.0);
        for (unsigned i = 0; i < PG_TRACE_KINDS; i++) {
                if (!names[i] || c->counts[i] == 0)
                        continue;
                printf("  %-18s %12" PRIu64, names[i], c->counts[i]);
                if (c->dirty[i])
                        printf("  of them %" PRIu64 " modified", c->dirty[i]);
                if (i == PG_TRACE_FAULT || i == PG_TRACE_ACCESS)
                        printf("%s%" PRIu64 " first touches", c->dirty[i] ? ", " : "  of them ",
                               c->births[i]);
                putchar('\n');
        }
        printf("  %-18s %12zu\n", "pages", c->lives.pages.count);
        printf("  %-18s %12" PRIu64 "  pages at once, %.1f MiB\n", "footprint", c->peak,
               (double)c->peak * h->page_size / (1 << 20));
        if (c->microseconds)
                printf("  %-18s %12.3f  seconds\n", "time", (double)c->microseconds / 1e6);
}

static void json_pool(struct json *j, const struct pg_trace_header *h)
{
        if (h->flags & PG_TRACE_EVERY_ACCESS) {
                json_null(j, "pool");
                return;
        }
        json_object(j, "pool");
        json_number(j, "frames", h->frames);
        json_text(j, "policy", h->policy);
        json_number(j, "queue_percent", h->queue_pct);
        json_bool(j, "strict", h->flags & PG_TRACE_STRICT);
        json_close(j);
}

static void json_counts(struct json *j, const struct census *c)
{
        json_object(j, "counts");
        for (unsigned i = 0; i < PG_TRACE_KINDS; i++)
                if (keys[i])
                        json_number(j, keys[i], c->counts[i]);
        json_close(j);
        json_object(j, "modified");
        for (unsigned i = 0; i < PG_TRACE_KINDS; i++)
                if (keys[i])
                        json_number(j, keys[i], c->dirty[i]);
        json_close(j);
}

static void print_json(const char *path, const struct census *c, struct trace_reader *reader)
{
        const struct pg_trace_header *h = trace_file_header(reader);
        struct json j = {.put = json_into_stream, .arg = stdout};

        json_document(&j, "unpaged.trace", 1);
        json_text(&j, "trace", path);
        json_text(&j, "origin", h->origin);
        json_number(&j, "page_size", h->page_size);
        json_bool(&j, "every_access", h->flags & PG_TRACE_EVERY_ACCESS);
        json_pool(&j, h);
        json_number(&j, "bytes", trace_file_bytes(reader));
        json_number(&j, "events", c->events);
        json_counts(&j, c);
        json_number(&j, "first_touches", c->births[PG_TRACE_FAULT] + c->births[PG_TRACE_ACCESS]);
        json_number(&j, "pages", c->lives.pages.count);
        json_number(&j, "footprint_pages", c->peak);
        json_number(&j, "footprint_bytes", c->peak * h->page_size);
        if (c->microseconds)
                json_decimal(&j, "time_seconds", (double)c->microseconds / 1e6, 3);
        else
                json_null(&j, "time_seconds");
        if (trace_file_note(reader))
                json_text(&j, "note", trace_file_note(reader));
        else
                json_null(&j, "note");
        json_close(&j);
}

int trace_info(const char *path, bool json)
{
        struct census c = {0};
        struct pg_trace_event event;
        struct trace_reader *reader;
        char why[TRACE_WHY];
        bool room = true;
        int more;

        if (trace_file_open(path, &reader, why) != 0)
                return say(STATUS_FAILED, "%s", why);
        while ((more = trace_file_next(reader, &event)) > 0 && room)
                room = take(&c, &event);
        if (json) {
                print_json(path, &c, reader);
        } else {
                print_header(path, trace_file_header(reader));
                print_census(&c, trace_file_header(reader), trace_file_bytes(reader));
        }
        fflush(stdout);
        if (!room)
                say(STATUS_FAILED, "%s: no memory for a map of its pages", path);
        else if (trace_file_note(reader))
                say(STATUS_FAILED, "%s", trace_file_note(reader));
        trace_file_close(reader);
        page_lives_free(&c.lives);
        return more == 0 && room ? 0 : STATUS_FAILED;
}
