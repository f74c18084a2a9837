/* SPDX-License-Identifier: MIT */
/* live_table.c - see live_table.h. */
#include "live_table.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PROGRAM_LEAST 10u
#define DEPTH_MOST    16u /* of more, the indentation does not grow */
#define CELL          128u
#define BYTES         24u

static const struct {
        const char *name, *title;
        unsigned width; /* of PROGRAM: what is left */
        bool is_text;   /* left-aligned, sorted from the smallest on */
} columns[COLUMNS_ALL] = {
        [COLUMN_PID] = {"pid", "PID", 7, false},
        [COLUMN_USER] = {"user", "USER", 8, true},
        [COLUMN_MEMORY] = {"memory", "MEMORY", 6, false},
        [COLUMN_BUDGET] = {"budget", "BUDGET", 6, false},
        [COLUMN_USED] = {"used", "USED%", 5, false},
        [COLUMN_COMPRESSED] = {"compressed", "COMPRESSED", 10, false},
        [COLUMN_RATIO] = {"ratio", "RATIO", 5, false},
        [COLUMN_FAULTS] = {"faults", "FAULTS/s", 8, false},
        [COLUMN_LOADS] = {"loads", "LOADS/s", 7, false},
        [COLUMN_WAIT] = {"wait", "WAIT%", 6, false},
        [COLUMN_DELIVERY] = {"delivery", "DELIVERY", 8, true},
        [COLUMN_PROGRAM] = {"program", "PROGRAM", 0, true},
};

/* The first to go where it is narrow. */
static const enum table_column dropped[] = {COLUMN_DELIVERY,   COLUMN_USER,   COLUMN_RATIO,
                                            COLUMN_COMPRESSED, COLUMN_LOADS,  COLUMN_USED,
                                            COLUMN_BUDGET,     COLUMN_FAULTS, COLUMN_WAIT};

/* ---- rows ----------------------------------------------------------------------------------- */

static int row_room(struct table *t)
{
        size_t room = t->room ? 2 * t->room : 16;
        struct table_row *rows, *spare;

        if (t->count < t->room)
                return 0;
        rows = reallocarray(t->rows, room, sizeof(*rows));
        t->rows = rows ? rows : t->rows;
        spare = reallocarray(t->spare, room, sizeof(*spare));
        t->spare = spare ? spare : t->spare;
        if (!rows || !spare)
                return -ENOMEM;
        t->room = room;
        return 0;
}

static bool is_wanted(pid_t pid, const pid_t *only, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (only[i] == pid)
                        return true;
        return count == 0;
}

static void row_begin(struct table_row *row, const struct live_view *v)
{
        *row = (struct table_row){.pid = v->live.pid,
                                  .parent = v->parent,
                                  .start_ticks = v->live.start_ticks,
                                  .user = v->user,
                                  .has_ended = v->has_ended,
                                  .has_executed = v->live.state == PG_LIVE_EXECUTED};
        memcpy(row->program, v->live.program, sizeof(row->program));
}

static void row_add(struct table_row *row, const struct live_view *v,
                    const struct live_view *before)
{
        row->memory += live_counted(v);
        row->budget += live_budget(v);
        row->compressed += live_compressed(v);
        row->unpacked += live_unpacked(v);
        row->faults += live_rate(v, before, PG_COUNTER_FAULTS);
        row->loads += live_loads(v, before);
        row->waiting += live_waiting(v, before);
        row->by_thread |= v->live.delivery == 0;
        row->by_signal |= v->live.delivery != 0;
}

/* A file of the process is next to its others in `now`. */
static struct table_row *row_of(struct table *t, const struct live_view *v)
{
        struct table_row *last = t->count ? &t->rows[t->count - 1] : NULL;

        if (!last || last->pid != v->live.pid || last->start_ticks != v->live.start_ticks) {
                row_begin(&t->rows[t->count], v);
                return &t->rows[t->count++];
        }
        if (last->has_ended && !v->has_ended)
                row_begin(last, v);
        return last;
}

int table_fill(struct table *t, const struct live_views *now, const struct live_views *before,
               const pid_t *only, size_t count)
{
        t->count = 0;
        for (size_t i = 0; i < now->count; i++) {
                const struct live_view *v = &now->at[i];
                struct table_row *row;

                if (!is_wanted(v->live.pid, only, count))
                        continue;
                if (row_room(t) != 0)
                        return -ENOMEM;
                row = row_of(t, v);
                if (row->has_ended == v->has_ended)
                        row_add(row, v, live_view_find(before, v));
        }
        return 0;
}

void table_free(struct table *t)
{
        free(t->rows);
        free(t->spare);
        *t = (struct table){0};
}

/* ---- order ---------------------------------------------------------------------------------- */

static double used_part(const struct table_row *row)
{
        return row->budget ? (double)row->memory * 100 / (double)row->budget : 0;
}

static double packed_ratio(const struct table_row *row)
{
        return row->compressed ? (double)row->unpacked / (double)row->compressed : 0;
}

static const char *delivery_name(const struct table_row *row)
{
        return row->has_executed                  ? "executed"
               : row->has_ended                   ? "ended"
               : row->by_thread && row->by_signal ? "both"
               : row->by_signal                   ? "signal"
                                                  : "thread";
}

/* The number if it is known by none. */
static const char *user_name(uid_t user, char number[16])
{
        const struct passwd *entry = getpwuid(user);

        if (entry)
                return entry->pw_name;
        snprintf(number, 16, "%u", (unsigned)user);
        return number;
}

static int compare_users(const struct table_row *a, const struct table_row *b)
{
        char one[16], name[TABLE_LINE], other[16];

        if (a->user == b->user)
                return 0;
        snprintf(name, sizeof(name), "%s", user_name(a->user, one));
        return strcmp(name, user_name(b->user, other));
}

static double value_of(const struct table_row *row, enum table_column by)
{
        switch (by) {
        case COLUMN_MEMORY:
                return (double)row->memory;
        case COLUMN_BUDGET:
                return (double)row->budget;
        case COLUMN_USED:
                return used_part(row);
        case COLUMN_COMPRESSED:
                return (double)row->compressed;
        case COLUMN_RATIO:
                return packed_ratio(row);
        case COLUMN_FAULTS:
                return row->faults;
        case COLUMN_LOADS:
                return row->loads;
        case COLUMN_WAIT:
                return row->waiting;
        default:
                return 0;
        }
}

static int compare_by(const struct table_row *a, const struct table_row *b, enum table_column by)
{
        double x, y;

        if (by == COLUMN_PID)
                return (a->pid > b->pid) - (a->pid < b->pid);
        if (by == COLUMN_USER)
                return compare_users(a, b);
        if (by == COLUMN_DELIVERY)
                return strcmp(delivery_name(a), delivery_name(b));
        if (by == COLUMN_PROGRAM)
                return strcmp(a->program, b->program);
        x = value_of(a, by);
        y = value_of(b, by);
        return (x < y) - (x > y);
}

/* Where they are equal, by process id: rows do not jump about. */
static int compare_rows(const void *a, const void *b, void *arg)
{
        const struct table_order *order = arg;
        int way = compare_by(a, b, order->by);

        return way ? (order->reversed ? -way : way) : compare_by(a, b, COLUMN_PID);
}

static bool is_child_of(const struct table_row *row, const struct table_row *parent)
{
        return row->parent == parent->pid && !parent->has_ended && row->parent != 0;
}

static bool has_parent(const struct table *t, const struct table_row *row)
{
        for (size_t i = 0; i < t->count; i++)
                if (is_child_of(row, &t->rows[i]))
                        return true;
        return false;
}

/* The row and what is below it go to `spare`; a pid of 0 says that it has gone. */
static void place(struct table *t, struct table_row *row, unsigned depth, size_t *placed)
{
        struct table_row parent = *row;

        parent.depth = depth;
        t->spare[(*placed)++] = parent;
        row->pid = row->parent = 0;
        for (size_t i = 0; i < t->count; i++)
                if (t->rows[i].pid && is_child_of(&t->rows[i], &parent))
                        place(t, &t->rows[i], depth + 1, placed);
}

/* Process ids are read one after the other, so that two may be each other's parents: what hangs on
 * nothing is placed at the end. */
static void grow_trees(struct table *t)
{
        struct table_row *rows = t->rows;
        size_t placed = 0;

        for (size_t i = 0; i < t->count; i++)
                t->rows[i].depth = has_parent(t, &t->rows[i]);
        for (size_t i = 0; i < t->count; i++)
                if (t->rows[i].pid && t->rows[i].depth == 0)
                        place(t, &t->rows[i], 0, &placed);
        for (size_t i = 0; i < t->count; i++)
                if (t->rows[i].pid)
                        place(t, &t->rows[i], 0, &placed);
        t->rows = t->spare;
        t->spare = rows;
}

void table_sort(struct table *t, const struct table_order *order)
{
        if (t->count == 0)
                return;
        qsort_r(t->rows, t->count, sizeof(*t->rows), compare_rows, (void *)(uintptr_t)order);
        for (size_t i = 0; i < t->count; i++)
                t->rows[i].depth = 0;
        if (!order->is_flat)
                grow_trees(t);
}

/* ---- columns -------------------------------------------------------------------------------- */

const char *table_column_name(enum table_column column)
{
        return columns[column].name;
}

bool table_column_find(const char *name, enum table_column *column)
{
        for (unsigned i = 0; i < COLUMNS_ALL; i++)
                if (strcasecmp(name, columns[i].name) == 0) {
                        *column = i;
                        return true;
                }
        return false;
}

uint32_t table_columns(unsigned width)
{
        uint32_t shown = (1u << COLUMNS_ALL) - 1;
        unsigned wanted = PROGRAM_LEAST;

        for (unsigned i = 0; i < COLUMN_PROGRAM; i++)
                wanted += columns[i].width + 1;
        for (size_t i = 0; width && wanted > width && i < sizeof(dropped) / sizeof(dropped[0]);
             i++) {
                shown &= ~(1u << dropped[i]);
                wanted -= columns[dropped[i]].width + 1;
        }
        return shown;
}

/* ---- text ----------------------------------------------------------------------------------- */

/* "7.9M", at most six letters. */
static void write_bytes(uint64_t bytes, char cell[BYTES])
{
        static const char units[] = "KMGTPE";
        double value = (double)bytes / 1024;
        unsigned unit = 0;

        for (; value >= 999.95; value /= 1024)
                unit++;
        snprintf(cell, BYTES, "%.1f%c", value, units[unit]);
}

static void write_user(const struct table_row *row, char cell[CELL])
{
        char number[16];
        const char *name = user_name(row->user, number);
        int width = (int)columns[COLUMN_USER].width;

        snprintf(cell, CELL, strlen(name) > (size_t)width ? "%.*s+" : "%.*s",
                 strlen(name) > (size_t)width ? width - 1 : width, name);
}

static void write_program(const struct table_row *row, char cell[CELL])
{
        unsigned depth = row->depth < DEPTH_MOST ? row->depth : DEPTH_MOST;

        snprintf(cell, CELL, "%*s%s%s", depth ? 2 * (int)(depth - 1) : 0, "", depth ? "`-" : "",
                 row->program);
}

static void write_cell(const struct table_row *row, enum table_column column, char cell[CELL])
{
        switch (column) {
        case COLUMN_PID:
                snprintf(cell, CELL, "%d", (int)row->pid);
                break;
        case COLUMN_USER:
                write_user(row, cell);
                break;
        case COLUMN_MEMORY:
                write_bytes(row->memory, cell);
                break;
        case COLUMN_BUDGET:
                write_bytes(row->budget, cell);
                break;
        case COLUMN_USED:
                snprintf(cell, CELL, "%.0f", used_part(row));
                break;
        case COLUMN_COMPRESSED:
                write_bytes(row->compressed, cell);
                break;
        case COLUMN_RATIO:
                snprintf(cell, CELL, row->unpacked ? "%.1f" : "-", packed_ratio(row));
                break;
        case COLUMN_FAULTS:
                snprintf(cell, CELL, "%.0f", row->faults);
                break;
        case COLUMN_LOADS:
                snprintf(cell, CELL, "%.0f", row->loads);
                break;
        case COLUMN_WAIT:
                snprintf(cell, CELL, "%.1f", row->waiting);
                break;
        case COLUMN_DELIVERY:
                snprintf(cell, CELL, "%s", delivery_name(row));
                break;
        default:
                write_program(row, cell);
        }
}

/* Names of programs and users may be anything: a terminal gets no control characters. */
static void make_printable(char *text)
{
        for (; *text; text++)
                if (*text < ' ' || *text > '~')
                        *text = '?';
}

/* row: NULL for the titles. */
static void write_line(const struct table_row *row, unsigned width, char line[TABLE_LINE])
{
        uint32_t shown = table_columns(width);
        size_t at = 0, most = width && width < TABLE_LINE - 1 ? width : TABLE_LINE - 1;
        char cell[CELL];

        line[0] = '\0';
        for (unsigned i = 0; i < COLUMNS_ALL; i++) {
                int wide = (int)columns[i].width;

                if (!(shown & 1u << i))
                        continue;
                if (row)
                        write_cell(row, i, cell);
                else
                        snprintf(cell, sizeof(cell), "%s", columns[i].title);
                at += (size_t)snprintf(line + at, TABLE_LINE - at, "%s%*s", at ? " " : "",
                                       columns[i].is_text ? -wide : wide, cell);
                if (at >= TABLE_LINE)
                        break;
        }
        line[most] = '\0';
        make_printable(line);
}

void table_head(unsigned width, char line[TABLE_LINE])
{
        write_line(NULL, width, line);
}

unsigned table_head_place(unsigned width, enum table_column column, unsigned *bytes)
{
        uint32_t shown = table_columns(width);
        unsigned at = 0;

        for (unsigned i = 0; i < column; i++)
                if (shown & 1u << i)
                        at += columns[i].width + 1;
        *bytes = !(shown & 1u << column) ? 0
                 : columns[column].width ? columns[column].width
                                         : (unsigned)strlen(columns[column].title);
        return at;
}

void table_line(const struct table_row *row, unsigned width, char line[TABLE_LINE])
{
        write_line(row, width, line);
}

void table_totals(const struct table *t, size_t hidden, char lines[2][TABLE_LINE])
{
        struct table_row all = {0};
        char memory[BYTES], budget[BYTES], packed[BYTES];
        size_t running = 0, ended = 0;
        int at;

        for (size_t i = 0; i < t->count; i++) {
                const struct table_row *row = &t->rows[i];

                ended += row->has_ended;
                running += !row->has_ended;
                if (row->has_ended)
                        continue;
                all.memory += row->memory;
                all.budget += row->budget;
                all.compressed += row->compressed;
                all.faults += row->faults;
        }
        write_bytes(all.memory, memory);
        write_bytes(all.budget, budget);
        write_bytes(all.compressed, packed);
        at = snprintf(lines[0], TABLE_LINE, "%zu paged process%s", running,
                      running == 1 ? "" : "es");
        if (ended)
                at += snprintf(lines[0] + at, TABLE_LINE - (size_t)at, ", %zu ended", ended);
        if (hidden)
                snprintf(lines[0] + at, TABLE_LINE - (size_t)at,
                         "; other users' are not shown: root sees them");
        snprintf(lines[1], TABLE_LINE, "memory %s of %s (%.0f%%), compressed %s, %.0f faults/s",
                 memory, budget, used_part(&all), packed, all.faults);
}
