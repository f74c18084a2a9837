/* SPDX-License-Identifier: MIT */
/*
 * report_table.c - a report as a table: a row for each program that evicted pages, one for all
 * others together, a total, what went wrong in words, and what it means.
 *
 * Columns are as wide as what stands in them, so a short table stays narrow. Hence each cell is
 * made twice: to be measured, and to be written.
 */
#include "report.h"
#include "size.h"

#include <string.h>

enum column {
        PID,
        PROGRAM,
        BUDGET,
        PEAK,
        FAULTS,
        LOADS,
        OUT,
        COMPRESSED,
        RATIO,
        WAITING,
        WALL,
        COLUMNS
};

static const char *const heads[COLUMNS] = {
        [PID] = "PID",        [PROGRAM] = "PROGRAM",       [BUDGET] = "BUDGET",
        [PEAK] = "PEAK",      [FAULTS] = "FAULTS",         [LOADS] = "LOADS",
        [OUT] = "OUT",        [COMPRESSED] = "COMPRESSED", [RATIO] = "RATIO",
        [WAITING] = "WAIT %", [WALL] = "WALL s",
};

#define PROGRAM_MOST 20u /* characters of a program's name */
#define WRONG_MOST   20u /* lines of words about what went wrong */

/* What is shown in a row. */
struct line {
        const struct run_record *record; /* NULL: the heads */
        char title[64];                  /* of several together; "": it is one */
};

/* ---- cells ---------------------------------------------------------------------------------- */

/* What would move the cursor or break the line is replaced. */
static void add_word(struct ink *k, const char *word, size_t most)
{
        for (size_t n = 0; *word && n < most; word++, n++) {
                unsigned char c = (unsigned char)*word;

                ink_piece(k, c < ' ' || c == 0x7f ? "_" : word, 1);
        }
}

/* "1,012K", "15.8M", "3.2G": three digits or more, so that rows can be compared. */
static void add_size(struct ink *k, uint64_t bytes)
{
        const double mebibyte = 1 << 20;

        if (bytes < 10u << 20) {
                ink_grouped(k, (bytes + 1023) >> 10);
                ink_text(k, "K");
        } else {
                ink_number(k, (double)bytes / (bytes >> 30 < 10 ? mebibyte : mebibyte * 1024), 1);
                ink_text(k, bytes >> 30 < 10 ? "M" : "G");
        }
}

/* As the user gave it, where that is what it is. */
static void add_budget(struct ink *k, const struct run_head *head, uint64_t bytes)
{
        char text[SIZE_TEXT];

        if (head->given[0] && head->budget == bytes)
                ink_text(k, head->given);
        else
                ink_text(k, size_write(bytes, text));
}

static void add_number_cell(struct ink *k, const struct report *r, const struct line *l,
                            enum column column)
{
        const struct run_record *record = l->record;

        if (column == BUDGET && !l->title[0])
                add_budget(k, &r->records.head, record->budget);
        else if (column == PEAK)
                add_size(k, record->peak);
        else if (column == FAULTS)
                ink_grouped(k, record->faults);
        else if (column == LOADS)
                ink_grouped(k, report_loads(record));
        else if (column == OUT)
                ink_grouped(k, report_evictions(record));
        else if (column == COMPRESSED && record->swap_memory)
                add_size(k, record->swap_memory);
        else if (column == RATIO && record->swap_bytes)
                ink_number(k, report_ratio(record), 1);
        else if (column == WAITING && record->wall_ns)
                ink_number(k, report_waiting(record), 1);
        else if (column == WALL && record->wall_ns)
                ink_number(k, (double)record->wall_ns / 1e9, 2);
        else if (column != BUDGET)
                ink_text(k, "-");
}

static void add_cell(struct ink *k, const struct report *r, const struct line *l,
                     enum column column)
{
        if (!l->record)
                ink_text(k, heads[column]);
        else if (column == PROGRAM)
                add_word(k, l->record->program, PROGRAM_MOST);
        else if (column == PID)
                ink_number(k, l->record->pid, 0);
        else
                add_number_cell(k, r, l, column);
}

/* ---- rows ----------------------------------------------------------------------------------- */

static void add_blanks(struct ink *k, size_t n)
{
        while (n-- > 0)
                ink_text(k, " ");
}

static size_t cell_width(const struct report *r, const struct line *l, enum column column)
{
        char text[128] = "";
        struct ink ink = {text, sizeof(text), 0, false};

        add_cell(&ink, r, l, column);
        return ink.len;
}

static void measure(const struct report *r, const struct line *l, size_t width[COLUMNS])
{
        for (enum column c = l->title[0] ? BUDGET : PID; c < COLUMNS; c++) {
                size_t n = cell_width(r, l, c);

                width[c] = n > width[c] ? n : width[c];
        }
        if (strlen(l->title) > width[PID] + 1 + width[PROGRAM])
                width[PROGRAM] = strlen(l->title) - 1 - width[PID];
}

static void add_mark(struct ink *k, const struct run_record *r)
{
        if (r->end == RUN_KILLED)
                ink_text(k, "  killed");
        if (r->end == RUN_EXECUTED)
                ink_text(k, "  executed another");
}

static void add_line(struct ink *k, const struct report *r, const struct line *l,
                     const size_t width[COLUMNS])
{
        if (l->title[0]) {
                ink_text(k, l->title);
                add_blanks(k, width[PID] + 1 + width[PROGRAM] - strlen(l->title));
        }
        for (enum column c = l->title[0] ? BUDGET : PID; c < COLUMNS; c++) {
                size_t blanks = width[c] - cell_width(r, l, c);

                add_blanks(k, (c > PID) + (c == PROGRAM ? 0 : blanks));
                add_cell(k, r, l, c);
                add_blanks(k, c == PROGRAM ? blanks : 0);
        }
        if (l->record && !l->title[0])
                add_mark(k, l->record);
        ink_text(k, "\n");
}

/* One other has a row of its own: it is no longer than to say that there is one. */
static bool has_row(const struct report *r, const struct run_record *record)
{
        return r->all || report_evictions(record) || r->records.count - r->evicting == 1;
}

static bool has_others(const struct report *r)
{
        return !r->all && r->records.count - r->evicting > 1;
}

static void title_begin(struct ink *k, struct line *l)
{
        *k = (struct ink){l->title, sizeof(l->title), 0, false};
}

/* Calls each(…) for all lines of the table, in order. */
static void each_line(const struct report *r, size_t width[COLUMNS], struct ink *k,
                      void (*each)(struct ink *k, const struct report *r, const struct line *l,
                                   size_t width[COLUMNS]))
{
        struct line line = {NULL, ""};
        struct ink title;

        each(k, r, &line, width);
        for (size_t i = 0; i < r->records.count; i++) {
                line.record = &r->records.at[i];
                if (has_row(r, line.record))
                        each(k, r, &line, width);
        }
        if (has_others(r)) {
                title_begin(&title, &line);
                ink_grouped(&title, r->records.count - r->evicting);
                ink_text(&title,
                         r->evicting ? " others that never evicted" : " that never evicted");
                line.record = &r->others;
                each(k, r, &line, width);
        }
        if (r->records.count > 1) {
                title_begin(&title, &line);
                ink_text(&title, "TOTAL");
                line.record = &r->total;
                each(k, r, &line, width);
        }
}

static void measure_line(struct ink *k, const struct report *r, const struct line *l,
                         size_t width[COLUMNS])
{
        (void)k;
        measure(r, l, width);
}

static void write_line(struct ink *k, const struct report *r, const struct line *l,
                       size_t width[COLUMNS])
{
        add_line(k, r, l, width);
}

/* ---- words ---------------------------------------------------------------------------------- */

static void add_title(const struct report *r, struct ink *k)
{
        const struct run_head *head = &r->records.head;

        ink_text(k, "unpaged: ");
        add_word(k, head->program, sizeof(head->program));
        if (r->processes != 1) {
                ink_text(k, ": ");
                ink_grouped(k, r->processes);
                ink_text(k, " processes");
        }
        ink_text(k, ", ");
        ink_number(k, (double)r->wall_ns / 1e9, 2);
        ink_text(k, " s, budget ");
        add_budget(k, head, head->budget);
        if (strchr(head->given, '%')) {
                ink_text(k, " of the memory, ");
                ink_bytes(k, (double)head->budget);
        }
        if (r->total.page_size > 4096) {
                ink_text(k, ", pages of ");
                ink_bytes(k, (double)r->total.page_size);
        }
        ink_text(k, "\n");
}

static void add_count(struct ink *k, uint64_t n, const char *one, const char *many)
{
        ink_grouped(k, n);
        ink_text(k, n == 1 ? one : many);
}

static uint64_t went_wrong(const struct run_record *r)
{
        return r->errors_load + r->errors_save + r->errors_frames + r->errors_full;
}

static void add_wrong(struct ink *k, const struct run_record *r)
{
        const char *between = "";

        add_word(k, r->program, PROGRAM_MOST);
        ink_text(k, " (");
        ink_number(k, r->pid, 0);
        ink_text(k, "): ");
        if (r->errors_full) {
                add_count(k, r->errors_full, " page", " pages");
                ink_text(k, " found no room in the swap store");
                between = "; ";
        }
        if (r->errors_save) {
                ink_text(k, between);
                add_count(k, r->errors_save, " page", " pages");
                ink_text(k, " could not be stored");
                between = "; ";
        }
        if (r->errors_load) {
                ink_text(k, between);
                add_count(k, r->errors_load, " page", " pages");
                ink_text(k, " could not be loaded");
                between = "; ";
        }
        if (r->errors_frames) {
                ink_text(k, between);
                add_count(k, r->errors_frames, " access", " accesses");
                ink_text(k, " failed for want of memory");
        }
        if (r->reason[0]) {
                ink_text(k, ": ");
                add_word(k, r->reason, sizeof(r->reason));
        }
        ink_text(k, "\n");
}

static void add_all_wrong(const struct report *r, struct ink *k)
{
        uint64_t lines = 0;

        for (size_t i = 0; i < r->records.count; i++)
                if (went_wrong(&r->records.at[i]) && lines++ < WRONG_MOST)
                        add_wrong(k, &r->records.at[i]);
        if (lines <= WRONG_MOST)
                return;
        add_count(k, lines - WRONG_MOST, " more process", " more processes");
        ink_text(k, " met errors: --stats-json lists all\n");
}

void report_table(const struct report *r, struct ink *k)
{
        size_t width[COLUMNS] = {0};

        add_title(r, k);
        each_line(r, width, k, measure_line);
        each_line(r, width, k, write_line);
        add_all_wrong(r, k);
        if (r->running) {
                add_count(k, r->running,
                          " process goes on, and writes a report of its own at its end\n",
                          " processes go on, and write reports of their own at their ends\n");
        }
        report_sentence(r, k);
}
