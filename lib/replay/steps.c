/* SPDX-License-Identifier: MIT */
/*
 * steps.c - see steps.h.
 *
 * The trace is read once, and its steps written to a temporary file without a name, 4 bytes each,
 * from which they come back for the replay: quicker than to decode them and to look up their pages
 * again, and a pipe can be replayed as well. A page is alive from its first touch until it is
 * forgotten.
 *
 * Next touches: at each touch the one before, of the same page, learns which it was.
 */
#include "steps.h"
#include "model.h"
#include "page_map.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NO_NUMBER = 1, NUMBERED };

#define PAGE_NONE UINT32_MAX

struct piece {
        uint32_t *steps, *next;
        size_t count, room;
};

struct look_ahead {
        bool wanted;
        uint32_t *next; /* by touch */
        size_t room;
        uint32_t *last; /* by page: the number of its last touch, or NEVER */
};

struct steps {
        FILE *spool; /* all steps */
        struct steps_facts facts;
        uint64_t replayed;   /* touches so far */
        struct page_map map; /* keys to page numbers + NUMBERED; or NO_NUMBER */
        uint32_t pages;      /* numbered so far */
        uint64_t *keys;      /* by page: the key of its first touch */
        uint8_t *alive;      /* by page */
        size_t pages_room;   /* of what is by page here */
        uint32_t alive_count;
        struct piece piece;
        struct look_ahead ahead;
};

/* ---- from events to steps -------------------------------------------------------------------- */

static int piece_grow(struct piece *p)
{
        size_t room = p->room ? 2 * p->room : STEPS_PIECE;
        uint32_t *steps = reallocarray(p->steps, room, sizeof(*steps));
        uint32_t *next;

        if (!steps)
                return -ENOMEM;
        p->steps = steps;
        next = reallocarray(p->next, room, sizeof(*next));
        if (!next)
                return -ENOMEM;
        p->next = next;
        p->room = room;
        return 0;
}

static int add_step(struct steps *s, uint32_t page, enum step what)
{
        if (s->piece.count == s->piece.room && piece_grow(&s->piece) != 0)
                return -ENOMEM;
        s->piece.steps[s->piece.count++] = step_make(page, what);
        return 0;
}

/* What is kept by page has room for one more. */
static int pages_grow(struct steps *s)
{
        size_t room = s->pages_room ? 2 * s->pages_room : 1024;
        uint64_t *keys;
        uint8_t *alive;
        uint32_t *last;

        if (s->pages < s->pages_room)
                return 0;
        if ((keys = reallocarray(s->keys, room, sizeof(*keys))))
                s->keys = keys;
        if ((alive = realloc(s->alive, room)))
                s->alive = alive;
        if ((last = reallocarray(s->ahead.last, room, sizeof(*last))))
                s->ahead.last = last;
        if (!keys || !alive || !last || s->pages == PAGES_MOST)
                return -ENOMEM;
        memset(alive + s->pages_room, 0, room - s->pages_room);
        memset(last + s->pages_room, 0xff, (room - s->pages_room) * sizeof(*last)); /* NEVER */
        s->pages_room = room;
        return 0;
}

/* The key's number, a new one if it has none. PAGE_NONE: no memory. */
static uint32_t number_of(struct steps *s, uint64_t key)
{
        struct page_entry *e = page_map_get(&s->map, key, NO_NUMBER);

        if (!e || (e->value == NO_NUMBER && pages_grow(s) != 0))
                return PAGE_NONE;
        if (e->value == NO_NUMBER) {
                s->keys[s->pages] = key;
                e->value = NUMBERED + s->pages++;
        }
        return (uint32_t)(e->value - NUMBERED);
}

/* PAGE_NONE: it has none. */
static uint32_t number_find(const struct steps *s, uint64_t key)
{
        const struct page_entry *e = page_map_find(&s->map, key);

        return e && e->value != NO_NUMBER ? (uint32_t)(e->value - NUMBERED) : PAGE_NONE;
}

static int touch(struct steps *s, uint64_t key, bool write)
{
        uint32_t page = number_of(s, key);

        if (page == PAGE_NONE)
                return -ENOMEM;
        if (!s->alive[page]) {
                s->alive[page] = 1;
                s->facts.first_touches++;
                if (++s->alive_count > s->facts.most_alive)
                        s->facts.most_alive = s->alive_count;
        }
        s->facts.touches++;
        s->facts.writes += write;
        return add_step(s, page, write ? STEP_WRITE : STEP_READ);
}

/* Calls do_key for each key from `first` on that has a number, `count` of them at most, without
 * going through more keys than there are. */
static int for_each_key(struct steps *s, uint64_t first, uint64_t count, uint64_t to,
                        int (*do_key)(struct steps *, uint64_t key, uint64_t to))
{
        int error = 0;

        for (uint64_t i = 0; i < count && count <= s->map.places && !error; i++)
                if (number_find(s, first + i) != PAGE_NONE)
                        error = do_key(s, first + i, to + i);
        /* do_key may let the table grow: what it has done with then is met again, and passed. */
        for (size_t i = 0; i < s->map.places && count > s->map.places && !error; i++) {
                const struct page_entry *e = &s->map.entries[i];
                uint64_t at = e->page - first;

                if (e->value >= NUMBERED && at < count)
                        error = do_key(s, first + at, to + at);
        }
        return error;
}

static int forget_key(struct steps *s, uint64_t key, uint64_t to)
{
        uint32_t page = number_find(s, key);

        (void)to;
        if (!s->alive[page])
                return 0;
        s->alive[page] = 0;
        s->alive_count--;
        return add_step(s, page, STEP_FORGET);
}

/* The page keeps its number, under another key; the number that was there before is nobody's. */
static int move_key(struct steps *s, uint64_t key, uint64_t to)
{
        struct page_entry *e = page_map_get(&s->map, to, NO_NUMBER);

        if (!e)
                return -ENOMEM;
        e->value = number_find(s, key) + (uint64_t)NUMBERED;
        page_map_find(&s->map, key)->value = NO_NUMBER;
        return 0;
}

static int add_event(struct steps *s, const struct pg_trace_event *e)
{
        int error;

        switch (e->kind) {
        case PG_TRACE_AHEAD:
                s->facts.ahead++;
                return touch(s, e->page, e->dirty);
        case PG_TRACE_ACCESS:
        case PG_TRACE_FAULT:
        case PG_TRACE_RESCUED:
                return touch(s, e->page, e->dirty);
        case PG_TRACE_WRITTEN:
                return touch(s, e->page, true);
        case PG_TRACE_FORGOTTEN:
                return for_each_key(s, e->page, e->count, 0, forget_key);
        case PG_TRACE_MOVED:
                error = for_each_key(s, e->to, e->count, 0, forget_key);
                return error ? error : for_each_key(s, e->page, e->count, e->to, move_key);
        case PG_TRACE_GAP:
                s->facts.lost += e->count;
                return 0;
        default:
                return 0;
        }
}

/* ---- next touches ---------------------------------------------------------------------------- */

static void ahead_give_up(struct look_ahead *a)
{
        free(a->next);
        a->next = NULL;
        a->wanted = false;
}

static void ahead_touch(struct look_ahead *a, uint32_t page, uint64_t touch)
{
        if (touch >= NEVER) {
                ahead_give_up(a);
                return;
        }
        if (touch == a->room) {
                size_t room = a->room ? 2 * a->room : STEPS_PIECE;
                uint32_t *next = reallocarray(a->next, room, sizeof(*next));

                if (!next) {
                        ahead_give_up(a);
                        return;
                }
                a->next = next;
                a->room = room;
        }
        if (a->last[page] != NEVER)
                a->next[a->last[page]] = (uint32_t)touch;
        a->next[touch] = NEVER;
        a->last[page] = (uint32_t)touch;
}

static void ahead_learn(struct look_ahead *a, const struct piece *p, uint64_t first_touch)
{
        for (size_t i = 0; i < p->count && a->wanted; i++) {
                uint32_t page = step_page(p->steps[i]);

                if (step_what(p->steps[i]) == STEP_FORGET)
                        a->last[page] = NEVER;
                else
                        ahead_touch(a, page, first_touch++);
        }
}

/* ---- the calls ------------------------------------------------------------------------------- */

static int explain(int error, const char *what, char why[TRACE_WHY])
{
        snprintf(why, TRACE_WHY, "%s: %s", what, strerror(-error));
        return error;
}

/* The steps of one piece go to the file. */
static int spool_piece(struct steps *s, char why[TRACE_WHY])
{
        const struct piece *p = &s->piece;

        ahead_learn(&s->ahead, p, s->replayed);
        s->replayed = s->facts.touches;
        if (fwrite(p->steps, sizeof(*p->steps), p->count, s->spool) != p->count)
                return explain(errno ? -errno : -EIO,
                               "a temporary file in " P_tmpdir " for its accesses", why);
        s->piece.count = 0;
        return 0;
}

static int read_all(struct steps *s, struct trace_reader *reader, steps_progress *progress,
                    void *arg, char why[TRACE_WHY])
{
        struct pg_trace_event event;
        int more, error = 0;

        while (!error && (more = trace_file_next(reader, &event)) != 0) {
                if (more < 0) {
                        snprintf(why, TRACE_WHY, "%s", trace_file_note(reader));
                        return more;
                }
                error = add_event(s, &event);
                if (error)
                        return explain(error, "tables of its pages", why);
                if (s->piece.count < STEPS_PIECE)
                        continue;
                error = spool_piece(s, why);
                if (progress)
                        progress(arg, s->facts.touches);
        }
        error = error ? error : spool_piece(s, why);
        if (!error && (fflush(s->spool) != 0 || fseek(s->spool, 0, SEEK_SET) != 0))
                return explain(-errno, "a temporary file in " P_tmpdir " for its accesses", why);
        s->facts.pages = s->pages;
        s->replayed = 0;
        return error;
}

int steps_open(struct steps **steps, const char *path, bool with_next, steps_progress *progress,
               void *arg, char note[TRACE_WHY], char why[TRACE_WHY])
{
        struct steps *s = calloc(1, sizeof(*s));
        struct trace_reader *reader = NULL;
        int error;

        if (!s || piece_grow(&s->piece) != 0) {
                free(s);
                return explain(-ENOMEM, path, why);
        }
        s->ahead.wanted = with_next;
        error = trace_file_open(path, &reader, why);
        if (!error && !(s->spool = tmpfile()))
                error = explain(-errno, "a temporary file in " P_tmpdir " for its accesses", why);
        if (!error)
                error = read_all(s, reader, progress, arg, why);
        if (error) {
                trace_file_close(reader);
                steps_close(s);
                return error;
        }
        snprintf(note, TRACE_WHY, "%s", trace_file_note(reader) ? trace_file_note(reader) : "");
        s->facts.header = *trace_file_header(reader);
        trace_file_close(reader);
        page_map_free(&s->map);
        *steps = s;
        return 0;
}

void steps_close(struct steps *s)
{
        if (!s)
                return;
        if (s->spool)
                fclose(s->spool);
        page_map_free(&s->map);
        free(s->keys);
        free(s->alive);
        free(s->piece.steps);
        free(s->piece.next);
        free(s->ahead.next);
        free(s->ahead.last);
        free(s);
}

const struct steps_facts *steps_facts(const struct steps *s)
{
        return &s->facts;
}

const uint64_t *steps_keys(const struct steps *s)
{
        return s->keys;
}

bool steps_know_next(const struct steps *s)
{
        return s->ahead.wanted;
}

long steps_next(struct steps *s, const uint32_t **piece, const uint32_t **next, char why[TRACE_WHY])
{
        size_t n = fread(s->piece.steps, sizeof(*s->piece.steps), STEPS_PIECE, s->spool);

        if (n == 0 && ferror(s->spool))
                return explain(-EIO, "a temporary file in " P_tmpdir " for its accesses", why);
        for (size_t i = 0; i < n && s->ahead.wanted; i++)
                if (step_what(s->piece.steps[i]) != STEP_FORGET)
                        s->piece.next[i] = s->ahead.next[s->replayed++];
        *piece = s->piece.steps;
        *next = s->ahead.wanted ? s->piece.next : NULL;
        return (long)n;
}
